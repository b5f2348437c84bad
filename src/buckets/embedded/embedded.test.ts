import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Blobs, memoryBlobs, openFsBlobs } from '../../blobs/index.ts';
import { after } from '../../kit/index.ts';
import { type Metadata, openMetadata } from '../../metadata/index.ts';
import { bodyOf, chunked, md5, plain, someBucket, storeContract } from '../contract.ts';
import type { FoundObject, Store } from '../store.ts';
import { isMarker } from '../versions.ts';
import { openBuckets } from './open.ts';

interface Parts {
  metadata: Metadata;
  blobs: Blobs;
  store: Store;
  errors: unknown[];
  close(): Promise<void>;
}

async function openParts(folder: string, blobs: Blobs, durability: 'full' | 'relaxed'): Promise<Parts> {
  const metadata = await openMetadata({ file: join(folder, 'meta.db'), durability });
  const errors: unknown[] = [];
  const store = openBuckets({ metadata, blobs, region: 'home', onError: (error) => errors.push(error) });
  const close = async () => {
    await store.close();
    await metadata.close();
    await blobs.close();
    assert.deepEqual(errors, []);
  };
  return { metadata, blobs, store, errors, close };
}

const openFs = async (folder: string, durability: 'full' | 'relaxed' = 'relaxed') =>
  openParts(folder, await openFsBlobs({ folder: join(folder, 'blobs'), durability }), durability);

const drivers: [string, (folder: string) => Promise<Parts>][] = [
  ['embedded, files', (folder) => openFs(folder)],
  ['embedded, memory', (folder) => openParts(folder, memoryBlobs(), 'relaxed')],
];
for (const [name, open] of drivers) {
  storeContract(name, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-store-'));
    const { store, close } = await open(folder);
    const remove = async () => {
      await close();
      await rm(folder, { recursive: true });
    };
    return { store, remove };
  });
}

async function blobFiles(folder: string): Promise<string[]> {
  const entries = await readdir(join(folder, 'blobs'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

/** Every blob on disk belongs to exactly one object or unfinished upload and none is missing. */
async function assertTidy(folder: string, metadata: Metadata): Promise<void> {
  const rows = metadata.all<{ blob: string }>(`select blob from objects where type = 'Normal' union all select blob from pieces
    union all select blob from versions where type = 'Normal' and marker = 0`);
  const owned = `select 1 as found from pieces where owner not in (select id from uploads) and owner not in (select blob from objects)
    and owner not in (select blob from versions)`;
  assert.equal(metadata.get(owned), undefined, 'pieces without an owner');
  assert.deepEqual((await blobFiles(folder)).toSorted(), rows.map((row) => row.blob).toSorted());
  assert.equal(metadata.get<{ n: number }>('select count(*) as n from garbage')?.n, 0);
}

describe('embedded store on disk', () => {
  let folder: string;
  let parts: Parts;
  let store: Store;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-embedded-'));
    parts = await openFs(folder, 'full');
    ({ store } = parts);
    await store.createBucket(someBucket);
  });
  afterEach(async () => {
    await parts.close();
    await rm(folder, { recursive: true });
  });
  const reopen = async () => {
    await parts.close();
    parts = await openFs(folder, 'full');
    ({ store } = parts);
  };

  it('ends 100 puts of one key with one row and one blob', async () => {
    const bodies = Array.from({ length: 100 }, (_, i) => randomBytes(i % 10 === 0 ? 150_000 : 100 + i));
    const heads = await Promise.all(bodies.map((bytes) => store.put(plain('k', bytes))));
    await store.settled();
    const head = store.head('bucket', 'k');
    assert.deepEqual(
      heads.filter(({ blob }) => blob === head?.blob),
      [head],
    );
    assert.equal(md5(await bodyOf(store.get('bucket', 'k'))), head?.etag);
    assert.deepEqual(await blobFiles(folder), [head?.blob]);
    await assertTidy(folder, parts.metadata);
  });

  it('leaves no bytes of aborted uploads, replaced parts, and objects in parts that are gone', async () => {
    const source = { key: 'k', bucket: 'bucket' };
    const begin = async () => {
      const name = await store.uploads.start({ ...source, contentType: '', headers: {}, meta: {} });
      for (const number of [1, 2, 2, 3]) await store.uploads.put({ ...name, number, source: chunked(randomBytes(150_000)) });
      return name;
    };
    await store.uploads.abort(await begin());
    await store.settled();
    assert.deepEqual(await blobFiles(folder), []);
    const unfinished = await begin();
    for (let i = 0; i < 3; i++) await store.uploads.complete({ ...(await begin()), parts: 'all' });
    await store.copy({ from: source, ...source, key: 'copy', check: () => {} });
    await store.settled();
    assert.equal((await blobFiles(folder)).length, 9);
    await assertTidy(folder, parts.metadata);
    await reopen();
    assert.equal(await store.sweep(-1000), 0);
    await assertTidy(folder, parts.metadata);
    await store.uploads.abort(unfinished);
    await store.deleteMany('bucket', [{ key: 'k' }, { key: 'copy' }]);
    await store.settled();
    assert.deepEqual(await blobFiles(folder), []);
    assert.equal(parts.metadata.get<{ n: number }>('select count(*) as n from pieces')?.n, 0);
  });

  it('removes the bytes of an object in parts once its last reader has left', async () => {
    const name = await store.uploads.start({ bucket: 'bucket', key: 'k', contentType: '', headers: {}, meta: {} });
    for (const number of [1, 2]) await store.uploads.put({ ...name, number, source: chunked(randomBytes(900_000)) });
    await store.uploads.complete({ ...name, parts: 'all' });
    const stream = store.get('bucket', 'k')?.open();
    await store.delete('bucket', 'k');
    await store.settled();
    assert.equal((await blobFiles(folder)).length, 2);
    stream?.destroy();
    await once(stream as NodeJS.ReadableStream, 'close');
    await store.settled();
    assert.deepEqual(await blobFiles(folder), []);
    await assertTidy(folder, parts.metadata);
  });

  it('keeps buckets and objects when opened again', async () => {
    const bytes = randomBytes(200_000);
    const head = await store.put(plain('k', bytes, { meta: { a: 'b' } }));
    const bucket = store.bucket('bucket');
    await reopen();
    assert.deepEqual(store.bucket('bucket'), bucket);
    assert.deepEqual(store.head('bucket', 'k'), head);
    assert.ok(bytes.equals(await bodyOf(store.get('bucket', 'k'))));
  });

  it('leaves no bytes of interrupted, refused and deleted objects', async () => {
    const broken = async function* (size: number) {
      yield* chunked(randomBytes(size));
      throw new Error('client gone');
    };
    for (const size of [100, 100_000, 1_000_000]) {
      await assert.rejects(store.put(plain('k', Buffer.alloc(0), { source: broken(size) })), /client gone/);
      await assert.rejects(store.put(plain('k', randomBytes(size), { contentMd5: Buffer.alloc(16) })), { code: 'InvalidDigest' });
      await store.put(plain('k', randomBytes(size)));
      await assert.rejects(store.put(plain('k', randomBytes(size), { forbidOverwrite: true })), { code: 'FileAlreadyExists' });
      await store.delete('bucket', 'k');
    }
    const rivals = Array.from({ length: 10 }, () => store.put(plain('once', randomBytes(1000), { forbidOverwrite: true })));
    await Promise.allSettled(rivals);
    await store.settled();
    assert.equal((await blobFiles(folder)).length, 1);
    await assertTidy(folder, parts.metadata);
  });

  it('looks an object up once, and then not at all, with versioning and without', async () => {
    for (const versioning of [undefined, 'Enabled', 'Suspended'] as const) {
      if (versioning) await store.setBucketVersioning('bucket', versioning);
      for (let i = 0; i < 3; i++) await store.put(plain('k', Buffer.from(`${i}`)));
      const get = parts.metadata.get.bind(parts.metadata);
      let lookups = 0;
      parts.metadata.get = (sql, params) => {
        lookups += 1;
        return get(sql, params);
      };
      for (let i = 0; i < 5; i++) assert.equal(store.get('bucket', 'k')?.small?.toString(), '2');
      assert.equal(store.head('bucket', 'k')?.size, 1);
      assert.equal(lookups, 1, versioning);
      parts.metadata.get = get;
    }
  });

  it('removes the bytes of versions that are deleted, and of no others', async () => {
    await store.setBucketVersioning('bucket', 'Enabled');
    const [one, two, three] = [
      await store.put(plain('k', randomBytes(9))),
      await store.put(plain('k', randomBytes(9))),
      await store.put(plain('k', randomBytes(9))),
    ];
    await store.delete('bucket', 'k');
    await store.settled();
    assert.equal(await store.sweep(-1000), 0);
    assert.deepEqual((await blobFiles(folder)).toSorted(), [one.blob, two.blob, three.blob].toSorted());
    await store.delete('bucket', 'k', two.version);
    await store.settled();
    assert.deepEqual((await blobFiles(folder)).toSorted(), [one.blob, three.blob].toSorted());
    await assertTidy(folder, parts.metadata);
    await reopen();
    assert.equal(md5(await bodyOf(store.version('bucket', 'k', one.version) as FoundObject)), one.etag);
  });

  it('removes what earlier runs discarded or left, and nothing else', async () => {
    const kept = await store.put(plain('kept', randomBytes(10)));
    const lost = await parts.blobs.create();
    await lost.commit();
    const discarded = await parts.blobs.create();
    await discarded.commit();
    await parts.metadata.write([{ sql: 'insert into garbage values (?, ?, ?, 0)', params: [discarded.id, 'bucket', 'k'] }]);
    await reopen();
    await store.settled();
    assert.equal(await store.sweep(60_000), 0);
    assert.deepEqual((await blobFiles(folder)).toSorted(), [kept.blob, lost.id].toSorted());
    assert.equal(await store.sweep(-1000), 1);
    await assertTidy(folder, parts.metadata);
  });

  it('does not sweep uploads in flight', async () => {
    const created = parts.blobs.create.bind(parts.blobs);
    let swept = 0;
    parts.blobs.create = async () => {
      const writer = await created();
      const commit = writer.commit.bind(writer);
      // The blob is in its place, its row is not written yet.
      writer.commit = async () => {
        await commit();
        swept += await store.sweep(-60_000);
      };
      return writer;
    };
    for (const size of [10, 100_000]) await store.put(plain(`${size}`, randomBytes(size)));
    assert.equal(swept, 0);
    await assertTidy(folder, parts.metadata);
  });

  it('shows the newest version while the removal of older ones hangs', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const removed = parts.blobs.remove.bind(parts.blobs);
    parts.blobs.remove = async (id) => {
      await gate;
      await removed(id);
    };
    for (let i = 0; i < 4; i++) {
      await store.put(plain('k', Buffer.from(`${i}`)));
      assert.equal(store.get('bucket', 'k')?.small?.toString(), `${i}`);
    }
    await store.delete('bucket', 'k');
    assert.equal(store.get('bucket', 'k'), undefined);
    open();
    await store.settled();
    await assertTidy(folder, parts.metadata);
  });

  it('leads no reader to bytes that are removed before their replacement is acknowledged', async () => {
    await store.put(plain('k', randomBytes(100_000)));
    await store.put(plain('other', randomBytes(10)));
    assert.ok(store.get('bucket', 'k'));
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const { promise: committed, resolve: onCommitted } = Promise.withResolvers<void>();
    const write = parts.metadata.write.bind(parts.metadata);
    parts.metadata.write = async (steps) => {
      const results = await write(steps);
      if (steps.some(({ params }) => params?.includes('k'))) {
        onCommitted();
        await gate;
      }
      return results;
    };
    const next = randomBytes(100_000);
    const put = store.put(plain('k', next));
    await committed;
    await store.delete('bucket', 'other');
    await store.settled();
    assert.ok(next.equals(await bodyOf(store.get('bucket', 'k'))));
    open();
    await put;
  });

  it('holds a slow source and a slow disk to a few pieces in memory', async () => {
    // 1 GiB of one shared buffer: whatever were kept of it would show as array buffers only if it was copied, so count what is asked for.
    const piece = Buffer.alloc(1 << 20, 7);
    let ahead = 0;
    let most = 0;
    const blobs: Blobs = {
      ...{
        readSmall: parts.blobs.readSmall,
        read: parts.blobs.read,
        copy: parts.blobs.copy,
        remove: parts.blobs.remove,
        sweep: parts.blobs.sweep,
        close: parts.blobs.close,
        writers: parts.blobs.writers,
        facts: parts.blobs.facts,
        list: parts.blobs.list,
        removable: parts.blobs.removable,
        damaged: parts.blobs.damaged,
      },
      create: async () => {
        const writer = await parts.blobs.create();
        const write = async (chunk: Buffer) => {
          await writer.write(chunk);
          ahead -= chunk.length;
        };
        return { id: writer.id, write, commit: () => writer.commit(), abort: () => writer.abort() };
      },
    };
    const { upload } = await import('./upload.ts');
    const source = async function* () {
      for (let i = 0; i < 64; i++) {
        ahead += piece.length;
        most = Math.max(most, ahead);
        yield piece;
      }
    };
    const uploaded = await upload(blobs, { source: source() }, () => {});
    assert.equal(uploaded.size, 64 << 20);
    assert.ok(most <= 2 * piece.length, `${most} bytes were ahead of the disk`);
    await parts.blobs.remove(uploaded.blob);
  });
});

describe('embedded store, killed', () => {
  it('keeps every acknowledged object whole, and no orphans after a sweep', { timeout: 120_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-crash-'));
    const fixture = fileURLToPath(import.meta.resolve('./crash.fixture.ts'));
    // For each key: what was last acknowledged, and what was tried since.
    const acknowledged = new Map<string, string>();
    const tried = new Map<string, Set<string>>();
    const kept: { key: string; version: string; etag: string }[] = [];
    try {
      for (let round = 0; round < 5; round++) {
        const child = spawn(process.execPath, [fixture, folder, `${round}`], { stdio: ['ignore', 'pipe', 'inherit'] });
        const closed = once(child, 'close');
        let armed = false;
        for await (const line of createInterface(child.stdout)) {
          const [state, , key = '', etag = '', last = ''] = line.split(' ');
          if (state === 'kept') {
            kept.push({ key, version: etag, etag: last });
            continue;
          }
          if (state === 'done') {
            acknowledged.set(key, etag);
            tried.delete(key);
            if (!armed) after(50 + randomInt(400), () => child.kill('SIGKILL'));
            armed = true;
          } else tried.set(key, (tried.get(key) ?? new Set()).add(etag));
        }
        assert.deepEqual(await closed, [null, 'SIGKILL']);
        const parts = await openFs(folder, 'full');
        await verify(folder, parts, acknowledged, tried);
        await verifyVersions(parts.store, kept);
        await parts.close();
      }
      assert.ok(acknowledged.size > 0 && kept.length > 0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  async function verifyVersions(store: Store, kept: readonly { key: string; version: string; etag: string }[]): Promise<void> {
    for (const { key, version, etag } of kept) {
      const found = store.version('versioned', key, version) ?? assert.fail(`version ${version} of ${key} is lost`);
      assert.ok(!isMarker(found));
      assert.equal(md5(await bodyOf(found)), etag);
    }
  }

  async function verify(folder: string, parts: Parts, acknowledged: Map<string, string>, tried: Map<string, Set<string>>): Promise<void> {
    for (const [key, etag] of acknowledged) {
      const found = parts.store.get('bucket', key);
      assert.ok(found, `${key} is lost`);
      assert.ok(found.head.etag === etag || tried.get(key)?.has(found.head.etag), `${key} is an older version`);
      assert.equal(md5(await bodyOf(found)), found.head.etag);
    }
    await parts.store.settled();
    await parts.store.sweep(-1000);
    await assertTidy(folder, parts.metadata);
  }
});
