import { createHash } from 'node:crypto';
import { Fault } from '../../faults/index.ts';
import { childrenOf, childText, writeXml, type XmlNode } from '../../kit/index.ts';
import type { Call } from './call.ts';
import { authorizeKey } from './guard.ts';
import { contentMd5, etagHeader, invalid, storedHeaders } from './headers.ts';
import { encoder, readEncoding } from './listing.ts';
import { readContentMd5, readLength, requireXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';

/** Most bytes of one PutObject (Alibaba OSS API reference, "PutObject"). */
const putBytes = 5 * 1024 ** 3;
/** Most bytes of all user metadata, names and values. */
const metaBytes = 8 * 1024;
/** Most keys of one DeleteMultipleObjects. */
const deleteKeys = 1_000;
const metaPrefix = 'x-oss-meta-';

/** The storage classes of OSS. */
const storageClasses: readonly string[] = ['Standard', 'IA', 'Archive', 'ColdArchive', 'DeepColdArchive'];

/** Headers that ask for more than the store does; to drop them silently would be a broken promise. */
const refusedHeaders: Record<string, string> = {
  'x-oss-tagging': 'object tagging',
  'x-oss-server-side-encryption': 'server-side encryption',
  'x-oss-server-side-data-encryption': 'server-side encryption',
  'x-oss-callback': 'callbacks',
};

/** PutObject: stores one object whole, or leaves what was there before. */
export async function putObject(call: Call): Promise<void> {
  const { ctx, rooms } = call;
  const bucket = call.bucket;
  refuseHeaders(call);
  const size = readLength(call);
  if (size !== undefined && size > putBytes) throw tooLarge();
  const head = await rooms.store.put({
    bucket: bucket.name,
    key: call.key,
    source: bodyOf(call, size),
    size,
    contentMd5: readContentMd5(call),
    contentType: call.header('content-type') || 'application/octet-stream',
    headers: standardHeaders(call),
    meta: userMetadata(call),
    storageClass: readStorageClass(call.header('x-oss-storage-class')) ?? bucket.storageClass,
    forbidOverwrite: call.header('x-oss-forbid-overwrite')?.toLowerCase() === 'true',
  });
  sendEmpty(ctx, 200, ['ETag', etagHeader(head.etag), 'x-oss-hash-crc64ecma', head.crc64, 'Content-MD5', contentMd5(head.etag)]);
}

function tooLarge(): Fault {
  return new Fault('EntityTooLarge', `One PutObject may carry at most ${putBytes} bytes.`);
}

function refuseHeaders(call: Call): void {
  for (const name in refusedHeaders) {
    if (call.header(name) !== undefined)
      throw new Fault('NotImplemented', `Sluice does not carry out ${refusedHeaders[name]} (${name}) with PutObject.`);
  }
  const acl = call.header('x-oss-object-acl');
  if (acl !== undefined && acl !== 'default' && acl !== 'private') {
    throw new Fault('NotImplemented', `Sluice carries out no object ACL but "default" and "private" (x-oss-object-acl: PutObjectACL).`);
  }
}

/** @throws Fault InvalidArgument */
export function readStorageClass(value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (!storageClasses.includes(value))
    throw invalid('StorageClass', value, `The storage class must be one of ${storageClasses.join(', ')}.`);
  return value;
}

function standardHeaders(call: Call): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of storedHeaders) {
    const value = call.header(name);
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}

function userMetadata(call: Call): Record<string, string> {
  const meta: Record<string, string> = Object.create(null);
  let bytes = 0;
  for (const name in call.ctx.headers) {
    if (!name.startsWith(metaPrefix)) continue;
    const value = call.header(name) ?? '';
    bytes += name.length + value.length;
    meta[name.slice(metaPrefix.length)] = value;
  }
  if (bytes > metaBytes) throw new Fault('InvalidArgument', `All x-oss-meta-* headers together may have at most ${metaBytes} bytes.`);
  return meta;
}

/** The body, asked for when the store starts to read; checked against x-oss-content-sha256 when that is a digest. */
function bodyOf(call: Call, size: number | undefined): AsyncIterable<Buffer> {
  const declared = call.header('x-oss-content-sha256');
  const sha256 = declared !== undefined && /^[0-9a-f]{64}$/i.test(declared) ? declared.toLowerCase() : undefined;
  if (sha256 === undefined && size !== undefined) return { [Symbol.asyncIterator]: () => call.ctx.body()[Symbol.asyncIterator]() };
  return checkedBody(call, sha256);
}

async function* checkedBody(call: Call, sha256: string | undefined): AsyncGenerator<Buffer> {
  const hash = sha256 === undefined ? undefined : createHash('sha256');
  let bytes = 0;
  for await (const chunk of call.ctx.body()) {
    bytes += (chunk as Buffer).length;
    if (bytes > putBytes) throw tooLarge();
    hash?.update(chunk as Buffer);
    yield chunk as Buffer;
  }
  if (hash && hash.digest('hex') !== sha256) {
    throw new Fault('InvalidDigest', 'The body does not match x-oss-content-sha256.');
  }
}

/** DeleteObject: 204 whether or not there was one. */
export async function deleteObject(call: Call): Promise<void> {
  const version = call.param('versionId');
  if (version !== undefined && version !== '' && version !== 'null') {
    throw new Fault('NotImplemented', 'Sluice keeps no versions yet: versionId may only be "null" (DeleteObject).');
  }
  await call.rooms.store.delete(call.bucket.name, call.key);
  sendEmpty(call.ctx, 204);
}

/** DeleteMultipleObjects: all keys of the document, or none when one of them is refused. */
export async function deleteMultipleObjects(call: Call): Promise<void> {
  const bucket = call.bucket.name;
  if (call.header('content-md5') === undefined) throw new Fault('MissingArgument', 'DeleteMultipleObjects needs a Content-MD5 header.');
  const root = await requireXml(call, ['Delete'], 2 * 1024 * 1024);
  const keys = readKeys(root);
  for (const key of keys) authorizeKey(call, key);
  await call.rooms.store.deleteMany(bucket, keys);
  if (childText(root, 'Quiet')?.trim().toLowerCase() === 'true') {
    sendEmpty(call.ctx);
    return;
  }
  const encoding = readEncoding(call) ?? (childText(root, 'EncodingType') === 'url' ? 'url' : undefined);
  const encode = encoder(encoding);
  sendXml(call.ctx, writeXml('DeleteResult', { EncodingType: encoding, Deleted: keys.map((key) => ({ Key: encode(key) })) }));
}

function readKeys(root: XmlNode): string[] {
  const objects = childrenOf(root, 'Object');
  if (objects.length === 0 || objects.length > deleteKeys) {
    throw new Fault('MalformedXML', `A <Delete> document holds 1 to ${deleteKeys} <Object> elements; this one holds ${objects.length}.`);
  }
  return objects.map((object) => {
    const key = childText(object, 'Key');
    if (!key) throw new Fault('MalformedXML', 'Every <Object> needs a <Key> that is not empty.');
    const version = childText(object, 'VersionId');
    if (version && version !== 'null') {
      throw new Fault('NotImplemented', 'Sluice keeps no versions yet: VersionId may only be "null" (DeleteMultipleObjects).');
    }
    return key;
  });
}
