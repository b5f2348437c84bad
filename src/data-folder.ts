import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Raised when the data folder cannot be used; the message says what to do. */
export class DataFolderError extends Error {}

const marker = 'sluice.json';
/** Since format 2 every blob has checksums of its own; a folder of format 1 stays one, and blobs without them are accepted there. */
const format = 2;
const formats: readonly unknown[] = [1, 2];
const backupMarker = 'backup.json';
const database = 'sluice.sqlite';

export interface DataFolder {
  path: string;
  /** Data format of the folder, 1 or 2. */
  format: number;
  metadata: string;
  blobs: string;
  packages: string;
  spool: string;
  keys: string;
  /** The encryption keys, unless the settings name another file. */
  encryption: string;
  /** Where damaged blobs are set aside. */
  quarantine: string;
  audit: string;
  /** Code, sockets and tmp of functions; other users may walk through it. */
  run: string;
  /** Gives the folder back, so that another server may open it. */
  release(): void;
}

/**
 * Opens (or makes) a data folder and locks it for this process. The lock dies with the process.
 * @param options.run another place for the functions' folder
 * @throws DataFolderError for a folder that is not writable, not Sluice's, of a newer format, or served by another process
 */
export function openDataFolder(path: string, options: { run?: string } = {}): DataFolder {
  const folder = resolve(path);
  const found = prepare(folder);
  const lock = takeLock(folder);
  const make = (name: string): string => {
    const child = join(folder, name);
    mkdirSync(child, { recursive: true, mode: 0o700 });
    return child;
  };
  const run = makeRunFolder(folder, options.run);
  const spool = make('spool');
  for (const left of readdirSync(spool)) rmSync(join(spool, left), { force: true });
  for (const name of ['meta', 'blobs', 'packages']) make(name);
  return {
    ...placesIn(folder),
    format: found,
    spool,
    audit: join(folder, 'audit', 'audit.log'),
    run: run.path,
    release: () => {
      if (run.temporary) rmSync(run.path, { recursive: true, force: true });
      lock.close();
    },
  };
}

type Places = Pick<DataFolder, 'path' | 'metadata' | 'blobs' | 'packages' | 'keys' | 'encryption' | 'quarantine'>;

/** Where the parts of a data folder are. */
function placesIn(folder: string): Places {
  return {
    path: folder,
    metadata: join(folder, 'meta', database),
    blobs: join(folder, 'blobs'),
    packages: join(folder, 'packages'),
    keys: join(folder, 'keys.json'),
    encryption: join(folder, 'encryption.json'),
    quarantine: join(folder, 'quarantine'),
  };
}

/**
 * A data folder, or a backup of one, that is there, to be looked at. `lock` keeps servers away from it, or is undefined when one serves it now.
 * @throws DataFolderError for a folder that is not Sluice's or of another format
 */
export function findDataFolder(path: string): Places & { format: number; backup: boolean; lock: (() => void) | undefined } {
  const folder = resolve(path);
  if (!existsSync(join(folder, marker))) throw new DataFolderError(`${folder} is not a data folder of Sluice. Name one with --data.`);
  const found = { ...placesIn(folder), format: readFormat(join(folder, marker)), backup: existsSync(join(folder, backupMarker)) };
  try {
    const held = found.backup ? undefined : takeLock(folder);
    return { ...found, lock: () => held?.close() };
  } catch (error) {
    if (error instanceof DataFolderError) return { ...found, lock: undefined };
    throw error;
  }
}

/** @returns the data format of the folder */
function prepare(folder: string): number {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o711 });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    if (!statSync(folder).isDirectory()) throw new Error('it is not a folder');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DataFolderError(
      `The data folder ${folder} is not writable (${why}). Choose another with --data, or give this user write access.`,
    );
  }
  const file = join(folder, marker);
  if (!existsSync(file)) {
    if (readdirSync(folder).length > 0) {
      throw new DataFolderError(`${folder} holds files that are not Sluice's. Choose an empty or new folder with --data.`);
    }
    writeFileSync(file, `${JSON.stringify({ format, madeBy: 'sluice' })}\n`, { flush: true });
    return format;
  }
  if (existsSync(join(folder, backupMarker))) {
    throw new DataFolderError(`${folder} is a backup. Make a data folder of it: sluice data restore ${folder} --data <new folder>`);
  }
  return readFormat(file);
}

/** @throws DataFolderError */
function readFormat(file: string): number {
  let found: unknown;
  try {
    found = (JSON.parse(readFileSync(file, 'utf8')) as { format?: unknown }).format;
  } catch {
    throw new DataFolderError(`${file} cannot be read as JSON. It says ${JSON.stringify({ format })} in an intact data folder.`);
  }
  if (!formats.includes(found)) {
    throw new DataFolderError(
      `${dirname(file)} has data format ${found}; this version reads up to ${format}. Use the version that wrote it, or restore a backup.`,
    );
  }
  return found as number;
}

/** SQLite's own file lock serves as the lock of the folder: the kernel drops it when the process ends, however it ends. */
function takeLock(folder: string): DatabaseSync {
  const lock = new DatabaseSync(join(folder, 'lock'), { timeout: 0 });
  const pidFile = join(folder, 'pid');
  try {
    chmodSync(join(folder, 'lock'), 0o600);
    lock.exec(
      'pragma locking_mode = exclusive; begin exclusive; create table if not exists held (since integer); commit; begin exclusive;',
    );
  } catch (error) {
    lock.close();
    const pid = existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim() : '';
    const who = pid === '' ? 'Another server' : `Another server (process ${pid})`;
    throw new DataFolderError(`${who} is using ${folder}. Stop it, or choose another folder with --data.`, { cause: error });
  }
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
  chmodSync(pidFile, 0o600);
  return lock;
}

/** Functions of other users must be able to walk to their code: where the way is closed, a folder in /var/tmp is used until the server stops. */
function makeRunFolder(folder: string, wanted: string | undefined): { path: string; temporary: boolean } {
  const inside = wanted === undefined ? join(folder, 'run') : resolve(wanted);
  mkdirSync(inside, { recursive: true, mode: 0o711 });
  if (wanted === undefined) chmodSync(folder, 0o711);
  chmodSync(inside, 0o711);
  if (process.getuid?.() !== 0 || isWalkable(inside)) return { path: inside, temporary: false };
  const outside = join('/var/tmp', `sluice-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`);
  rmSync(outside, { recursive: true, force: true });
  mkdirSync(outside, { mode: 0o711 });
  chmodSync(outside, 0o711);
  return { path: outside, temporary: true };
}

/** Whether any user may walk to `path`. */
export function isWalkable(path: string): boolean {
  for (let here = path; ; here = dirname(here)) {
    if ((statSync(here).mode & 0o001) === 0) return false;
    if (here === dirname(here)) return true;
  }
}
