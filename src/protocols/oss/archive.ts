import type { ObjectHead } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { child, childText, httpDate, writeXml, type XmlNode } from '../../kit/index.ts';
import type { Call } from './call.ts';
import { type HeaderList, invalid } from './headers.ts';
import { readXml, requireXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';
import { requireHead, versionHeaders } from './versions.ts';

const dayMs = 86_400_000;
/** Most days that each class can be restored for, and how urgent it can be (Alibaba OSS API reference, "RestoreObject"). */
const archives: Readonly<Record<string, { days: number; tiers: readonly string[] }>> = {
  Archive: { days: 7, tiers: [] },
  ColdArchive: { days: 365, tiers: ['Expedited', 'Standard', 'Bulk'] },
  DeepColdArchive: { days: 365, tiers: ['Expedited', 'Standard'] },
};

/** Whether an object's bytes cannot be read without more ado. */
export function isArchived({ storageClass }: ObjectHead): boolean {
  return archives[storageClass] !== undefined;
}

/**
 * Refuses to read the bytes of an object of an archive class that is not restored. Where the bucket lets them be read directly, those of the class
 * Archive can be.
 * @throws Fault InvalidObjectState
 */
export function requireReadable(call: Call, head: ObjectHead): void {
  if (!isArchived(head)) return;
  const { storageClass } = head;
  if (storageClass === 'Archive' && call.rooms.store.bucket(head.bucket)?.settings.archiveDirectRead) return;
  const restore = call.rooms.store.restores.find(head);
  if (restore && restore.readyAt <= call.ctx.startedAt) return;
  const state = restore ? 'It is being restored.' : 'Restore it first (POST ?restore).';
  throw new Fault(
    'InvalidObjectState',
    `The operation is not valid for the object's state: its storage class is ${storageClass}. ${state}`,
    {
      extra: { ObjectName: head.key },
    },
  );
}

/** How restoring an object stands, as heads and lists say it; undefined for most objects. */
export function restoreState(call: Call, head: ObjectHead): string | undefined {
  const restore = isArchived(head) ? call.rooms.store.restores.find(head) : undefined;
  if (!restore) return undefined;
  if (restore.readyAt > call.ctx.startedAt) return 'ongoing-request="true"';
  return `ongoing-request="false", expiry-date="${httpDate(restore.until)}"`;
}

/** Adds to the head of an answer how restoring stands. */
export function addRestore(list: HeaderList, call: Call, head: ObjectHead): void {
  const state = restoreState(call, head);
  if (state !== undefined) list.push('x-oss-restore', state);
}

/** @throws Fault OperationNotSupported for an object of a class that is always readable */
function requireArchived(head: ObjectHead): { days: number; tiers: readonly string[] } {
  const archive = archives[head.storageClass];
  if (archive) return archive;
  throw new Fault('OperationNotSupported', `The operation is not supported for this resource: its storage class is ${head.storageClass}.`);
}

/** RestoreObject: 202 when it begins, 200 when it prolongs. */
export async function restoreObject(call: Call): Promise<void> {
  const head = requireHead(call, call.bucket);
  const { days: mostDays, tiers } = requireArchived(head);
  const root = await readXml(call, ['RestoreRequest']);
  const days = readDays(root, mostDays);
  const tier = readTier(root, tiers);
  const request = { lastsMs: days * dayMs, takesMs: call.rooms.restoreMs ?? 0 };
  const done = await call.rooms.store.restores.restore(head, request);
  const headers = versionHeaders(call.bucket, head.version);
  if (tier !== undefined) headers.push('x-oss-object-restore-priority', tier);
  sendEmpty(call.ctx, done === 'begun' ? 202 : 200, headers);
}

function readDays(root: XmlNode | undefined, most: number): number {
  const value = (root && childText(root, 'Days'))?.trim() ?? '1';
  const days = /^\d{1,3}$/.test(value) ? Number(value) : 0;
  if (days < 1 || days > most) throw invalid('Days', value, `The Days must be a number from 1 to ${most}.`);
  return days;
}

/** How urgent it is, which changes nothing here. */
function readTier(root: XmlNode | undefined, tiers: readonly string[]): string | undefined {
  const job = root && child(root, 'JobParameters');
  const value = job && childText(job, 'Tier')?.trim();
  if (value !== undefined && !tiers.includes(value)) throw invalid('Tier', value, `The Tier must be one of ${tiers.join(', ') || 'none'}.`);
  return tiers.length === 0 ? undefined : (value ?? 'Standard');
}

/** CleanRestoredObject: ends it early. */
export async function cleanRestoredObject(call: Call): Promise<void> {
  const head = requireHead(call, call.bucket);
  requireArchived(head);
  await call.rooms.store.restores.end(head);
  sendEmpty(call.ctx);
}

/** PutBucketArchiveDirectRead. */
export async function putBucketArchiveDirectRead(call: Call): Promise<void> {
  const { name } = call.bucket;
  const root = await requireXml(call, ['ArchiveDirectReadConfiguration']);
  const value = childText(root, 'Enabled')?.trim().toLowerCase() ?? '';
  if (value !== 'true' && value !== 'false') throw new Fault('MalformedXML', 'The <Enabled> must be true or false.');
  await call.rooms.store.setBucketSetting(name, 'archiveDirectRead', value === 'true');
  sendEmpty(call.ctx);
}

/** GetBucketArchiveDirectRead: false where nothing was put. */
export function getBucketArchiveDirectRead(call: Call): void {
  sendXml(call.ctx, writeXml('ArchiveDirectReadConfiguration', { Enabled: call.bucket.settings.archiveDirectRead ?? false }));
}
