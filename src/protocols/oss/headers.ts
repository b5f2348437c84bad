import type { Conditions, ObjectHead } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import type { RequestContext } from '../../http/index.ts';
import { httpDate } from '../../kit/index.ts';

/** Names and values in turn, as writeHead takes them. */
export type HeaderList = string[];

/** An ETag as OSS writes it: the upper-case hex digest in quotes. */
export function etagHeader(etag: string): string {
  return `"${etag.toUpperCase()}"`;
}

/** A time in XML: milliseconds are always zero there, as the SDKs' patterns demand. */
export function xmlDate(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}.000Z`;
}

/** What answers to pages of other origins carry besides, by request. */
export const crossOrigin = new WeakMap<RequestContext, HeaderList>();

/** What every answer carries. Date and Connection are added by the door. No browser may guess another type than the one that is given. */
export function commonHeaders(ctx: RequestContext): HeaderList {
  const time = String(ctx.elapsedMs());
  const list = ['Server', 'AliyunOSS', 'x-oss-request-id', ctx.id, 'x-oss-server-time', time, 'X-Content-Type-Options', 'nosniff'];
  const more = ctx.headers.origin === undefined ? undefined : crossOrigin.get(ctx);
  return more ? list.concat(more) : list;
}

/** Stored header names as they are written on the wire. */
const written: Record<string, string> = {
  'cache-control': 'Cache-Control',
  'content-disposition': 'Content-Disposition',
  'content-encoding': 'Content-Encoding',
  'content-language': 'Content-Language',
  expires: 'Expires',
};

/** The standard headers that PutObject stores and GetObject gives back. */
export const storedHeaders: readonly string[] = Object.keys(written);
/** Kept beside them, but read otherwise; see encryption.ts. */
written.encryption = 'x-oss-server-side-encryption';

/** Query parameters that replace a header of the answer (Alibaba OSS API reference, "GetObject"). */
const overrides: Record<string, string> = {
  'response-content-type': 'Content-Type',
  'response-content-language': 'Content-Language',
  'response-expires': 'Expires',
  'response-cache-control': 'Cache-Control',
  'response-content-disposition': 'Content-Disposition',
  'response-content-encoding': 'Content-Encoding',
};

/** Headers that the client asked to replace, by their names on the wire. @throws Fault InvalidArgument for a value no header may have */
export function readOverrides(ctx: RequestContext): Map<string, string> | undefined {
  if (!ctx.rawQuery.includes('response-')) return undefined;
  const replaced = new Map<string, string>();
  for (const { name, value } of ctx.query) {
    const header = overrides[name];
    if (header === undefined) continue;
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) throw invalid(name, value, `${name} holds control characters.`);
    // Header values travel as bytes; the parameter's characters go out as UTF-8.
    replaced.set(header, Buffer.from(value, 'utf8').toString('latin1'));
  }
  return replaced;
}

/** An InvalidArgument that names the argument, as OSS does. */
export function invalid(name: string, value: string, message: string): Fault {
  return new Fault('InvalidArgument', message, { extra: { ArgumentName: name, ArgumentValue: value } });
}

/** Headers that describe a stored object, whole or in part. Content-Length goes behind them: node re-encodes a Content-Disposition that follows it. */
export function objectHeaders(head: ObjectHead, replaced?: Map<string, string>): HeaderList {
  const list: HeaderList = [
    'Content-Type',
    replaced?.get('Content-Type') ?? head.contentType,
    'ETag',
    etagHeader(head.etag),
    'Last-Modified',
    httpDate(head.modifiedAt),
    'Accept-Ranges',
    'bytes',
    'x-oss-object-type',
    head.type,
    'x-oss-storage-class',
    head.storageClass,
    'x-oss-hash-crc64ecma',
    head.crc64,
  ];
  for (const name in head.headers) {
    const wire = written[name] ?? name;
    if (!replaced?.has(wire)) list.push(wire, head.headers[name] as string);
  }
  if (replaced) for (const [name, value] of replaced) if (name !== 'Content-Type') list.push(name, value);
  for (const name in head.meta) list.push(`x-oss-meta-${name}`, head.meta[name] as string);
  if (head.type === 'Appendable') list.push('x-oss-next-append-position', String(head.size));
  const tags = Object.keys(head.tags).length;
  if (tags > 0) list.push('x-oss-tagging-count', String(tags));
  return list;
}

const wholes = new WeakMap<ObjectHead, HeaderList>();

/** Headers of an answer with the whole object, to be copied. A head never changes, each write makes a new one: its list is made once. */
export function wholeHeaders(head: ObjectHead, replaced?: Map<string, string>): Readonly<HeaderList> {
  let list = replaced ? undefined : wholes.get(head);
  if (list) return list;
  list = objectHeaders(head, replaced);
  // The ETag of what was not written in one piece is no MD5 of its bytes.
  if (head.type === 'Normal') list.push('Content-MD5', contentMd5(head.etag));
  list.push('Content-Length', String(head.size));
  if (!replaced) wholes.set(head, list);
  return list;
}

/** A hex digest as Content-MD5 writes it. */
export function contentMd5(etag: string): string {
  return Buffer.from(etag, 'hex').toString('base64');
}

/** Entity tags of a list header, without quotes and weakness, lower-case; `*` stays. */
function etagList(value: string): string[] {
  return value.split(',').map((tag) => tag.trim().replace(/^W\//, '').replace(/^"|"$/g, '').toLowerCase());
}

/** A date of any HTTP form in epoch milliseconds; undefined when it is none: such a condition does not count (RFC 9110 13.1.3). */
function dateOf(value: string | undefined): number | undefined {
  const ms = value === undefined ? Number.NaN : Date.parse(value);
  return Number.isNaN(ms) ? undefined : ms;
}

/** The conditions of a request; undefined when it has none. */
export function readConditions({ headers }: RequestContext): Conditions | undefined {
  const ifMatch = headers['if-match'];
  const ifNoneMatch = headers['if-none-match'];
  const since = headers['if-modified-since'];
  const unmodified = headers['if-unmodified-since'];
  return conditionsOf(ifMatch, ifNoneMatch, since, unmodified);
}

/** The conditions that headers with a prefix put, such as x-oss-copy-source-if-match. */
export function conditionsFrom(headers: RequestContext['headers'], prefix: string): Conditions | undefined {
  const header = (name: string) => {
    const value = headers[prefix + name];
    return typeof value === 'string' ? value : value?.join(',');
  };
  return conditionsOf(header('if-match'), header('if-none-match'), header('if-modified-since'), header('if-unmodified-since'));
}

function conditionsOf(
  ifMatch: string | undefined,
  ifNoneMatch: string | undefined,
  since: string | undefined,
  unmodified: string | undefined,
): Conditions | undefined {
  if (ifMatch === undefined && ifNoneMatch === undefined && since === undefined && unmodified === undefined) return undefined;
  const conditions: Conditions = {};
  if (ifMatch !== undefined) conditions.ifMatch = etagList(ifMatch);
  if (ifNoneMatch !== undefined) conditions.ifNoneMatch = etagList(ifNoneMatch);
  const ifModifiedSince = dateOf(since);
  if (ifModifiedSince !== undefined) conditions.ifModifiedSince = ifModifiedSince;
  const ifUnmodifiedSince = dateOf(unmodified);
  if (ifUnmodifiedSince !== undefined) conditions.ifUnmodifiedSince = ifUnmodifiedSince;
  return conditions;
}
