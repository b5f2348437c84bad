import { byBytes, hmac, utf8Bytes } from './bytes.ts';
import { plainResource, type ResourceCandidate } from './oss-resource.ts';
import { header, headerNames, type QueryParam, type SignedRequest } from './request.ts';
import { documented, newer, objectFc, regions, writeGetObjectResponse } from './subresources.ts';

/**
 * What a V1 string to sign begins with: method, Content-MD5, Content-Type, the given date line, all x-oss-* headers sorted by name
 * (Alibaba OSS API reference, "Include signatures in the Authorization header").
 */
export function head1(request: SignedRequest, date: string): string {
  const type = header(request, 'content-type') ?? '';
  let head = `${request.method}\n${header(request, 'content-md5') ?? ''}\n${type}\n${date}\n`;
  for (const name of headerNames(request)) head += `${name}:${header(request, name)}\n`;
  return head;
}

/** The date line of a header signature: x-oss-date if sent, else Date (oss2 auth.py, ali-oss signUtils.js). */
export function dateLine(request: SignedRequest): string {
  return header(request, 'x-oss-date') ?? header(request, 'date') ?? '';
}

/** The whole V1 string to sign; `suffix` as subresources1 gives it. */
export function string1(head: string, resource: ResourceCandidate, suffix: string): string {
  return head + plainResource(resource) + suffix;
}

export function signature1(secret: string, string: string): string {
  return hmac('sha1', secret, string, 'base64');
}

export interface SignedNames {
  place: 'header' | 'query';
  /** Parameters that select the operation. */
  selectors: readonly string[];
  /** A header signature may leave out x-oss-write-get-object-response. */
  allowUnsignedSelector?: boolean;
}

/**
 * The endings `?name=value&..` that clients of different age and language put behind the resource, likeliest first, none twice.
 *
 * What an ending leaves out, anyone who holds the URL may add or change. Selectors are therefore in every ending, but for `regions` in a header.
 * Beyond them:
 * 1. everything known: documented names, Object FC names, any x-oss-* (SDKs of the second generation);
 * 2. documented names only (first generation): leaves out x-oss-* names that nobody documents, which this server reads as nothing but the
 *    user's own, like every other unlisted parameter;
 * 3. documented names less the newer ones, which old SDKs do not know: these are arguments that a stranger could add to a signed URL,
 *    so only a header signature, which is not handed around, may leave them out;
 * 4. as 3 without x-oss-write-get-object-response, where the caller allows it.
 */
export function subresources1(query: readonly QueryParam[], names: SignedNames): Iterable<string> {
  return query.length === 0 ? noEnding : endings1(query, names);
}

const noEnding = [''];

function* endings1(query: readonly QueryParam[], names: SignedNames): Generator<string> {
  const { selectors, place } = names;
  const selecting = (name: string) => selectors.includes(name) && (name !== regions || place === 'query');
  const listed = (name: string) => documented.has(name) || selecting(name);
  const all = query.filter(({ name }) => listed(name) || name.startsWith('x-oss-') || objectFc.has(name));
  const first = suffix1(all, false);
  // Nearly always it is this one.
  yield first;
  const older = (name: string) => (documented.has(name) && !newer.has(name)) || selecting(name);
  const lists = [all, query.filter(({ name }) => listed(name))];
  if (place === 'header') lists.push(query.filter(({ name }) => older(name)));
  if (place === 'header' && names.allowUnsignedSelector) {
    lists.push(query.filter(({ name }) => older(name) && name !== writeGetObjectResponse));
  }
  const seen = new Set([first]);
  for (const signed of lists) {
    // Java writes `name=` for an empty string, everyone else `name`; both send `name=`.
    for (const keepEmpty of signed.some(({ value, bare }) => value === '' && !bare) ? [false, true] : [false]) {
      const suffix = suffix1(signed, keepEmpty);
      if (seen.has(suffix)) continue;
      seen.add(suffix);
      yield suffix;
    }
  }
}

function suffix1(signed: readonly QueryParam[], keepEmpty: boolean): string {
  if (signed.length === 0) return '';
  const sorted = signed.length === 1 ? signed : [...signed].sort((a, b) => byBytes(a.name, b.name));
  const parts = sorted.map(({ name, value, bare }) => (value === '' && (bare || !keepEmpty) ? name : `${name}=${value}`));
  return `?${utf8Bytes(parts.join('&'))}`;
}
