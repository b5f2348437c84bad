import type { AccessPoint, ObjectFcAccessPoint } from '../accesspoints/index.ts';
import type { Principal } from '../identity/index.ts';

/** Client headers that a function never sees. */
const secretHeaders = new Set(['authorization', 'proxy-authorization', 'cookie', 'x-oss-security-token']);

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
  principal: Principal;
}

function userHeaders(headers: EventParts['headers']): string {
  const seen = new Map<string, string>();
  for (const [name, value] of headers) {
    if (secretHeaders.has(name.toLowerCase())) continue;
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
    payload: '',
  }));
  const identity = remembered(identities, principal, () => ({
    type: principal.kind,
    principalId: principal.id,
    arn: principal.arn,
    accountId: principal.accountId,
    accessKeyId: principal.accessKeyId,
  }));
  return Buffer.from(
    `{"xOssRequestId":${JSON.stringify(parts.requestId)},"getObjectContext":${JSON.stringify(context)},"configuration":${configuration},` +
      `"userRequest":{"method":"${parts.headOnly ? 'HEAD' : 'GET'}","url":${JSON.stringify(parts.url)},"headers":${userHeaders(parts.headers)}},"userIdentity":${identity},"protocolVersion":"1.00"}`,
  );
}
