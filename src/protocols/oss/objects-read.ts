import { type Bucket, type ByteRange, evaluateConditions, type FoundObject, type ObjectHead, parseRange } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { httpDate } from '../../kit/index.ts';
import { addRestore, requireReadable } from './archive.ts';
import type { Call } from './call.ts';
import { replacedHeaders } from './downloads.ts';
import { commonHeaders, etagHeader, type HeaderList, objectHeaders, readConditions, wholeHeaders } from './headers.ts';
import { expirationHeaders } from './lifecycle.ts';
import { askedProcess, sendProcessed } from './process.ts';
import { sendEmpty, sendStream } from './respond.ts';
import { follow } from './symlink.ts';
import { transformObject } from './transform.ts';
import { findVersion, noSuchKey, readVersion, requireHead, versionHeaders } from './versions.ts';

/** GetObject: the object or one range of it; through an Object FC access point, what its function makes of it. */
export function getObject(call: Call): Promise<void> | undefined {
  if (call.resolved?.kind === 'object-fc') return transformObject(call, call.resolved, false);
  const { ctx } = call;
  const { bucket } = call;
  const stored = requireObject(call, bucket);
  const found = stored.head.target === undefined ? stored : follow(call, stored.head);
  const { head } = found;
  requireReadable(call, head);
  const process = askedProcess(call);
  if (process !== undefined) return sendProcessed(call, found, process);
  const replaced = replacedHeaders(call, head);
  if (!proceed(call, bucket, head)) return undefined;
  const range = readRange(call, head.size);
  const common = commonHeaders(ctx);
  addRestore(common, call, head);
  if (bucket.versioning !== undefined) common.push('x-oss-version-id', head.version);
  const list = common.concat(range ? partHeaders(head, replaced, range) : wholeHeaders(head, replaced));
  if (found.small) {
    ctx.res.writeHead(range ? 206 : 200, list);
    ctx.res.end(range ? found.small.subarray(range.start, range.end + 1) : found.small);
    return undefined;
  }
  const source = found.open(range);
  ctx.res.writeHead(range ? 206 : 200, list);
  return sendStream(ctx, source);
}

function partHeaders(head: ObjectHead, replaced: Map<string, string> | undefined, { start, end }: ByteRange): HeaderList {
  const list = objectHeaders(head, replaced);
  list.push('Content-Length', String(end - start + 1), 'Content-Range', `bytes ${start}-${end}/${head.size}`);
  return list;
}

/** HeadObject: the headers of GetObject alone. */
export function headObject(call: Call): Promise<void> | undefined {
  if (call.resolved?.kind === 'object-fc') return transformObject(call, call.resolved, true);
  if (askedProcess(call) !== undefined) return getObject(call);
  const { ctx } = call;
  const { bucket } = call;
  const head = readHead(call, bucket);
  if (!proceed(call, bucket, head)) return undefined;
  const common = commonHeaders(ctx).concat(versionHeaders(bucket, head.version));
  addRestore(common, call, head);
  if (bucket.settings.lifecycle && call.param('versionId') === undefined) common.push(...expirationHeaders(call, head));
  ctx.res.writeHead(200, common.concat(wholeHeaders(head, replacedHeaders(call, head))));
  ctx.res.end();
  return undefined;
}

/** GetObjectMeta: size, ETag and date only. Asked for by GET there is no body either, and the length is that of nothing. */
export function getObjectMeta(call: Call): Promise<void> | undefined {
  if (call.resolved?.kind === 'object-fc') return transformObject(call, call.resolved, true);
  const { ctx } = call;
  const { bucket } = call;
  const head = readHead(call, bucket);
  const list = commonHeaders(ctx).concat(versionHeaders(bucket, head.version));
  list.push('ETag', etagHeader(head.etag), 'Last-Modified', httpDate(head.modifiedAt), 'x-oss-hash-crc64ecma', head.crc64);
  list.push('Content-Length', ctx.method === 'HEAD' ? String(head.size) : '0');
  ctx.res.writeHead(200, list);
  ctx.res.end();
  return undefined;
}

/** What a read is about: the object, or the version that it names. */
function requireObject(call: Call, bucket: Bucket): FoundObject {
  if (call.ctx.rawQuery !== '') {
    const version = readVersion(call, bucket);
    if (version !== undefined) return findVersion(call, bucket, version);
  }
  const found = call.rooms.store.get(bucket.name, call.key);
  if (!found) throw noSuchKey(call, bucket);
  return found;
}

function readHead(call: Call, bucket: Bucket): ObjectHead {
  const head = requireHead(call, bucket);
  return head.target === undefined ? head : follow(call, head).head;
}

/** Evaluates the request's conditions; false when 304 was sent. @throws Fault PreconditionFailed */
function proceed({ ctx }: Call, bucket: Bucket, head: ObjectHead): boolean {
  const conditions = readConditions(ctx);
  if (!conditions) return true;
  const verdict = evaluateConditions(head, conditions);
  if (verdict === 'failed') {
    const condition = conditions.ifMatch ? 'If-Match' : 'If-Unmodified-Since';
    throw new Fault('PreconditionFailed', undefined, { extra: { Condition: condition } });
  }
  if (verdict === 'proceed') return true;
  sendEmpty(ctx, 304, versionHeaders(bucket, head.version).concat(objectHeaders(head)));
  return false;
}

/** The range to send; the whole object when there is none or, as OSS does by default, when it cannot be satisfied. */
function readRange({ ctx }: Call, size: number): ByteRange | undefined {
  const header = ctx.headers.range;
  if (header === undefined) return undefined;
  const range = parseRange(header, size);
  if (typeof range === 'object') return range;
  if (range === 'unsatisfiable' && ctx.headers['x-oss-range-behavior'] === 'standard') {
    throw new Fault('InvalidRange', undefined, { headers: { 'Content-Range': `bytes */${size}` }, extra: { RangeRequested: header } });
  }
  return undefined;
}
