import { writeXml, type XmlValue } from '../../kit/index.ts';
import type { Call } from './call.ts';
import { requireXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';
import { tagsIn, writeTagging } from './tagging.ts';

/** Most tags of a bucket (Alibaba OSS API reference, "PutBucketTags"). */
const bucketTags = 20;

/** How GetBucketStat calls the storage classes. */
const classNames: Record<string, string> = {
  Standard: 'Standard',
  IA: 'InfrequentAccess',
  Archive: 'Archive',
  ColdArchive: 'ColdArchive',
  DeepColdArchive: 'DeepColdArchive',
};

/** PutBucketTags: these instead of those that were there. */
export async function putBucketTags(call: Call): Promise<void> {
  const { name } = call.bucket;
  const tags = tagsIn(await requireXml(call, ['Tagging']), bucketTags);
  await call.rooms.store.setBucketSetting(name, 'tags', tags);
  sendEmpty(call.ctx);
}

/** GetBucketTags: an empty set where there are none. */
export function getBucketTags(call: Call): void {
  sendXml(call.ctx, writeTagging(call.bucket.settings.tags ?? {}));
}

/** DeleteBucketTags: all of them, or those of the keys that `tagging` names. */
export async function deleteBucketTags(call: Call): Promise<void> {
  const { name, settings } = call.bucket;
  const keys = call.param('tagging')?.split(',') ?? [];
  const named = keys.filter((key) => key !== '');
  const left = Object.entries(settings.tags ?? {}).filter(([key]) => named.length > 0 && !named.includes(key));
  await call.rooms.store.setBucketSetting(name, 'tags', left.length > 0 ? Object.fromEntries(left) : undefined);
  sendEmpty(call.ctx, 204);
}

/** GetBucketStat: counted when it is asked for. */
export async function getBucketStat(call: Call): Promise<void> {
  const { objects, bytes, uploads, deleteMarkers, classes } = await call.rooms.store.stat(call.bucket.name);
  const stat: Record<string, XmlValue> = {
    ...{ Storage: bytes, ObjectCount: objects, MultipartUploadCount: uploads, LiveChannelCount: 0, DeleteMarkerCount: deleteMarkers },
    LastModifiedTime: Math.floor(call.ctx.startedAt / 1000),
  };
  for (const [name, shown] of Object.entries(classNames)) {
    const of = classes[name] ?? { objects: 0, bytes: 0 };
    stat[`${shown}Storage`] = of.bytes;
    if (name !== 'Standard') stat[`${shown}RealStorage`] = of.bytes;
    stat[`${shown}ObjectCount`] = of.objects;
  }
  sendXml(call.ctx, writeXml('BucketStat', stat));
}
