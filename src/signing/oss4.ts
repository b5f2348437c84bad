import { createHmac, hash } from 'node:crypto';
import { Lru } from '../kit/index.ts';
import { byBytes, HmacKey, percentEncode, sha256Hex } from './bytes.ts';
import { header, type QueryParam, type SignedRequest } from './request.ts';
import { documented, objectFc } from './subresources.ts';

export interface Scope {
  /** yyyymmdd */
  date: string;
  region: string;
  product: string;
}

const terminator = 'aliyun_v4_request';

export function scopeText({ date, region, product }: Scope): string {
  return `${date}/${region}/${product}/${terminator}`;
}

/** Derived keys by a hash of secret and scope, so that no secret is a map key. */
const derivedKeys = new Lru<HmacKey>({ maxWeight: 2048 });

/** The V4 signing key for a secret and scope (Alibaba OSS API reference, "Include a V4 signature in the Authorization header"). */
function derivedKey(secret: string, scope: Scope): HmacKey {
  const text = scopeText(scope);
  const name = hash('sha256', `${text}\n${secret}`, 'base64');
  const known = derivedKeys.get(name);
  if (known) return known;
  let bytes: Buffer | string = `aliyun_v4${secret}`;
  for (const part of text.split('/')) bytes = createHmac('sha256', bytes).update(part).digest();
  const key = new HmacKey('sha256', bytes as Buffer);
  derivedKeys.set(name, key);
  return key;
}

/** The V4 string to sign for a canonical request. */
export function string4(time: string, scope: Scope, canonical: string): string {
  return `OSS4-HMAC-SHA256\n${time}\n${scopeText(scope)}\n${sha256Hex(canonical)}`;
}

/** Lower-case hex. */
export function signature4(secret: string, scope: Scope, string: string): string {
  return derivedKey(secret, scope).sign(string, 'hex');
}

/**
 * What follows the canonical query: content-type, content-md5, x-oss-* and the additional headers that are there, the names of the additional
 * ones, and the payload line.
 */
export function tail4(request: SignedRequest, additional: readonly string[]): string {
  const names: string[] = [];
  for (const name in request.headers) {
    if (request.headers[name] === undefined) continue;
    if (name.startsWith('x-oss-') || name === 'content-type' || name === 'content-md5' || additional.includes(name)) names.push(name);
  }
  names.sort();
  let lines = '';
  for (const name of names) lines += `${name}:${header(request, name)}\n`;
  return `${lines}\n${additional.join(';')}\n${header(request, 'x-oss-content-sha256') ?? 'UNSIGNED-PAYLOAD'}`;
}

export function canonical4(method: string, resource: string, query: string, tail: string): string {
  return `${method}\n${resource}\n${query}\n${tail}`;
}

const collator = new Intl.Collator('en');

/**
 * The canonical queries that clients make, likeliest first, none twice. All hold every parameter but the signature. They differ in spelling: ali-oss
 * keeps the `=` of empty parameters that are not subresources, and sorts by locale (ali-oss signUtils.js, getCanonicalRequest).
 */
export function* queries4(query: readonly QueryParam[]): Generator<string> {
  const params = query.filter(({ name }) => name !== 'x-oss-signature');
  const encoded = params.map(({ name, value, bare }) => ({
    raw: name,
    name: percentEncode(name),
    value: percentEncode(value),
    keeps: value === '' && !bare && !documented.has(name) && !objectFc.has(name),
  }));
  const write = (keep: boolean) =>
    encoded.map(({ name, value, keeps }) => (value !== '' || (keep && keeps) ? `${name}=${value}` : name)).join('&');
  const keepable = encoded.some(({ keeps }) => keeps);
  encoded.sort((a, b) => byBytes(a.name, b.name) || byBytes(a.value, b.value));
  const strict = write(false);
  yield strict;
  if (keepable) yield write(true);
  const order = encoded.map(({ raw }) => raw).join('&');
  encoded.sort((a, b) => collator.compare(a.raw, b.raw));
  if (encoded.map(({ raw }) => raw).join('&') === order) return;
  yield write(keepable);
}
