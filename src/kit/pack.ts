import type { Dirent } from 'node:fs';
import { readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer as readStream } from 'node:stream/consumers';
import { ZipFile } from 'yazl';
import { ZipError } from './zip.ts';

// A fixed date, the first that ZIP knows, lets equal contents give equal bytes and so equal checksums.
const common = { mtime: new Date(1980, 0, 1), forceDosTimestamp: true };

/** A ZIP of buffers, deflated, the same bytes for the same entries. Modes default to 0644. */
export async function packZip(entries: { name: string; data: Buffer; mode?: number }[]): Promise<Buffer> {
  const zip = new ZipFile();
  for (const { name, data, mode } of entries) zip.addBuffer(data, name, { ...common, mode: 0o100000 | (mode ?? 0o644) });
  return finish(zip);
}

/**
 * A ZIP of everything below `folder`, in name order, as functions are deployed: files as 0644 or 0755, links as links.
 * @param omit files and folders of these names, wherever they are, stay out
 * @param ignores files and folders for whose paths below `folder` it says so stay out, too
 * @throws ZipError for devices, pipes and sockets
 */
export async function packFolder(
  folder: string,
  omit: ReadonlySet<string> = new Set(),
  ignores: (path: string, isFolder: boolean) => boolean = () => false,
): Promise<Buffer> {
  const zip = new ZipFile();
  await addFolder(zip, folder, '', (path, entry) => omit.has(entry.name) || ignores(path, entry.isDirectory()));
  return finish(zip);
}

async function addFolder(zip: ZipFile, folder: string, prefix: string, leavesOut: (path: string, entry: Dirent) => boolean): Promise<void> {
  const all = await readdir(folder, { withFileTypes: true });
  const entries = all.filter((entry) => !leavesOut(prefix + entry.name, entry));
  if (entries.length === 0 && prefix !== '') zip.addEmptyDirectory(prefix, { ...common, mode: 0o040755 });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    const name = prefix + entry.name;
    if (entry.isDirectory()) await addFolder(zip, path, `${name}/`, leavesOut);
    else if (entry.isSymbolicLink()) zip.addBuffer(Buffer.from(await readlink(path)), name, { ...common, mode: 0o120777 });
    else if (entry.isFile()) {
      const { mode } = await stat(path);
      zip.addFile(path, name, { ...common, mode: mode & 0o111 ? 0o100755 : 0o100644 });
    } else throw new ZipError('type', `"${name}" is neither a file, a directory nor a link; leave it out of the package.`);
  }
}

async function finish(zip: ZipFile): Promise<Buffer> {
  const failed = new Promise<never>((_, reject) => zip.once('error', reject));
  zip.end();
  return Promise.race([readStream(zip.outputStream), failed]);
}
