import { createWriteStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { download, type Taken, type Wanted } from './download.ts';
import { CliFailure } from './failure.ts';
import { FileSink, StreamSink } from './file-sink.ts';
import { interruptible } from './interrupt.ts';
import { listAll } from './listing.ts';
import type { Moved } from './object-put.ts';
import { printLine } from './output.ts';
import { inParallel } from './parallel.ts';
import { fileNameOf, objectOf, placeOf, relativePathOf } from './place.ts';
import { Progress } from './progress.ts';
import { hasSameBytes } from './same-bytes.ts';
import type { Store } from './store.ts';

export interface Got extends Taken {
  /** '-' is standard output. */
  readonly file: string;
  /** Bytes that were there from an earlier attempt. */
  readonly resumedAt: number;
}

/** Query parameters from `--query name=value`, given any number of times. @throws CliFailure */
export function queryOf(options: Readonly<Record<string, unknown>>): Record<string, string> {
  const query: Record<string, string> = {};
  for (const pair of (options.query as string[] | undefined) ?? []) {
    const at = pair.indexOf('=');
    const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    if (name === '') throw new CliFailure(2, `--query ${pair}: write NAME=VALUE.`);
    query[name] = value;
  }
  return query;
}

/** Gets one object into a file, into a folder under its own name, or to standard output. */
export async function getOne(
  store: Store,
  source: string,
  target: string | undefined,
  options: Readonly<Record<string, unknown>>,
): Promise<Got> {
  const place = objectOf(source);
  const file = await fileOf(place.key, target);
  const progress = new Progress(basename(place.key), undefined);
  try {
    return await interruptible((signal) => fetchFile(store, { ...place, query: queryOf(options), signal }, file, progress));
  } finally {
    progress.end();
  }
}

async function fileOf(key: string, target: string | undefined): Promise<string> {
  if (target === '-') return '-';
  const isFolder = target !== undefined && (target.endsWith('/') || ((await stat(target).catch(() => undefined))?.isDirectory() ?? false));
  if (target !== undefined && !isFolder) return target;
  const name = fileNameOf(key);
  if (name === undefined) throw new CliFailure(2, `${key} gives no name for a file; name one.`);
  return join(target ?? '', name);
}

async function fetchFile(store: Store, wanted: Wanted, file: string, progress: Progress): Promise<Got> {
  const old = file === '-' ? undefined : await stat(file).catch(() => undefined);
  if (file === '-' || (old && !old.isFile())) {
    const out = file === '-' ? process.stdout : createWriteStream(file);
    const taken = await download(store, wanted, new StreamSink(out, file), progress);
    return { ...taken, file, resumedAt: 0 };
  }
  const { sink, begun } = await FileSink.open(file);
  const resumedAt = sink.size;
  try {
    const taken = await download(store, wanted, sink, progress, begun);
    await sink.finish();
    return { ...taken, file, resumedAt };
  } catch (error) {
    await sink.abandon(error instanceof CliFailure && error.answer?.code === 'ChecksumMismatch');
    throw withKept(error, sink);
  }
}

/** Says where the bytes are that are there. */
function withKept(error: unknown, { kept, size }: Pick<FileSink, 'kept' | 'size'>): unknown {
  if (kept === undefined || !(error instanceof CliFailure) || error.answer?.code === 'ChecksumMismatch') return error;
  return new CliFailure(error.exitCode, error.message, {
    next: `${size} bytes are kept in ${kept}; the same command goes on from there.`,
    answer: error.answer,
  });
}

/** Gets all objects under a prefix into a folder, several at a time. */
export async function getFolder(store: Store, source: string, folder: string, options: Readonly<Record<string, unknown>>): Promise<Moved> {
  const { bucket, key } = placeOf(source);
  const prefix = key === '' || key.endsWith('/') ? key : `${key}/`;
  const moved = { objects: 0, bytes: 0, unchanged: 0, skipped: [] as Moved['skipped'] };
  const wanted = (await listAll(store, bucket, prefix)).flatMap((object) => {
    const path = relativePathOf(object.key.slice(prefix.length));
    // Objects that stand for folders have nothing to keep.
    if (path === undefined && !(object.size === 0 && object.key.endsWith('/')))
      moved.skipped.push({ name: object.key, why: 'its key is no path below the folder' });
    return path === undefined ? [] : [{ ...object, path: join(folder, path) }];
  });
  const progress = new Progress(
    `${wanted.length} objects`,
    wanted.reduce((sum, { size }) => sum + size, 0),
  );
  // The whole is what counts here, not what each answer says.
  const watch = { total: undefined, add: (bytes: number) => progress.add(bytes), skip: (bytes: number) => progress.skip(bytes) };
  const query = queryOf(options);
  // Parts that earlier attempts left are looked for once in each folder.
  const known = new Map<string, Promise<string[]>>();
  const entriesOf = (path: string) => known.get(path) ?? known.set(path, readdir(path)).get(path) ?? readdir(path);
  try {
    await interruptible((signal) =>
      inParallel(wanted, signal, async (object) => {
        if (options.update === true && (await hasSameBytes(store, { bucket, key: object.key }, object, object.path))) {
          progress.skip(object.size);
          moved.unchanged += 1;
          return;
        }
        const { sink, begun } = await FileSink.open(object.path, entriesOf);
        await into(store, { bucket, key: object.key, query, signal }, sink, watch, begun);
        moved.objects += 1;
        moved.bytes += sink.size;
      }),
    );
  } finally {
    progress.end();
  }
  return moved;
}

async function into(
  store: Store,
  wanted: Wanted,
  sink: FileSink,
  watch: Parameters<typeof download>[3],
  begun: Parameters<typeof download>[4],
) {
  try {
    await download(store, wanted, sink, watch, begun);
    await sink.finish();
  } catch (error) {
    await sink.abandon(error instanceof CliFailure && error.answer?.code === 'ChecksumMismatch');
    throw error;
  }
}

/** Says what a get of one did; nothing where the object itself is on standard output. */
export function showGot({ file, bytes, crc64, resumedAt, type }: Got): void {
  if (file === '-') return;
  const checked = crc64 === undefined ? 'no checksum came with it' : 'checksum right';
  printLine(`${file}: ${bytes} bytes, ${type ?? 'no type'}, ${checked}${resumedAt > 0 ? `, the first ${resumedAt} were there` : ''}.`);
}
