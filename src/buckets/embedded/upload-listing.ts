import type { Metadata } from '../../metadata/index.ts';
import type { UploadPage, UploadPageRequest } from '../uploads.ts';
import { byteOrder, commonPrefix, successor } from './listing.ts';
import { selectUploads, type UploadRow, uploadOf } from './piece-rows.ts';

const maxRows = 1000;
const rowsAfterSkip = 8;

/** Where to read on: at that key, or beyond that upload of it. */
interface Bound {
  key: string;
  id?: string;
}

/** Comes after every upload id. */
const lastId = 'g';

function firstBound({ prefix, delimiter, afterKey, afterUpload }: UploadPageRequest): Bound | undefined {
  if (afterKey === '' || byteOrder(afterKey, prefix) < 0) return { key: prefix };
  if (afterKey.startsWith(prefix) && commonPrefix(afterKey, prefix, delimiter) === afterKey) return beyond(afterKey);
  return { key: afterKey, id: afterUpload === '' ? lastId : afterUpload };
}

function beyond(prefix: string): Bound | undefined {
  const key = successor(prefix);
  return key === undefined ? undefined : { key };
}

/** Reads one page of uploads. Keys below a common prefix are skipped by seeking past it. */
export function listUploads(metadata: Metadata, request: UploadPageRequest): UploadPage {
  const { bucket, prefix, delimiter, maxUploads } = request;
  const page: UploadPage = { uploads: [], prefixes: [], truncated: false };
  const end = successor(prefix);
  let from = maxUploads > 0 ? firstBound(request) : undefined;
  let room = maxUploads;
  let limit = delimiter === '' ? maxRows : rowsAfterSkip * 4;
  while (from) {
    // One row more than there is room for tells whether the page is truncated.
    limit = Math.min(limit, room + 1, maxRows);
    const rows = readRows(metadata, bucket, from, end, limit);
    const last = rows.at(-1);
    from = last && rows.length === limit ? { key: last.key, id: last.id } : undefined;
    limit *= 4;
    for (const row of rows) {
      if (room === 0) return { ...page, truncated: true };
      room -= 1;
      const common = commonPrefix(row.key, prefix, delimiter);
      page.nextKey = common ?? row.key;
      if (common === undefined) {
        page.nextUpload = row.id;
        page.uploads.push(uploadOf(row));
        continue;
      }
      delete page.nextUpload;
      page.prefixes.push(common);
      from = beyond(common);
      limit = rowsAfterSkip;
      break;
    }
  }
  return page;
}

function readRows(metadata: Metadata, bucket: string, from: Bound, end: string | undefined, limit: number): UploadRow[] {
  const sql = selectUploads(from.id === undefined ? 'including' : 'after', end !== undefined);
  const low = from.id === undefined ? [from.key] : [from.key, from.key, from.id];
  return metadata.all<UploadRow>(sql, [bucket, ...low, ...(end === undefined ? [] : [end]), limit]);
}
