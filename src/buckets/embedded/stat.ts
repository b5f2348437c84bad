import { sleep } from '../../kit/index.ts';
import type { Metadata } from '../../metadata/index.ts';
import type { BucketStat } from '../store.ts';

/** Rows read before others get a turn. */
const turnRows = 2000;
const page = 'select key, size, storage_class from objects where bucket = ? and key > ? order by key limit ?';
const open = `select count(distinct u.id) as uploads, coalesce(sum(p.size), 0) as bytes
  from uploads u left join pieces p on p.owner = u.id where u.bucket = ?`;

/** Counts what is in a bucket. */
export async function countBucket(metadata: Metadata, bucket: string): Promise<BucketStat> {
  const classes: Record<string, { objects: number; bytes: number }> = {};
  let [objects, bytes, last] = [0, 0, ''];
  for (;;) {
    const rows = metadata.all<{ key: string; size: number; storage_class: string }>(page, [bucket, last, turnRows]);
    for (const { size, storage_class: name } of rows) {
      classes[name] ??= { objects: 0, bytes: 0 };
      const sum = classes[name];
      sum.objects += 1;
      sum.bytes += size;
      bytes += size;
    }
    objects += rows.length;
    if (rows.length < turnRows) break;
    last = rows.at(-1)?.key ?? '';
    await sleep(0);
  }
  const unfinished = metadata.get<{ uploads: number; bytes: number }>(open, [bucket]);
  return { objects, bytes, classes, uploads: unfinished?.uploads ?? 0, partBytes: unfinished?.bytes ?? 0 };
}
