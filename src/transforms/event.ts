import type { AccessPoint, ObjectFcAccessPoint } from '../accesspoints/index.ts';
import type { Principal } from '../identity/index.ts';
import { isSecretName, maskedQuery } from '../telemetry/index.ts';

/** Client headers that a function never sees. */
const secretHeaders = new Set(['authorization', 'proxy-authorization', 'cookie', 'x-oss-security-token']);
/** Of those, what an Object FC access point may name as a header to be handed on. */
const shareable = 'cookie';

export interface EventParts {
  requestId: string;
  outputRoute: string;
  outputToken: string;
  inputOssUrl: string;
  objectFc: ObjectFcAccessPoint;
  supporting: AccessPoint;
  /** Absolute URL of the client's request without authentication parameters. */
  url: string;
  headers: readonly (readonly [string, string])[];
  /** The client wants the head alone: the request counts as a HEAD. */
  headOnly: boolean;
  /** Epoch milliseconds until which the client waits for the head of the answer. */
  deadline: number;
  principal: Principal;
}

function userHeaders(headers: EventParts['headers'], named: readonly string[]): string {
  const seen = new Map<string, string>();
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (secretHeaders.has(lower) && !(lower === shareable && named.some((each) => each.toLowerCase() === shareable))) continue;
    const earlier = seen.get(name);
    seen.set(name, earlier === undefined ? value : `${earlier},${value}`);
  }
  let members = '';
  for (const [name, value] of seen) members += `${members === '' ? '' : ','}${JSON.stringify(name)}:${JSON.stringify(value)}`;
  return `{${members}}`;
}

/** What stays the same from event to event is written once: by Object FC access point, and by caller. */
const configurations = new WeakMap<ObjectFcAccessPoint, string>();
const identities = new WeakMap<Principal, string>();

function remembered<K extends object>(known: WeakMap<K, string>, key: K, make: () => object): string {
  let text = known.get(key);
  if (text === undefined) {
    text = JSON.stringify(make());
    known.set(key, text);
  }
  return text;
}

/**
 * The event that a function receives. Only getObjectContext is attested by the vendor ("Compile a function that is used to process GetObject
 * requests"); the rest follows the shape of AWS S3 Object Lambda events with OSS names.
 */
export function buildEvent(parts: EventParts): Buffer {
  const { objectFc, supporting, principal } = parts;
  const context = { outputRoute: parts.outputRoute, outputToken: parts.outputToken, inputOssUrl: parts.inputOssUrl };
  const configuration = remembered(configurations, objectFc, () => ({
    accessPointArn: objectFc.arn,
    supportingAccessPointArn: supporting.arn,
    payload: objectFc.transformations[0]?.payload ?? '',
  }));
  const named = objectFc.transformations[0]?.customForwardHeaders ?? [];
  const identity = remembered(identities, principal, () => ({
    type: principal.kind,
    principalId: principal.id,
    arn: principal.arn,
    accountId: principal.accountId,
    accessKeyId: principal.accessKeyId,
  }));
  return Buffer.from(
    `{"xOssRequestId":${JSON.stringify(parts.requestId)},"getObjectContext":${JSON.stringify(context)},"configuration":${configuration},` +
      `"userRequest":{"method":"${parts.headOnly ? 'HEAD' : 'GET'}","url":${JSON.stringify(parts.url)},"headers":${userHeaders(parts.headers, named)}},"userIdentity":${identity},"deadline":${parts.deadline},"protocolVersion":"1.00"}`,
  );
}

/**
 * The event for people: values of headers and parameters that are secret by their name are masked.
 * @param event as the function got it; what `secretsOf` tells is still in it where nothing else had to be masked
 */
export function shownEvent(parts: EventParts, event: Buffer): string {
  if (!parts.url.includes('?') && !parts.headers.some(([name]) => isSecretName(name) && !secretHeaders.has(name.toLowerCase())))
    return event.toString();
  const shown = {
    ...parts,
    outputToken: '***',
    inputOssUrl: maskedQuery(parts.inputOssUrl),
    url: maskedQuery(parts.url),
    headers: parts.headers.map(([name, value]) => [name, isSecretName(name) ? '***' : value] as const),
  };
  return buildEvent(shown).toString();
}

/** Without a letter that a URL would encode. */
const plain = /^[\w.~-]*$/;

/** What of an event, and of the credentials that go with it, may be told to nobody. */
export function secretsOf(
  { outputToken, inputOssUrl }: Pick<EventParts, 'outputToken' | 'inputOssUrl'>,
  ...credentials: readonly { readonly accessKeySecret: string; readonly securityToken: string }[]
): string[] {
  // Behind its prefix the token has no letter that a URL would encode.
  const secrets = [outputToken.slice(outputToken.indexOf('#') + 1)];
  for (const { accessKeySecret, securityToken } of credentials) {
    secrets.push(accessKeySecret, securityToken);
    if (!plain.test(securityToken)) secrets.push(encodeURIComponent(securityToken));
  }
  const signature = /[?&]Signature=([^&]+)/.exec(inputOssUrl)?.[1];
  if (signature !== undefined) secrets.push(signature, decodeURIComponent(signature));
  return secrets;
}
