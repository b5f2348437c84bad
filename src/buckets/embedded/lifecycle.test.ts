import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type Blobs, memoryBlobs } from '../../blobs/index.ts';
import { type Metadata, openMetadata } from '../../metadata/index.ts';
import { chunked, plain, someBucket } from '../contract.ts';
import type { LifecycleRule } from '../lifecycle.ts';
import type { Store } from '../store.ts';
import { prefixesOf } from './lifecycle.ts';
import { openBuckets } from './open.ts';

const day = 86_400_000;
/** A midnight. */
const start = Date.UTC(2030, 0, 1);

const rule = (more: Partial<LifecycleRule>): LifecycleRule => ({
  ...{ id: 'r', enabled: true, prefix: '', tags: {}, except: [], expiredMarkers: false, transitions: [], noncurrentTransitions: [] },
  ...more,
});

describe('lifecycle', () => {
  let folder: string;
  let metadata: Metadata;
  let blobs: Blobs;
  let store: Store;
  let clock: number;
  const open = () => {
    store = openBuckets({ metadata, blobs, region: 'home', now: () => clock, onError: (error) => assert.fail(String(error)) });
  };
  beforeEach(async () => {
    clock = start + 3_600_000;
    folder = await mkdtemp(join(tmpdir(), 'sluice-lifecycle-'));
    metadata = await openMetadata({ file: join(folder, 'meta.db'), durability: 'relaxed' });
    blobs = memoryBlobs();
    open();
    await store.createBucket(someBucket);
  });
  afterEach(async () => {
    await store.close();
    await blobs.close();
    await metadata.close();
    await rm(folder, { recursive: true });
  });
  const put = async (key: string, text = 'x', more = {}) => (await store.put(plain(key, Buffer.from(text), more))).version;
  const rules = (...list: LifecycleRule[]) => store.setBucketSetting('bucket', 'lifecycle', list);
  const left = () =>
    store
      .listVersions({ bucket: 'bucket', prefix: '', delimiter: '', afterKey: '', afterVersion: '', maxKeys: 1000 })
      .versions.map(({ key, latest, object }) => `${key}${latest ? '' : ' old'}${object ? '' : ' marker'}`);

  it('expires what is so many days old at the next midnight, and not a moment earlier', async () => {
    await rules(rule({ prefix: 'logs/', expiration: { days: 2 } }));
    await put('logs/a');
    await put('keep');
    clock = start + 3 * day - 1;
    assert.deepEqual(await store.applyLifecycle(), { expired: 0, transitioned: 0, aborted: 0 });
    clock = start + 3 * day;
    assert.deepEqual(await store.applyLifecycle(), { expired: 1, transitioned: 0, aborted: 0 });
    assert.deepEqual(left(), ['keep']);
    assert.equal(store.get('bucket', 'logs/a'), undefined);
    await store.settled();
    assert.equal((await store.applyLifecycle()).expired, 0);
  });

  it('takes rules by tags, sizes, exceptions and dates, and leaves what no rule is for', async () => {
    await rules(
      rule({ id: '1', prefix: 'tag/', tags: { a: '1' }, expiration: { days: 1 } }),
      rule({ id: '2', prefix: 'size/', largerThan: 2, smallerThan: 5, expiration: { days: 1 } }),
      rule({
        id: '3',
        prefix: 'not/',
        except: [{ prefix: 'not/b' }, { prefix: '', tag: { key: 'keep', value: 'y' } }],
        expiration: { days: 1 },
      }),
      rule({ id: '4', prefix: 'before/', expiration: { createdBefore: start + day } }),
      rule({ id: '5', prefix: 'date/', expiration: { date: start + day } }),
      rule({ id: '6', prefix: 'off/', enabled: false, expiration: { days: 1 } }),
    );
    await put('tag/a', 'x', { tags: { a: '1', b: '2' } });
    await put('tag/b', 'x', { tags: { a: '2' } });
    for (const size of [2, 3, 4, 5]) await put(`size/${size}`, 'x'.repeat(size));
    for (const key of ['not/a', 'not/b', 'not/ba']) await put(key);
    await put('not/c', 'x', { tags: { keep: 'y' } });
    await put('before/a');
    await put('date/a');
    await put('off/a');
    assert.equal((await store.applyLifecycle()).expired, 1, 'what was made before the date is due at once');
    clock = start + day;
    await put('before/b');
    await store.applyLifecycle();
    clock = start + 5 * day;
    await store.applyLifecycle();
    assert.deepEqual(left(), ['before/b', 'not/b', 'not/ba', 'not/c', 'off/a', 'size/2', 'size/5', 'tag/b']);
  });

  it('leaves delete markers of what expires, and removes old versions and lone markers', async () => {
    await store.setBucketVersioning('bucket', 'Enabled');
    await put('a', 'one');
    clock += day;
    await put('a', 'two');
    await rules(rule({ expiration: { days: 1 } }));
    clock = start + 3 * day;
    assert.equal((await store.applyLifecycle()).expired, 1);
    assert.deepEqual(left(), ['a marker', 'a old', 'a old']);
    assert.equal((await store.applyLifecycle()).expired, 0, 'a delete marker does not expire');
    await rules(rule({ noncurrentDays: 3, expiredMarkers: true }));
    // The first became noncurrent a day after it was written, the second when it expired.
    clock = start + 5 * day;
    assert.equal((await store.applyLifecycle()).expired, 1);
    assert.deepEqual(left(), ['a marker', 'a old']);
    clock = start + 6 * day;
    assert.equal((await store.applyLifecycle()).expired, 1);
    assert.deepEqual(left(), ['a marker']);
    assert.equal((await store.applyLifecycle()).expired, 1);
    assert.deepEqual(left(), []);
    await store.settled();
    await store.deleteBucket('bucket');
  });

  it('counts the age of a delete marker from when something took its place', async () => {
    await store.setBucketVersioning('bucket', 'Enabled');
    await put('a', 'one');
    await store.delete('bucket', 'a');
    clock = start + 10 * day;
    await put('a', 'two');
    await rules(rule({ noncurrentDays: 3 }));
    assert.equal((await store.applyLifecycle()).expired, 1);
    assert.deepEqual(left(), ['a', 'a old marker'], 'the first was replaced by the marker, long ago');
    clock = start + 13 * day - 1;
    assert.equal((await store.applyLifecycle()).expired, 0);
    clock = start + 13 * day;
    assert.equal((await store.applyLifecycle()).expired, 1);
    assert.deepEqual(left(), ['a']);
  });

  it('takes the place of the null version where versioning is suspended', async () => {
    await store.setBucketVersioning('bucket', 'Enabled');
    await put('a', 'kept');
    await store.setBucketVersioning('bucket', 'Suspended');
    await put('a', 'gone');
    await rules(rule({ expiration: { days: 1 } }));
    clock = start + 2 * day;
    await store.applyLifecycle();
    assert.deepEqual(left(), ['a marker', 'a old']);
    assert.equal(store.deleteMarker('bucket', 'a')?.version, 'null');
  });

  it('changes storage classes in one direction', async () => {
    await store.setBucketVersioning('bucket', 'Enabled');
    await put('a', 'one');
    await put('a', 'two');
    await put('cold', 'x', { storageClass: 'ColdArchive' });
    await rules(
      rule({
        transitions: [
          { when: { days: 1 }, storageClass: 'IA' },
          { when: { days: 3 }, storageClass: 'Archive' },
        ],
        noncurrentTransitions: [{ days: 2, storageClass: 'Archive' }],
      }),
    );
    const classes = () =>
      store
        .listVersions({ bucket: 'bucket', prefix: '', delimiter: '', afterKey: '', afterVersion: '', maxKeys: 9 })
        .versions.map(({ object }) => object?.storageClass);
    clock = start + 2 * day;
    assert.equal((await store.applyLifecycle()).transitioned, 1);
    assert.deepEqual(classes(), ['IA', 'Standard', 'ColdArchive']);
    assert.equal(store.head('bucket', 'a')?.storageClass, 'IA');
    clock = start + 10 * day;
    assert.equal((await store.applyLifecycle()).transitioned, 2);
    assert.deepEqual(classes(), ['Archive', 'Archive', 'ColdArchive']);
  });

  it('drops unfinished uploads with their parts', async () => {
    const begin = async (key: string) => {
      const name = await store.uploads.start({ bucket: 'bucket', key, contentType: '', headers: {}, meta: {} });
      await store.uploads.put({ ...name, number: 1, source: chunked(Buffer.alloc(1000)) });
      return name;
    };
    const name = await begin('up/a');
    await begin('other');
    await rules(rule({ prefix: 'up/', abort: { days: 1 } }));
    clock = start + 2 * day - 1;
    assert.equal((await store.applyLifecycle()).aborted, 0);
    clock = start + 2 * day;
    assert.equal((await store.applyLifecycle()).aborted, 1);
    await assert.rejects(store.uploads.complete({ ...name, parts: 'all' }), { code: 'NoSuchUpload' });
    await store.settled();
    const { uploads, partBytes } = await store.stat('bucket');
    assert.deepEqual([uploads, partBytes], [1, 1000]);
  });

  it('deletes nothing early when the clock was behind, also over a restart', async () => {
    await put('before');
    await rules(rule({ expiration: { days: 2 }, noncurrentDays: 2, abort: { days: 2 } }));
    // Somebody sets the clock back by a month; things are written; the mistake is mended.
    clock -= 30 * day;
    await put('behind');
    const upload = await store.uploads.start({ bucket: 'bucket', key: 'behind', contentType: '', headers: {}, meta: {} });
    await store.setBucketVersioning('bucket', 'Enabled');
    await put('replaced', 'one');
    await put('replaced', 'two');
    assert.equal((await store.applyLifecycle()).expired, 0);
    await store.close();
    open();
    await put('restarted');
    clock += 30 * day;
    assert.deepEqual(await store.applyLifecycle(), { expired: 0, transitioned: 0, aborted: 0 });
    assert.deepEqual(left(), ['before', 'behind', 'replaced', 'replaced old', 'restarted']);
    clock = start + 3 * day;
    const { expired, aborted } = await store.applyLifecycle();
    assert.deepEqual([expired, aborted], [5, 1]);
    await assert.rejects(store.uploads.abort(upload), { code: 'NoSuchUpload' });
  });

  it('keeps the order of versions when the clock goes back, also over restarts', async () => {
    await store.setBucketVersioning('bucket', 'Enabled');
    const versions: string[] = [];
    for (let i = 0; i < 12; i++) {
      versions.unshift(await put('k', String(i)));
      clock -= i % 2 ? 10 * day : -1;
      if (i % 3 === 2) {
        await store.close();
        open();
      }
    }
    const listed = store.listVersions({ bucket: 'bucket', prefix: '', delimiter: '', afterKey: '', afterVersion: '', maxKeys: 100 });
    assert.deepEqual(
      listed.versions.map(({ version }) => version),
      versions,
    );
    assert.equal(store.get('bucket', 'k')?.small?.toString(), '11');
  });

  it('expires what is due when the clock jumps forwards, whatever is written meanwhile', async () => {
    await rules(rule({ expiration: { days: 1 } }));
    for (let i = 0; i < 600; i++) await put(`k${i}`, `${i}`);
    clock += 400 * day;
    const sweeping = store.applyLifecycle();
    const fresh: string[] = [];
    for (let i = 0; i < 600; i += 7) {
      await put(`k${i}`, 'new');
      fresh.push(`k${i}`);
    }
    const { expired } = await sweeping;
    assert.ok(expired >= 600 - fresh.length && expired <= 600, `${expired}`);
    assert.deepEqual(left().toSorted(), fresh.toSorted());
    assert.equal(store.get('bucket', 'k7')?.small?.toString(), 'new');
  });

  it('stops in the middle when the store closes, and begins anew', async () => {
    await rules(rule({ expiration: { days: 1 } }));
    for (let i = 0; i < 600; i++) await put(`k${i}`);
    clock += 10 * day;
    const sweeping = store.applyLifecycle();
    await store.close();
    const { expired } = await sweeping;
    open();
    const rest = await store.applyLifecycle();
    assert.equal(expired + rest.expired, 600);
    assert.deepEqual(left(), []);
    await store.settled();
  });

  it('goes through each prefix once', () => {
    const named = (...prefixes: string[]) => prefixesOf(prefixes.map((prefix) => rule({ prefix })));
    assert.deepEqual(named('a/', 'a/b', 'b', 'b'), ['a/', 'b']);
    assert.deepEqual(named('a', ''), ['']);
    assert.deepEqual(named(), []);
  });
});
