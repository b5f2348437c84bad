import { chmod, mkdir, open as openFile, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { buffer as readStream } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';

export interface ZipLimits {
  /** Most entries, directories included. */
  entries: number;
  /** Most inflated bytes of all files together. */
  bytes: number;
  /** Most inflated bytes for one byte of the archive, once more than 1 MiB has come out; 250 when left out. */
  ratio?: number;
}

export type ZipReason =
  | 'malformed'
  | 'encrypted'
  | 'method'
  | 'name'
  | 'duplicate'
  | 'type'
  | 'link'
  | 'overlap'
  | 'entries'
  | 'bytes'
  | 'ratio'
  | 'checksum';

/** A ZIP that we do not unpack; `reason` is for programs, the message for people. */
export class ZipError extends Error {
  override readonly name = 'ZipError';
  readonly reason: ZipReason;
  constructor(reason: ZipReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

type Kind = 'file' | 'directory' | 'link';

interface Item {
  path: string;
  kind: Kind;
  executable: boolean;
  entry: Entry;
  dataStart: number;
}

const freeBytes = 1024 * 1024;
const longestPath = 1024;
const longestSegment = 255;
const longestTarget = 1024;
const mostHops = 40;
const typeMask = 0o170000;
const kinds = new Map<number, Kind>([
  [0, 'file'],
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'link'],
]);
/** General purpose flags: encrypted, masked central directory, patched data (APPNOTE 4.4.4). */
const encryptedFlags = 0x0001 | 0x2000;
const patchFlag = 0x0020;

/**
 * Unpacks a ZIP that may be hostile into `folder`, which is made if missing and should be empty and not yet visible to anyone.
 * Everything that can be judged is judged before the first file is written: names, types, duplicates, links, overlapping data, declared
 * sizes. Inflated bytes are counted again as they come. Files become 0644, or 0755 when the archive says executable; a failure leaves what was
 * written, for the caller to remove together with the folder.
 * @throws ZipError
 */
export async function unpackZip(file: string, folder: string, limits: ZipLimits): Promise<{ files: number; bytes: number }> {
  const zip = await openPromise(file, { strictFileNames: true, autoClose: false }).catch((error: Error) => {
    if ('code' in error && 'syscall' in error) throw error;
    throw new ZipError('malformed', `The file is not a ZIP: ${error.message}.`, error);
  });
  try {
    const items = await inspect(zip, limits);
    refuseOverlap(items);
    return await write(zip, items, resolve(folder), limits);
  } catch (error) {
    if (error instanceof ZipError || (error instanceof Error && 'syscall' in error)) throw error;
    throw new ZipError('malformed', `The ZIP cannot be read: ${(error as Error).message}.`, error);
  } finally {
    zip.close();
  }
}

/** Reads the whole central directory and refuses what it says before anything is written. */
async function inspect(zip: ZipFile, limits: ZipLimits): Promise<Map<string, Item>> {
  if (zip.entryCount > limits.entries)
    throw new ZipError('entries', `The ZIP holds ${zip.entryCount} entries; the limit is ${limits.entries}.`);
  const items = new Map<string, Item>();
  let declared = 0;
  for await (const entry of zip.eachEntry()) {
    const path = safePath(entry.fileName);
    const kind = kindOf(entry);
    if (path === '') continue;
    refuseCoding(entry);
    declared += entry.uncompressedSize;
    refuseBytes(declared, zip.fileSize, limits);
    const known = items.get(path);
    if (known?.kind === 'directory' && kind === 'directory') continue;
    if (known) throw new ZipError('duplicate', `The ZIP holds "${path}" twice.`);
    // Central records do not say where the data begins; the local header does.
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    const executable = ((entry.externalFileAttributes >>> 16) & 0o111) !== 0;
    items.set(path, { path, kind, executable, entry, dataStart: fileDataStart });
  }
  for (const { path } of items.values()) {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const above = items.get(path.slice(0, at));
      if (above && above.kind !== 'directory')
        throw new ZipError('duplicate', `The ZIP holds "${path}" below "${above.path}", which is no directory.`);
    }
  }
  return items;
}

/** The name as a plain relative path without empty and `.` segments; '' for the root itself. yauzl has refused `..`, backslash and absolute names. */
function safePath(name: string): string {
  if (/[\x00-\x1f\x7f\\]/.test(name)) throw new ZipError('name', 'The ZIP holds a name with control characters or a backslash.');
  if (name.startsWith('/')) throw new ZipError('name', `The ZIP holds the absolute name "${name}".`);
  const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.');
  const path = segments.join('/');
  if (segments.includes('..')) throw new ZipError('name', `The ZIP holds "${name}", which leaves the folder.`);
  if (Buffer.byteLength(path) > longestPath || segments.some((segment) => Buffer.byteLength(segment) > longestSegment)) {
    throw new ZipError(
      'name',
      `The ZIP holds a name longer than ${longestPath} bytes, or ${longestSegment} between slashes: "${path.slice(0, 60)}...".`,
    );
  }
  return path;
}

function kindOf(entry: Entry): Kind {
  const kind = kinds.get((entry.externalFileAttributes >>> 16) & typeMask);
  if (!kind) throw new ZipError('type', `"${entry.fileName}" is a device, pipe or socket; only files, directories and links are unpacked.`);
  if (!entry.fileName.endsWith('/')) return kind;
  if (kind === 'link' || entry.uncompressedSize > 0) throw new ZipError('type', `"${entry.fileName}" is named as a directory but is none.`);
  return 'directory';
}

function refuseCoding(entry: Entry): void {
  const flags = entry.generalPurposeBitFlag;
  if (flags & encryptedFlags) throw new ZipError('encrypted', `"${entry.fileName}" is encrypted; pack it without a password.`);
  if (flags & patchFlag || (entry.compressionMethod !== 0 && entry.compressionMethod !== 8)) {
    throw new ZipError('method', `"${entry.fileName}" is packed by method ${entry.compressionMethod}; use store or deflate.`);
  }
}

function refuseBytes(inflated: number, archive: number, limits: ZipLimits): void {
  if (inflated > limits.bytes) throw new ZipError('bytes', `The ZIP unpacks to more than ${limits.bytes} bytes.`);
  const ratio = limits.ratio ?? 250;
  if (inflated > freeBytes && inflated > archive * ratio)
    throw new ZipError('ratio', `The ZIP unpacks to more than ${ratio} times its size.`);
}

/** Refuses entries that share bytes of the archive, as ZIP bombs do. */
function refuseOverlap(items: Map<string, Item>): void {
  const spans = [...items.values()].sort((a, b) => a.entry.relativeOffsetOfLocalHeader - b.entry.relativeOffsetOfLocalHeader);
  let end = 0;
  for (const { path, entry, dataStart } of spans) {
    if (entry.relativeOffsetOfLocalHeader < end) throw new ZipError('overlap', `The data of "${path}" overlaps another entry's.`);
    end = dataStart + entry.compressedSize;
  }
}

async function write(zip: ZipFile, items: Map<string, Item>, folder: string, limits: ZipLimits): Promise<{ files: number; bytes: number }> {
  const made = new Set<string>();
  const makeFolder = async (path: string) => {
    if (made.has(path)) return;
    await mkdir(path, { recursive: true, mode: 0o755 });
    made.add(path);
  };
  await makeFolder(folder);
  const links = new Map<string, string>();
  let files = 0;
  let bytes = 0;
  for (const item of items.values()) {
    const path = join(folder, item.path);
    if (item.kind === 'directory') {
      await makeFolder(path);
      continue;
    }
    await makeFolder(dirname(path));
    if (item.kind === 'link') {
      links.set(item.path, await readTarget(zip, item));
      continue;
    }
    bytes = await writeFile(zip, item, path, bytes, limits);
    files += 1;
  }
  for (const path of links.keys()) refuseEscape(path, links);
  // Links come last, so that no file is ever written through one.
  for (const [path, target] of links) await symlink(target, join(folder, path)).catch(clash(path));
  return { files: files + links.size, bytes };
}

/** Writes one file and returns the inflated bytes of the archive so far. */
async function writeFile(zip: ZipFile, item: Item, path: string, before: number, limits: ZipLimits): Promise<number> {
  const source = await zip.openReadStreamPromise(item.entry);
  // A false entry fails its stream at once, maybe before the loop below listens; the loop still meets the error.
  source.on('error', () => {});
  const mode = item.executable ? 0o755 : 0o644;
  let bytes = before;
  let checksum = 0;
  try {
    const handle = await openFile(path, 'wx', mode).catch(clash(item.path));
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        refuseBytes(bytes, zip.fileSize, limits);
        checksum = crc32(chunk, checksum);
        await handle.writeFile(chunk);
      }
    } finally {
      await handle.close();
    }
  } finally {
    source.destroy();
  }
  if (checksum !== item.entry.crc32) throw new ZipError('checksum', `"${item.path}" is damaged: its CRC-32 does not match.`);
  // The umask may have narrowed the mode given to open.
  await chmod(path, mode);
  return bytes;
}

/** A file system that ignores case, or a folder that was not empty, cannot hold both names. */
function clash(path: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    if (error.code === 'EEXIST' || error.code === 'EISDIR') throw new ZipError('duplicate', `"${path}" clashes with another name.`, error);
    throw error;
  };
}

async function readTarget(zip: ZipFile, { path, entry }: Item): Promise<string> {
  if (entry.uncompressedSize > longestTarget)
    throw new ZipError('link', `The link "${path}" has a target longer than ${longestTarget} bytes.`);
  const source = await zip.openReadStreamPromise(entry);
  source.on('error', () => {});
  const bytes = await readStream(source);
  if (crc32(bytes) !== entry.crc32) throw new ZipError('checksum', `"${path}" is damaged: its CRC-32 does not match.`);
  const target = bytes.toString('utf8');
  if (target === '' || target.startsWith('/') || /[\x00\\\ufffd]/.test(target)) {
    throw new ZipError('link', `The link "${path}" must name a relative path inside the archive.`);
  }
  return target;
}

/** Follows a link as the kernel would, through the archive's other links, and refuses it if it ever stands above the root. */
function refuseEscape(path: string, links: ReadonlyMap<string, string>): void {
  const todo = path.split('/');
  const at: string[] = [];
  let hops = 0;
  while (todo.length > 0) {
    const segment = todo.shift() as string;
    if (segment === '' || segment === '.') continue;
    if (segment === '..') {
      if (at.pop() === undefined) throw new ZipError('link', `The link "${path}" leads out of the archive.`);
      continue;
    }
    at.push(segment);
    const target = links.get(at.join('/'));
    if (target === undefined) continue;
    hops += 1;
    if (hops > mostHops) throw new ZipError('link', `The link "${path}" goes round in circles.`);
    at.pop();
    todo.unshift(...target.split('/'));
  }
}
