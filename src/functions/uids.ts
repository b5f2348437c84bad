import { createHash } from 'node:crypto';
import type { Metadata } from '../metadata/index.ts';

const lowestUid = 200_000;
const rangeSize = 10_000;
const ranges = 100_000;

/**
 * The lowest user id that a data folder gives out: a range of its own, so that functions of two servers on one machine are not the same users. One that is moved
 * goes on in another range; what was given out stays.
 */
export function uidBaseOf(dataDir: string): number {
  return lowestUid + (createHash('sha256').update(dataDir).digest().readUInt32BE(0) % ranges) * rangeSize;
}

/**
 * The user id of a function name, allocated at the first call. An id stays with its name for ever, also after the function was removed, so that
 * what an old process or file of it still holds can never belong to another function.
 * @param base the lowest id to give out
 */
export async function uidOf(metadata: Metadata, name: string, base: number): Promise<number> {
  await metadata.write([
    {
      sql: `insert into function_uids (name, uid)
        select ?, case when highest >= ? then highest + 1 else ? end from (select coalesce(max(uid), 0) as highest from function_uids) as used where true
        on conflict (name) do nothing`,
      params: [name, base, base],
    },
  ]);
  const row = metadata.get<{ uid: number }>('select uid from function_uids where name = ?', [name]);
  if (!row) throw new Error(`No user id was allocated for function ${name}.`);
  return row.uid;
}
