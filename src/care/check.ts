import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Blobs } from '../blobs/index.ts';
import { now } from '../kit/index.ts';
import type { MetadataReader } from '../metadata/index.ts';
import { examine, type Problem } from './examine.ts';
import { type Cursor, firstCursor, holdingsAfter, isNamed, type Records } from './references.ts';

const pageRows = 500;
/** Younger blobs of a running server may belong to uploads that are about to be recorded. */
const graceMs = 600_000;

export interface CheckOptions {
  readonly metadata: Records & Partial<Pick<MetadataReader, 'faults'>>;
  readonly blobs: Blobs;
  /** Folder of the code packages. */
  readonly packages: string;
  /** Looks at files and sizes only; the bytes are not read. */
  readonly quick: boolean;
  /** A server works on the data meanwhile. */
  readonly running: boolean;
  /** Told now and then how many blobs were looked at. */
  readonly onProgress?: (blobs: number, bytes: number) => void;
}

export interface Report {
  readonly objects: number;
  readonly versions: number;
  readonly uploads: number;
  readonly blobs: number;
  /** Read and compared. */
  readonly bytes: number;
  /** Blobs that wait to be removed, which is no problem. */
  readonly waiting: number;
  readonly problems: readonly Problem[];
}

/** Compares records and bytes in both directions. Reads only. */
export async function checkData(options: CheckOptions): Promise<Report> {
  const { metadata, blobs, quick, onProgress } = options;
  const problems: Problem[] = (metadata.faults?.() ?? []).map((detail) => ({ kind: 'database', detail }));
  const counts = { object: 0, version: 0, upload: 0 };
  const seen = { blobs: 0, bytes: 0 };
  const looked = (bytes: number) => {
    seen.blobs += 1;
    seen.bytes += bytes;
    onProgress?.(seen.blobs, seen.bytes);
  };
  for (let cursor: Cursor | undefined = firstCursor; cursor; ) {
    const { holdings, next } = holdingsAfter(metadata, cursor, pageRows);
    for (const holding of holdings) {
      counts[holding.kind] += 1;
      problems.push(...(await examine(metadata, blobs, holding, { quick, looked })));
    }
    cursor = next;
  }
  problems.push(...danglingRecords(metadata), ...missingPackages(metadata, options.packages), ...(await orphans(options)));
  const waiting = metadata.get<{ n: number }>('select count(*) as n from garbage')?.n ?? 0;
  return { objects: counts.object, versions: counts.version, uploads: counts.upload, ...seen, waiting, problems };
}

/** Blobs that no record names. */
async function orphans({ metadata, blobs, running }: CheckOptions): Promise<Problem[]> {
  const found: Problem[] = [];
  for await (const blob of blobs.list()) {
    if (isNamed(metadata, blob)) continue;
    const facts = await blobs.facts(blob).catch(() => undefined);
    if (running && facts && facts.modifiedAt > now() - graceMs) continue;
    // Its upload may have been recorded meanwhile, or its removal have been carried out.
    if (running && (isNamed(metadata, blob) || !facts)) continue;
    found.push({ kind: 'orphan-blob', blob, detail: `no record names it (${facts?.size ?? 'unreadable, unknown'} bytes)` });
  }
  return found;
}

/** Records that refer to others which are not there. */
export function danglingRecords(records: Records): Problem[] {
  const all = (sql: string) => records.all<{ bucket?: string; key?: string; id?: string }>(`${sql} limit 1000`);
  const found = (sql: string, detail: (row: { id?: string }) => string): Problem[] =>
    all(sql).map(({ bucket, key, id }) => ({
      ...{ kind: 'dangling-record' as const, detail: detail({ ...(id === undefined ? {} : { id }) }) },
      ...(bucket === undefined ? {} : { bucket }),
      ...(key === undefined ? {} : { key }),
      ...(id === undefined ? {} : { id }),
    }));
  const noBucket = (table: string) =>
    `select t.bucket, t.key from ${table} t where not exists (select 1 from buckets b where b.name = t.bucket) order by t.bucket, t.key`;
  return [
    ...found(noBucket('objects'), () => 'an object of a bucket that is not there'),
    ...found(noBucket('versions'), () => 'a version in a bucket that is not there'),
    ...found(noBucket('uploads'), () => 'an upload to a bucket that is not there'),
    ...found(danglingPieces, ({ id }) => `pieces of ${id}, which is neither an object nor an upload`),
    ...found(
      'select bucket, name as id from access_points a where not exists (select 1 from buckets b where b.name = a.bucket) order by name',
      ({ id }) => `the access point ${id} of a bucket that is not there`,
    ),
    ...found(
      `select name as id from object_fc_access_points o
        where not exists (select 1 from access_points a where a.name = o.access_point) order by name`,
      ({ id }) => `the Object FC access point ${id} on an access point that is not there`,
    ),
  ];
}

/** Owners of pieces that are nothing. */
export const danglingPieces = `select distinct owner as id from pieces p where not exists (select 1 from objects o where o.blob = p.owner)
  and not exists (select 1 from versions v where v.blob = p.owner) and not exists (select 1 from uploads u where u.id = p.owner)
  and not exists (select 1 from garbage g where g.blob = p.owner) order by owner`;

/** The code packages that functions and their versions are made of, by file name. */
export function packagesOf(records: Records): { functionName: string; file: string }[] {
  const texts = [
    ...records.all<{ text: string }>('select record as text from functions order by name'),
    ...records.all<{ text: string }>(`select value as text from function_parts where kind = 'version' order by function, id`),
  ];
  return texts.flatMap(({ text }) => {
    const value = JSON.parse(text) as { record?: unknown };
    const { functionName, functionId, codeDigest } = (value.record ?? value) as Record<string, unknown>;
    if (typeof functionId !== 'string' || typeof codeDigest !== 'string' || codeDigest === '') return [];
    return [{ functionName: String(functionName), file: `${functionId}-${codeDigest}.zip` }];
  });
}

function missingPackages(records: Records, folder: string): Problem[] {
  const lost = packagesOf(records).filter(({ file }) => !existsSync(join(folder, file)));
  return lost.map(({ functionName, file }) => ({
    ...{ kind: 'missing-package' as const, id: functionName },
    detail: `the code of the function ${functionName} (packages/${file}) is not there`,
  }));
}
