import { mostParts, type UploadName } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { childrenOf, childText, writeXml } from '../../kit/index.ts';
import { readObjectAcl } from './acl.ts';
import type { Call } from './call.ts';
import { notify, readCallback } from './callback.ts';
import { encryptionHeaders } from './encryption.ts';
import { contentMd5, etagHeader, invalid, xmlDate } from './headers.ts';
import { encoder, readEncoding } from './listing.ts';
import { forbidsOverwrite, readDescription, readStorageClass, refuseHeaders } from './object-headers.ts';
import { readXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';
import { readTagHeader } from './tagging.ts';
import { readUpload } from './upload-body.ts';
import { versionHeaders } from './versions.ts';

/** Most bytes of the list of 10,000 parts. */
const listBytes = 4 * 1024 * 1024;
/** Most entries of one page, and how many when the request does not say. */
const pageEntries = 1_000;

/** Upload ids on the wire: 32 upper-case hex digits, which is how OSS writes them. */
function shownId(upload: string): string {
  return upload.toUpperCase();
}

/** The upload that a request names. An id that cannot be one is that of no upload. */
export function readUploadName(call: Call): UploadName {
  return { bucket: call.bucket.name, key: call.key, upload: (call.param('uploadId') ?? '').toLowerCase() };
}

/** Reads partNumber. @throws Fault InvalidArgument */
export function readPartNumber(call: Call): number {
  const value = call.param('partNumber') ?? '';
  const number = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (number < 1 || number > mostParts) throw invalid('partNumber', value, `The partNumber must be a number from 1 to ${mostParts}.`);
  return number;
}

/** InitiateMultipartUpload: what the headers say is kept for the object to be. */
export async function initiateMultipartUpload(call: Call): Promise<void> {
  const { bucket, rooms } = call;
  refuseHeaders(call);
  const encoding = readEncoding(call);
  // Refused at once, although what counts is whether there is an object when the upload is completed.
  if (forbidsOverwrite(call) && bucket.versioning === undefined && rooms.store.head(bucket.name, call.key)) {
    throw new Fault('FileAlreadyExists', undefined, { extra: { Key: call.key } });
  }
  const description = readDescription(call);
  const upload = await rooms.store.uploads.start({
    ...{ bucket: bucket.name, key: call.key, ...description, tags: readTagHeader(call) },
    storageClass: readStorageClass(call.header('x-oss-storage-class')),
    acl: readObjectAcl(call),
  });
  const result = { EncodingType: encoding, Bucket: call.name, Key: encoder(encoding)(call.key), UploadId: shownId(upload.upload) };
  sendXml(call.ctx, writeXml('InitiateMultipartUploadResult', result), [...encryptionHeaders(description.headers)]);
}

/** UploadPart: up to 5 GiB. */
export async function uploadPart(call: Call): Promise<void> {
  refuseHeaders(call);
  const request = { ...readUploadName(call), number: readPartNumber(call), ...readUpload(call) };
  const { etag, crc64 } = await call.rooms.store.uploads.put(request);
  sendEmpty(call.ctx, 200, ['ETag', etagHeader(etag), 'x-oss-hash-crc64ecma', crc64, 'Content-MD5', contentMd5(etag)]);
}

/** CompleteMultipartUpload: the listed parts, or with x-oss-complete-all every part, become the object. */
export async function completeMultipartUpload(call: Call): Promise<void> {
  refuseHeaders(call);
  const name = readUploadName(call);
  const encoding = readEncoding(call);
  const callback = readCallback(call);
  const parts = await readParts(call);
  const head = await call.rooms.store.uploads.complete({
    ...{ ...name, parts, acl: readObjectAcl(call), forbidOverwrite: forbidsOverwrite(call) },
  });
  const versions = versionHeaders(call.bucket, head.version);
  if (callback) return notify(call, callback, head);
  const encode = encoder(encoding);
  const etag = etagHeader(head.etag);
  const { ctx } = call;
  const location = `${ctx.encrypted ? 'https' : 'http'}://${ctx.host}${ctx.path}`;
  const result = { EncodingType: encoding, Location: location, Bucket: call.name, Key: encode(head.key), ETag: etag };
  const headers = ['ETag', etag, 'x-oss-hash-crc64ecma', head.crc64, ...versions, ...encryptionHeaders(head.headers)];
  sendXml(ctx, writeXml('CompleteMultipartUploadResult', result), headers);
}

async function readParts(call: Call): Promise<{ number: number; etag: string }[] | 'all'> {
  const all = call.header('x-oss-complete-all');
  const root = await readXml(call, ['CompleteMultipartUpload'], listBytes);
  if (all !== undefined) {
    if (all.toLowerCase() !== 'yes') throw invalid('x-oss-complete-all', all, 'The x-oss-complete-all must be "yes".');
    if (root) throw new Fault('InvalidArgument', 'With x-oss-complete-all no list of parts is sent.');
    return 'all';
  }
  const parts = root ? childrenOf(root, 'Part') : [];
  if (parts.length === 0 || parts.length > mostParts) {
    throw new Fault('MalformedXML', `A <CompleteMultipartUpload> document holds 1 to ${mostParts} <Part> elements, not ${parts.length}.`);
  }
  return parts.map((part) => {
    const number = childText(part, 'PartNumber')?.trim() ?? '';
    const etag = childText(part, 'ETag')?.trim().replace(/^"|"$/g, '') ?? '';
    if (!/^\d{1,9}$/.test(number) || etag === '') throw new Fault('MalformedXML', 'Every <Part> needs a <PartNumber> and an <ETag>.');
    return { number: Number(number), etag };
  });
}

/** AbortMultipartUpload. */
export async function abortMultipartUpload(call: Call): Promise<void> {
  await call.rooms.store.uploads.abort(readUploadName(call));
  sendEmpty(call.ctx, 204);
}

/** A number from a parameter; one beyond the limit counts as the limit, as OSS does it. @throws Fault InvalidArgument */
function readNumber(call: Call, name: string, usual: number, most: number, least: number): number {
  const value = call.param(name);
  if (value === undefined || value === '') return usual;
  const number = /^\d{1,9}$/.test(value) ? Number(value) : -1;
  if (number < least || number > most) throw invalid(name, value, `The ${name} must be a number from ${least} to ${most}.`);
  return number;
}

/** ListParts: by number. */
export function listParts(call: Call): void {
  const name = readUploadName(call);
  const encoding = readEncoding(call);
  const maxParts = readNumber(call, 'max-parts', pageEntries, pageEntries, 1);
  const after = readNumber(call, 'part-number-marker', 0, 999_999_999, 0);
  const { upload, parts, truncated } = call.rooms.store.uploads.parts({ ...name, after, maxParts });
  const xml = writeXml('ListPartsResult', {
    EncodingType: encoding,
    Bucket: call.name,
    Key: encoder(encoding)(upload.key),
    UploadId: shownId(upload.upload),
    StorageClass: upload.storageClass,
    PartNumberMarker: after,
    NextPartNumberMarker: parts.at(-1)?.number ?? after,
    MaxParts: maxParts,
    IsTruncated: truncated,
    Part: parts.map(({ number, modifiedAt, etag, crc64, size }) => ({
      ...{ PartNumber: number, LastModified: xmlDate(modifiedAt), ETag: etagHeader(etag), HashCrc64ecma: crc64, Size: size },
    })),
  });
  sendXml(call.ctx, xml);
}

/** ListMultipartUploads: those that are neither complete nor aborted, by key and then by id. */
export function listMultipartUploads(call: Call): void {
  const encoding = readEncoding(call);
  const encode = encoder(encoding);
  const prefix = call.param('prefix') ?? '';
  const delimiter = call.param('delimiter') ?? '';
  const afterKey = call.param('key-marker') ?? '';
  const afterUpload = call.param('upload-id-marker') ?? '';
  const maxUploads = readNumber(call, 'max-uploads', pageEntries, pageEntries, 1);
  const page = { bucket: call.bucket.name, prefix, delimiter, afterKey, afterUpload: afterUpload.toLowerCase(), maxUploads };
  const { uploads, prefixes, truncated, nextKey = '', nextUpload = '' } = call.rooms.store.uploads.list(page);
  const xml = writeXml('ListMultipartUploadsResult', {
    EncodingType: encoding,
    Bucket: call.name,
    KeyMarker: encode(afterKey),
    UploadIdMarker: afterUpload,
    NextKeyMarker: encode(truncated ? nextKey : ''),
    NextUploadIdMarker: truncated ? shownId(nextUpload) : '',
    Delimiter: encode(delimiter),
    Prefix: encode(prefix),
    MaxUploads: maxUploads,
    IsTruncated: truncated,
    Upload: uploads.map(({ key, upload, storageClass, createdAt }) => ({
      ...{ Key: encode(key), UploadId: shownId(upload), StorageClass: storageClass, Initiated: xmlDate(createdAt) },
    })),
    CommonPrefixes: prefixes.map((each) => ({ Prefix: encode(each) })),
  });
  sendXml(call.ctx, xml);
}
