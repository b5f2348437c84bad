import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Blobs, blobPath, openFsBlobs } from './blobs/index.ts';
import { type ObjectHead, openBuckets, type Store, withEncryption } from './buckets/index.ts';
import { openBlobKeys } from './care/index.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { type Metadata, openMetadata } from './metadata/index.ts';

/** A data folder with a store that works on it, as a server does. */
export interface Served {
  readonly folder: DataFolder;
  readonly metadata: Metadata;
  readonly blobs: Blobs;
  readonly store: Store;
  close(): Promise<void>;
}

export async function serveFolder(path: string): Promise<Served> {
  const folder = openDataFolder(path);
  const metadata = await openMetadata({ file: folder.metadata, durability: 'relaxed' });
  const keys = await openBlobKeys(folder.encryption, metadata).catch(async (error: unknown) => {
    await metadata.close();
    folder.release();
    throw error;
  });
  const blobs = await openFsBlobs({ folder: folder.blobs, durability: 'relaxed', keys, bare: folder.format === 1 });
  const store = openBuckets({ metadata, blobs, region: 'home' });
  const close = async () => {
    await store.close();
    await blobs.close();
    await metadata.close();
    folder.release();
  };
  return { folder, metadata, blobs, store, close };
}

/** A folder for one test, removed by the returned function. */
export function testFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'sluice-care-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export const bucket = 'bucket';
const described = { contentType: '', meta: {} };

/** A bucket with objects of each kind: small, large, encrypted, in parts, appended to, and an unfinished upload. */
export async function fillStore(store: Store, bytes: (size: number) => Buffer): Promise<void> {
  await store.createBucket({ name: bucket, owner: 'me', acl: 'private', storageClass: 'Standard', redundancy: 'LRS' });
  const source = async function* (body: Buffer) {
    yield body;
  };
  const put = (key: string, size: number, headers: Record<string, string> = {}): Promise<ObjectHead> =>
    store.put({ bucket, key, ...described, headers, source: source(bytes(size)) });
  const sealed = withEncryption({}, 'AES256');
  for (const [key, size] of [
    ['empty', 0],
    ['small', 100],
    ['large', 600_000],
  ] as const)
    await put(key, size);
  await put('sealed', 300_000, sealed);
  for (const headers of [{}, sealed]) {
    const key = headers === sealed ? 'sealed-parts' : 'parts';
    const name = await store.uploads.start({ bucket, key, ...described, headers });
    for (const number of [1, 2, 3]) await store.uploads.put({ ...name, number, source: source(bytes(150_000)) });
    await store.uploads.complete({ ...name, parts: 'all' });
  }
  for (const position of [0, 1000])
    await store.append({ bucket, key: 'log', position, ...described, headers: {}, source: source(bytes(1000)) });
  const open = await store.uploads.start({ bucket, key: 'unfinished', ...described, headers: {} });
  await store.uploads.put({ ...open, number: 1, source: source(bytes(2000)) });
}

/** The file of an object's only blob. */
export function fileOf({ folder, store }: Served, key: string): string {
  return blobPath(folder.blobs, store.head(bucket, key)?.blob ?? '');
}
