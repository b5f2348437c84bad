import type { FileHandle } from 'node:fs/promises';
import type { Entry, ZipFile } from 'yauzl';
import { ZipError } from './zip-error.ts';

export interface ZipLimits {
  /** Most entries, directories included. */
  entries: number;
  /** Most inflated bytes of all files together. */
  bytes: number;
  /** Most inflated bytes for one byte of the archive, once more than 1 MiB has come out; 250 when left out. */
  ratio?: number;
}

export type ZipKind = 'file' | 'directory' | 'link';

/** One entry that may be written. */
export interface ZipItem {
  path: string;
  kind: ZipKind;
  executable: boolean;
  entry: Entry;
  dataStart: number;
}

const freeBytes = 1024 * 1024;
const longestPath = 1024;
const longestSegment = 255;
const typeMask = 0o170000;
const kinds = new Map<number, ZipKind>([
  [0, 'file'],
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'link'],
]);
/** General purpose flags: encrypted, masked central directory, patched data (APPNOTE 4.4.4). */
const encryptedFlags = 0x0001 | 0x2000;
const patchFlag = 0x0020;
const localHeaderBytes = 30;
const localHeaderMark = 0x04034b50;
/** Local headers that are read at once. */
const readsAtOnce = 32;

/** Reads the whole central directory and refuses what it says before anything is written. @throws ZipError */
export async function readEntries(zip: ZipFile, handle: FileHandle, limits: ZipLimits): Promise<Map<string, ZipItem>> {
  if (zip.entryCount > limits.entries)
    throw new ZipError('entries', `The ZIP holds ${zip.entryCount} entries; the limit is ${limits.entries}.`);
  const items = new Map<string, ZipItem>();
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
    const executable = ((entry.externalFileAttributes >>> 16) & 0o111) !== 0;
    items.set(path, { path, kind, executable, entry, dataStart: 0 });
  }
  refuseFilesBelowFiles(items);
  await findData(items, handle);
  refuseOverlap(items);
  return items;
}

/** @throws ZipError when that many inflated bytes are too many, or too many for the size of the archive */
export function refuseBytes(inflated: number, archive: number, limits: ZipLimits): void {
  if (inflated > limits.bytes) throw new ZipError('bytes', `The ZIP unpacks to more than ${limits.bytes} bytes.`);
  const ratio = limits.ratio ?? 250;
  if (inflated > freeBytes && inflated > archive * ratio)
    throw new ZipError('ratio', `The ZIP unpacks to more than ${ratio} times its size.`);
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

function kindOf(entry: Entry): ZipKind {
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

function refuseFilesBelowFiles(items: ReadonlyMap<string, ZipItem>): void {
  for (const { path } of items.values()) {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const above = items.get(path.slice(0, at));
      if (above && above.kind !== 'directory')
        throw new ZipError('duplicate', `The ZIP holds "${path}" below "${above.path}", which is no directory.`);
    }
  }
}

/** Central records do not say where the data begins; the local headers do (APPNOTE 4.3.7). */
async function findData(items: ReadonlyMap<string, ZipItem>, handle: FileHandle): Promise<void> {
  const all = [...items.values()];
  for (let at = 0; at < all.length; at += readsAtOnce) {
    await Promise.all(
      all.slice(at, at + readsAtOnce).map(async (item) => {
        const { relativeOffsetOfLocalHeader: start } = item.entry;
        const header = Buffer.alloc(localHeaderBytes);
        const { bytesRead } = await handle.read(header, 0, localHeaderBytes, start);
        if (bytesRead < localHeaderBytes || header.readUInt32LE(0) !== localHeaderMark)
          throw new ZipError('malformed', `The ZIP cannot be read: there is no local header for "${item.path}".`);
        item.dataStart = start + localHeaderBytes + header.readUInt16LE(26) + header.readUInt16LE(28);
      }),
    );
  }
}

/** Refuses entries that share bytes of the archive, as ZIP bombs do. */
function refuseOverlap(items: ReadonlyMap<string, ZipItem>): void {
  const spans = [...items.values()].sort((a, b) => a.entry.relativeOffsetOfLocalHeader - b.entry.relativeOffsetOfLocalHeader);
  let end = 0;
  for (const { path, entry, dataStart } of spans) {
    if (entry.relativeOffsetOfLocalHeader < end) throw new ZipError('overlap', `The data of "${path}" overlaps another entry's.`);
    end = dataStart + entry.compressedSize;
  }
}
