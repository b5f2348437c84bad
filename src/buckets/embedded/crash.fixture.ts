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

await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(write));
