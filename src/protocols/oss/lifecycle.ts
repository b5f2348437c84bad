import { expiryOf, type ObjectHead } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { httpDate, writeXml } from '../../kit/index.ts';
import type { Call } from './call.ts';
import type { HeaderList } from './headers.ts';
import { readRules, writeRule } from './lifecycle-rules.ts';
import { requireXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';

/** PutBucketLifecycle: these rules instead of those that were there. */
export async function putBucketLifecycle(call: Call): Promise<void> {
  const { name } = call.bucket;
  const root = await requireXml(call, ['LifecycleConfiguration']);
  const rules = readRules(root, call.header('x-oss-allow-same-action-overlap')?.toLowerCase() === 'true');
  await call.rooms.store.setBucketSetting(name, 'lifecycle', rules);
  sendEmpty(call.ctx);
}

/** GetBucketLifecycle. */
export function getBucketLifecycle(call: Call): void {
  const { name, settings } = call.bucket;
  if (!settings.lifecycle) throw new Fault('NoSuchLifecycle', undefined, { extra: { BucketName: name } });
  sendXml(call.ctx, writeXml('LifecycleConfiguration', { Rule: settings.lifecycle.map(writeRule) }));
}

/** DeleteBucketLifecycle: 204 whether or not there were rules. */
export async function deleteBucketLifecycle(call: Call): Promise<void> {
  await call.rooms.store.setBucketSetting(call.bucket.name, 'lifecycle', undefined);
  sendEmpty(call.ctx, 204);
}

/** When a current object will expire, and by which rule. */
export function expirationHeaders(call: Call, head: ObjectHead): HeaderList {
  const { lifecycle } = call.bucket.settings;
  const expiry = lifecycle && expiryOf(lifecycle, head, head.modifiedAt);
  if (!expiry) return [];
  return ['x-oss-expiration', `expiry-date="${httpDate(expiry.at)}", rule-id="${encodeURIComponent(expiry.rule)}"`];
}
