import { type NamedPolicy, parsePolicy } from '../../identity/index.ts';
import type { SqlValue, Step } from '../../metadata/index.ts';
import type { Bucket, NewBucket, ObjectHead, ObjectType } from '../store.ts';
import { nullVersion, type Versioning } from '../versions.ts';

export interface BucketRow {
  name: string;
  owner: string;
  created_at: number;
  region: string;
  acl: string;
  storage_class: string;
  redundancy: string;
  policy: string | null;
  public_access_block: number;
  versioning: Versioning | '';
  extra: string;
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
  type: ObjectType;
  storage_class: string;
  acl: string;
  pieces: number;
  tags: string;
  target: string | null;
  /** Sorts the versions of a key, the newest first; the id, unless it is the null version. */
  version: string;
  null_version: number;
}

/** What is read of an object. */
export const objectColumns = `bucket, key, blob, size, etag, crc64, content_type, headers, meta, modified_at, type, storage_class, acl, pieces, tags,
  target, version, null_version`;
const nothing: Readonly<Record<string, string>> = Object.freeze({});

export const selectBucket = 'select * from buckets where name = ?';
export const selectBuckets = 'select * from buckets where name > ? order by name limit ?';
export const selectObject = `select ${objectColumns} from objects where bucket = ? and key = ?`;
export const selectGarbage = 'select blob, bucket, key from garbage where blob > ? order by blob limit ?';
/** 1 when a blob belongs to an object or an upload, or waits for its removal. */
export const selectBlobUse = `select 1 as used where exists (select 1 from objects where blob = ?)
  or exists (select 1 from pieces where blob = ?) or exists (select 1 from versions where blob = ?)
  or exists (select 1 from garbage where blob = ?)`;
/** The blobs of an upload, or of the object whose blob is their owner, in order. */
export const selectPieces = 'select number, blob, size from pieces where owner = ? order by number';

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
    ...(row.policy === null ? {} : { policy: row.policy }),
    policies: row.policy === null ? [] : [policyOf(row.name, row.policy)],
    blockPublicAccess: row.public_access_block !== 0,
    ...(row.versioning === '' ? {} : { versioning: row.versioning }),
    settings: JSON.parse(row.extra),
  };
}

function policyOf(bucket: string, text: string): NamedPolicy {
  return { name: `the policy of bucket ${bucket}`, attachedTo: `bucket ${bucket}`, document: parsePolicy(text, 'resource') };
}

/** A JSON record; the empty one is shared. */
export function recordOf(text: string): Readonly<Record<string, string>> {
  return text === '{}' || text === '' ? nothing : JSON.parse(text);
}

export function headOf(row: ObjectRow): ObjectHead {
  const head: ObjectHead = {
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
    acl: row.acl,
    blob: row.blob,
    pieces: row.pieces,
    tags: recordOf(row.tags),
    version: row.null_version === 1 ? nullVersion : row.version,
  };
  return row.target === null ? head : { ...head, target: row.target };
}

/** Tags as they are stored. */
export function tagsText(tags: Readonly<Record<string, string>>): string {
  const text = JSON.stringify(tags);
  return text === '{}' ? '' : text;
}

export function insertBucket(bucket: Required<NewBucket> & Pick<Bucket, 'createdAt'>): Step {
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

/** Columns of an object's content, which objects and versions have alike. */
const content = [
  'blob',
  'size',
  'etag',
  'crc64',
  'content_type',
  'headers',
  'meta',
  'created_at',
  'modified_at',
  'type',
  'storage_class',
  'acl',
  'pieces',
  'tags',
  'target',
];
/** The same, for statements that move a row. */
export const contentColumns: string = content.join(', ');
const written = [...content, 'version', 'null_version'];
const insertion = `insert into objects (bucket, key, ${written.join(', ')})
  select ?, ?, ${written.map(() => '?').join(', ')} where exists (select 1 from buckets where name = ? and versioning = ?)`;
const replacement = `on conflict (bucket, key) do update set ${written.map((column) => `${column} = excluded.${column}`).join(', ')}`;
const update = `update objects set ${content.map((column) => `${column} = ?`).join(', ')} where bucket = ? and key = ? and blob = ?
  and exists (select 1 from buckets where name = ? and versioning = ?)`;

/** What the object may replace: anything, only nothing, or only the content with that blob. */
export type Replaces = 'anything' | 'nothing' | { blob: string };

/** Reasons of the conflicts that storing an object raises, besides `unique`. The bucket is gone, or its versioning is another. */
export const bucketGone = 'bucket gone';
export const objectChanged = 'object changed';

/** The content of an object as it is stored. `agedFrom` is the time from which its age counts. */
export function contentOf(head: Omit<ObjectHead, 'version'>, agedFrom: number): SqlValue[] {
  return [
    head.blob,
    head.size,
    head.etag,
    head.crc64,
    head.contentType,
    JSON.stringify(head.headers),
    JSON.stringify(head.meta),
    agedFrom,
    head.modifiedAt,
    head.type,
    head.storageClass,
    head.acl,
    head.pieces,
    tagsText(head.tags),
    head.target ?? null,
  ];
}

/** Where a row goes: the bucket's versioning as it must still be, and the version that it becomes. */
export interface Place {
  readonly versioning: Versioning | '';
  readonly version: string;
  readonly isNull: boolean;
  readonly agedFrom: number;
}

/** The place of objects in a bucket whose versioning was never enabled. */
export function plainPlace(agedFrom: number): Place {
  return { versioning: '', version: nullVersion, isNull: true, agedFrom };
}

/** Makes a row the current version of its key: over what is there, or where nothing is. */
export function insertObject(head: Omit<ObjectHead, 'version'>, place: Place, over: 'anything' | 'nothing'): Step {
  const { bucket, key } = head;
  const { versioning, version, isNull, agedFrom } = place;
  return {
    sql: over === 'nothing' ? insertion : `${insertion} ${replacement}`,
    params: [bucket, key, ...contentOf(head, agedFrom), version, isNull ? 1 : 0, bucket, versioning],
    expect: { changes: 1, otherwise: bucketGone },
  };
}

/**
 * Writes the object's row over what is there, which is discarded, in a transaction that holds only if the bucket exists, its versioning is still
 * that of the place, and the object is still what it replaces. A row that is replaced by its blob keeps its version.
 */
export function storeObject(head: Omit<ObjectHead, 'version'>, replaces: Replaces, place: Place): Step[] {
  const { bucket, key } = head;
  const discard = discardObject(bucket, key, head.modifiedAt);
  if (typeof replaces === 'object') {
    const params = [...contentOf(head, place.agedFrom), bucket, key, replaces.blob, bucket, place.versioning];
    return [discard, { sql: update, params, expect: { changes: 1, otherwise: objectChanged } }];
  }
  const insert = insertObject(head, place, replaces);
  return replaces === 'nothing' ? [insert] : [discard, insert];
}
