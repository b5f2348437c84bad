import { sleep } from '../../kit/index.ts';
import type { Metadata } from '../../metadata/index.ts';
import type { BucketStat } from '../store.ts';

/** Rows read before others get a turn. */
const turnRows = 2000;
const objectPage = `select key, version, size, storage_class, 0 as marker from objects
  where bucket = ? and (key, version) > (?, ?) order by key limit ?`;
const versionPage = `select key, version, size, storage_class, marker from versions
  where bucket = ? and (key, version) > (?, ?) order by key, version limit ?`;
const open = `select count(distinct u.id) as uploads, coalesce(sum(p.size), 0) as bytes
  from uploads u left join pieces p on p.owner = u.id where u.bucket = ?`;

interface CountedRow {
  key: string;
  version: string;
  size: number;
  storage_class: string;
  marker: number;
}

/** Counts what is in a bucket. */
export async function countBucket(metadata: Metadata, bucket: string): Promise<BucketStat> {
  const classes: Record<string, { objects: number; bytes: number }> = {};
  let [objects, bytes, deleteMarkers] = [0, 0, 0];
  for (const sql of [objectPage, versionPage]) {
    for await (const rows of pagesOf(metadata, sql, bucket)) {
      for (const { size, storage_class: name, marker } of rows) {
        if (marker === 1) {
          deleteMarkers += 1;
          continue;
        }
        classes[name] ??= { objects: 0, bytes: 0 };
        const sum = classes[name];
        sum.objects += 1;
        sum.bytes += size;
        objects += 1;
        bytes += size;
      }
    }
  }
  const unfinished = metadata.get<{ uploads: number; bytes: number }>(open, [bucket]);
  return { objects, bytes, classes, deleteMarkers, uploads: unfinished?.uploads ?? 0, partBytes: unfinished?.bytes ?? 0 };
}

async function* pagesOf(metadata: Metadata, sql: string, bucket: string): AsyncGenerator<CountedRow[]> {
  let [key, version] = ['', ''];
  for (;;) {
    const rows = metadata.all<CountedRow>(sql, [bucket, key, version, turnRows]);
    yield rows;
    const last = rows.at(-1);
    if (!last || rows.length < turnRows) return;
    ({ key, version } = last);
    await sleep(0);
  }
}
