import { Fault } from '../faults/index.ts';

/** One query parameter, decoded. A plus on the wire is a space, as the SDKs of Python and Go write it; a plus itself comes as %2B. */
export interface QueryParam {
  name: string;
  value: string;
  /** There was no `=` on the wire. */
  bare: boolean;
}

/** What a signature covers of a request, as node:http gives it. */
export interface SignedRequest {
  method: string;
  /** Percent-encoded as it came, without the query. */
  path: string;
  query: readonly QueryParam[];
  /** Lower-case names; values as latin1, one character for each byte on the wire. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

const none: QueryParam[] = [];

/**
 * Splits a query string, without its `?`, into decoded parameters in wire order. Empty parts (`a&&b`) are skipped.
 * @throws Fault InvalidURI for a broken percent escape or one that is not UTF-8
 */
export function parseQuery(raw: string): QueryParam[] {
  if (raw === '') return none;
  const params: QueryParam[] = [];
  for (const part of raw.split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    if (at < 0) params.push({ name: formDecode(part), value: '', bare: true });
    else params.push({ name: formDecode(part.slice(0, at)), value: formDecode(part.slice(at + 1)), bare: false });
  }
  return params;
}

function formDecode(text: string): string {
  return percentDecode(text.includes('+') ? text.replaceAll('+', ' ') : text);
}

/** @throws Fault InvalidURI */
export function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new Fault('InvalidURI', 'The URI holds a percent escape that is broken or not UTF-8.', { cause });
  }
}

/** A header's value without surrounding blanks; undefined when absent. */
export function header(request: Pick<SignedRequest, 'headers'>, name: string): string | undefined {
  const value = request.headers[name];
  if (value === undefined) return undefined;
  return (typeof value === 'string' ? value : value.join(',')).trim();
}

const noMore: readonly string[] = [];

/** Names of the x-oss-* headers that are there, and of the others asked for, sorted. */
export function headerNames(request: Pick<SignedRequest, 'headers'>, others: readonly string[] = noMore): string[] {
  const { headers } = request;
  const names: string[] = [];
  for (const name in headers) {
    if (headers[name] === undefined || !(name.startsWith('x-oss-') || others.includes(name))) continue;
    // Put in place at once: there are two or three, and they mostly come in order.
    let at = names.length;
    for (; at > 0 && (names[at - 1] as string) > name; at -= 1) names[at] = names[at - 1] as string;
    names[at] = name;
  }
  return names;
}

/** The value of the first parameter of that name. */
export function param(request: Pick<SignedRequest, 'query'>, name: string): string | undefined {
  for (const each of request.query) if (each.name === name) return each.value;
  return undefined;
}
