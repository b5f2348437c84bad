import { createHmac } from 'node:crypto';
import { byBytes, HmacKey, percentEncode, SecretMemo, sha256Hex } from './bytes.ts';
import { header, headerNames, type QueryParam, type SignedRequest } from './request.ts';
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

/** Who signs: a secret in one scope. */
export interface Signer4 extends Scope {
  /** The scope as text. */
  readonly text: string;
  readonly key: HmacKey;
}

/** The last scope of each secret: a client signs all day for one region. */
const signers = new SecretMemo<Signer4>();

/** The V4 signing key for a secret and scope (Alibaba OSS API reference, "Include a V4 signature in the Authorization header"). */
export function signer4(secret: string, { date, region, product }: Scope): Signer4 {
  const known = signers.get(secret);
  if (known && known.date === date && known.region === region && known.product === product) return known;
  const text = scopeText({ date, region, product });
  let bytes: Buffer | string = `aliyun_v4${secret}`;
  for (const part of text.split('/')) bytes = createHmac('sha256', bytes).update(part).digest();
  const signer = { date, region, product, text, key: new HmacKey('sha256', bytes as Buffer) };
  signers.set(secret, signer);
  return signer;
}

/** The V4 string to sign for a canonical request. */
export function string4(time: string, signer: Signer4, canonical: string): string {
  return `OSS4-HMAC-SHA256\n${time}\n${signer.text}\n${sha256Hex(canonical)}`;
}

/** Lower-case hex. */
export function signature4(signer: Signer4, string: string): string {
  return signer.key.sign(string, 'hex');
}

/** Headers that V4 covers beside x-oss-*, where they are there. */
const always: readonly string[] = ['content-type', 'content-md5'];

/**
 * What follows the canonical query: content-type, content-md5, x-oss-* and the additional headers that are there, the names of the additional
 * ones, and the payload line.
 */
export function tail4(request: SignedRequest, additional: readonly string[]): string {
  let lines = '';
  for (const name of headerNames(request, additional.length === 0 ? always : [...always, ...additional])) {
    lines += `${name}:${header(request, name)}\n`;
  }
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
export function queries4(query: readonly QueryParam[]): Iterable<string> {
  return query.length === 0 ? noQuery : spellings4(query);
}

const noQuery = [''];

function* spellings4(query: readonly QueryParam[]): Generator<string> {
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
