import type { Metadata } from '../../metadata/index.ts';
import type { UploadPage, UploadPageRequest } from '../uploads.ts';
import { type Bound, readPage } from './pages.ts';
import { selectUploads, type UploadRow, uploadOf } from './piece-rows.ts';

/** Reads one page of uploads, by key and then by id. */
export function listUploads(metadata: Metadata, request: UploadPageRequest): UploadPage {
  const { bucket, afterUpload, maxUploads } = request;
  const page = readPage({ ...request, afterId: afterUpload, most: maxUploads }, (from, end, limit) =>
    readRows(metadata, bucket, from, end, limit),
  );
  const { rows, prefixes, truncated, nextKey, nextId } = page;
  return {
    ...{ uploads: rows.map(uploadOf), prefixes, truncated },
    ...(nextKey === undefined ? {} : { nextKey }),
    ...(nextId === undefined ? {} : { nextUpload: nextId }),
  };
}

function readRows(metadata: Metadata, bucket: string, from: Bound, end: string | undefined, limit: number): UploadRow[] {
  const sql = selectUploads(from.id === undefined ? 'including' : 'after', end !== undefined);
  const low = from.id === undefined ? [from.key] : [from.key, from.id];
  return metadata.all<UploadRow>(sql, [bucket, ...low, ...(end === undefined ? [] : [end]), limit]);
}
