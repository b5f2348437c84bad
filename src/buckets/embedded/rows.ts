import type { SqlValue, Step } from '../../metadata/index.ts';
import type { Bucket, ObjectHead } from '../store.ts';

export interface BucketRow {
  name: string;
  owner: string;
  created_at: number;
  region: string;
  acl: string;
  storage_class: string;
  redundancy: string;
}

export interface ObjectRow {
  bucket: string;
  key: string;
  blob: string;
  size: number;
  etag: string;
  crc64: string;
  content_type: string;
  headers: string;
  meta: string;
  modified_at: number;
  type: 'Normal';
  storage_class: string;
}

const objectColumns = 'bucket, key, blob, size, etag, crc64, content_type, headers, meta, modified_at, type, storage_class';
const nothing: Readonly<Record<string, string>> = Object.freeze({});

export const selectBucket = 'select * from buckets where name = ?';
export const selectBuckets = 'select * from buckets where name > ? order by name limit ?';
export const selectObject = `select ${objectColumns} from objects where bucket = ? and key = ?`;
export const selectGarbage = 'select blob, bucket, key from garbage limit ?';
/** 1 when a blob belongs to an object or waits for its removal. */
export const selectBlobUse =
  'select 1 as used where exists (select 1 from objects where blob = ?) or exists (select 1 from garbage where blob = ?)';

/** A page of keys from a bound (inclusive or not) to an exclusive end, in byte order. */
export function selectObjects(from: 'including' | 'after', bounded: boolean): string {
  const low = from === 'including' ? '>=' : '>';
  return `select ${objectColumns} from objects where bucket = ? and key ${low} ? ${bounded ? 'and key < ?' : ''} order by key limit ?`;
}

export function bucketOf(row: BucketRow): Bucket {
  return {
    name: row.name,
    owner: row.owner,
    createdAt: row.created_at,
    region: row.region,
    acl: row.acl,
    storageClass: row.storage_class,
    redundancy: row.redundancy,
  };
}

function recordOf(text: string): Readonly<Record<string, string>> {
  return text === '{}' ? nothing : JSON.parse(text);
}

export function headOf(row: ObjectRow): ObjectHead {
  return {
    bucket: row.bucket,
    key: row.key,
    size: row.size,
    etag: row.etag,
    crc64: row.crc64,
    contentType: row.content_type,
    headers: recordOf(row.headers),
    meta: recordOf(row.meta),
    modifiedAt: row.modified_at,
    type: row.type,
    storageClass: row.storage_class,
    blob: row.blob,
  };
}

export function insertBucket(bucket: Bucket): Step {
  return {
    sql: `insert into buckets (name, owner, created_at, region, acl, storage_class, redundancy, extra) values (?, ?, ?, ?, ?, ?, ?, '{}')`,
    params: [bucket.name, bucket.owner, bucket.createdAt, bucket.region, bucket.acl, bucket.storageClass, bucket.redundancy],
  };
}

/** Notes the object's present blob, if there is one, for removal. */
export function discardObject(bucket: string, key: string, since: number): Step {
  return {
    sql: 'insert into garbage (blob, bucket, key, since) select blob, bucket, key, ? from objects where bucket = ? and key = ?',
    params: [since, bucket, key],
  };
}

export function deleteObject(bucket: string, key: string): Step {
  return { sql: 'delete from objects where bucket = ? and key = ?', params: [bucket, key] };
}

const written = ['blob', 'size', 'etag', 'crc64', 'content_type', 'headers', 'meta', 'created_at', 'modified_at', 'type', 'storage_class'];
const insertion = `insert into objects (bucket, key, ${written.join(', ')})
  select ?, ?, ${written.map(() => '?').join(', ')} where exists (select 1 from buckets where name = ?)`;
const replacement = `on conflict (bucket, key) do update set ${written.map((column) => `${column} = excluded.${column}`).join(', ')}`;
const update = `update objects set ${written.map((column) => `${column} = ?`).join(', ')} where bucket = ? and key = ? and blob = ?`;

/** What the object may replace: anything, only nothing, or only the content with that blob. */
export type Replaces = 'anything' | 'nothing' | { blob: string };

/** Reasons of the conflicts that storeObject raises, besides `unique`. */
export const bucketGone = 'bucket gone';
export const objectChanged = 'object changed';

/** Writes the object's row in a transaction that holds only if the bucket exists and the object is still what it replaces. */
export function storeObject(head: ObjectHead, replaces: Replaces): Step[] {
  const values: SqlValue[] = [
    head.blob,
    head.size,
    head.etag,
    head.crc64,
    head.contentType,
    JSON.stringify(head.headers),
    JSON.stringify(head.meta),
    head.modifiedAt,
    head.modifiedAt,
    head.type,
    head.storageClass,
  ];
  const { bucket, key } = head;
  const discard = discardObject(bucket, key, head.modifiedAt);
  if (typeof replaces === 'object') {
    const params = [...values, bucket, key, replaces.blob];
    return [discard, { sql: update, params, expect: { changes: 1, otherwise: objectChanged } }];
  }
  const insert: Step = { sql: insertion, params: [bucket, key, ...values, bucket], expect: { changes: 1, otherwise: bucketGone } };
  if (replaces === 'nothing') return [insert];
  return [discard, { ...insert, sql: `${insertion} ${replacement}` }];
}
