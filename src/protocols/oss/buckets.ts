import type { Bucket } from '../../buckets/index.ts';
import { childText, writeXml, type XmlValue } from '../../kit/index.ts';
import { readBucketAcl } from './acl.ts';
import type { Call, OssRooms } from './call.ts';
import { invalid, xmlDate } from './headers.ts';
import { readMaxKeys } from './listing.ts';
import { readStorageClass } from './object-headers.ts';
import { readXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';

const redundancies = ['LRS', 'ZRS'];

function endpointsOf({ region, endpoints }: OssRooms): { public: string; internal: string } {
  return endpoints ?? { public: `oss-${region}.aliyuncs.com`, internal: `oss-${region}-internal.aliyuncs.com` };
}

function owner(id: string): XmlValue {
  return { ID: id, DisplayName: id };
}

function describe(bucket: Bucket, rooms: OssRooms): Record<string, XmlValue> {
  const endpoints = endpointsOf(rooms);
  return {
    Name: bucket.name,
    CreationDate: xmlDate(bucket.createdAt),
    Location: `oss-${bucket.region}`,
    Region: bucket.region,
    ExtranetEndpoint: endpoints.public,
    IntranetEndpoint: endpoints.internal,
    StorageClass: bucket.storageClass,
  };
}

/** ListBuckets (GetService). */
export function listBuckets(call: Call): void {
  const prefix = call.param('prefix') ?? '';
  const marker = call.param('marker') ?? '';
  const maxKeys = readMaxKeys(call);
  const { buckets, truncated, nextMarker } = call.rooms.store.listBuckets({ prefix, marker, maxKeys });
  const xml = writeXml('ListAllMyBucketsResult', {
    Prefix: prefix,
    Marker: marker,
    MaxKeys: maxKeys,
    IsTruncated: truncated,
    NextMarker: truncated ? nextMarker : undefined,
    Owner: owner(call.rooms.identity.accountId),
    Buckets: { Bucket: buckets.map((bucket) => describe(bucket, call.rooms)) },
  });
  sendXml(call.ctx, xml);
}

/** PutBucket: makes a bucket; one's own bucket may be made again, and gets the ACL that is asked for. */
export async function putBucket(call: Call): Promise<void> {
  const acl = readBucketAcl(call);
  const root = await readXml(call, ['CreateBucketConfiguration']);
  const redundancy = (root && childText(root, 'DataRedundancyType')?.trim()) || 'LRS';
  if (!redundancies.includes(redundancy)) {
    throw invalid('DataRedundancyType', redundancy, `The DataRedundancyType must be one of ${redundancies.join(', ')}.`);
  }
  const { created } = await call.rooms.store.createBucket({
    name: call.name,
    owner: call.rooms.identity.accountId,
    region: call.rooms.region,
    acl: acl ?? 'private',
    storageClass: readStorageClass(root && childText(root, 'StorageClass')?.trim()) ?? 'Standard',
    redundancy,
  });
  if (!created && acl !== undefined) await call.rooms.store.setBucketAcl(call.name, acl);
  sendEmpty(call.ctx, 200, ['Location', `/${call.name}`]);
}

/** DeleteBucket: only an empty one without access points. */
export async function deleteBucket(call: Call): Promise<void> {
  const { name } = call.bucket;
  await call.rooms.store.deleteBucket(name, { guard: call.rooms.accesspoints.deletionGuard(name) });
  sendEmpty(call.ctx, 204);
}

/** GetBucketInfo. */
export function getBucketInfo(call: Call): void {
  const { bucket } = call;
  const details: Record<string, XmlValue> = {
    ...describe(bucket, call.rooms),
    DataRedundancyType: bucket.redundancy,
    Owner: owner(bucket.owner),
    AccessControlList: { Grant: bucket.acl },
    AccessMonitor: 'Disabled',
    BlockPublicAccess: bucket.blockPublicAccess,
    Comment: '',
    CrossRegionReplication: 'Disabled',
    TransferAcceleration: 'Disabled',
    Versioning: bucket.versioning,
    ServerSideEncryptionRule: { SSEAlgorithm: bucket.settings.encryption ?? 'None' },
    BucketPolicy: { LogBucket: '', LogPrefix: '' },
  };
  sendXml(call.ctx, writeXml('BucketInfo', { Bucket: details }));
}

/** GetBucketLocation. */
export function getBucketLocation(call: Call): void {
  sendXml(call.ctx, writeXml('LocationConstraint', `oss-${call.bucket.region}`));
}
