import type { SqlValue, Step } from '../../metadata/index.ts';
import type { Upload } from '../uploads.ts';

export interface PieceRow {
  number: number;
  blob: string;
  size: number;
  etag: string;
  crc64: string;
  modified_at: number;
}

export interface UploadRow {
  id: string;
  bucket: string;
  key: string;
  created_at: number;
  content_type: string;
  headers: string;
  meta: string;
  storage_class: string;
  acl: string;
  tags: string;
  writes: number;
  /** Time from which its age counts; 0 for uploads of older data formats. */
  aged_from: number;
}

const pieceColumns = 'number, blob, size, etag, crc64, modified_at';

/** All of an owner's pieces in order; an owner has at most 10,000. */
export const selectPieceRows = `select ${pieceColumns} from pieces where owner = ? order by number`;
export const selectPiecePage = `select ${pieceColumns} from pieces where owner = ? and number > ? order by number limit ?`;
export const selectUpload = 'select * from uploads where id = ? and bucket = ? and key = ?';

/** A page of uploads from a key on: with `after` those of that key beyond an id, and of later keys; else all from that key. */
export function selectUploads(from: 'after' | 'including', bounded: boolean): string {
  const low = from === 'after' ? '(key, id) > (?, ?)' : 'key >= ?';
  return `select * from uploads where bucket = ? and ${low} ${bounded ? 'and key < ?' : ''} order by key, id limit ?`;
}

export function uploadOf(row: UploadRow): Upload {
  return { upload: row.id, bucket: row.bucket, key: row.key, storageClass: row.storage_class, createdAt: row.created_at };
}

const uploadColumns = 'id, bucket, key, created_at, content_type, headers, meta, storage_class, acl, tags, aged_from';

/** Notes an upload, if its bucket is still there. */
export function insertUpload(row: Omit<UploadRow, 'writes'>, otherwise: string): Step {
  const { id, bucket, key, created_at, content_type, headers, meta, storage_class, acl, tags, aged_from } = row;
  return {
    sql: `insert into uploads (${uploadColumns}) select ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? where exists (select 1 from buckets where name = ?)`,
    params: [id, bucket, key, created_at, content_type, headers, meta, storage_class, acl, tags, aged_from, bucket],
    expect: { changes: 1, otherwise },
  };
}

/** Notes that the upload changes, which it must still be able to. */
export function touchUpload(id: string, otherwise: string): Step {
  return { sql: 'update uploads set writes = writes + 1 where id = ?', params: [id], expect: { changes: 1, otherwise } };
}

/** Ends an upload; its pieces stay. `writes` is what it must still be at. */
export function endUpload(id: string, writes: number | undefined, otherwise: string): Step {
  const sql = 'delete from uploads where id = ?';
  const expect = { changes: 1, otherwise };
  return writes === undefined ? { sql, params: [id], expect } : { sql: `${sql} and writes = ?`, params: [id, writes], expect };
}

export function insertPiece(owner: string, { number, blob, size, etag, crc64, modified_at }: PieceRow): Step {
  const values: SqlValue[] = [owner, number, blob, size, etag, crc64, modified_at];
  return { sql: `insert into pieces (owner, ${pieceColumns}) values (?, ?, ?, ?, ?, ?, ?)`, params: values };
}

/** Removes one piece of an owner, if it is there, and notes its blob for removal. */
export function discardPiece(owner: string, number: number, of: { bucket: string; key: string }, since: number): Step[] {
  return [
    {
      sql: 'insert into garbage (blob, bucket, key, since) select blob, ?, ?, ? from pieces where owner = ? and number = ?',
      params: [of.bucket, of.key, since, owner, number],
    },
    { sql: 'delete from pieces where owner = ? and number = ?', params: [owner, number] },
  ];
}

/** Notes for removal all that an owner has. */
export function discardOwner(owner: string, of: { bucket: string; key: string }, since: number): Step {
  return { sql: 'insert into garbage (blob, bucket, key, since) values (?, ?, ?, ?)', params: [owner, of.bucket, of.key, since] };
}
