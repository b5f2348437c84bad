import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BlobKeyError, type BlobKeys, type Blobs, openFsBlobs } from './blobs/index.ts';
import { type BackupReport, backUp, checkData, findBlobKeys, type Repair, type Report, repairData, restore } from './care/index.ts';
import type { Settings } from './config.ts';
import { DataFolderError, findDataFolder } from './data-folder.ts';
import { MetadataError, type MetadataReader, openMetadata, openMetadataReader } from './metadata/index.ts';

export type { Problem, Repair, Report } from './care/index.ts';

/** Why a command on a data folder cannot be carried out; the message says what to do. */
export class DataError extends Error {}

type Told = (blobs: number, bytes: number) => void;
type Place = ReturnType<typeof findDataFolder>;
type Where = Pick<Settings, 'data' | 'encryption'>;

interface Found {
  readonly place: Place;
  readonly records: MetadataReader;
  readonly keys: BlobKeys | undefined;
}

/** Runs work on a data folder that is only looked at; gives everything back. @throws DataError */
async function looking<T>(where: Where, work: (found: Found) => Promise<T>): Promise<T> {
  return telling(async () => {
    const place = findDataFolder(where.data);
    let records: MetadataReader | undefined;
    try {
      records = openMetadataReader(place.metadata);
      return await work({ place, records, keys: findBlobKeys(where.encryption.keyFile ?? place.encryption, records) });
    } finally {
      records?.close();
      place.lock?.();
    }
  });
}

async function telling<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DataFolderError || error instanceof MetadataError || error instanceof BlobKeyError) {
      throw new DataError(error.message, { cause: error });
    }
    throw error;
  }
}

function openBlobs(folder: string, { format }: { format: number }, keys: BlobKeys | undefined): Promise<Blobs> {
  return openFsBlobs({ folder, durability: 'full', keys, bare: format === 1 });
}

/** Compares the records of a data folder with its bytes; a server may serve it meanwhile. @throws DataError */
export function check(where: Where, { quick, onProgress }: { quick: boolean; onProgress: Told }): Promise<Report & { running: boolean }> {
  return looking(where, async ({ place, records, keys }) => {
    const blobs = await openBlobs(place.blobs, place, keys);
    const running = place.lock === undefined;
    try {
      return { running, ...(await checkData({ metadata: records, blobs, packages: place.packages, quick, running, onProgress })) };
    } finally {
      await blobs.close();
    }
  });
}

/** Mends a data folder that nobody serves. @throws DataError */
export function repair(where: Where, options: { backup?: string | undefined; dryRun: boolean; onProgress: Told }): Promise<Repair> {
  return telling(async () => {
    const place = findDataFolder(where.data);
    if (!place.lock) throw new DataError(`A server is using ${place.path}. Stop it before the repair.`);
    const closers: (() => unknown)[] = [place.lock];
    try {
      if (place.backup) throw new DataError(`${place.path} is a backup, which is not repaired. Take a new one.`);
      const metadata = await openMetadata({ file: place.metadata, durability: 'full' });
      closers.unshift(() => metadata.close());
      const keys = findBlobKeys(where.encryption.keyFile ?? place.encryption, metadata);
      const open = async (of: Place) => {
        const blobs = await openBlobs(of.blobs, of, keys);
        closers.unshift(() => blobs.close());
        return { folder: of.blobs, blobs };
      };
      const { blobs } = await open(place);
      const backup = options.backup === undefined ? undefined : await open(backupAt(options.backup));
      const { dryRun, onProgress } = options;
      const { packages, quarantine, blobs: folder } = place;
      return await repairData({ metadata, blobs, folder, packages, quarantine, backup, quick: false, dryRun, onProgress });
    } finally {
      for (const close of closers) await close();
    }
  });
}

function backupAt(path: string): Place {
  const place = findDataFolder(path);
  if (!place.backup) {
    place.lock?.();
    throw new DataError(`${place.path} is not a backup that "sluice data backup" made.`);
  }
  return place;
}

/** Copies a data folder as it is at one moment, while a server may work on it. @throws DataError */
export function backup(
  where: Where,
  target: string,
  options: { link: boolean; verifyAll: boolean; onProgress: Told },
): Promise<BackupReport> {
  return looking(where, ({ place, records, keys }) => {
    const to = resolve(target);
    const inside = `${to}/`.startsWith(`${place.path}/`) || `${place.path}/`.startsWith(`${to}/`);
    if (inside) throw new DataError('A backup is kept outside of the data folder. Name another folder.');
    if (place.backup) throw new DataError(`${place.path} is a backup itself. Copy it with any tool.`);
    if (existsSync(to) && readdirSync(to).length > 0 && !isBackup(to)) {
      throw new DataError(`${to} holds other files. Name a new folder, or one with an older backup.`);
    }
    mkdirSync(to, { recursive: true, mode: 0o700 });
    // A file of keys that is kept elsewhere stays apart from the data.
    const files = [place.keys, place.encryption, join(place.path, 'tls')];
    return backUp({ from: place, metadata: records, to, open: (folder) => openBlobs(folder, place, keys), files, ...options });
  });
}

/** Also one that was broken off before it was complete. */
function isBackup(folder: string): boolean {
  const names = readdirSync(folder);
  return (
    names.includes('backup.json') || (!names.includes('sluice.json') && names.every((name) => ['meta', 'blobs', 'packages'].includes(name)))
  );
}

/** Makes a new data folder of a backup. @throws DataError */
export function restoreBackup(
  source: string,
  where: Where,
  options: { onProgress: Told },
): Promise<Pick<BackupReport, 'blobs' | 'bytes' | 'damaged'>> {
  return telling(async () => {
    const from = backupAt(source);
    const to = resolve(where.data);
    if (existsSync(to) && readdirSync(to).length > 0) throw new DataError(`${to} is not empty. Name a new folder with --data.`);
    mkdirSync(to, { recursive: true, mode: 0o711 });
    const keyFile = where.encryption.keyFile ?? from.encryption;
    let keys: BlobKeys | undefined;
    const migrate = async (file: string) => {
      const metadata = await openMetadata({ file, durability: 'full' });
      try {
        keys = findBlobKeys(keyFile, metadata);
      } finally {
        await metadata.close();
      }
    };
    return restore({ from, to, migrate, open: (folder) => openBlobs(folder, from, keys), ...options });
  });
}
