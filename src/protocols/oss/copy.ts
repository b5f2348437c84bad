import { passthrough, type Resolved } from '../../accesspoints/index.ts';
import { type Conditions, type CopySource, evaluateConditions, type ObjectHead, parseRange } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { writeXml } from '../../kit/index.ts';
import { readObjectAcl } from './acl.ts';
import { requireReadable } from './archive.ts';
import { type Call, noSuchBucket } from './call.ts';
import { encryptionHeaders, readEncryption } from './encryption.ts';
import { authorizeSource } from './guard.ts';
import { conditionsFrom, etagHeader, type HeaderList, invalid, xmlDate } from './headers.ts';
import { readPartNumber, readUploadName } from './multipart.ts';
import { forbidsOverwrite, readDescription, readStorageClass, refuseHeaders } from './object-headers.ts';
import { sendEmpty, sendXml } from './respond.ts';
import { bucketBehind } from './sides.ts';
import { readTagHeader } from './tagging.ts';
import { checkVersion, versionHeaders } from './versions.ts';

/** The header that names what is copied: `/bucket/key`, the key percent-encoded. */
export const sourceHeader = 'x-oss-copy-source';

/** The object that a request copies, by the name that it is asked for. */
export interface Source {
  readonly name: string;
  readonly key: string;
  readonly resolved: Resolved | undefined;
  readonly version: string | undefined;
}

/** What a request may copy. */
interface AdmittedSource {
  readonly from: CopySource;
  /** Makes what checks the conditions on the source, and learns which version it is. */
  readonly check: (conditions: Conditions | undefined) => (head: ObjectHead) => void;
  /** Tell of that version. */
  readonly headers: () => HeaderList;
}

/** The source's conditions say that there is nothing to do. */
class NotModified extends Error {}

/** @throws Fault InvalidArgument */
function readSource(call: Call): Source {
  const value = call.header(sourceHeader) ?? '';
  const [path = '', query = ''] = value.split('?', 2);
  const plain = path.startsWith('/') ? path.slice(1) : path;
  const at = plain.search(/\/|%2f/i);
  const malformed = () => invalid(sourceHeader, value, `The ${sourceHeader} must be /bucket/key with the key percent-encoded.`);
  if (at < 1) throw malformed();
  const version = new URLSearchParams(query).get('versionId') ?? undefined;
  const name = plain.slice(0, at);
  try {
    // Go v1 encodes a space as `+`, and every SDK a plus as `%2B`.
    const key = decodeURIComponent(plain.slice(plain[at] === '/' ? at + 1 : at + 3).replaceAll('+', ' '));
    if (key === '') throw malformed();
    return { name, key, resolved: call.rooms.accesspoints.resolve(name), version };
  } catch (error) {
    throw error instanceof Fault ? error : malformed();
  }
}

/** The object that may be copied: the caller may read it. @throws Fault AccessDenied, NoSuchBucket */
function admitSource(call: Call): AdmittedSource {
  const source = readSource(call);
  const { name, key, resolved, version } = source;
  if (resolved?.kind === 'object-fc' && !resolved.objectFc.allowedFeatures.includes(passthrough)) {
    const why = 'so that the original cannot leak. Copy from the bucket.';
    throw new Fault('AccessDenied', `An Object FC access point (${name}) cannot be the source of a copy, ${why}`);
  }
  authorizeSource(call, source);
  const bucket = bucketBehind(call.rooms, resolved);
  if (bucket === undefined) throw noSuchBucket(name);
  if (version !== undefined) checkVersion(bucket, version, `versionId of ${sourceHeader}`);
  let copied = '';
  return {
    from: { bucket: bucket.name, key, version },
    check: (conditions) => (head) => {
      copied = head.version;
      requireReadable(call, head);
      checkSource(conditions, head);
    },
    headers: () => (bucket.versioning === undefined ? [] : ['x-oss-copy-source-version-id', copied]),
  };
}

/** Evaluates what the request asks of the source. @throws Fault PreconditionFailed; NotModified */
function checkSource(conditions: Conditions | undefined, head: ObjectHead): void {
  if (!conditions) return;
  const verdict = evaluateConditions(head, conditions);
  if (verdict === 'not-modified') throw new NotModified();
  if (verdict === 'proceed') return;
  const condition = conditions.ifMatch ? 'x-oss-copy-source-if-match' : 'x-oss-copy-source-if-unmodified-since';
  throw new Fault('PreconditionFailed', undefined, { extra: { Condition: condition } });
}

/** Reads a directive: whether something is given anew. @throws Fault InvalidArgument */
function replaces(call: Call, header: string): boolean {
  const value = call.header(header);
  const plain = value?.toUpperCase() ?? 'COPY';
  if (plain !== 'COPY' && plain !== 'REPLACE') throw invalid(header, value ?? '', `The ${header} must be COPY or REPLACE.`);
  return plain === 'REPLACE';
}

/** Sends 304 for conditions that say there is nothing to do. */
async function unlessUnmodified(call: Call, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof NotModified)) throw error;
    sendEmpty(call.ctx, 304);
  }
}

/** CopyObject: within the store, without moving bytes where that can be. */
export async function copyObject(call: Call): Promise<void> {
  const { bucket } = call;
  refuseHeaders(call);
  const source = admitSource(call);
  const conditions = conditionsFrom(call.ctx.headers, 'x-oss-copy-source-');
  const described = replaces(call, 'x-oss-metadata-directive') ? readDescription(call) : undefined;
  const tags = readTagHeader(call);
  const request = {
    ...{ from: source.from, bucket: bucket.name, key: call.key, described, check: source.check(conditions) },
    tags: replaces(call, 'x-oss-tagging-directive') ? (tags ?? {}) : undefined,
    encryption: readEncryption(call),
    storageClass: readStorageClass(call.header('x-oss-storage-class')),
    acl: readObjectAcl(call),
    forbidOverwrite: forbidsOverwrite(call),
  };
  await unlessUnmodified(call, async () => {
    const head = await call.rooms.store.copy(request);
    const etag = etagHeader(head.etag);
    const xml = writeXml('CopyObjectResult', { LastModified: xmlDate(head.modifiedAt), ETag: etag });
    const versions = [...versionHeaders(bucket, head.version), ...source.headers()];
    sendXml(call.ctx, xml, ['ETag', etag, 'x-oss-hash-crc64ecma', head.crc64, ...versions, ...encryptionHeaders(head.headers)]);
  });
}

/** UploadPartCopy: a part from an object, or from the range of it in x-oss-copy-source-range. */
export async function uploadPartCopy(call: Call): Promise<void> {
  const name = readUploadName(call);
  const number = readPartNumber(call);
  const source = admitSource(call);
  const conditions = conditionsFrom(call.ctx.headers, 'x-oss-copy-source-');
  const checked = source.check(conditions);
  const header = call.header('x-oss-copy-source-range');
  const check = (head: ObjectHead) => {
    checked(head);
    const range = parseRange(header, head.size);
    if (typeof range === 'object' || range === undefined) return range;
    throw new Fault('InvalidRange', `The x-oss-copy-source-range must be bytes=first-last within the ${head.size} bytes of the source.`, {
      extra: { RangeRequested: header ?? '', ActualObjectSize: String(head.size) },
    });
  };
  await unlessUnmodified(call, async () => {
    const { etag, crc64, modifiedAt } = await call.rooms.store.uploads.copy({ ...name, number, from: source.from, check });
    const shown = etagHeader(etag);
    const xml = writeXml('CopyPartResult', { LastModified: xmlDate(modifiedAt), ETag: shown });
    // ali-oss reads the ETag from the header alone.
    sendXml(call.ctx, xml, ['ETag', shown, 'x-oss-hash-crc64ecma', crc64, ...source.headers()]);
  });
}
