import type { Metadata } from '../metadata/index.ts';

/** What the care of data asks of the metadata: reading. */
export type Records = Pick<Metadata, 'get' | 'all'>;

/** A blob as a record describes it. */
export interface BlobRecord {
  readonly blob: string;
  readonly size: number;
  /** CRC-64/XZ, unsigned decimal. */
  readonly crc64: string;
}

/** Something whose bytes are in blobs: an object, an older version of one, or an upload that is not complete. */
export interface Holding {
  readonly kind: 'object' | 'version' | 'upload';
  readonly bucket: string;
  readonly key: string;
  /** Version of an older version, id of an upload. */
  readonly id: string;
  /** Its own blob, or what its pieces belong to. */
  readonly owner: string;
  /** Whether the bytes are to be encrypted on the disk. */
  readonly sealed: boolean;
  /** The whole, which its blobs in order must make; not known of an upload. */
  readonly whole: { readonly size: number; readonly crc64: string; readonly pieces: number } | undefined;
  readonly blobs: readonly BlobRecord[];
}

/** A place in the order of all holdings, as JSON can keep it. */
export type Cursor = readonly [source: number, ...key: string[]];

export const firstCursor: Cursor = [0];

interface Row {
  kind: Holding['kind'];
  bucket: string;
  key: string;
  id: string;
  owner: string;
  headers: string;
  size: number;
  crc64: string;
  type: string;
  pieces: number;
}

interface Source {
  /** Rows after a key; the columns of the key are the first parameters. */
  readonly page: string;
  readonly one: string;
  readonly keyOf: (row: Row) => string[];
}

const described = 'blob as owner, headers, size, crc64, type, pieces';
const object = `select 'object' as kind, bucket, key, '' as id, ${described} from objects`;
const version = `select 'version' as kind, bucket, key, version as id, ${described} from versions`;
const upload = `select 'upload' as kind, bucket, key, id, id as owner, headers, 0 as size, '' as crc64, 'Upload' as type, -1 as pieces from uploads`;

const sources: readonly Source[] = [
  {
    page: `${object} where (bucket, key) > (?, ?) order by bucket, key limit ?`,
    one: `${object} where bucket = ? and key = ?`,
    keyOf: ({ bucket, key }) => [bucket, key],
  },
  {
    page: `${version} where marker = 0 and (bucket, key, version) > (?, ?, ?) order by bucket, key, version limit ?`,
    one: `${version} where marker = 0 and bucket = ? and key = ? and version = ?`,
    keyOf: ({ bucket, key, id }) => [bucket, key, id],
  },
  { page: `${upload} where id > ? order by id limit ?`, one: `${upload} where id = ?`, keyOf: ({ id }) => [id] },
];
const keyColumns = [2, 3, 1];

const selectPieces = 'select blob, size, crc64 from pieces where owner = ? order by number';

/** 1 when any record names the blob, also as one that is to be removed. */
const selectUse = `select 1 as used where exists (select 1 from objects where blob = ?) or exists (select 1 from versions where blob = ?)
  or exists (select 1 from pieces where blob = ?) or exists (select 1 from garbage where blob = ?)`;

/** Whether any record names this blob. */
export function isNamed(records: Records, blob: string): boolean {
  return records.get(selectUse, [blob, blob, blob, blob]) !== undefined;
}

function holdingOf(records: Records, row: Row): Holding {
  const { kind, bucket, key, id, owner, size, crc64, pieces } = row;
  const sealed = row.headers.includes('"encryption"') && (JSON.parse(row.headers) as { encryption?: string }).encryption !== undefined;
  const listed = pieces === 0 ? [{ blob: owner, size, crc64 }] : records.all<BlobRecord>(selectPieces, [owner]);
  const whole = kind === 'upload' ? undefined : { size, crc64, pieces };
  return { kind, bucket, key, id, owner, sealed, whole, blobs: row.type === 'Symlink' ? [] : listed };
}

/** A page of holdings after a place, and the place behind it; the last page has none. */
export function holdingsAfter(records: Records, cursor: Cursor, limit: number): { holdings: Holding[]; next: Cursor | undefined } {
  const [source, ...after] = cursor;
  const from = sources[source];
  if (!from) return { holdings: [], next: undefined };
  const columns = keyColumns[source] as number;
  const key = after.length === columns ? after : Array.from({ length: columns }, () => '');
  const rows = records.all<Row>(from.page, [...key, limit]);
  const last = rows.at(-1);
  const next: Cursor | undefined =
    rows.length === limit && last ? [source, ...from.keyOf(last)] : source + 1 < sources.length ? [source + 1] : undefined;
  return { holdings: rows.map((row) => holdingOf(records, row)), next };
}

/** The holding as it is now; undefined when there is none any more. */
export function holdingNow(records: Records, { kind, bucket, key, id }: Holding): Holding | undefined {
  const index = kind === 'object' ? 0 : kind === 'version' ? 1 : 2;
  const row = records.get<Row>(
    (sources[index] as Source).one,
    kind === 'object' ? [bucket, key] : kind === 'version' ? [bucket, key, id] : [id],
  );
  return row && holdingOf(records, row);
}

/** Whoever names this blob, itself or in a piece; undefined when nobody reads it. */
export function holderOf(records: Records, blob: string): Holding | undefined {
  const piece = records.get<{ owner: string }>('select owner from pieces where blob = ?', [blob]);
  const owner = piece?.owner ?? blob;
  const row =
    records.get<Row>(`${object} where blob = ?`, [owner]) ??
    records.get<Row>(`${version} where marker = 0 and blob = ?`, [owner]) ??
    records.get<Row>(`${upload} where id = ?`, [owner]);
  return row && holdingOf(records, row);
}
