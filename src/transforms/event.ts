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

/** An event as its function gets it, and as people see it. */
export interface BuiltEvent {
  readonly bytes: Buffer;
  /** As JSON, with the token, the signature and what is secret by its name masked. */
  shown(): string;
}

/**
 * The event that a function receives. Only getObjectContext is attested by the vendor ("Compile a function that is used to process GetObject
 * requests"); the rest follows the shape of AWS S3 Object Lambda events with OSS names.
 */
export function buildEvent(parts: EventParts): BuiltEvent {
  const { objectFc, supporting, principal, url, headers } = parts;
  const { outputRoute, outputToken, inputOssUrl } = parts;
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
  const start = `{"xOssRequestId":${JSON.stringify(parts.requestId)},"getObjectContext":`;
  const requestOf = (asked: string, sent: EventParts['headers']) =>
    `,"configuration":${configuration},"userRequest":{"method":"${parts.headOnly ? 'HEAD' : 'GET'}","url":${JSON.stringify(asked)},"headers":${userHeaders(sent, named)}},"userIdentity":${identity},"deadline":${parts.deadline},"protocolVersion":"1.00"}`;
  const rest = requestOf(url, headers);
  const shown = () => {
    const context = JSON.stringify({ outputRoute, outputToken: '***', inputOssUrl: maskedQuery(inputOssUrl) });
    const isPlain = !url.includes('?') && !headers.some(([name]) => isSecretName(name) && !secretHeaders.has(name.toLowerCase()));
    return `${start}${context}${isPlain ? rest : requestOf(maskedQuery(url), maskedHeaders(headers))}`;
  };
  return { bytes: Buffer.from(`${start}${JSON.stringify({ outputRoute, outputToken, inputOssUrl })}${rest}`), shown };
}

function maskedHeaders(headers: EventParts['headers']): EventParts['headers'] {
  return headers.map(([name, value]) => [name, isSecretName(name) ? '***' : value] as const);
}

/** Without a letter that a URL would encode. */
const plain = /^[\w.~-]*$/;

interface Credentials {
  readonly accessKeySecret: string;
  readonly securityToken: string;
}

/** By the credentials that are the same for many events. */
const known = new WeakMap<Credentials, readonly string[]>();

function secretsIn({ accessKeySecret, securityToken }: Credentials): readonly string[] {
  if (plain.test(securityToken)) return [accessKeySecret, securityToken];
  return [accessKeySecret, securityToken, encodeURIComponent(securityToken)];
}

function knownSecretsIn(credentials: Credentials): readonly string[] {
  let secrets = known.get(credentials);
  if (!secrets) {
    secrets = secretsIn(credentials);
    known.set(credentials, secrets);
  }
  return secrets;
}

const signatureParameter = 'Signature=';

/** What of an event, and of the credentials that go with it, may be told to nobody. @param reader of this event alone */
export function secretsOf(
  { outputToken, inputOssUrl }: Pick<EventParts, 'outputToken' | 'inputOssUrl'>,
  credentials: Credentials,
  reader: Credentials,
): string[] {
  // Behind its prefix the token has no letter that a URL would encode.
  const secrets = [outputToken.slice(outputToken.indexOf('#') + 1)].concat(knownSecretsIn(credentials), secretsIn(reader));
  const at = inputOssUrl.indexOf(signatureParameter);
  if (at < 0) return secrets;
  const end = inputOssUrl.indexOf('&', at);
  const signature = inputOssUrl.slice(at + signatureParameter.length, end < 0 ? undefined : end);
  secrets.push(signature);
  if (signature.includes('%')) secrets.push(decodeURIComponent(signature));
  return secrets;
}
