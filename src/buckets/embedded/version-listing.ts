import type { Metadata } from '../../metadata/index.ts';
import { type ListedVersion, nullVersion, type VersionPage, type VersionPageRequest } from '../versions.ts';
import { type Bound, type Placed, readPage } from './pages.ts';
import { headOf } from './rows.ts';
import { selectVersion, selectVersions, type VersionRow, versionOf } from './version-rows.ts';

type PlacedRow = VersionRow & Placed;

/** Reads one page of versions, by key and then the newest first. */
export function listVersions(metadata: Metadata, request: VersionPageRequest): VersionPage {
  const { bucket, maxKeys } = request;
  const page = readPage({ ...request, afterId: startOf(metadata, request), most: maxKeys }, (from, end, limit) =>
    readRows(metadata, bucket, from, end, limit),
  );
  const { rows, prefixes, truncated, nextKey, nextId } = page;
  return {
    ...{ versions: rows.map(listedOf), prefixes, truncated },
    ...(nextKey === undefined ? {} : { nextKey }),
    ...(nextId === undefined ? {} : { nextVersion: nextId }),
  };
}

/** What a marker means in the order of versions: itself, unless it is the id that the null version shows. */
function startOf(metadata: Metadata, { bucket, afterKey, afterVersion }: VersionPageRequest): string {
  if (afterVersion !== nullVersion) return afterVersion;
  for (const table of ['objects', 'versions'] as const) {
    const { sql, params } = selectVersion(table, nullVersion);
    const row = metadata.get<VersionRow>(sql, [bucket, afterKey, ...params]);
    if (row) return row.version;
  }
  return afterVersion;
}

function readRows(metadata: Metadata, bucket: string, from: Bound, end: string | undefined, limit: number): PlacedRow[] {
  const sql = selectVersions(from.id === undefined ? 'including' : 'after', end !== undefined);
  const low = from.id === undefined ? [from.key] : [from.key, from.id];
  const page = [bucket, ...low, ...(end === undefined ? [] : [end]), limit];
  return metadata.all<VersionRow>(sql, [...page, ...page, limit]).map((row) => ({ ...row, id: row.version }));
}

function listedOf(row: PlacedRow): ListedVersion {
  const listed = { key: row.key, version: versionOf(row), latest: row.latest === 1, modifiedAt: row.modified_at };
  return row.marker === 1 ? listed : { ...listed, object: headOf(row) };
}
