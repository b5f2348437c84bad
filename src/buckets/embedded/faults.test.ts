import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { makeBlobKeys, memoryBlobs, openFsBlobs } from '../../blobs/index.ts';
import { Crc64 } from '../../kit/index.ts';
import { type Metadata, openMetadata } from '../../metadata/index.ts';
import { chunked, plain, someBucket } from '../contract.ts';
import { withEncryption } from '../encryption.ts';
import type { Store } from '../store.ts';
import { FaultingBlobs, type FaultPlan, type FaultyCall } from './faulting.fixture.ts';
import { openBuckets } from './open.ts';

const sound: FaultPlan = { judge: () => undefined };

/** Numbers that look random and are the same in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('a store on a disk with faults', () => {
  let folder: string;
  let metadata: Metadata;
  let blobs: FaultingBlobs;
  let store: Store;
  let errors: unknown[];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-faults-'));
    metadata = await openMetadata({ file: join(folder, 'meta.db'), durability: 'relaxed' });
    blobs = new FaultingBlobs(memoryBlobs(), sound);
    errors = [];
    store = openBuckets({ metadata, blobs, region: 'home', onError: (error) => errors.push(error) });
    await store.createBucket(someBucket);
  });
  afterEach(async () => {
    await store.close();
    await metadata.close();
    rmSync(folder, { recursive: true });
  });

  /** After the faults: everything that records name is there, and after a sweep nothing else. */
  async function assertNothingLeft(): Promise<void> {
    blobs.plan = sound;
    // What a fault kept from being removed is tried again when something else is discarded, or after a while.
    await store.put(plain('discarded', Buffer.from('x')));
    await store.delete('bucket', 'discarded');
    await store.settled();
    await store.sweep(-1000);
    assert.equal(blobs.writers(), 0);
    const named = metadata.all<{ blob: string }>(
      `select blob from objects where pieces = 0 and type <> 'Symlink' union all select blob from pieces union all select blob from garbage`,
    );
    const there = await everyBlob();
    assert.deepEqual(there.toSorted(), named.map(({ blob }) => blob).toSorted());
  }

  async function everyBlob(): Promise<string[]> {
    const ids: string[] = [];
    for await (const id of blobs.list()) ids.push(id);
    return ids;
  }

  const description = { contentType: '', headers: {}, meta: {} };

  it('loses nothing that it acknowledged and leaves nothing of what it refused', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const next = numbers(seed);
      const calls: FaultyCall[] = ['create', 'write', 'commit', 'copy', 'remove', 'read'];
      blobs.plan = {
        judge: (call) =>
          calls.includes(call) && next() < (call === 'write' ? 0.05 : 0.15) ? { code: 'EIO', short: next() < 0.5 } : undefined,
      };
      const expected = new Map<string, string>();
      /** What an operation that failed may have left: either. */
      const attempt = async (key: string, work: () => Promise<{ crc64: string } | undefined>) => {
        try {
          const head = await work();
          if (head) expected.set(key, head.crc64);
          else expected.delete(key);
        } catch (error) {
          assert.match(String((error as Error).cause ?? error), /fault of the test|does not exist|not appendable/);
        }
      };
      for (let round = 0; round < 60; round++) {
        const key = `k${Math.floor(next() * 6)}`;
        const bytes = randomBytes(Math.floor(next() * 300_000));
        const kind = next();
        if (kind < 0.4) await attempt(key, () => store.put(plain(key, bytes)));
        else if (kind < 0.55) await attempt(key, () => store.delete('bucket', key).then(() => undefined));
        else if (kind < 0.7) await attempt(key, () => copied(key));
        else if (kind < 0.85) await attempt(`a${key}`, () => appended(`a${key}`, bytes));
        else await attempt(key, () => inParts(key, bytes));
      }
      blobs.plan = sound;
      for (const [key, crc64] of expected) {
        const found = store.get('bucket', key);
        assert.ok(found, `${key} of seed ${seed} is gone`);
        assert.equal(Crc64.of(await buffer(found.open())).toString(), crc64, `${key} of seed ${seed}`);
      }
      await assertNothingLeft();
    }
  });

  const copied = (key: string) => store.copy({ from: { bucket: 'bucket', key: 'k0' }, bucket: 'bucket', key, check: () => {} });
  const appended = (key: string, bytes: Buffer) => store.append({ ...plain(key, bytes), position: store.head('bucket', key)?.size ?? 0 });
  const inParts = async (key: string, bytes: Buffer) => {
    const name = await store.uploads.start({ bucket: 'bucket', key, ...description });
    try {
      for (const number of [1, 2])
        await store.uploads.put({ ...name, number, source: chunked(Buffer.concat([bytes, Buffer.alloc(102_400)])) });
      return await store.uploads.complete({ ...name, parts: 'all' });
    } catch (error) {
      await store.uploads.abort(name);
      throw error;
    }
  };

  it('keeps the object that was there when the disk is full, and takes new ones when there is room again', async () => {
    const before = await store.put(plain('k', randomBytes(100_000)));
    blobs.plan = { judge: () => undefined, room: 250_000 };
    await assert.rejects(store.put(plain('k', randomBytes(400_000))), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'InternalError');
      assert.match(error.message, /disk of the data folder is full/);
      return true;
    });
    assert.deepEqual(store.head('bucket', 'k'), before);
    await assertNothingLeft();
    assert.ok((await store.put(plain('k', randomBytes(400_000)))).size === 400_000);
    await assertNothingLeft();
  });

  it('breaks a read in the middle instead of ending it', async () => {
    await store.put(plain('k', randomBytes(1_000_000)));
    blobs.plan = { judge: (call) => (call === 'read' ? { code: 'EIO' } : undefined) };
    await assert.rejects(buffer(store.get('bucket', 'k')?.open() as Readable), /fault of the test/);
  });

  it('tries again to remove what could not be removed', async () => {
    await store.put(plain('k', randomBytes(100_000)));
    blobs.plan = { judge: (call) => (call === 'remove' ? { code: 'EIO' } : undefined) };
    await store.delete('bucket', 'k');
    await store.settled();
    assert.ok(errors.length > 0);
    await store.close();
    blobs.plan = sound;
    store = openBuckets({ metadata, blobs, region: 'home' });
    await store.settled();
    assert.deepEqual(await everyBlob(), []);
  });

  it('waits for a slow disk without taking in more than it writes', async () => {
    blobs.plan = { judge: () => undefined, slowMs: 5 };
    let ahead = 0;
    let most = 0;
    const source = async function* () {
      for (let i = 0; i < 20; i++) {
        most = Math.max(most, ++ahead);
        yield Buffer.alloc(100_000, i);
        ahead -= 1;
      }
    };
    const head = await store.put(plain('slow', Buffer.alloc(0), { source: source() }));
    assert.equal(head.size, 2_000_000);
    assert.ok(most <= 2, `${most} chunks were taken in`);
  });
});

describe('a store whose encryption key is another', () => {
  it('names that instead of giving anything out, and goes on with the rest', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-locked-'));
    const open = async (keys: string) => {
      const metadata = await openMetadata({ file: join(folder, 'meta.db'), durability: 'relaxed' });
      const blobs = await openFsBlobs({ folder: join(folder, 'blobs'), durability: 'relaxed', keys: makeBlobKeys(join(folder, keys)) });
      const store = openBuckets({ metadata, blobs, region: 'home' });
      const close = async () => {
        await store.close();
        await blobs.close();
        await metadata.close();
      };
      return { store, close };
    };
    const headers = withEncryption({}, 'AES256');
    const first = await open('first');
    await first.store.createBucket(someBucket);
    for (const [key, size] of [
      ['small', 100],
      ['large', 100_000],
    ] as const) {
      await first.store.put(plain(key, randomBytes(size), { headers }));
    }
    await first.close();
    const { store, close } = await open('second');
    assert.throws(() => store.get('bucket', 'small'), { code: 'EncryptionKeyNotFound' });
    assert.throws(() => store.get('bucket', 'large')?.open(), { code: 'EncryptionKeyNotFound' });
    assert.ok(store.head('bucket', 'small'));
    await store.put(plain('small', Buffer.from('anew'), { headers }));
    assert.equal(store.get('bucket', 'small')?.small?.toString(), 'anew');
    await close();
    rmSync(folder, { recursive: true });
  });
});
