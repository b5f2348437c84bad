import { createHash } from 'node:crypto';
import { Fault } from '../faults/index.ts';
import type { Part } from './parts.ts';

/** What stands for one state of a part in an ETag. */
export function revisionOf({ id, value, createdTime, modifiedTime }: Part): string {
  return createHash('sha256')
    .update(JSON.stringify([id, value, createdTime, modifiedTime]))
    .digest('hex')
    .slice(0, 16);
}

/** @param ifMatch the revision that a caller means, with or without quotes; none means any @throws Fault PreconditionFailed */
export function refuseStale(revision: string, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch === '' || ifMatch === '*') return;
  if (ifMatch.replaceAll('"', '') !== revision) {
    throw new Fault('PreconditionFailed', 'If-Match: it was changed since; read it again and repeat the change.');
  }
}
