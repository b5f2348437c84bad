import { readdir, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { CliFailure } from './failure.ts';
import { interruptible } from './interrupt.ts';
import { listAll } from './listing.ts';
import { inParallel } from './parallel.ts';
import { type Place, placeOf, typeOf } from './place.ts';
import { Progress } from './progress.ts';
import { hasSameBytes } from './same-bytes.ts';
import type { Store } from './store.ts';
import { type Stored, uploadFile, uploadStream } from './upload.ts';

/** What a put of many did. */
export interface Moved {
  readonly objects: number;
  readonly bytes: number;
  /** They were there already. */
  readonly unchanged: number;
  /** What could not be moved, and why. */
  readonly skipped: { name: string; why: string }[];
}

interface LocalFile {
  readonly path: string;
  /** Below the folder, with slashes. */
  readonly name: string;
  readonly size: number;
}

/** Headers of PutObject from the options of the command. @throws CliFailure */
export function putHeaders(options: Readonly<Record<string, unknown>>, name: string): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': (options.contentType as string | undefined) ?? typeOf(name) };
  for (const pair of (options.meta as string[] | undefined) ?? []) {
    const [, field, value] = /^([A-Za-z0-9-]+)=(.*)$/s.exec(pair) ?? [];
    if (field === undefined || value === undefined) throw new CliFailure(2, `--meta ${pair}: write NAME=VALUE.`);
    headers[`x-oss-meta-${field.toLowerCase()}`] = value;
  }
  if (options.acl !== undefined) headers['x-oss-object-acl'] = String(options.acl);
  if (options.storageClass !== undefined) headers['x-oss-storage-class'] = String(options.storageClass);
  if (options.cacheControl !== undefined) headers['cache-control'] = String(options.cacheControl);
  if (options.clobber === false) headers['x-oss-forbid-overwrite'] = 'true';
  return headers;
}

/** Puts one file, or standard input. */
export async function putOne(store: Store, source: string, target: string, options: Readonly<Record<string, unknown>>): Promise<Stored> {
  const place = targetOf(source, target);
  const size = source === '-' ? undefined : await fileSize(source);
  const progress = new Progress(source === '-' ? place.key : basename(source), size);
  try {
    return await interruptible((signal) => {
      const headers = putHeaders(options, source === '-' ? place.key : source);
      const how = { headers, watch: progress, signal, resume: options.resume !== false };
      return source === '-' ? uploadStream(store, place, process.stdin, how) : uploadFile(store, place, source, how);
    });
  } finally {
    progress.end();
  }
}

function targetOf(source: string, target: string): Place {
  const place = placeOf(target);
  if (place.key !== '' && !place.key.endsWith('/')) return place;
  if (source === '-') throw new CliFailure(2, 'Standard input has no name; write BUCKET/KEY.');
  return { ...place, key: place.key + basename(source) };
}

async function fileSize(path: string): Promise<number> {
  const info = await stat(path).catch((error: Error) => {
    throw new CliFailure(2, `${path} cannot be read: ${error.message}`);
  });
  if (info.isDirectory()) throw new CliFailure(2, `${path} is a folder.`, { next: 'Put all that is in it with --recursive.' });
  return info.size;
}

/** Puts all files of a folder under a prefix, several at a time. */
export async function putFolder(store: Store, folder: string, target: string, options: Readonly<Record<string, unknown>>): Promise<Moved> {
  const { bucket, key } = placeOf(target);
  const prefix = key === '' || key.endsWith('/') ? key : `${key}/`;
  const { files, skipped } = await filesOf(folder);
  const there = options.update === true ? new Map((await listAll(store, bucket, prefix)).map((each) => [each.key, each])) : undefined;
  const progress = new Progress(`${files.length} files`, total(files));
  const moved = { objects: 0, bytes: 0, unchanged: 0, skipped };
  try {
    await interruptible((signal) =>
      inParallel(files, signal, async (file) => {
        const place = { bucket, key: prefix + file.name };
        const old = there?.get(place.key);
        if (old && (await hasSameBytes(store, place, old, file.path))) {
          progress.skip(file.size);
          moved.unchanged += 1;
          return;
        }
        const how = { headers: putHeaders(options, file.name), watch: progress, signal, resume: options.resume !== false };
        const stored = await uploadFile(store, place, file.path, how);
        moved.objects += 1;
        moved.bytes += stored.bytes;
      }),
    );
  } finally {
    progress.end();
  }
  return moved;
}

function total(files: readonly LocalFile[]): number {
  return files.reduce((sum, file) => sum + file.size, 0);
}

/** Files of a folder in the order of their names; links to files count, links to folders do not, so that none is walked twice. */
async function filesOf(folder: string): Promise<{ files: LocalFile[]; skipped: Moved['skipped'] }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: Error) => {
    throw new CliFailure(2, `${folder} cannot be read: ${error.message}`);
  });
  const files: LocalFile[] = [];
  const skipped: Moved['skipped'] = [];
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path).split(sep).join('/');
    const info = await stat(path).catch(() => undefined);
    if (info?.isFile()) files.push({ path, name, size: info.size });
    else skipped.push({ name, why: info ? 'not a file' : 'leads nowhere' });
  }
  return { files: files.sort((a, b) => (a.name < b.name ? -1 : 1)), skipped };
}
