import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Crc64 } from '../kit/index.ts';
import { appendContract } from './append.contract.ts';
import { copyContract } from './copy.contract.ts';
import type { FoundObject, NewBucket, PutRequest, Store } from './store.ts';
import { uploadsContract } from './uploads.contract.ts';
import { versionsContract } from './versions.contract.ts';

export const someBucket: NewBucket = {
  name: 'bucket',
  owner: 'me',
  region: 'r1',
  acl: 'private',
  storageClass: 'Standard',
  redundancy: 'LRS',
};
export const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');

/** A source that hands out the bytes in chunks. */
export async function* chunked(bytes: Buffer, chunk = 65_536): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
}

/** A put of these bytes with everything else plain. */
export function plain(key: string, bytes: Buffer, more: Partial<PutRequest> = {}): PutRequest {
  return { bucket: 'bucket', key, source: chunked(bytes), contentType: 'text/plain', headers: {}, meta: {}, ...more };
}

/** The whole body of what get() found. */
export async function bodyOf(found: FoundObject | undefined): Promise<Buffer> {
  assert.ok(found);
  return buffer(found.open());
}

const text = (value: string) => Buffer.from(value);
const sizes = [0, 1, 1000, 65_536, 65_537, 1_000_000];

/** What every store must do. `open` opens an empty store. */
export function storeContract(name: string, open: () => Promise<{ store: Store; remove: () => Promise<void> }>): void {
  describe(`store contract: ${name}`, () => {
    let store: Store;
    let remove: () => Promise<void>;
    beforeEach(async () => {
      ({ store, remove } = await open());
      await store.createBucket(someBucket);
    });
    afterEach(async () => {
      await store.close();
      await remove();
    });
    const current = () => store;
    bucketContract(current);
    uploadsContract(current);
    copyContract(current);
    appendContract(current);
    versionsContract(current);

    for (const size of sizes) {
      it(`keeps an object of ${size} bytes with all that belongs to it`, async () => {
        const bytes = randomBytes(size);
        const headers = { 'cache-control': 'no-store' };
        const meta = { author: 'älice \u{1F600}', __proto__x: '' };
        const before = Date.now();
        const contentMd5 = createHash('md5').update(bytes).digest();
        const head = await store.put(plain('a/b', bytes, { size, contentMd5, headers, meta, storageClass: 'IA' }));
        const { modifiedAt, blob, ...rest } = head;
        assert.ok(blob && modifiedAt >= before && modifiedAt <= Date.now());
        assert.deepEqual(rest, {
          ...{ bucket: 'bucket', key: 'a/b', size, etag: md5(bytes), crc64: Crc64.of(bytes).toString(), contentType: 'text/plain' },
          ...{ headers, meta, type: 'Normal', storageClass: 'IA', acl: 'default', pieces: 0, tags: {}, version: 'null' },
        });
        for (let round = 0; round < 2; round++) {
          assert.deepEqual(store.head('bucket', 'a/b'), head);
          const found = store.get('bucket', 'a/b');
          assert.deepEqual(found?.head, head);
          assert.equal(found?.small !== undefined, size <= 65_536);
          if (found?.small) assert.ok(found.small.equals(bytes));
          assert.ok(bytes.equals(await bodyOf(found)));
          if (size > 2) assert.ok(bytes.subarray(1, size - 1).equals(await buffer(found?.open({ start: 1, end: size - 2 }) ?? [])));
        }
      });
    }

    it('finds nothing where nothing is', () => {
      assert.equal(store.get('bucket', 'absent'), undefined);
      assert.equal(store.head('bucket', 'absent'), undefined);
      assert.equal(store.head('nowhere', 'absent'), undefined);
    });

    it('takes keys as they are', async () => {
      const keys = [
        '../x',
        '../../etc/passwd',
        'a//b',
        'a/',
        'a',
        '.',
        'x\0y',
        '\x01',
        '\u{1F600}',
        '\uffff',
        'A',
        'é',
        'e\u0301',
        ' ',
        '%2F',
      ];
      for (const key of keys) await store.put(plain(key, text(key)));
      for (const key of keys) assert.equal(store.get('bucket', key)?.small?.toString(), key);
      const page = store.list({ bucket: 'bucket', prefix: '', delimiter: '', after: '', maxKeys: 100 });
      assert.deepEqual(
        page.objects.map((head) => head.key),
        keys.toSorted((a, b) => Buffer.compare(text(a), text(b))),
      );
      for (const key of ['', '/a', '\\a', 'x'.repeat(1024), '\ud800']) {
        await assert.rejects(store.put(plain(key, text('x'))), { code: 'InvalidObjectName' });
      }
    });

    it('replaces, and shows the newest at once', async () => {
      for (let i = 0; i < 30; i++) {
        await store.put(plain('k', text(`version ${i}`)));
        assert.equal(store.get('bucket', 'k')?.small?.toString(), `version ${i}`);
      }
    });

    it('deletes, also what is not there', async () => {
      await store.put(plain('k', text('x')));
      assert.ok(store.get('bucket', 'k'));
      await store.delete('bucket', 'k');
      assert.equal(store.get('bucket', 'k'), undefined);
      await store.delete('bucket', 'k');
      await Promise.all(['a', 'b', 'c'].map((key) => store.put(plain(key, text(key)))));
      await store.deleteMany(
        'bucket',
        ['a', 'absent', 'c', 'a'].map((key) => ({ key })),
      );
      assert.deepEqual([store.head('bucket', 'a'), store.head('bucket', 'c')], [undefined, undefined]);
      assert.ok(store.head('bucket', 'b'));
      await assert.rejects(store.delete('nowhere', 'k'), { code: 'NoSuchBucket' });
    });

    it('refuses bodies that are not what was declared, and keeps what was there', async () => {
      await store.put(plain('k', text('old')));
      for (const bytes of [text('hello'), randomBytes(300_000)]) {
        const { length: size } = bytes;
        await assert.rejects(store.put(plain('k', bytes, { size: size + 1 })), { code: 'IncompleteBody' });
        await assert.rejects(store.put(plain('k', bytes, { size: size - 1 })), { code: 'InvalidRequest' });
        await assert.rejects(store.put(plain('k', bytes, { contentMd5: Buffer.alloc(16) })), { code: 'InvalidDigest' });
        await assert.rejects(store.put(plain('k', bytes, { contentMd5: Buffer.alloc(3) })), { code: 'InvalidDigest' });
      }
      assert.equal(store.get('bucket', 'k')?.small?.toString(), 'old');
    });

    it('passes on what a source throws, and keeps what was there', async () => {
      await store.put(plain('k', text('old')));
      for (const size of [10, 1_000_000]) {
        const broken = async function* () {
          yield randomBytes(size);
          throw new Error('client gone');
        };
        await assert.rejects(store.put(plain('k', text(''), { source: broken() })), /client gone/);
        await assert.rejects(store.put(plain('new', text(''), { source: broken() })), /client gone/);
      }
      assert.equal(store.get('bucket', 'k')?.small?.toString(), 'old');
      assert.equal(store.head('bucket', 'new'), undefined);
    });

    it('does not close the source when it refuses a body', async () => {
      let closed = false;
      const source = async function* () {
        try {
          for (;;) yield randomBytes(100_000);
        } finally {
          closed = true;
        }
      };
      await assert.rejects(store.put(plain('k', text(''), { source: source(), size: 150_000 })), { code: 'InvalidRequest' });
      assert.equal(closed, false);
    });

    it('lets exactly one of many win when overwriting is forbidden', async () => {
      const puts = Array.from({ length: 30 }, (_, i) => store.put(plain('k', text(`${i}`), { forbidOverwrite: true })));
      const outcomes = await Promise.allSettled(puts);
      const winners = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [i] : []));
      assert.equal(winners.length, 1);
      for (const outcome of outcomes) if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'FileAlreadyExists');
      assert.equal(store.get('bucket', 'k')?.small?.toString(), `${winners[0]}`);
    });

    it('loses no update under If-Match', async () => {
      await store.put(plain('counter', text('0')));
      const add = async (): Promise<void> => {
        for (;;) {
          const found = store.get('bucket', 'counter');
          const next = text(`${Number(found?.small?.toString()) + 1}`);
          try {
            await store.put(plain('counter', next, { conditions: { ifMatch: [found?.head.etag ?? ''] } }));
            return;
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'PreconditionFailed');
          }
        }
      };
      await Promise.all(Array.from({ length: 15 }, add));
      assert.equal(store.get('bucket', 'counter')?.small?.toString(), '15');
    });

    it('evaluates the other conditions of a put', async () => {
      await assert.rejects(store.put(plain('k', text('1'), { conditions: { ifMatch: ['*'] } })), { code: 'PreconditionFailed' });
      const { etag } = await store.put(plain('k', text('1'), { conditions: { ifNoneMatch: ['*'] } }));
      await assert.rejects(store.put(plain('k', text('2'), { conditions: { ifNoneMatch: ['*'] } })), { code: 'PreconditionFailed' });
      await assert.rejects(store.put(plain('k', text('2'), { conditions: { ifNoneMatch: [etag] } })), { code: 'PreconditionFailed' });
      await assert.rejects(store.put(plain('k', text('2'), { conditions: { ifUnmodifiedSince: 1000 } })), { code: 'PreconditionFailed' });
      await store.put(plain('k', text('2'), { conditions: { ifModifiedSince: Date.now() + 5000 } }));
      assert.equal(store.get('bucket', 'k')?.small?.toString(), '2');
    });

    it('gives a reader one version, whatever happens meanwhile', async () => {
      const first = randomBytes(3_000_000);
      await store.put(plain('k', first));
      const opened = store.get('bucket', 'k')?.open();
      assert.ok(opened);
      await store.put(plain('k', randomBytes(3_000_000)));
      await store.delete('bucket', 'k');
      await store.settled();
      assert.ok(first.equals(await buffer(opened)));
    });

    it('never mixes versions under concurrent writes and reads', async () => {
      const bodies = Array.from({ length: 6 }, (_, i) => Buffer.alloc(i % 2 ? 200_000 : 500, i + 1));
      const known = new Set(bodies.map(md5));
      await store.put(plain('k', bodies[0] as Buffer));
      let writing = true;
      const writers = bodies.map(async (bytes) => {
        for (let i = 0; i < 10; i++) await store.put(plain('k', bytes));
      });
      const reader = async () => {
        while (writing) {
          // Reads from the cache never leave the turn; the writers need one.
          await setImmediate();
          const found = store.get('bucket', 'k');
          const etag = md5(await bodyOf(found));
          assert.equal(etag, found?.head.etag);
          assert.ok(known.has(etag));
        }
      };
      const reading = Promise.all([reader(), reader(), reader()]);
      await Promise.all(writers);
      writing = false;
      await reading;
    });
  });
}

function bucketContract(current: () => Store): void {
  const other = (name: string): NewBucket => ({ ...someBucket, name });

  it('makes a bucket once, and again for its owner', async () => {
    const store = current();
    const before = store.bucket('bucket');
    assert.deepEqual(await store.createBucket({ ...someBucket, acl: 'public-read' }), { created: false });
    assert.deepEqual(store.bucket('bucket'), before);
    assert.deepEqual({ ...before, createdAt: 0 }, { ...someBucket, createdAt: 0, policies: [], blockPublicAccess: false, settings: {} });
    await assert.rejects(store.createBucket({ ...someBucket, owner: 'you' }), { code: 'BucketAlreadyExists' });
    const race = await Promise.allSettled(['me', 'you', 'me'].map((owner) => store.createBucket({ ...other('race'), owner })));
    assert.equal(race.filter((outcome) => outcome.status === 'fulfilled' && outcome.value.created).length, 1);
    await assert.rejects(store.createBucket(other('Not-A-Name')), { code: 'InvalidBucketName' });
    await assert.rejects(store.createBucket(other('x-opapalias')), { code: 'InvalidBucketName' });
    const { region: _, ...homeless } = other('homeless');
    await store.createBucket(homeless);
    assert.equal(store.bucket('homeless')?.region, 'home');
  });

  it('changes an ACL', async () => {
    const store = current();
    await store.setBucketAcl('bucket', 'public-read');
    assert.equal(store.bucket('bucket')?.acl, 'public-read');
    await assert.rejects(store.setBucketAcl('nowhere', 'private'), { code: 'NoSuchBucket' });
  });

  it('keeps the policy of a bucket byte for byte, parsed beside it', async () => {
    const store = current();
    const policy = `{ "Version":"1",\n "Statement":[{"Effect":"Deny","Action":["oss:*"],"Principal":["*"],"Resource":["*"]}] }`;
    await store.setBucketPolicy('bucket', policy);
    const { policies, ...rest } = store.bucket('bucket') ?? { policies: [] };
    assert.equal((rest as { policy?: string }).policy, policy);
    assert.deepEqual(
      policies.map((each) => [each.name, each.document.Statement.length]),
      [['the policy of bucket bucket', 1]],
    );
    await assert.rejects(store.setBucketPolicy('bucket', '{}'), { code: 'InvalidArgument' });
    assert.equal(store.bucket('bucket')?.policy, policy);
    await store.setBucketPolicy('bucket', undefined);
    assert.deepEqual([store.bucket('bucket')?.policy, store.bucket('bucket')?.policies], [undefined, []]);
    await assert.rejects(store.setBucketPolicy('nowhere', policy), { code: 'NoSuchBucket' });
  });

  it('keeps each setting of a bucket apart from the others', async () => {
    const store = current();
    await Promise.all([
      store.setBucketSetting('bucket', 'tags', { a: 'b' }),
      store.setBucketSetting('bucket', 'cors', { rules: [], responseVary: true }),
      store.setBucketSetting('bucket', 'referer', { allowEmpty: true, ignoreQuery: false, allowed: [], refused: [] }),
    ]);
    assert.deepEqual(Object.keys(store.bucket('bucket')?.settings ?? {}).toSorted(), ['cors', 'referer', 'tags']);
    await store.setBucketSetting('bucket', 'cors', undefined);
    await store.setBucketSetting('bucket', 'referer', undefined);
    assert.deepEqual(store.bucket('bucket')?.settings, { tags: { a: 'b' } });
    await assert.rejects(store.setBucketSetting('nowhere', 'tags', {}), { code: 'NoSuchBucket' });
  });

  it('counts what is in a bucket', async () => {
    const store = current();
    for (const size of [1, 10, 100]) await store.put(plain(`k${size}`, Buffer.alloc(size), size === 1 ? { storageClass: 'IA' } : {}));
    const name = await store.uploads.start({ bucket: 'bucket', key: 'k', contentType: '', headers: {}, meta: {} });
    for (const number of [1, 2]) await store.uploads.put({ ...name, number, source: chunked(Buffer.alloc(1000)) });
    const classes = { IA: { objects: 1, bytes: 1 }, Standard: { objects: 2, bytes: 110 } };
    assert.deepEqual(await store.stat('bucket'), { objects: 3, bytes: 111, uploads: 1, partBytes: 2000, deleteMarkers: 0, classes });
    await assert.rejects(store.stat('nowhere'), { code: 'NoSuchBucket' });
  });

  it('makes symlinks, which hold no bytes', async () => {
    const store = current();
    const link = { bucket: 'bucket', key: 'link', target: 'not/there', contentType: 'a/b', headers: {}, meta: { a: 'b' } };
    const head = await store.link(link);
    assert.deepEqual([head.type, head.target, head.size, head.meta], ['Symlink', 'not/there', 0, { a: 'b' }]);
    assert.deepEqual(store.get('bucket', 'link')?.head, head);
    assert.equal(store.get('bucket', 'link')?.small?.length, 0);
    await assert.rejects(store.link({ ...link, forbidOverwrite: true }), { code: 'FileAlreadyExists' });
    await assert.rejects(store.link({ ...link, target: '' }), { code: 'InvalidObjectName' });
    const copy = await store.copy({ from: { bucket: 'bucket', key: 'link' }, bucket: 'bucket', key: 'copy', check: () => {} });
    assert.deepEqual([copy.type, copy.target], ['Symlink', 'not/there']);
    await store.put(plain('link', Buffer.from('x')));
    assert.deepEqual([store.head('bucket', 'link')?.type, store.head('bucket', 'link')?.target], ['Normal', undefined]);
    await store.settled();
  });

  it('blocks public access for one bucket and for all', async () => {
    const store = current();
    await store.setBucketPublicAccessBlock('bucket', true);
    assert.deepEqual([store.bucket('bucket')?.blockPublicAccess, store.blockPublicAccess], [true, false]);
    await store.setPublicAccessBlock(true);
    await store.setBucketPublicAccessBlock('bucket', false);
    assert.deepEqual([store.bucket('bucket')?.blockPublicAccess, store.blockPublicAccess], [false, true]);
    await store.setPublicAccessBlock(false);
    assert.equal(store.blockPublicAccess, false);
    await assert.rejects(store.setBucketPublicAccessBlock('nowhere', true), { code: 'NoSuchBucket' });
  });

  it('changes the ACL of an object, until it is written again', async () => {
    const store = current();
    const { blob } = await store.put(plain('k', Buffer.from('x'), { acl: 'public-read' }));
    assert.equal(store.head('bucket', 'k')?.acl, 'public-read');
    await store.setObjectAcl('bucket', 'k', 'private');
    assert.deepEqual([store.get('bucket', 'k')?.head.acl, store.head('bucket', 'k')?.blob], ['private', blob]);
    await store.put(plain('k', Buffer.from('y')));
    assert.equal(store.head('bucket', 'k')?.acl, 'default');
    await assert.rejects(store.setObjectAcl('bucket', 'absent', 'private'), { code: 'NoSuchKey' });
    await assert.rejects(store.setObjectAcl('nowhere', 'k', 'private'), { code: 'NoSuchBucket' });
  });

  it('deletes only empty buckets, and only when the guard agrees', async () => {
    const store = current();
    await store.put(plain('k', Buffer.from('x')));
    await assert.rejects(store.deleteBucket('bucket'), { code: 'BucketNotEmpty' });
    await store.delete('bucket', 'k');
    const guard = (sql: string) => ({ guard: { sql, params: ['bucket'], fault: () => new Error('guarded') } });
    await assert.rejects(store.deleteBucket('bucket', guard('? is null')), /guarded/);
    assert.ok(store.bucket('bucket'));
    await store.deleteBucket('bucket', guard('? is not null'));
    assert.equal(store.bucket('bucket'), undefined);
    await assert.rejects(store.deleteBucket('bucket'), { code: 'NoSuchBucket' });
    await assert.rejects(store.put(plain('k', Buffer.from('x'))), { code: 'NoSuchBucket' });
    assert.throws(() => store.list({ bucket: 'bucket', prefix: '', delimiter: '', after: '', maxKeys: 1 }), { code: 'NoSuchBucket' });
    assert.deepEqual(await store.createBucket(someBucket), { created: true });
  });

  it('never leaves an object without its bucket', async () => {
    const store = current();
    for (let round = 0; round < 10; round++) {
      const name = `race-${round}`;
      await store.createBucket(other(name));
      const put = store.put(plain('k', Buffer.from('x'), { bucket: name }));
      const [stored, gone] = await Promise.allSettled([put, store.deleteBucket(name)]);
      assert.notEqual(stored.status, gone.status);
      assert.equal(store.head(name, 'k') !== undefined, store.bucket(name) !== undefined);
      if (stored.status === 'rejected') assert.equal(stored.reason.code, 'NoSuchBucket');
      if (gone.status === 'rejected') assert.equal(gone.reason.code, 'BucketNotEmpty');
    }
  });

  it('lists buckets in pages', async () => {
    const store = current();
    for (const name of ['logs-2', 'logs-1', 'logs-3', 'zebra']) await store.createBucket(other(name));
    const list = (prefix: string, marker: string, maxKeys: number) => {
      const { buckets, ...rest } = store.listBuckets({ prefix, marker, maxKeys });
      return { names: buckets.map((bucket) => bucket.name), ...rest };
    };
    assert.deepEqual(list('', '', 10), { names: ['bucket', 'logs-1', 'logs-2', 'logs-3', 'zebra'], truncated: false });
    assert.deepEqual(list('logs', '', 2), { names: ['logs-1', 'logs-2'], truncated: true, nextMarker: 'logs-2' });
    assert.deepEqual(list('logs', 'logs-2', 2), { names: ['logs-3'], truncated: false });
  });
}
