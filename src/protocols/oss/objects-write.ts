import { Fault } from '../../faults/index.ts';
import { childrenOf, childText, writeXml, type XmlNode } from '../../kit/index.ts';
import { readObjectAcl } from './acl.ts';
import type { Call } from './call.ts';
import { authorizeKey } from './guard.ts';
import { contentMd5, etagHeader } from './headers.ts';
import { encoder, readEncoding } from './listing.ts';
import { forbidsOverwrite, readDescription, readStorageClass, refuseHeaders } from './object-headers.ts';
import { requireXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';
import { readTagHeader } from './tagging.ts';
import { readUpload } from './upload-body.ts';
import { refuseVersion } from './versions.ts';

/** Most keys of one DeleteMultipleObjects. */
const deleteKeys = 1_000;

/** PutObject: stores one object whole, or leaves what was there before. */
export async function putObject(call: Call): Promise<void> {
  const { ctx, rooms } = call;
  const bucket = call.bucket;
  refuseHeaders(call);
  const head = await rooms.store.put({
    ...{ bucket: bucket.name, key: call.key, ...readUpload(call), ...readDescription(call), tags: readTagHeader(call) },
    storageClass: readStorageClass(call.header('x-oss-storage-class')) ?? bucket.storageClass,
    acl: readObjectAcl(call),
    forbidOverwrite: forbidsOverwrite(call),
  });
  sendEmpty(ctx, 200, ['ETag', etagHeader(head.etag), 'x-oss-hash-crc64ecma', head.crc64, 'Content-MD5', contentMd5(head.etag)]);
}

/** DeleteObject: 204 whether or not there was one. */
export async function deleteObject(call: Call): Promise<void> {
  refuseVersion(call);
  await call.rooms.store.delete(call.bucket.name, call.key);
  sendEmpty(call.ctx, 204);
}

/** DeleteMultipleObjects: all keys of the document, or none when one of them is refused. */
export async function deleteMultipleObjects(call: Call): Promise<void> {
  const bucket = call.bucket.name;
  if (call.header('content-md5') === undefined) throw new Fault('MissingArgument', 'DeleteMultipleObjects needs a Content-MD5 header.');
  const root = await requireXml(call, ['Delete'], 2 * 1024 * 1024);
  const keys = readKeys(call, root);
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

function readKeys(call: Call, root: XmlNode): string[] {
  const objects = childrenOf(root, 'Object');
  if (objects.length === 0 || objects.length > deleteKeys) {
    throw new Fault('MalformedXML', `A <Delete> document holds 1 to ${deleteKeys} <Object> elements; this one holds ${objects.length}.`);
  }
  return objects.map((object) => {
    const key = childText(object, 'Key');
    if (!key) throw new Fault('MalformedXML', 'Every <Object> needs a <Key> that is not empty.');
    refuseVersion(call, childText(object, 'VersionId'), 'VersionId');
    return key;
  });
}
