import fs from 'node:fs';
import { promisify } from 'node:util';

// Callback functions cost half of what fs.promises does.
export const open: (path: string, flags: string, mode?: number) => Promise<number> = promisify(fs.open);
export const close: (fd: number) => Promise<void> = promisify(fs.close);
export const fsync: (fd: number) => Promise<void> = promisify(fs.fsync);
export const rename: (from: string, to: string) => Promise<void> = promisify(fs.rename);
export const mkdir: (path: string, options: fs.MakeDirectoryOptions & { recursive?: false }) => Promise<void> = promisify(fs.mkdir);
export const readdir: (path: string) => Promise<string[]> = promisify(fs.readdir);
export const stat: (path: string) => Promise<fs.Stats> = promisify(fs.stat);
export const link: (from: string, to: string) => Promise<void> = promisify(fs.link);
/** Shares the bytes where the file system can. */
export const copyFile = (from: string, to: string): Promise<void> =>
  promisify(fs.copyFile)(from, to, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE);
const utimes: (path: string, accessed: number, modified: number) => Promise<void> = promisify(fs.utimes);
/** Sets a file's time, in epoch milliseconds. */
export const touch = (path: string, ms: number): Promise<void> => utimes(path, ms / 1000, ms / 1000);
const unlinkFile: (path: string) => Promise<void> = promisify(fs.unlink);
const writev = promisify(fs.writev);

/** True for an error with that system code, such as ENOENT. */
export function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === code;
}

/** Unlinks a file; harmless when there is none. */
export async function unlink(path: string): Promise<void> {
  try {
    await unlinkFile(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

/** Appends all chunks. A short write (a disk that gets full) goes on until the system names its reason. */
export async function writeAll(fd: number, chunks: readonly Buffer[]): Promise<void> {
  let rest = chunks;
  while (rest.length > 0) {
    let { bytesWritten } = await writev(fd, rest);
    let done = 0;
    while (done < rest.length && bytesWritten >= (rest[done] as Buffer).length) bytesWritten -= (rest[done++] as Buffer).length;
    const cut = bytesWritten;
    rest = rest.slice(done).map((chunk, i) => (i === 0 ? chunk.subarray(cut) : chunk));
  }
}

/** Makes what a folder lists durable. */
export async function syncFolder(path: string): Promise<void> {
  const fd = await open(path, 'r');
  try {
    await fsync(fd);
  } finally {
    await close(fd);
  }
}

/** Makes a folder for its owner only; true when it was not there before. Its parent must exist. */
export async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}
