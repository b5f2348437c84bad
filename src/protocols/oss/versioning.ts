import type { Versioning, VersionPage } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { childText, writeXml, type XmlValue } from '../../kit/index.ts';
import { restoreState } from './archive.ts';
import type { Call } from './call.ts';
import { etagHeader, invalid, xmlDate } from './headers.ts';
import { encoder, readEncoding, readMaxKeys } from './listing.ts';
import { requireXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';

/** PutBucketVersioning: enables versioning, or suspends it. */
export async function putBucketVersioning(call: Call): Promise<void> {
  const { name } = call.bucket;
  const status = childText(await requireXml(call, ['VersioningConfiguration']), 'Status')?.trim();
  if (status !== 'Enabled' && status !== 'Suspended') {
    throw new Fault('MalformedXML', 'The <Status> of a <VersioningConfiguration> must be Enabled or Suspended.');
  }
  await call.rooms.store.setBucketVersioning(name, status satisfies Versioning);
  sendEmpty(call.ctx);
}

/** GetBucketVersioning: without a status where versioning was never enabled. */
export function getBucketVersioning(call: Call): void {
  sendXml(call.ctx, writeXml('VersioningConfiguration', { Status: call.bucket.versioning }));
}

/** ListObjectVersions: all versions and delete markers, by key and then the newest first. */
export function listObjectVersions(call: Call): void {
  const encoding = readEncoding(call);
  const encode = encoder(encoding);
  const prefix = call.param('prefix') ?? '';
  const delimiter = call.param('delimiter') ?? '';
  const afterKey = call.param('key-marker') ?? '';
  const afterVersion = call.param('version-id-marker') ?? '';
  if (afterVersion !== '' && afterKey === '') throw invalid('version-id-marker', afterVersion, 'A version-id-marker needs a key-marker.');
  const maxKeys = readMaxKeys(call);
  const page = call.rooms.store.listVersions({ bucket: call.bucket.name, prefix, delimiter, afterKey, afterVersion, maxKeys });
  const xml = writeXml('ListVersionsResult', {
    ...{ Name: call.name, Prefix: encode(prefix), KeyMarker: encode(afterKey), VersionIdMarker: afterVersion },
    ...{ MaxKeys: maxKeys, Delimiter: encode(delimiter), EncodingType: encoding, IsTruncated: page.truncated },
    NextKeyMarker: page.truncated ? encode(page.nextKey ?? '') : undefined,
    NextVersionIdMarker: page.truncated ? (page.nextVersion ?? '') : undefined,
    ...entriesOf(call, page, encode),
    CommonPrefixes: page.prefixes.map((each) => ({ Prefix: encode(each) })),
  });
  sendXml(call.ctx, xml);
}

function entriesOf(call: Call, { versions }: VersionPage, encode: (text: string) => string): Record<string, XmlValue> {
  const id = call.rooms.identity.accountId;
  const owner = { ID: id, DisplayName: id };
  const markers: XmlValue[] = [];
  const objects: XmlValue[] = [];
  for (const { key, version, latest, modifiedAt, object } of versions) {
    const shown = { Key: encode(key), VersionId: version, IsLatest: latest, LastModified: xmlDate(modifiedAt) };
    if (!object) markers.push({ ...shown, Owner: owner });
    else {
      const { etag, type, size, storageClass } = object;
      const stored = { ETag: etagHeader(etag), Type: type, Size: size, StorageClass: storageClass };
      objects.push({ ...shown, ...stored, RestoreInfo: restoreState(call, object), Owner: owner });
    }
  }
  return { DeleteMarker: markers, Version: objects };
}
