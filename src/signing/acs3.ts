import { Fault } from '../faults/index.ts';
import { byBytes, hmac, percentEncode, readable, sameSignature, sha256Hex } from './bytes.ts';
import { checkSkew } from './oss-time.ts';
import { header, type QueryParam, type SignedRequest } from './request.ts';

export interface Acs3Claim {
  scheme: 'ACS3';
  place: 'header';
  accessKeyId: string;
  securityToken?: string;
  signature: string;
  /** Lower-case, in the order that the client signed them. */
  signedHeaders: readonly string[];
  /** To be accepted once while the request's date is (15 minutes either way); the caller remembers. */
  nonce: string;
}

const algorithm = 'ACS3-HMAC-SHA256';
const required = ['host', 'x-acs-date', 'x-acs-content-sha256', 'x-acs-signature-nonce'];
/** Headers that change who asks or what is done: signed whenever they are there. */
const decisive = ['x-acs-action', 'x-acs-version', 'x-acs-security-token'];

/**
 * Reads who claims to have signed an API request (Alibaba Cloud SDK reference, "V3 request body and signature mechanism").
 * @returns undefined without an ACS3 Authorization header
 * @throws Fault AuthorizationHeaderMalformed, also when the signature leaves out a header that decides something
 */
export function readAcs3Claim(request: SignedRequest): Acs3Claim | undefined {
  const authorization = header(request, 'authorization');
  if (!authorization?.startsWith(`${algorithm} `)) return undefined;
  const form = /^Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*Signature=([0-9A-Fa-f]+)$/;
  const [, accessKeyId, names, signature] = form.exec(authorization.slice(algorithm.length).trim()) ?? [];
  if (!accessKeyId || !names || !signature) {
    throw new Fault(
      'AuthorizationHeaderMalformed',
      `The Authorization header must read "${algorithm} Credential=..,SignedHeaders=..,Signature=..".`,
    );
  }
  const signedHeaders = names.toLowerCase().split(';');
  const needed = [...required, ...decisive.filter((name) => header(request, name) !== undefined)];
  const missing = needed.find((name) => header(request, name) === undefined || !signedHeaders.includes(name));
  if (missing) throw new Fault('AuthorizationHeaderMalformed', `The header ${missing} must be sent and be one of SignedHeaders.`);
  return {
    scheme: 'ACS3',
    place: 'header',
    accessKeyId,
    securityToken: header(request, 'x-acs-security-token') || undefined,
    signature,
    signedHeaders,
    nonce: header(request, 'x-acs-signature-nonce') ?? '',
  };
}

/**
 * Verifies an ACS3 signature, its date (15 minutes either way) and that the body is the signed one. Replay of the nonce is the caller's to refuse.
 * @param bodySha256 lower-case hex of the body as received
 * @param now epoch milliseconds
 * @throws Fault SignatureDoesNotMatch, RequestTimeTooSkewed, InvalidDigest
 */
export function verifyAcs3(claim: Acs3Claim, request: SignedRequest, secret: string, bodySha256: string, now: number): void {
  const date = header(request, 'x-acs-date') ?? '';
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(date) ? Date.parse(date) : Number.NaN;
  if (Number.isNaN(time)) throw new Fault('InvalidArgument', 'x-acs-date must read yyyy-mm-ddThh:mm:ssZ.');
  const canonical = canonicalise(request, claim.signedHeaders);
  const string = stringToSign(canonical);
  if (!sameSignature(claim.signature.toLowerCase(), hmac('sha256', secret, string, 'hex'))) {
    throw new Fault('SignatureDoesNotMatch', undefined, {
      extra: { SignatureProvided: readable(claim.signature), StringToSign: readable(string), CanonicalRequest: readable(canonical) },
    });
  }
  checkSkew(time, now);
  if (header(request, 'x-acs-content-sha256')?.toLowerCase() !== bodySha256) {
    throw new Fault('InvalidDigest', 'x-acs-content-sha256 is not the SHA-256 of the body that arrived.');
  }
}

function stringToSign(canonical: string): string {
  return `${algorithm}\n${sha256Hex(canonical)}`;
}

function canonicalise(request: SignedRequest, signedHeaders: readonly string[]): string {
  // The same three replacements that clients make on the path they signed (@alicloud/openapi-core, getAuthorization).
  const path = (request.path || '/').replaceAll('+', '%20').replaceAll('*', '%2A').replaceAll(/%7e/gi, '~');
  let lines = '';
  for (const name of signedHeaders) lines += `${name}:${header(request, name) ?? ''}\n`;
  const payload = header(request, 'x-acs-content-sha256') ?? '';
  return `${request.method}\n${path}\n${canonicalQuery(request.query)}\n${lines}\n${signedHeaders.join(';')}\n${payload}`;
}

function canonicalQuery(query: readonly QueryParam[]): string {
  return query
    .map(({ name, value }) => [percentEncode(name), percentEncode(value)] as const)
    .sort(([a, x], [b, y]) => byBytes(a, b) || byBytes(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/**
 * Signs an API request.
 * @param request all but the signature's own headers; must hold host (with the port, if one is used) and x-acs-action and x-acs-version
 * @param now epoch milliseconds
 * @returns the headers to send beside the given ones
 */
export function signAcs3(
  request: SignedRequest,
  key: { accessKeyId: string; accessKeySecret: string; securityToken?: string },
  body: { sha256: string; nonce: string; now: number },
): Record<string, string> {
  const added: Record<string, string> = {
    'x-acs-date': `${new Date(body.now).toISOString().slice(0, 19)}Z`,
    'x-acs-signature-nonce': body.nonce,
    'x-acs-content-sha256': body.sha256,
  };
  if (key.securityToken !== undefined)
    Object.assign(added, { 'x-acs-accesskey-id': key.accessKeyId, 'x-acs-security-token': key.securityToken });
  const headers: SignedRequest['headers'] = { ...request.headers, ...added };
  const names = Object.keys(headers).filter((name) => name === 'host' || name === 'content-type' || name.startsWith('x-acs-'));
  const signedHeaders = names.filter((name) => headers[name] !== undefined).sort();
  const signature = hmac('sha256', key.accessKeySecret, stringToSign(canonicalise({ ...request, headers }, signedHeaders)), 'hex');
  const authorization = `${algorithm} Credential=${key.accessKeyId},SignedHeaders=${signedHeaders.join(';')},Signature=${signature}`;
  return { ...added, authorization };
}
