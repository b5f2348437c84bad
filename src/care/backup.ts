import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Blobs, blobPath, holdBlobs } from '../blobs/index.ts';
import { now } from '../kit/index.ts';
import { type MetadataReader, openMetadataReader } from '../metadata/index.ts';
import { packagesOf } from './check.ts';
import { sync } from './durable.ts';
import { examineBlob } from './examine.ts';
import { type BlobRecord, type Cursor, firstCursor, holdingsAfter, isNamed } from './references.ts';

/** The file that tells a backup from a data folder in use. */
const backupMarker = 'backup.json';
const database = 'sluice.sqlite';
const pageRows = 500;
/** A snapshot is taken again when a package that it names went while it was copied. */
const maxAttempts = 5;

/** Where the parts of a data folder are. */
export interface DataPlaces {
  readonly path: string;
  readonly metadata: string;
  readonly blobs: string;
  readonly packages: string;
}

export interface BackupOptions {
  readonly from: DataPlaces;
  readonly metadata: MetadataReader;
  /** Folder of the backup: new, or one that holds an older backup of the same data. */
  readonly to: string;
  /** Opens the blobs of the backup, to verify them. */
  readonly open: (folder: string) => Promise<Blobs>;
  /** Files beside the data, such as keys, that belong to it; those that are not there are left out. */
  readonly files: readonly string[];
  /** Hard links instead of copies: no room and no time, and no second copy of the bytes. */
  readonly link: boolean;
  /** Reads every blob of the backup again, also those of an older one. */
  readonly verifyAll: boolean;
  readonly onProgress?: (blobs: number, bytes: number) => void;
}

export interface BackupReport {
  readonly takenAt: number;
  readonly blobs: number;
  readonly bytes: number;
  /** Blobs that were not there from an older backup. */
  readonly added: number;
  readonly removed: number;
  readonly verified: number;
  /** Blobs that were damaged or lost before they could be copied, as `bucket/key: why`. */
  readonly damaged: readonly string[];
}

/**
 * Copies all data as it is at one moment, while a server works on it: blobs are kept from being removed, the database is copied at once, then what
 * it names. The folder is a sound backup at any time: the older one until the very end.
 */
export async function backUp(options: BackupOptions): Promise<BackupReport> {
  const { from, to } = options;
  for (const folder of ['', 'meta', 'blobs', 'blobs/data', 'blobs/tmp', 'packages'])
    mkdirSync(join(to, folder), { recursive: true, mode: 0o700 });
  const release = await holdBlobs(from.blobs);
  const fresh = join(to, 'meta', `${database}.new`);
  try {
    const takenAt = now();
    await snapshot(options, fresh);
    const records = openMetadataReader(fresh);
    try {
      const copied = await copyBlobs(options, records);
      const report: BackupReport = { takenAt, removed: 0, ...copied };
      return await settle(options, records, fresh, report);
    } finally {
      records.close();
    }
  } finally {
    for (const name of [fresh, `${fresh}-journal`, `${fresh}-wal`, `${fresh}-shm`]) rmSync(name, { force: true });
    await release();
  }
}

export interface RestoreOptions extends Pick<BackupOptions, 'open' | 'onProgress'> {
  readonly from: DataPlaces;
  /** A folder that is empty or not there. */
  readonly to: string;
  /** Brings a database up to the data format of this program. */
  readonly migrate: (file: string) => Promise<void>;
}

/** Makes a data folder of a backup, and reads all of it. The folder is one only when it is complete. */
export async function restore(options: RestoreOptions): Promise<Pick<BackupReport, 'blobs' | 'bytes' | 'damaged'>> {
  const { from, to, migrate } = options;
  for (const folder of ['', 'meta', 'blobs', 'blobs/data', 'blobs/tmp', 'packages'])
    mkdirSync(join(to, folder), { recursive: true, mode: 0o700 });
  const file = join(to, 'meta', database);
  placeSecret(from.metadata, file);
  await migrate(file);
  const records = openMetadataReader(file);
  try {
    const copying = { ...options, link: false, verifyAll: true };
    copyPackages(copying);
    const { blobs, bytes, damaged } = await copyBlobs(copying, records);
    const last = 'sluice.json';
    const own = new Set([backupMarker, 'meta', 'blobs', 'packages', last]);
    for (const name of readdirSync(from.path)) if (!own.has(name)) placeSecret(join(from.path, name), join(to, name));
    placeSecret(join(from.path, last), join(to, last));
    sync(to);
    return { blobs, bytes, damaged };
  } finally {
    records.close();
  }
}

/** The database of one moment, with every code package that it names. */
async function snapshot(options: BackupOptions, file: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    copyPackages(options);
    rmSync(file, { force: true });
    await options.metadata.copyTo(file);
    chmodSync(file, 0o600);
    sync(file);
    copyPackages(options);
    const records = openMetadataReader(file);
    const lost = packagesOf(records).filter((it) => !existsSync(join(options.to, 'packages', it.file)));
    records.close();
    const there = lost.filter((it) => existsSync(join(options.from.packages, it.file)));
    // What is not there either was lost before, which the check tells.
    if (lost.length === 0 || (there.length === 0 && attempt > 0) || attempt === maxAttempts) return;
  }
}

type Copying = Pick<BackupOptions, 'from' | 'to' | 'link' | 'open' | 'verifyAll' | 'onProgress'>;

function copyPackages({ from, to, link }: Copying): void {
  for (const name of existsSync(from.packages) ? readdirSync(from.packages) : []) {
    if (name.startsWith('.')) continue;
    const target = join(to, 'packages', name);
    if (!existsSync(target)) place(join(from.packages, name), target, link);
  }
  sync(join(to, 'packages'));
}

/** Copies a file under its name, whole or not at all; false when it is not there. */
function place(source: string, target: string, link: boolean): boolean {
  const fresh = `${target}.new`;
  rmSync(fresh, { force: true });
  try {
    if (link) linkSync(source, fresh);
    else {
      copyFileSync(source, fresh, constants.COPYFILE_FICLONE);
      sync(fresh);
    }
    renameSync(fresh, target);
    return true;
  } catch (error) {
    rmSync(fresh, { force: true });
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

type Copied = Pick<BackupReport, 'blobs' | 'bytes' | 'added' | 'verified' | 'damaged'>;

async function copyBlobs({ from, to, link, open, verifyAll, onProgress }: Copying, records: MetadataReader): Promise<Copied> {
  const target = join(to, 'blobs');
  const blobs = await open(target);
  const touched = new Set<string>();
  const [counts, damaged]: [{ blobs: number; bytes: number; added: number; verified: number }, string[]] = [
    { blobs: 0, bytes: 0, added: 0, verified: 0 },
    [],
  ];
  const copy = async (record: BlobRecord, sealed: boolean): Promise<string | undefined> => {
    const path = blobPath(target, record.blob);
    counts.blobs += 1;
    counts.bytes += record.size;
    onProgress?.(counts.blobs, counts.bytes);
    const known = existsSync(path);
    if (known && !verifyAll) return undefined;
    if (!known) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      if (!place(blobPath(from.blobs, record.blob), path, link)) return 'its file is not there';
      counts.added += 1;
      touched.add(dirname(path));
    }
    const problem = await examineBlob(blobs, record, sealed, { quick: link && !verifyAll });
    counts.verified += 1;
    return problem?.detail;
  };
  try {
    for (let cursor: Cursor | undefined = firstCursor; cursor; ) {
      const { holdings, next } = holdingsAfter(records, cursor, pageRows);
      for (const { bucket, key, sealed, blobs: named } of holdings) {
        for (const record of named) {
          const wrong = await copy(record, sealed);
          if (wrong !== undefined) damaged.push(`${bucket}/${key}: ${wrong}`);
        }
      }
      cursor = next;
    }
  } finally {
    await blobs.close();
  }
  for (const folder of touched) for (const each of [folder, dirname(folder)]) sync(each);
  return { ...counts, damaged };
}

/** Makes the new database the one of the backup, then drops what only the older one named. */
async function settle(options: BackupOptions, records: MetadataReader, fresh: string, report: BackupReport): Promise<BackupReport> {
  const { from, to, files, open } = options;
  for (const file of files) if (existsSync(file)) placeSecret(file, join(to, basename(file)));
  renameSync(fresh, join(to, 'meta', database));
  sync(join(to, 'meta'));
  placeSecret(join(from.path, 'sluice.json'), join(to, 'sluice.json'));
  writeFileSync(join(to, backupMarker), `${JSON.stringify({ format: 1, ...report }, undefined, 2)}\n`, { mode: 0o600, flush: true });
  sync(to);
  const blobs = await open(join(to, 'blobs'));
  let removed = 0;
  try {
    for await (const blob of blobs.list()) {
      if (isNamed(records, blob)) continue;
      await blobs.remove(blob);
      removed += 1;
    }
  } finally {
    await blobs.close();
  }
  return { ...report, removed };
}

function placeSecret(source: string, target: string): void {
  if (statSync(source).isDirectory()) {
    mkdirSync(target, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(source)) placeSecret(join(source, name), join(target, name));
    return;
  }
  const fresh = `${target}.new`;
  writeFileSync(fresh, readFileSync(source), { mode: 0o600, flush: true });
  renameSync(fresh, target);
}
