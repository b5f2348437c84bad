import type { Bucket, Deleted, Deletion } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { childrenOf, childText, writeXml, type XmlNode, type XmlValue } from '../../kit/index.ts';
import { readObjectAcl } from './acl.ts';
import type { Call } from './call.ts';
import { notify, readCallback } from './callback.ts';
import { encryptionHeaders } from './encryption.ts';
import { authorizeKey } from './guard.ts';
import { contentMd5, etagHeader } from './headers.ts';
import { encoder, readEncoding } from './listing.ts';
import { forbidsOverwrite, readDescription, readStorageClass, refuseHeaders } from './object-headers.ts';
import { requireXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';
import { readTagHeader } from './tagging.ts';
import { readUpload } from './upload-body.ts';
import { checkVersion, readVersion, versionHeaders } from './versions.ts';

/** Most keys of one DeleteMultipleObjects. */
const deleteKeys = 1_000;

/** PutObject: stores one object whole, or leaves what was there before. */
export async function putObject(call: Call): Promise<void> {
  const { ctx, rooms } = call;
  const bucket = call.bucket;
  refuseHeaders(call);
  const callback = readCallback(call);
  const head = await rooms.store.put({
    ...{ bucket: bucket.name, key: call.key, ...readUpload(call), ...readDescription(call), tags: readTagHeader(call) },
    storageClass: readStorageClass(call.header('x-oss-storage-class')) ?? bucket.storageClass,
    acl: readObjectAcl(call),
    forbidOverwrite: forbidsOverwrite(call),
  });
  const versions = versionHeaders(bucket, head.version);
  if (callback) return notify(call, callback, head);
  const checks = ['ETag', etagHeader(head.etag), 'x-oss-hash-crc64ecma', head.crc64, 'Content-MD5', contentMd5(head.etag)];
  sendEmpty(ctx, 200, checks.concat(versions, encryptionHeaders(head.headers)));
}

/** DeleteObject: 204 whether or not there was one. With versioning it leaves a delete marker, unless it names a version. */
export async function deleteObject(call: Call): Promise<void> {
  const { bucket } = call;
  const asked = readVersion(call, bucket);
  const { version, marker } = await call.rooms.store.delete(bucket.name, call.key, asked);
  const told = version ?? marker;
  const headers = told === undefined ? [] : versionHeaders(bucket, told);
  sendEmpty(call.ctx, 204, marker === undefined ? headers : headers.concat('x-oss-delete-marker', 'true'));
}

/** DeleteMultipleObjects: all objects and versions of the document, or none when one of them is refused. */
export async function deleteMultipleObjects(call: Call): Promise<void> {
  const { bucket } = call;
  if (call.header('content-md5') === undefined) throw new Fault('MissingArgument', 'DeleteMultipleObjects needs a Content-MD5 header.');
  const root = await requireXml(call, ['Delete'], 2 * 1024 * 1024);
  const deletions = readDeletions(bucket, root);
  for (const { key, version } of deletions) authorizeKey(call, key, version);
  const deleted = await call.rooms.store.deleteMany(bucket.name, deletions);
  if (childText(root, 'Quiet')?.trim().toLowerCase() === 'true') {
    sendEmpty(call.ctx);
    return;
  }
  const encoding = readEncoding(call) ?? (childText(root, 'EncodingType') === 'url' ? 'url' : undefined);
  const encode = encoder(encoding);
  sendXml(call.ctx, writeXml('DeleteResult', { EncodingType: encoding, Deleted: deleted.map((each) => shownDeletion(each, encode)) }));
}

function shownDeletion({ key, version, marker }: Deleted, encode: (text: string) => string): XmlValue {
  const shown = { Key: encode(key), VersionId: version };
  return marker === undefined ? shown : { ...shown, DeleteMarker: true, DeleteMarkerVersionId: marker };
}

function readDeletions(bucket: Bucket, root: XmlNode): Deletion[] {
  const objects = childrenOf(root, 'Object');
  if (objects.length === 0 || objects.length > deleteKeys) {
    throw new Fault('MalformedXML', `A <Delete> document holds 1 to ${deleteKeys} <Object> elements; this one holds ${objects.length}.`);
  }
  return objects.map((object) => {
    const key = childText(object, 'Key');
    if (!key) throw new Fault('MalformedXML', 'Every <Object> needs a <Key> that is not empty.');
    const version = childText(object, 'VersionId');
    return version === undefined ? { key } : { key, version: checkVersion(bucket, version, 'VersionId') };
  });
}
