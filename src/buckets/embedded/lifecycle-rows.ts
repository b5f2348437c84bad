import type { SqlValue, Step } from '../../metadata/index.ts';
import type { LifecycleSubject } from '../lifecycle.ts';
import { recordOf } from './rows.ts';

/** What the sweep reads of an object, and of a version that is not current. */
export interface AgeingRow {
  key: string;
  version: string;
  blob: string;
  size: number;
  storage_class: string;
  tags: string;
  created_at: number;
  modified_at: number;
  marker: number;
  since: number;
}

/** What the sweep reads of an upload. */
export interface AgeingUpload {
  id: string;
  key: string;
  tags: string;
  created_at: number;
  aged_from: number;
}

const columns = 'key, version, blob, size, storage_class, tags, created_at, modified_at';

/** A page of rows after a key (and version or id), to an exclusive end. */
export function selectAgeing(table: 'objects' | 'versions' | 'uploads', bounded: boolean): string {
  const end = bounded ? 'and key < ?' : '';
  if (table === 'objects') {
    return `select ${columns}, 0 as marker, 0 as since from objects where bucket = ? and (key, version) > (?, ?) ${end} order by key limit ?`;
  }
  if (table === 'versions') {
    return `select ${columns}, marker, since from versions where bucket = ? and (key, version) > (?, ?) ${end}
      order by key, version limit ?`;
  }
  return `select id, key, tags, created_at, aged_from from uploads where bucket = ? and (key, id) > (?, ?) ${end}
    order by key, id limit ?`;
}

export function subjectOf(row: Pick<AgeingRow, 'key' | 'size' | 'tags'>): LifecycleSubject {
  return { key: row.key, size: row.size, tags: recordOf(row.tags) };
}

/** Removes a version that is not current for good. */
export function removeVersion(bucket: string, { key, version }: AgeingRow, now: number): Step[] {
  const params: SqlValue[] = [bucket, key, version];
  return [
    {
      sql: `insert into garbage (blob, bucket, key, since) select blob, bucket, key, ? from versions
        where bucket = ? and key = ? and version = ? and marker = 0`,
      params: [now, ...params],
    },
    { sql: 'delete from versions where bucket = ? and key = ? and version = ?', params },
  ];
}

/** Removes a delete marker that nothing stands behind any more. */
export function removeLoneMarker(bucket: string, { key, version }: AgeingRow): Step {
  return {
    sql: `delete from versions where bucket = ? and key = ? and version = ? and marker = 1
      and not exists (select 1 from objects where bucket = ? and key = ?)
      and not exists (select 1 from versions v where v.bucket = ? and v.key = ? and v.version <> ?)`,
    params: [bucket, key, version, bucket, key, bucket, key, version],
  };
}

/** Removes a delete marker that something newer stands before, which was written at that time or before. */
export function removeOldMarker(bucket: string, { key, version }: AgeingRow, cutoff: number): Step {
  return {
    sql: `delete from versions where bucket = ? and key = ? and version = ? and marker = 1
      and (exists (select 1 from objects where bucket = ? and key = ? and created_at <= ?)
        or exists (select 1 from versions v where v.bucket = ? and v.key = ? and v.version < ? and v.created_at <= ?))`,
    params: [bucket, key, version, bucket, key, cutoff, bucket, key, version, cutoff],
  };
}

/** Changes the storage class of a version, if it still has that content. */
export function changeClass(table: 'objects' | 'versions', bucket: string, { key, blob }: AgeingRow, storageClass: string): Step {
  return {
    sql: `update ${table} set storage_class = ? where bucket = ? and key = ? and blob = ?`,
    params: [storageClass, bucket, key, blob],
  };
}

/** Drops an upload with its parts. */
export function dropUpload(bucket: string, { id, key }: AgeingUpload, now: number): Step[] {
  return [
    {
      sql: 'insert into garbage (blob, bucket, key, since) select id, ?, ?, ? from uploads where id = ?',
      params: [bucket, key, now, id],
    },
    { sql: 'delete from uploads where id = ?', params: [id] },
  ];
}
