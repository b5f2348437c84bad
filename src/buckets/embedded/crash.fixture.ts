// A process that a test kills: writes objects without end and prints each one that was acknowledged.
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openFsBlobs } from '../../blobs/index.ts';
import { openMetadata } from '../../metadata/index.ts';
import { chunked, plain, someBucket } from '../contract.ts';
import { openBuckets } from './open.ts';

const [folder = '', round = '0'] = process.argv.slice(2);
const metadata = await openMetadata({ file: join(folder, 'meta.db'), durability: 'full' });
const blobs = await openFsBlobs({ folder: join(folder, 'blobs'), durability: 'full' });
const store = openBuckets({ metadata, blobs, region: 'home' });
await store.createBucket(someBucket);
await store.createBucket({ ...someBucket, name: 'versioned' });
await store.setBucketVersioning('versioned', 'Enabled');

async function write(writer: number): Promise<void> {
  for (let i = 0; ; i++) {
    const bytes = randomBytes(randomInt(2) ? randomInt(2000) : randomInt(400_000));
    const key = `${writer}/${i % 20}`;
    const etag = createHash('md5').update(bytes).digest('hex');
    // The intent is printed too: a write that was not acknowledged may or may not be there.
    writeSync(1, `try ${round} ${key} ${etag}\n`);
    await store.put(plain(key, bytes, { source: chunked(bytes, 30_000) }));
    writeSync(1, `done ${round} ${key} ${etag}\n`);
  }
}

/** What is acknowledged here must be there in every version, whatever is written or deleted after it. */
async function writeVersions(writer: number): Promise<void> {
  for (let i = 0; ; i++) {
    const bytes = randomBytes(randomInt(200_000));
    const key = `${writer}/${i % 3}`;
    const { version, etag } = await store.put(plain(key, bytes, { bucket: 'versioned' }));
    writeSync(1, `kept ${round} ${key} ${version} ${etag}\n`);
    if (i % 5 === 4) {
      const { marker } = await store.delete('versioned', key);
      if (i % 2) await store.delete('versioned', key, marker);
    }
  }
}

/** What lifecycle rules remove goes with its bytes, and nothing else goes. */
async function fade(): Promise<void> {
  const expiration = { createdBefore: Date.UTC(3000, 0, 1) };
  const always = { enabled: true, tags: {}, except: [], expiredMarkers: true, transitions: [], noncurrentTransitions: [], expiration };
  for (const name of [someBucket.name, 'versioned']) {
    await store.setBucketSetting(name, 'lifecycle', [{ ...always, id: 'fade', prefix: 'old/', abort: expiration }]);
  }
  for (let i = 0; ; i++) {
    for (const bucket of [someBucket.name, 'versioned']) {
      await store.put(plain(`old/${i % 5}`, randomBytes(1000), { bucket }));
      const name = await store.uploads.start({ bucket, key: 'old/parts', contentType: '', headers: {}, meta: {} });
      await store.uploads.put({ ...name, number: 1, source: chunked(randomBytes(1000)) });
    }
    await store.applyLifecycle();
  }
}

await Promise.all([fade(), ...[0, 1, 2, 3, 4, 5].map(write), ...[6, 7].map(writeVersions)]);
