import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { it } from 'node:test';
import { bodyOf, chunked, plain } from './contract.ts';
import type { CopyRequest, Store } from './store.ts';

const from = { bucket: 'bucket', key: 'source' };
const copying = (more: Partial<CopyRequest> = {}): CopyRequest => ({ from, bucket: 'bucket', key: 'copy', check: () => {}, ...more });

/** What every store must do with copies. */
export function copyContract(current: () => Store): void {
  for (const size of [0, 10, 300_000]) {
    it(`copies ${size} bytes, which live on without the source`, async () => {
      const store = current();
      const bytes = randomBytes(size);
      const source = await store.put(
        plain('source', bytes, { meta: { a: 'b' }, tags: { t: '1' }, acl: 'public-read', storageClass: 'IA' }),
      );
      const copy = await store.copy(copying());
      const { blob, modifiedAt, key, acl, storageClass, ...same } = copy;
      const { blob: first, modifiedAt: _, key: __, acl: ___, storageClass: ____, ...of } = source;
      assert.deepEqual(same, of);
      assert.ok(blob !== first && modifiedAt);
      assert.deepEqual([key, acl, storageClass], ['copy', 'default', 'Standard']);
      await store.delete('bucket', 'source');
      await store.settled();
      assert.ok(bytes.equals(await bodyOf(store.get('bucket', 'copy'))));
    });
  }

  it('describes a copy anew, also onto itself', async () => {
    const store = current();
    const bytes = randomBytes(100_000);
    await store.put(plain('source', bytes, { meta: { a: 'b' }, tags: { t: '1' } }));
    const described = { contentType: 'image/gif', headers: { expires: 'never' }, meta: { c: 'd' } };
    const copy = await store.copy(copying({ key: 'source', described, tags: {}, storageClass: 'Archive', acl: 'private' }));
    assert.deepEqual(
      [copy.contentType, copy.headers, copy.meta, copy.tags, copy.storageClass, copy.acl],
      ['image/gif', { expires: 'never' }, { c: 'd' }, {}, 'Archive', 'private'],
    );
    await store.settled();
    assert.ok(bytes.equals(await bodyOf(store.get('bucket', 'source'))));
  });

  it('copies an object in parts part by part', async () => {
    const store = current();
    const bodies = [randomBytes(200_000), randomBytes(200_000), randomBytes(10)];
    const name = await store.uploads.start({ ...from, contentType: 'x/y', headers: {}, meta: {} });
    for (const [i, body] of bodies.entries()) await store.uploads.put({ ...name, number: i + 1, source: chunked(body) });
    const source = await store.uploads.complete({ ...name, parts: 'all' });
    const copy = await store.copy(copying());
    assert.deepEqual([copy.etag, copy.crc64, copy.type, copy.pieces], [source.etag, source.crc64, 'Multipart', 3]);
    await store.delete('bucket', 'source');
    await store.settled();
    assert.ok(Buffer.concat(bodies).equals(await bodyOf(store.get('bucket', 'copy'))));
  });

  it('refuses what cannot be copied, and leaves nothing behind', async () => {
    const store = current();
    await assert.rejects(store.copy(copying()), { code: 'NoSuchKey' });
    await store.put(plain('source', Buffer.from('x')));
    await assert.rejects(store.copy(copying({ from: { ...from, bucket: 'nowhere' } })), { code: 'NoSuchBucket' });
    await assert.rejects(store.copy(copying({ bucket: 'nowhere' })), { code: 'NoSuchBucket' });
    await assert.rejects(store.copy(copying({ key: '/x' })), { code: 'InvalidObjectName' });
    await store.put(plain('copy', Buffer.from('there')));
    await assert.rejects(store.copy(copying({ forbidOverwrite: true })), { code: 'FileAlreadyExists' });
    const check = () => {
      throw new Error('checked');
    };
    await assert.rejects(store.copy(copying({ check })), /checked/);
    assert.equal(store.get('bucket', 'copy')?.small?.toString(), 'there');
  });

  it('copies while the source is written and deleted', async () => {
    const store = current();
    const bodies = [1, 2, 3].map((i) => Buffer.alloc(100_000, i));
    await store.put(plain('source', bodies[0] as Buffer));
    let going = true;
    const writing = (async () => {
      for (let i = 0; going; i++) await store.put(plain('source', bodies[i % 3] as Buffer));
    })();
    for (let i = 0; i < 40; i++) {
      const copy = await store.copy(copying({ key: `copy-${i}` })).catch((error: { code?: string }) => {
        assert.equal(error.code, 'ServiceUnavailable');
        return undefined;
      });
      if (copy) assert.ok(bodies.some((body) => body.equals((store.get('bucket', `copy-${i}`)?.small ?? body) as Buffer)));
    }
    going = false;
    await writing;
  });
}
