import { httpDate } from '../kit/index.ts';
import { percentEncode, percentEncodeBase64, percentEncodePath, utf8Bytes } from './bytes.ts';
import { encodedResource } from './oss-resource.ts';
import { basicTime } from './oss-time.ts';
import { dateLine, head1, signature1, string1, subresources1 } from './oss1.ts';
import { canonical4, queries4, type Scope, scopeText, signature4, signer4, string4, tail4 } from './oss4.ts';
import type { QueryParam, SignedRequest } from './request.ts';

export interface OssSigning {
  scheme: 'OSS1' | 'OSS4';
  method: string;
  bucket?: string;
  key?: string;
  /** Decoded; an empty value is a bare name. */
  query?: Readonly<Record<string, string>>;
  /** Lower-case names, latin1 values: the headers that will be sent and that the signature covers. */
  headers?: Readonly<Record<string, string>>;
  accessKeyId: string;
  accessKeySecret: string;
  securityToken?: string;
  /** Epoch milliseconds. */
  now: number;
  /** V4 only. */
  region?: string;
  product?: 'oss' | 'oss-cloudbox';
  /** V4 only: names of more headers to cover, e.g. host. */
  additionalHeaders?: readonly string[];
}

function toParams(query: Readonly<Record<string, string>>): QueryParam[] {
  return Object.entries(query).map(([name, value]) => ({ name, value, bare: value === '' }));
}

function toScope({ region = '', product = 'oss' }: OssSigning, time: string): Scope {
  return { date: time.slice(0, 8), region, product };
}

/** Lower-case, sorted, without the names that V4 covers anyway (they would be listed as additional where SDKs do not). */
function additionalNames({ additionalHeaders = [] }: OssSigning): string[] {
  const names = new Set(additionalHeaders.map((name) => name.toLowerCase()));
  return [...names].filter((name) => name !== 'content-type' && name !== 'content-md5' && !name.startsWith('x-oss-')).sort();
}

function toRequest(input: OssSigning, headers: Record<string, string>, query: readonly QueryParam[]): SignedRequest {
  return { method: input.method, path: encodedResource(input), query, headers };
}

/** The first of the spellings is the documented one. */
function sign1(input: OssSigning, headers: Record<string, string>, query: readonly QueryParam[], date: string): string {
  const request = toRequest(input, headers, query);
  const [suffix = ''] = subresources1(query, { place: 'query', selectors: [] });
  return signature1(input.accessKeySecret, string1(head1(request, date), input, suffix));
}

function sign4(input: OssSigning, headers: Record<string, string>, query: readonly QueryParam[], time: string): string {
  const request = toRequest(input, headers, query);
  const [canonicalQuery = ''] = queries4(query);
  const canonical = canonical4(input.method, encodedResource(input), canonicalQuery, tail4(request, additionalNames(input)));
  const signer = signer4(input.accessKeySecret, toScope(input, time));
  return signature4(signer, string4(time, signer, canonical));
}

/**
 * Signs a request in its Authorization header.
 * @returns the headers to send beside the given ones: authorization, the date where none was given, the security token; for V4 also
 * x-oss-content-sha256
 */
export function signOssHeader(input: OssSigning): Record<string, string> {
  const added: Record<string, string> = {};
  if (input.securityToken !== undefined) added['x-oss-security-token'] = input.securityToken;
  const query = toParams(input.query ?? {});
  if (input.scheme === 'OSS1') {
    if (input.headers?.date === undefined && input.headers?.['x-oss-date'] === undefined) added.date = httpDate(input.now);
    const headers = { ...input.headers, ...added };
    const signature = sign1(input, headers, query, dateLine({ ...input, path: '', query, headers }));
    return { ...added, authorization: `OSS ${input.accessKeyId}:${signature}` };
  }
  const time = basicTime(input.now);
  added['x-oss-date'] = time;
  if (input.headers?.['x-oss-content-sha256'] === undefined) added['x-oss-content-sha256'] = 'UNSIGNED-PAYLOAD';
  const signature = sign4(input, { ...input.headers, ...added }, query, time);
  const names = additionalNames(input);
  const listed = names.length > 0 ? `,AdditionalHeaders=${names.join(';')}` : '';
  const credential = `${input.accessKeyId}/${scopeText(toScope(input, time))}`;
  return { ...added, authorization: `OSS4-HMAC-SHA256 Credential=${credential}${listed},Signature=${signature}` };
}

export interface OssPresigning extends OssSigning {
  /** `http://host:port`; the URL is path-style. */
  endpoint: string;
  /** End of validity in epoch milliseconds, rounded down to seconds; or else expiresIn, in seconds (V4: at most 604 800). */
  expiresAt?: number;
  expiresIn?: number;
  pathStyle?: true;
}

/**
 * A URL that carries its own signature. The order of V1 parameters is that of the vendor's own inputOssUrl: security-token, the caller's,
 * Expires, OSSAccessKeyId, Signature. Given headers must be sent along by whoever uses the URL.
 * @throws RangeError when neither or a nonsensical end of validity is given
 */
export function presignOss(input: OssPresigning): string {
  const query = input.scheme === 'OSS1' ? presigned1(input) : presigned4(input);
  const pairs = query.map(({ name, value }) => (value === '' ? percentEncode(name) : `${percentEncode(name)}=${percentEncode(value)}`));
  return `${input.endpoint.replace(/\/+$/, '')}${encodedResource(input)}?${pairs.join('&')}`;
}

/**
 * A V1 URL that reads one object with session credentials, in the form of the vendor's own inputOssUrl; what presignOss would make, without its generality,
 * since every transform makes one. `expiresAt` in epoch milliseconds.
 */
export function presignRead(input: {
  endpoint: string;
  bucket: string;
  key: string;
  versionId?: string | undefined;
  accessKeyId: string;
  accessKeySecret: string;
  securityToken: string;
  expiresAt: number;
}): string {
  const { bucket, key, versionId, accessKeyId, securityToken } = input;
  const expires = Math.floor(input.expiresAt / 1000);
  const signed = versionId === undefined ? '' : `&versionId=${versionId}`;
  const string = `GET\n\n\n${expires}\n/${utf8Bytes(`${bucket}/${key}?security-token=${securityToken}${signed}`)}`;
  const version = versionId === undefined ? '' : `&versionId=${percentEncode(versionId)}`;
  const head = `${input.endpoint}/${bucket}/${percentEncodePath(key)}?security-token=${percentEncode(securityToken)}${version}`;
  return `${head}&Expires=${expires}&OSSAccessKeyId=${accessKeyId}&Signature=${percentEncodeBase64(signature1(input.accessKeySecret, string))}`;
}

function secondsLeft({ expiresAt, expiresIn, now }: OssPresigning): number {
  const seconds = expiresIn ?? (expiresAt === undefined ? Number.NaN : Math.floor(expiresAt / 1000) - Math.floor(now / 1000));
  if (!Number.isSafeInteger(seconds)) throw new RangeError('A signed URL needs expiresAt or expiresIn.');
  return seconds;
}

function presigned1(input: OssPresigning): QueryParam[] {
  const expires = String(Math.floor(input.now / 1000) + secondsLeft(input));
  const token: Record<string, string> = input.securityToken === undefined ? {} : { 'security-token': input.securityToken };
  const query = toParams({ ...token, ...input.query });
  const signature = sign1(input, { ...input.headers }, query, expires);
  return [...query, ...toParams({ Expires: expires, OSSAccessKeyId: input.accessKeyId, Signature: signature })];
}

function presigned4(input: OssPresigning): QueryParam[] {
  const seconds = secondsLeft(input);
  if (seconds < 1 || seconds > 604_800) throw new RangeError('A V4 signed URL is valid for 1 to 604800 seconds.');
  const time = basicTime(input.now);
  const names = additionalNames(input);
  const query = toParams({
    ...input.query,
    'x-oss-signature-version': 'OSS4-HMAC-SHA256',
    'x-oss-credential': `${input.accessKeyId}/${scopeText(toScope(input, time))}`,
    'x-oss-date': time,
    'x-oss-expires': String(seconds),
    ...(names.length > 0 && { 'x-oss-additional-headers': names.join(';') }),
    ...(input.securityToken !== undefined && { 'x-oss-security-token': input.securityToken }),
  });
  return [...query, ...toParams({ 'x-oss-signature': sign4(input, { ...input.headers }, query, time) })];
}
