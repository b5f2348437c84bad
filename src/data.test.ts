import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { blobPath, holdBlobs } from './blobs/index.ts';
import { bucket, fileOf, fillStore, type Served, serveFolder, testFolder } from './data.fixture.ts';
import { backup, check, DataError, repair, restoreBackup } from './data.ts';
import { openDataFolder } from './data-folder.ts';
import { Crc64 } from './kit/index.ts';

const quiet = () => {};
const checking = { quick: false, onProgress: quiet };
const copying = { link: false, verifyAll: false, onProgress: quiet };

function flip(file: string, at = 10): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] as number) ^ 1;
  writeFileSync(file, bytes);
}

describe('care of a data folder', () => {
  let base: ReturnType<typeof testFolder>;
  let served: Served;
  let where: { data: string; encryption: Record<string, never> };
  beforeEach(async () => {
    base = testFolder();
    where = { data: join(base.path, 'data'), encryption: {} };
    served = await serveFolder(where.data);
    await fillStore(served.store, randomBytes);
    await served.store.settled();
  });
  afterEach(async () => {
    await served.close();
    base.remove();
  });
  /** Ends the store, changes something, and looks. */
  const whileStopped = async <T>(work: () => T | Promise<T>): Promise<T> => {
    await served.close();
    try {
      return await work();
    } finally {
      served = await serveFolder(where.data);
    }
  };
  const problems = async () => (await check(where, checking)).problems.map(({ kind, key, id }) => `${kind} ${key ?? id ?? ''}`.trim());
  const contents = async (from: Served) => {
    const { objects } = from.store.list({ bucket, prefix: '', delimiter: '', after: '', maxKeys: 100 });
    const bodies = objects.map(async ({ key, crc64 }) => {
      const body = await buffer(from.store.get(bucket, key)?.open() as Readable);
      assert.equal(Crc64.of(body).toString(), crc64, key);
      return `${key} ${crc64}`;
    });
    return Promise.all(bodies);
  };

  it('finds nothing wrong with what is sound, stopped or served', async () => {
    const running = await check(where, checking);
    assert.deepEqual(
      { ...running, bytes: 0 },
      { running: true, objects: 7, versions: 0, uploads: 1, blobs: 13, bytes: 0, waiting: 0, problems: [] },
    );
    assert.ok(running.bytes > 1_800_000);
    const stopped = await whileStopped(() => check(where, { ...checking, quick: true }));
    assert.deepEqual([stopped.running, stopped.blobs, stopped.bytes, stopped.problems], [false, 13, 0, []]);
  });

  const harms: [string, string, (served: Served) => Promise<unknown> | unknown][] = [
    ['missing-blob', 'large', (it) => rmSync(fileOf(it, 'large'))],
    ['wrong-checksum', 'small', (it) => flip(fileOf(it, 'small'))],
    ['wrong-checksum', 'sealed', (it) => flip(fileOf(it, 'sealed'))],
    ['wrong-checksum', 'large', (it) => truncateSync(fileOf(it, 'large'), 300_000)],
    ['wrong-size', 'large', (it) => writeFileSync(fileOf(it, 'large'), readFileSync(fileOf(it, 'small')))],
    [
      'missing-pieces',
      'parts',
      (it) => it.metadata.write([{ sql: `delete from pieces where number = 2 and owner = ?`, params: [ownerOf(it, 'parts')] }]),
    ],
    [
      'not-encrypted',
      'sealed',
      (it) =>
        it.metadata.write([
          { sql: `update objects set headers = '{}' where key = 'sealed'` },
          { sql: `update objects set headers = '{"encryption":"AES256"}' where key = 'small'` },
        ]),
    ],
    [
      'dangling-record',
      'lost',
      (it) => it.metadata.write([{ sql: `update objects set bucket = 'gone', key = 'lost' where key = 'empty'` }]),
    ],
    ['dangling-record', 'nobody', (it) => it.metadata.write([{ sql: `insert into pieces values ('nobody', 1, 'b', 1, '', '0', 0)` }])],
    [
      'dangling-record',
      'point',
      (it) =>
        it.metadata.write([
          {
            sql: `insert into access_points (name, bucket, alias, network_origin, created_at) values ('point', 'gone', 'a', 'internet', 0)`,
          },
        ]),
    ],
    [
      'missing-package',
      'f',
      (it) =>
        it.metadata.write([
          {
            sql: `insert into functions values ('f', ?, '', 0, 0)`,
            params: [JSON.stringify({ functionName: 'f', functionId: 'i', codeDigest: 'd' })],
          },
        ]),
    ],
  ];
  const ownerOf = (it: Served, key: string) => it.store.head(bucket, key)?.blob ?? '';
  for (const [kind, name, harm] of harms) {
    it(`names a ${kind} of ${name}`, async () => {
      await harm(served);
      const found = await problems();
      const shown = kind === 'not-encrypted' ? 'small' : name;
      assert.ok(found.includes(`${kind} ${shown}`), found.join(', '));
    });
  }

  it('looks after older versions and passes over delete markers', async () => {
    await served.store.setBucketVersioning(bucket, 'Enabled');
    const put = (text: string) =>
      served.store.put({ bucket, key: 'versioned', source: oneOf(text), contentType: '', headers: {}, meta: {} });
    const first = await put('one');
    await put('two');
    await served.store.delete(bucket, 'versioned');
    const report = await check(where, checking);
    assert.deepEqual([report.versions, report.problems], [2, []]);
    flip(blobPath(served.folder.blobs, first.blob), 0);
    const [problem] = (await check(where, checking)).problems;
    assert.deepEqual([problem?.kind, problem?.key, problem?.id], ['wrong-checksum', 'versioned', first.version]);
  });

  it('counts orphans only when they are old or nobody serves the data', async () => {
    const writer = await served.blobs.create();
    await writer.write(Buffer.from('nobody'));
    await writer.commit();
    assert.deepEqual(await problems(), []);
    await whileStopped(async () => {
      const [found] = (await check(where, checking)).problems;
      assert.deepEqual([found?.kind, found?.blob], ['orphan-blob', writer.id]);
    });
  });

  it('mends from a backup or from a twin, sets aside what it cannot mend, and removes orphans', async () => {
    const copy = await served.store.put({
      bucket,
      key: 'twin',
      source: served.store.get(bucket, 'large')?.open() as AsyncIterable<Buffer>,
      contentType: '',
      headers: {},
      meta: {},
    });
    assert.notEqual(copy.blob, ownerOf(served, 'large'));
    const target = join(base.path, 'backup');
    await backup(where, target, copying);
    const alone = await served.store.put({ bucket, key: 'alone', source: oneOf('only here'), contentType: '', headers: {}, meta: {} });
    const before = await contents(served);
    flip(fileOf(served, 'large'));
    flip(fileOf(served, 'alone'));
    rmSync(fileOf(served, 'sealed'));
    const orphan = await served.blobs.create();
    await orphan.commit();
    await assert.rejects(repair(where, { dryRun: false, onProgress: quiet }), /using/);
    const small = await whileStopped(async () => {
      const plan = await repair(where, { dryRun: true, backup: target, onProgress: quiet });
      assert.ok(existsSync(blobPath(served.folder.blobs, orphan.id)));
      const done = await repair(where, { dryRun: false, onProgress: quiet });
      assert.equal(plan.outcomes.length, done.outcomes.length);
      const second = await repair(where, { dryRun: false, backup: target, onProgress: quiet });
      return { done, second };
    });
    const told = (it: typeof small.done) => it.outcomes.map(({ problem, done }) => `${problem.key ?? problem.kind} ${done}`).toSorted();
    assert.deepEqual(told(small.done), ['alone quarantined', 'large mended', 'orphan-blob removed', 'sealed left']);
    assert.deepEqual(told(small.second), ['alone left', 'sealed mended']);
    assert.equal(existsSync(blobPath(served.folder.blobs, orphan.id)), false);
    // The damaged bytes are kept, beside a note on whose they are.
    const note = JSON.parse(readFileSync(join(served.folder.quarantine, `${alone.blob}.json`), 'utf8'));
    assert.deepEqual([note.blob, note.problem.key], [alone.blob, 'alone']);
    assert.ok(existsSync(join(served.folder.quarantine, alone.blob)));
    assert.throws(() => served.store.get(bucket, 'alone'), { code: 'ObjectDamaged' });
    await served.store.delete(bucket, 'alone');
    assert.deepEqual(
      await contents(served),
      before.filter((line) => !line.startsWith('alone ')),
    );
    await served.store.settled();
    assert.deepEqual(await problems(), []);
  });

  it('backs up one moment while objects are written, and restores it', async () => {
    const target = join(base.path, 'backup');
    let stop = false;
    // The second of a pair is never newer than the first, at any one moment.
    const writing = (async () => {
      for (let i = 1; !stop; i++) {
        for (const key of ['first', 'second']) {
          await served.store.put({ bucket, key, source: oneOf(`${i}`.padStart(70_000)), contentType: '', headers: {}, meta: {} });
        }
        await served.store.put({ bucket, key: `more/${i}`, source: oneOf(`${i}`), contentType: '', headers: {}, meta: {} });
      }
    })();
    let report = await backup(where, target, copying);
    assert.deepEqual(report.damaged, []);
    for (let round = 0; round < 3; round++) {
      const next = await backup(where, target, copying);
      assert.deepEqual(next.damaged, []);
      assert.ok(next.added < next.blobs, 'blobs of the older backup were copied again');
      report = next;
    }
    stop = true;
    await writing;
    const kept = { data: target, encryption: {} };
    assert.deepEqual((await check(kept, checking)).problems, []);
    assert.throws(() => openDataFolder(target), /is a backup/);
    const data = join(base.path, 'restored');
    const restored = await restoreBackup(target, { data, encryption: {} }, { onProgress: quiet });
    assert.deepEqual([restored.damaged, restored.blobs], [[], report.blobs]);
    const again = await serveFolder(data);
    try {
      await contents(again);
      const at = async (key: string) => Number(await buffer(again.store.get(bucket, key)?.open() as Readable));
      const [first, second] = [await at('first'), await at('second')];
      assert.ok(first === second || first === second + 1, `${first} and ${second} are not of one moment`);
    } finally {
      await again.close();
    }
    // What was kept back for the backup is removed after it.
    const waiting = () => served.metadata.get<{ n: number }>('select count(*) as n from garbage')?.n;
    for (let tries = 0; tries < 600 && waiting() !== 0; tries++) await sleep(100);
    assert.equal(waiting(), 0, 'the hold outlived the backup');
  });

  it('keeps what is deleted as long as somebody holds the blobs, but not for one who died', async () => {
    const waits = async (file: string) => {
      for (let tries = 0; tries < 600 && existsSync(file); tries++) await sleep(50);
      assert.equal(existsSync(file), false);
    };
    const release = await holdBlobs(served.folder.blobs);
    const [large, small] = [fileOf(served, 'large'), fileOf(served, 'small')];
    await served.store.delete(bucket, 'large');
    await served.store.settled();
    assert.ok(existsSync(large));
    assert.equal(served.blobs.removable(), false);
    await release();
    await waits(large);
    writeFileSync(join(served.folder.blobs, 'hold'), '');
    utimesSync(join(served.folder.blobs, 'hold'), 1, 1);
    await served.store.delete(bucket, 'small');
    await waits(small);
  });

  it('drops from a backup what is gone, and tells of what was damaged before', async () => {
    const target = join(base.path, 'backup');
    await backup(where, target, { ...copying, link: true });
    const { blob } = served.store.head(bucket, 'large') ?? { blob: '' };
    assert.ok(existsSync(blobPath(join(target, 'blobs'), blob)));
    await served.store.delete(bucket, 'large');
    rmSync(fileOf(served, 'small'));
    await served.store.put({ bucket, key: 'new', source: oneOf('new'), contentType: '', headers: {}, meta: {} });
    flip(fileOf(served, 'new'));
    const report = await backup(where, target, copying);
    assert.equal(report.removed, 1);
    assert.equal(existsSync(blobPath(join(target, 'blobs'), blob)), false);
    assert.deepEqual(
      report.damaged.map((line) => line.split(':')[0]),
      ['bucket/new'],
    );
    assert.equal(readdirSync(join(target, 'meta')).length, 1);
  });

  it('refuses folders that are not what they should be', async () => {
    const other = join(base.path, 'other');
    await assert.rejects(check({ data: other, encryption: {} }, checking), DataError);
    await assert.rejects(backup(where, join(where.data, 'inside'), copying), /outside/);
    await assert.rejects(backup(where, base.path, copying), /outside/);
    await assert.rejects(restoreBackup(where.data, { data: other, encryption: {} }, { onProgress: quiet }), /not a backup/);
    await backup(where, other, copying);
    await assert.rejects(restoreBackup(other, where, { onProgress: quiet }), /not empty/);
    await assert.rejects(backup({ data: other, encryption: {} }, join(base.path, 'third'), copying), /backup itself/);
  });

  it('opens the data of an early version, whose blobs have no checksums, and writes new ones with them', async () => {
    const before = await contents(served);
    const plain = served.metadata.all<{ blob: string; size: number }>(
      `select blob, size from objects where pieces = 0 and headers = '{}'
        union all select blob, size from pieces where owner in (select blob from objects where headers = '{}')`,
    );
    assert.equal(plain.length, 8);
    await whileStopped(() => {
      for (const { blob, size } of plain) truncateSync(blobPath(served.folder.blobs, blob), size);
      writeFileSync(join(where.data, 'sluice.json'), '{"format":1}');
    });
    assert.equal(served.folder.format, 1);
    assert.deepEqual(await contents(served), before);
    assert.deepEqual(await problems(), []);
    flip(fileOf(served, 'small'));
    assert.deepEqual(await problems(), ['wrong-checksum small']);
    const head = await served.store.put({ bucket, key: 'new', source: oneOf('new'), contentType: '', headers: {}, meta: {} });
    assert.equal((await served.blobs.facts(head.blob)).checked, true);
  });

  it('does not start or look without the encryption keys that objects need', async () => {
    await whileStopped(async () => {
      const text = readFileSync(served.folder.encryption);
      rmSync(served.folder.encryption);
      await assert.rejects(check(where, checking), /encryption\.json is not there/);
      await assert.rejects(serveFolder(where.data), /encryption\.json is not there; it held the encryption key/);
      writeFileSync(served.folder.encryption, text, { mode: 0o600 });
    });
  });
});

async function* oneOf(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}
