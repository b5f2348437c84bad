import { chmod, type FileHandle, lchown, mkdir, open as openFile, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import { openPromise, type ZipFile } from 'yauzl';
import { readEntries, refuseBytes, type ZipItem, type ZipLimits } from './zip-entries.ts';
import { ZipError } from './zip-error.ts';
import { linkTarget, refuseEscape } from './zip-links.ts';

export type { ZipLimits } from './zip-entries.ts';
export { ZipError, type ZipReason } from './zip-error.ts';

/** What the unpacked files are given. */
export interface ZipModes {
  file: number;
  /** Files that the archive calls executable. */
  program: number;
  folder: number;
  /** Group of everything; needs root. */
  gid?: number | undefined;
}

const usualModes: ZipModes = { file: 0o644, program: 0o755, folder: 0o755 };
/** Entries up to this size are inflated in one piece: most of a package, and several times faster than a stream. */
const smallBytes = 1024 * 1024;
/** Entries written at once. */
const writers = 6;
const longestTarget = 1024;
const inflate = promisify(inflateRaw);

interface Writing {
  zip: ZipFile;
  handle: FileHandle;
  folder: string;
  limits: ZipLimits;
  modes: ZipModes;
  /** Inflated so far. */
  bytes: number;
}

/**
 * Unpacks a ZIP that may be hostile into `folder`, which is made if missing and should be empty and not yet visible to anyone.
 * Everything that can be judged is judged before the first file is written: names, types, duplicates, links, overlapping data, declared
 * sizes. Inflated bytes are counted again as they come. A failure leaves what was written, for the caller to remove together with the folder.
 * @param modes 0644, or 0755 for folders and what the archive says is executable, when left out
 * @throws ZipError
 */
export async function unpackZip(
  file: string,
  folder: string,
  limits: ZipLimits,
  modes: ZipModes = usualModes,
): Promise<{ files: number; bytes: number }> {
  const handle = await openFile(file, 'r');
  try {
    const zip = await openPromise(file, { strictFileNames: true, autoClose: false }).catch((error: Error) => {
      if ('code' in error && 'syscall' in error) throw error;
      throw new ZipError('malformed', `The file is not a ZIP: ${error.message}.`, error);
    });
    try {
      const items = await readEntries(zip, handle, limits);
      return await write({ zip, handle, folder: resolve(folder), limits, modes, bytes: 0 }, items);
    } catch (error) {
      if (error instanceof ZipError || (error instanceof Error && 'syscall' in error)) throw error;
      throw new ZipError('malformed', `The ZIP cannot be read: ${(error as Error).message}.`, error);
    } finally {
      zip.close();
    }
  } finally {
    await handle.close();
  }
}

async function write(writing: Writing, items: ReadonlyMap<string, ZipItem>): Promise<{ files: number; bytes: number }> {
  await makeFolders(writing, items);
  const links = new Map<string, string>();
  let files = 0;
  const queue = items.values();
  const work = async () => {
    for (const item of queue) {
      if (item.kind === 'directory') continue;
      files += 1;
      if (item.kind === 'link') links.set(item.path, await readTarget(writing, item));
      else if (item.entry.uncompressedSize <= smallBytes && item.entry.compressedSize <= smallBytes) await writeSmall(writing, item);
      else await writeLarge(writing, item);
    }
  };
  const results = await Promise.allSettled(Array.from({ length: writers }, work));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  for (const path of links.keys()) refuseEscape(path, links);
  // Links come last, so that no file is ever written through one.
  for (const [path, target] of links) {
    const place = join(writing.folder, path);
    await symlink(target, place).catch(clash(path));
    if (writing.modes.gid !== undefined) await lchown(place, 0, writing.modes.gid);
  }
  return { files, bytes: writing.bytes };
}

async function makeFolders({ folder, modes }: Writing, items: ReadonlyMap<string, ZipItem>): Promise<void> {
  const made = new Set<string>();
  const make = async (path: string) => {
    if (made.has(path)) return;
    if (path !== '.') await make(dirname(path));
    const place = join(folder, path);
    await mkdir(place, { recursive: path === '.', mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    if (modes.gid !== undefined) await lchown(place, 0, modes.gid);
    await chmod(place, modes.folder);
    made.add(path);
  };
  await make('.');
  for (const { path, kind } of items.values()) await make(kind === 'directory' ? path : dirname(path)).catch(clash(path));
}

/** The whole content of a small entry. */
async function contentOf({ handle }: Writing, { path, entry, dataStart }: ZipItem): Promise<Buffer> {
  const { compressedSize, uncompressedSize, compressionMethod } = entry;
  const packed = Buffer.allocUnsafe(compressedSize);
  let at = 0;
  while (at < compressedSize) {
    const { bytesRead } = await handle.read(packed, at, compressedSize - at, dataStart + at);
    if (bytesRead === 0) throw new ZipError('malformed', `The ZIP ends within "${path}".`);
    at += bytesRead;
  }
  const content = compressionMethod === 0 ? packed : await inflate(packed, { maxOutputLength: Math.max(1, uncompressedSize) });
  if (content.length !== uncompressedSize) throw new ZipError('malformed', `"${path}" does not have the size that the ZIP says.`);
  if (crc32(content) !== entry.crc32) throw new ZipError('checksum', `"${path}" is damaged: its CRC-32 does not match.`);
  return content;
}

async function writeSmall(writing: Writing, item: ZipItem): Promise<void> {
  const content = await contentOf(writing, item);
  writing.bytes += content.length;
  refuseBytes(writing.bytes, writing.zip.fileSize, writing.limits);
  await intoFile(writing, item, (file) => file.writeFile(content));
}

async function writeLarge(writing: Writing, item: ZipItem): Promise<void> {
  const source = await writing.zip.openReadStreamPromise(item.entry);
  // A false entry fails its stream at once, maybe before the loop below listens; the loop still meets the error.
  source.on('error', () => {});
  let checksum = 0;
  try {
    await intoFile(writing, item, async (file) => {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        writing.bytes += chunk.length;
        refuseBytes(writing.bytes, writing.zip.fileSize, writing.limits);
        checksum = crc32(chunk, checksum);
        await file.writeFile(chunk);
      }
    });
  } finally {
    source.destroy();
  }
  if (checksum !== item.entry.crc32) throw new ZipError('checksum', `"${item.path}" is damaged: its CRC-32 does not match.`);
}

async function intoFile({ folder, modes }: Writing, item: ZipItem, fill: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await openFile(join(folder, item.path), 'wx', 0o600).catch(clash(item.path));
  try {
    await fill(file);
    if (modes.gid !== undefined) await file.chown(0, modes.gid);
    await file.chmod(item.executable ? modes.program : modes.file);
  } finally {
    await file.close();
  }
}

/** A file system that ignores case, or a folder that was not empty, cannot hold both names. */
function clash(path: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    if (error.code === 'EEXIST' || error.code === 'EISDIR' || error.code === 'ENOTDIR')
      throw new ZipError('duplicate', `"${path}" clashes with another name.`, error);
    throw error;
  };
}

async function readTarget(writing: Writing, item: ZipItem): Promise<string> {
  if (item.entry.uncompressedSize > longestTarget || item.entry.compressedSize > smallBytes)
    throw new ZipError('link', `The link "${item.path}" has a target longer than ${longestTarget} bytes.`);
  return linkTarget(item.path, await contentOf(writing, item));
}
