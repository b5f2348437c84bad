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
  principal: Principal;
}

function userHeaders(headers: EventParts['headers']): Record<string, string> {
  const seen: Record<string, string> = Object.create(null);
  for (const [name, value] of headers) {
    if (secretHeaders.has(name.toLowerCase())) continue;
    const earlier = seen[name];
    seen[name] = earlier === undefined ? value : `${earlier},${value}`;
  }
  return seen;
}

/**
 * The event that a function receives. Only getObjectContext is attested by the vendor ("Compile a function that is used to process GetObject
 * requests"); the rest follows the shape of AWS S3 Object Lambda events with OSS names.
 */
export function buildEvent(parts: EventParts): Buffer {
  const { objectFc, supporting, principal } = parts;
  return Buffer.from(
    JSON.stringify({
      xOssRequestId: parts.requestId,
      getObjectContext: { outputRoute: parts.outputRoute, outputToken: parts.outputToken, inputOssUrl: parts.inputOssUrl },
      configuration: { accessPointArn: objectFc.arn, supportingAccessPointArn: supporting.arn, payload: '' },
      userRequest: { url: parts.url, headers: userHeaders(parts.headers) },
      userIdentity: {
        type: principal.kind,
        principalId: principal.id,
        arn: principal.arn,
        accountId: principal.accountId,
        accessKeyId: principal.accessKeyId,
      },
      protocolVersion: '1.00',
    }),
  );
}
