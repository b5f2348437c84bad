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
const format = 1;

export interface DataFolder {
  path: string;
  metadata: string;
  blobs: string;
  packages: string;
  spool: string;
  keys: string;
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
  prepare(folder);
  const lock = takeLock(folder);
  const make = (name: string): string => {
    const child = join(folder, name);
    mkdirSync(child, { recursive: true, mode: 0o700 });
    return child;
  };
  const run = makeRunFolder(folder, options.run);
  const spool = make('spool');
  for (const left of readdirSync(spool)) rmSync(join(spool, left), { force: true });
  return {
    path: folder,
    metadata: join(make('meta'), 'sluice.sqlite'),
    blobs: make('blobs'),
    packages: make('packages'),
    spool,
    keys: join(folder, 'keys.json'),
    audit: join(folder, 'audit', 'audit.log'),
    run: run.path,
    release: () => {
      if (run.temporary) rmSync(run.path, { recursive: true, force: true });
      lock.close();
    },
  };
}

function prepare(folder: string): void {
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
    return;
  }
  let found: unknown;
  try {
    found = (JSON.parse(readFileSync(file, 'utf8')) as { format?: unknown }).format;
  } catch {
    throw new DataFolderError(`${file} cannot be read as JSON. It says ${JSON.stringify({ format })} in an intact data folder.`);
  }
  if (found !== format)
    throw new DataFolderError(`${folder} has data format ${found}; this version reads format ${format}. Use the version that wrote it.`);
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
