import { Fault } from '../faults/index.ts';
import { httpDate } from '../kit/index.ts';
import { byBytes, hmac, readable, sameSignature, utf8Bytes } from './bytes.ts';
import { checkSkew, readTime } from './oss-time.ts';
import { header, param, percentDecode, type QueryParam, type SignedRequest } from './request.ts';

export interface Fc1Claim {
  scheme: 'FC1';
  place: 'header' | 'query';
  accessKeyId: string;
  securityToken?: string;
  signature: string;
  /** Query only: unix seconds as sent. */
  expires?: string;
}

/**
 * Reads who claims to have signed a request of the classic Function Compute SDKs: `Authorization: FC id:signature`, or a signed URL
 * (fc-nodejs-sdk helper.js, fc-go-sdk signature.go).
 * @returns undefined without either
 * @throws Fault AuthorizationHeaderMalformed, InvalidArgument
 */
export function readFc1Claim(request: SignedRequest): Fc1Claim | undefined {
  const signature = param(request, 'x-fc-signature');
  const authorization = header(request, 'authorization');
  if (authorization?.startsWith('FC ')) {
    const [, accessKeyId, sent] = /^FC +([^:\s]+):(\S+)$/.exec(authorization) ?? [];
    if (!accessKeyId || !sent)
      throw new Fault('AuthorizationHeaderMalformed', 'The Authorization header must read "FC AccessKeyId:Signature".');
    if (signature !== undefined)
      throw new Fault('InvalidArgument', 'The request is signed both in its Authorization header and in its query. Keep one.');
    return {
      scheme: 'FC1',
      place: 'header',
      accessKeyId,
      signature: sent,
      securityToken: header(request, 'x-fc-security-token') || undefined,
    };
  }
  if (signature === undefined) return undefined;
  const names = ['x-fc-access-key-id', 'x-fc-expires', 'x-fc-signature', 'x-fc-security-token'];
  if (names.some((name) => request.query.filter((each) => each.name === name).length > 1)) {
    throw new Fault('InvalidArgument', 'A signature parameter is in the query more than once.');
  }
  const [accessKeyId, expires] = [param(request, 'x-fc-access-key-id'), param(request, 'x-fc-expires')];
  if (!accessKeyId || !expires || signature === '') {
    throw new Fault('InvalidArgument', 'A signed URL needs all of x-fc-access-key-id, x-fc-expires and x-fc-signature.');
  }
  const securityToken = param(request, 'x-fc-security-token') || header(request, 'x-fc-security-token') || undefined;
  return { scheme: 'FC1', place: 'query', accessKeyId, signature, expires, securityToken };
}

/**
 * Verifies a classic Function Compute signature and its time: 15 minutes either way, or x-fc-expires. Host and, but for signed URLs and `/proxy/`
 * calls, the query are not covered; Content-MD5 is covered as sent but is not checked against the body, since SDKs encode it differently.
 * @param now epoch milliseconds
 * @throws Fault SignatureDoesNotMatch, RequestTimeTooSkewed, AccessDenied (expired, no date), InvalidArgument
 */
export function verifyFc1(claim: Fc1Claim, request: SignedRequest, secret: string, now: number): void {
  const date = claim.place === 'query' ? (claim.expires ?? '') : (header(request, 'date') ?? '');
  const decoded = percentDecode(request.path);
  // Go signs the decoded path, Node the path as written.
  const strings = [...new Set([decoded, request.path])].map((path) => stringToSign(claim.place, request, date, path));
  if (!strings.some((string) => sameSignature(claim.signature, hmac('sha256', secret, string, 'base64')))) {
    throw new Fault('SignatureDoesNotMatch', undefined, {
      extra: { SignatureProvided: readable(claim.signature), StringToSign: readable(strings[0] ?? '') },
    });
  }
  if (claim.place === 'header') {
    const time = readTime(date);
    if (time === undefined) throw new Fault('AccessDenied', 'The request needs a valid Date header.');
    checkSkew(time, now);
    return;
  }
  if (!/^\d{1,11}$/.test(date)) throw new Fault('InvalidArgument', 'x-fc-expires must be a time in unix seconds.');
  if (now > Number(date) * 1000) throw new Fault('AccessDenied', 'Request has expired.');
}

function stringToSign(place: Fc1Claim['place'], request: SignedRequest, date: string, path: string): string {
  const type = header(request, 'content-type') ?? '';
  let string = `${request.method}\n${header(request, 'content-md5') ?? ''}\n${type}\n${date}\n`;
  const names = Object.keys(request.headers).filter((name) => name.startsWith('x-fc-') && request.headers[name] !== undefined);
  for (const name of names.sort()) string += `${name}:${header(request, name)}\n`;
  string += utf8Bytes(path);
  return place === 'query' || /^\/[^/]+\/proxy\//.test(path) ? `${string}\n${queryLines(request.query)}` : string;
}

function queryLines(query: readonly QueryParam[]): string {
  return query
    .filter(({ name }) => name !== 'x-fc-signature')
    .map(({ name, value, bare }) => utf8Bytes(bare ? name : `${name}=${value}`))
    .sort(byBytes)
    .join('\n');
}

/**
 * Signs a request as the classic Function Compute SDKs do.
 * @param now epoch milliseconds
 * @returns the headers to send beside the given ones
 */
export function signFc1(
  request: SignedRequest,
  key: { accessKeyId: string; accessKeySecret: string; securityToken?: string },
  now: number,
): Record<string, string> {
  const date = header(request, 'date') ?? httpDate(now);
  const added: Record<string, string> = { date };
  if (key.securityToken !== undefined) added['x-fc-security-token'] = key.securityToken;
  const string = stringToSign('header', { ...request, headers: { ...request.headers, ...added } }, date, request.path);
  return { ...added, authorization: `FC ${key.accessKeyId}:${hmac('sha256', key.accessKeySecret, string, 'base64')}` };
}
