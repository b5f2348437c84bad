/**
 * Signatures made by the tests' own hand, from the published rules of OSS V1, OSS V4 and ACS3-HMAC-SHA256 and independently of the server's.
 */
import { createHash, createHmac } from 'node:crypto';

export interface Key {
  id: string;
  secret: string;
  token?: string;
}

export interface Unsigned {
  method: string;
  /** Bucket and key decoded; both empty for the service. */
  bucket?: string;
  key?: string;
  query?: Record<string, string>;
  /** Lower-case names. */
  headers?: Record<string, string>;
  now?: Date;
}

const region = 'cn-qingdao';
const encode = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const hmac = (secret: string | Buffer, text: string, hash = 'sha256') => createHmac(hash, secret).update(text).digest();
const ossHeaders = (headers: Record<string, string>) =>
  Object.keys(headers)
    .filter((name) => name.startsWith('x-oss-'))
    .sort();

/** Path as it goes on the wire in path style. */
export function pathOf(request: Unsigned): string {
  if (!request.bucket) return '/';
  return `/${encode(request.bucket)}/${(request.key ?? '').split('/').map(encode).join('/')}`;
}

/** Query string with its `?`, `=` left out for empty values. */
export function queryOf(query: Record<string, string> = {}): string {
  const pairs = Object.entries(query).map(([name, value]) => (value === '' ? encode(name) : `${encode(name)}=${encode(value)}`));
  return pairs.length ? `?${pairs.join('&')}` : '';
}

/** Subresources that V1 signs, as far as these tests use them. */
const signedV1 = [
  'acl',
  'delete',
  'uploads',
  'uploadId',
  'partNumber',
  'objectMeta',
  'bucketInfo',
  'location',
  'security-token',
  'accessPoint',
  'continuation-token',
  'symlink',
  'tagging',
  'policy',
  'x-oss-process',
  'response-content-type',
  'restore',
  'append',
  'position',
  'versionId',
];

function signatureV1(request: Unsigned, key: Key, headers: Record<string, string>, date: string, query: Record<string, string>): string {
  const names = Object.keys(query)
    .filter((name) => signedV1.includes(name) || name.startsWith('x-oss-') || name.startsWith('accessPoint'))
    .sort();
  const subresources = names.map((name) => (query[name] === '' ? name : `${name}=${query[name]}`)).join('&');
  const resource = `/${request.bucket ? `${request.bucket}/${request.key ?? ''}` : ''}${subresources ? `?${subresources}` : ''}`;
  const canonical = ossHeaders(headers).map((name) => `${name}:${headers[name]?.trim()}\n`);
  const text = [request.method, headers['content-md5'] ?? '', headers['content-type'] ?? '', date, canonical.join('') + resource].join(
    '\n',
  );
  return hmac(key.secret, text, 'sha1').toString('base64');
}

/** The request's headers with a V1 Authorization added. */
export function signHeaderV1(request: Unsigned, key: Key): Record<string, string> {
  const date = (request.now ?? new Date()).toUTCString();
  const headers: Record<string, string> = { ...request.headers, date, ...(key.token ? { 'x-oss-security-token': key.token } : {}) };
  return { ...headers, authorization: `OSS ${key.id}:${signatureV1(request, key, headers, date, request.query ?? {})}` };
}

/** Path and query of a V1 presigned request. */
export function presignV1(request: Unsigned, key: Key, expires: number): string {
  const query = { ...request.query, ...(key.token ? { 'security-token': key.token } : {}) };
  const signature = signatureV1(request, key, request.headers ?? {}, String(expires), query);
  return pathOf(request) + queryOf({ ...query, OSSAccessKeyId: key.id, Expires: String(expires), Signature: signature });
}

function signatureV4(request: Unsigned, key: Key, headers: Record<string, string>, query: Record<string, string>, stamp: string): string {
  const day = stamp.slice(0, 8);
  const pairs = Object.keys(query)
    .map((name) => [encode(name), encode(query[name] as string)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`));
  const names = [...ossHeaders(headers), ...['content-type', 'content-md5'].filter((name) => name in headers)].sort();
  const lines = names.map((name) => `${name}:${headers[name]?.trim()}\n`).join('');
  const canonical = [
    request.method,
    pathOf(request),
    pairs.join('&'),
    lines,
    '',
    headers['x-oss-content-sha256'] ?? 'UNSIGNED-PAYLOAD',
  ].join('\n');
  const text = `OSS4-HMAC-SHA256\n${stamp}\n${day}/${region}/oss/aliyun_v4_request\n${createHash('sha256').update(canonical).digest('hex')}`;
  const chain = [day, region, 'oss', 'aliyun_v4_request'].reduce<string | Buffer>(
    (secret, part) => hmac(secret, part),
    `aliyun_v4${key.secret}`,
  );
  return hmac(chain, text).toString('hex');
}

const stampOf = (now = new Date()) => now.toISOString().replace(/[-:]|\.\d+/g, '');

/** The request's headers with a V4 Authorization added. */
export function signHeaderV4(request: Unsigned, key: Key): Record<string, string> {
  const stamp = stampOf(request.now);
  const headers: Record<string, string> = {
    ...request.headers,
    'x-oss-date': stamp,
    'x-oss-content-sha256': 'UNSIGNED-PAYLOAD',
    ...(key.token ? { 'x-oss-security-token': key.token } : {}),
  };
  const signature = signatureV4(request, key, headers, request.query ?? {}, stamp);
  const scope = `${stamp.slice(0, 8)}/${region}/oss/aliyun_v4_request`;
  return { ...headers, authorization: `OSS4-HMAC-SHA256 Credential=${key.id}/${scope},Signature=${signature}` };
}

/** Path and query of a V4 presigned request; `expires` in seconds. */
export function presignV4(request: Unsigned, key: Key, expires: number): string {
  const stamp = stampOf(request.now);
  const query: Record<string, string> = {
    ...request.query,
    'x-oss-signature-version': 'OSS4-HMAC-SHA256',
    'x-oss-credential': `${key.id}/${stamp.slice(0, 8)}/${region}/oss/aliyun_v4_request`,
    'x-oss-date': stamp,
    'x-oss-expires': String(expires),
    ...(key.token ? { 'x-oss-security-token': key.token } : {}),
  };
  return pathOf(request) + queryOf({ ...query, 'x-oss-signature': signatureV4(request, key, request.headers ?? {}, query, stamp) });
}

/** Headers of a Function Compute 3.0 request signed with ACS3-HMAC-SHA256. */
export function signAcs3(request: { method: string; path: string; host: string; body: Buffer }, key: Key): Record<string, string> {
  const hash = createHash('sha256').update(request.body).digest('hex');
  const headers: Record<string, string> = {
    host: request.host,
    'content-type': 'application/json',
    'x-acs-content-sha256': hash,
    'x-acs-date': new Date().toISOString().replace(/\.\d+/, ''),
    'x-acs-signature-nonce': createHash('sha256').update(`${performance.now()}${hash}`).digest('hex').slice(0, 32),
    'x-acs-version': '2023-03-30',
  };
  const names = Object.keys(headers).sort();
  const canonical = [request.method, request.path, '', ...names.map((name) => `${name}:${headers[name]}`), '', names.join(';'), hash].join(
    '\n',
  );
  const signature = hmac(key.secret, `ACS3-HMAC-SHA256\n${createHash('sha256').update(canonical).digest('hex')}`).toString('hex');
  return { ...headers, authorization: `ACS3-HMAC-SHA256 Credential=${key.id},SignedHeaders=${names.join(';')},Signature=${signature}` };
}
