import type { SqlValue, Step } from '../../metadata/index.ts';
import type { ObjectHead } from '../store.ts';
import { type DeleteMarker, nullVersion } from '../versions.ts';
import {
  bucketGone,
  contentColumns,
  contentOf,
  insertObject,
  type ObjectRow,
  objectChanged,
  objectColumns,
  type Place,
  type Replaces,
  storeObject,
} from './rows.ts';

/** One version of a key: an object, current or not, or a delete marker. */
export interface VersionRow extends ObjectRow {
  marker: number;
  /** 1 for the newest of its key. */
  latest: number;
}

/** What is true of the newest version of a key alone, if that is in versions: then it is a delete marker. */
const newest = `marker = 1 and not exists (select 1 from objects o where o.bucket = versions.bucket and o.key = versions.key)
  and not exists (select 1 from versions v where v.bucket = versions.bucket and v.key = versions.key and v.version < versions.version)`;
const fromObjects = `select ${objectColumns}, 0 as marker, 1 as latest from objects`;
const fromVersions = `select ${objectColumns}, marker, ${newest} as latest from versions`;

/** Id of a row as clients know it. */
export function versionOf({ version, null_version }: Pick<VersionRow, 'version' | 'null_version'>): string {
  return null_version === 1 ? nullVersion : version;
}

export function markerOf(row: VersionRow): DeleteMarker {
  return { marker: true, key: row.key, version: versionOf(row), modifiedAt: row.modified_at };
}

/** How a version is found: by its id, or as the null version. */
function matching(version: string): { sql: string; params: SqlValue[] } {
  return version === nullVersion ? { sql: 'null_version = 1', params: [] } : { sql: 'version = ? and null_version = 0', params: [version] };
}

/** The one version of a key with that id, in objects or in versions; parameters are bucket, key and, unless it is null, the id. */
export function selectVersion(table: 'objects' | 'versions', version: string): { sql: string; params: SqlValue[] } {
  const { sql, params } = matching(version);
  return { sql: `${table === 'objects' ? fromObjects : fromVersions} where bucket = ? and key = ? and ${sql}`, params };
}

/** The version of a key with that content, if it is not current. */
export const selectByBlob = `${fromVersions} where bucket = ? and key = ? and blob = ?`;
/** The newest row of a key in versions: the delete marker, when the key has no object. */
export const selectNewest = `${fromVersions} where bucket = ? and key = ? order by version limit 1`;

/**
 * A page of versions: from a key on, or beyond a version of it. One statement for both tables, as versions move from one to the other; the
 * parameters of the page are there twice, and the limit once more.
 */
export function selectVersions(from: 'after' | 'including', bounded: boolean): string {
  const low = from === 'after' ? '(key, version) > (?, ?)' : 'key >= ?';
  const where = `where bucket = ? and ${low} ${bounded ? 'and key < ?' : ''}`;
  return `select * from (${fromObjects} ${where} order by key limit ?) as present
    union all select * from (${fromVersions} ${where} order by key, version limit ?) as past order by key, version limit ?`;
}

/** Holds a transaction to a bucket that exists and whose versioning is that. */
export function guardVersioning(bucket: string, versioning: Place['versioning']): Step {
  return {
    sql: 'update buckets set name = name where name = ? and versioning = ?',
    params: [bucket, versioning],
    expect: { changes: 1, otherwise: bucketGone },
  };
}

/** A key, and the blob that its object must have for a step to do anything. */
interface Target {
  readonly bucket: string;
  readonly key: string;
  readonly blob?: string | undefined;
}

function ofObject({ bucket, key, blob }: Target): { sql: string; params: SqlValue[] } {
  const sql = 'from objects where bucket = ? and key = ?';
  return blob === undefined ? { sql, params: [bucket, key] } : { sql: `${sql} and blob = ?`, params: [bucket, key, blob] };
}

/** Makes the current version a noncurrent one in versions; its row in objects stays, to be replaced or deleted by what follows. */
function archive(target: Target, since: number, more = ''): Step {
  const { sql, params } = ofObject(target);
  return {
    sql: `insert into versions (bucket, key, version, null_version, marker, since, ${contentColumns})
      select bucket, key, version, null_version, 0, ?, ${contentColumns} ${sql}${more}`,
    params: [since, ...params],
  };
}

const garbage = 'insert into garbage (blob, bucket, key, since) select blob, bucket, key, ?';

/** Removes the null version, wherever it is; as the current one its row in objects stays, to be replaced or deleted by what follows. */
function dropNull(target: Target, since: number): Step[] {
  const { bucket, key, blob } = target;
  const there =
    blob === undefined
      ? { sql: '', params: [] }
      : { sql: ' and exists (select 1 from objects where bucket = ? and key = ? and blob = ?)', params: [bucket, key, blob] };
  const object = ofObject(target);
  return [
    {
      sql: `${garbage} from versions where bucket = ? and key = ? and null_version = 1 and marker = 0${there.sql}`,
      params: [since, bucket, key, ...there.params],
    },
    { sql: `delete from versions where bucket = ? and key = ? and null_version = 1${there.sql}`, params: [bucket, key, ...there.params] },
    { sql: `${garbage} ${object.sql} and null_version = 1`, params: [since, ...object.params] },
  ];
}

/** Clears the way for a new current version: what is there becomes noncurrent, or goes when the new one takes the place of the null version. */
function makeRoom(target: Target, { versioning, agedFrom }: Place): Step[] {
  if (versioning === 'Enabled') return [archive(target, agedFrom)];
  return [...dropNull(target, agedFrom), archive(target, agedFrom, ' and null_version = 0')];
}

/** As storeObject(), for a bucket with versioning: what is there becomes noncurrent. */
export function storeVersion(head: Omit<ObjectHead, 'version'>, replaces: Replaces, place: Place): Step[] {
  if (place.versioning === '') return storeObject(head, replaces, place);
  const { bucket, key } = head;
  const steps: Step[] = [];
  if (typeof replaces === 'object') {
    const sql = 'update objects set key = key where bucket = ? and key = ? and blob = ?';
    steps.push({ sql, params: [bucket, key, replaces.blob], expect: { changes: 1, otherwise: objectChanged } });
  }
  return [...steps, ...makeRoom({ bucket, key }, place), insertObject(head, place, replaces === 'nothing' ? 'nothing' : 'anything')];
}

/** What the row of a delete marker holds besides its key and version. */
function markerContent({ bucket, key }: Target, version: string, agedFrom: number, modifiedAt: number): SqlValue[] {
  const nothing = {
    size: 0,
    etag: '',
    crc64: '0',
    contentType: '',
    headers: {},
    meta: {},
    pieces: 0,
    tags: {},
    storageClass: '',
    acl: 'default',
  };
  // The blob of a marker is no blob; it only must be like no other.
  return contentOf({ ...nothing, bucket, key, blob: `marker-${version}`, modifiedAt, type: 'Normal' }, agedFrom);
}

function insertMarker(target: Target, place: Place, modifiedAt: number): Step {
  const { bucket, key, blob } = target;
  const values = [
    bucket,
    key,
    place.version,
    place.isNull ? 1 : 0,
    place.agedFrom,
    ...markerContent(target, place.version, place.agedFrom, modifiedAt),
  ];
  const shown = values.slice(5).map(() => '?');
  const there = blob === undefined ? '' : ' where exists (select 1 from objects where bucket = ? and key = ? and blob = ?)';
  return {
    sql: `insert into versions (bucket, key, version, null_version, marker, since, ${contentColumns})
      select ?, ?, ?, ?, 1, ?, ${shown.join(', ')}${there}`,
    params: blob === undefined ? values : [...values, bucket, key, blob],
  };
}

/** Deletes an object, or only the one with that blob. With versioning a delete marker takes its place, also where there is none. */
export function deleteCurrent(target: Target, place: Place, modifiedAt: number): Step[] {
  const { sql, params } = ofObject(target);
  const remove = { sql: `delete ${sql}`, params };
  if (place.versioning === '') return [{ sql: `${garbage} ${sql}`, params: [modifiedAt, ...params] }, remove];
  const marker = insertMarker(target, place, modifiedAt);
  if (place.versioning === 'Enabled') return [marker, ...makeRoom(target, place), remove];
  const [first, second, ...rest] = makeRoom(target, place) as [Step, Step, ...Step[]];
  // The marker is the null version now: the older one goes first, and the condition on the object is asked before that goes.
  return [first, second, marker, ...rest, remove];
}

/** Where the steps of deleteVersion tell what they removed from versions, and that it was no marker. */
export const removedBytes = 2;
export const removedVersion = 3;

/** Removes one version for good. If it was the newest, the one before it is the current one again, unless that is a delete marker. */
export function deleteVersion(bucket: string, key: string, version: string, since: number): Step[] {
  const { sql, params } = matching(version);
  const where = `where bucket = ? and key = ? and ${sql}`;
  return [
    { sql: `${garbage} from objects ${where}`, params: [since, bucket, key, ...params] },
    { sql: `delete from objects ${where}`, params: [bucket, key, ...params] },
    { sql: `${garbage} from versions ${where} and marker = 0`, params: [since, bucket, key, ...params] },
    { sql: `delete from versions ${where}`, params: [bucket, key, ...params] },
    {
      sql: `insert into objects (bucket, key, ${contentColumns}, version, null_version)
        select bucket, key, ${contentColumns}, version, null_version from versions where bucket = ? and key = ? and marker = 0
        and version = (select min(version) from versions where bucket = ? and key = ?)
        and not exists (select 1 from objects where bucket = ? and key = ?)`,
      params: [bucket, key, bucket, key, bucket, key],
    },
    {
      sql: `delete from versions where bucket = ? and key = ? and version = (select version from objects where bucket = ? and key = ?)`,
      params: [bucket, key, bucket, key],
    },
  ];
}

/** Changes one column of one version, whichever table it is in; a delete marker has none. */
export function changeVersion(bucket: string, key: string, version: string, column: 'acl' | 'tags', value: string): Step[] {
  const { sql, params } = matching(version);
  const where = `where bucket = ? and key = ? and ${sql}`;
  return [
    { sql: `update objects set ${column} = ? ${where}`, params: [value, bucket, key, ...params] },
    { sql: `update versions set ${column} = ? ${where} and marker = 0`, params: [value, bucket, key, ...params] },
  ];
}
