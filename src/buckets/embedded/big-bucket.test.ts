import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { memoryBlobs } from '../../blobs/index.ts';
import { type Metadata, openMetadata } from '../../metadata/index.ts';
import { plain, someBucket } from '../contract.ts';
import type { Store } from '../store.ts';
import { listObjects } from './listing.ts';
import { openBuckets } from './open.ts';

const count = 20_000;
const nameOf = (i: number) => `${String(Math.floor(i / 100)).padStart(3, '0')}/${String(i).padStart(6, '0')}`;

/** Adds objects in one statement, as no client could. */
function fill(bucket: string, objects: number) {
  return {
    sql: `insert into objects (bucket, key, blob, size, etag, crc64, content_type, headers, meta, created_at, modified_at, type, storage_class)
      with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < ?)
      select ?, printf('%03d/%06d', i / 100, i), ? || '-' || i, 0, '', '0', '', '{}', '{}', 0, 0, 'Normal', 'Standard' from n`,
    params: [objects, bucket, bucket],
  };
}

describe('a large bucket', () => {
  let folder: string;
  let metadata: Metadata;
  let store: Store;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-big-'));
    metadata = await openMetadata({ file: join(folder, 'meta.db'), durability: 'relaxed' });
    store = openBuckets({ metadata, blobs: memoryBlobs(), region: 'home' });
    for (const name of ['little', 'large']) await store.createBucket({ ...someBucket, name });
    await metadata.write([fill('little', 1000), fill('large', count)]);
  });
  after(async () => {
    await store.close();
    await metadata.close();
    rmSync(folder, { recursive: true });
  });

  /** The metadata with the rows and the statements that a listing reads. */
  function counting() {
    const seen = { rows: 0, statements: new Set<string>() };
    const all = <T>(...call: Parameters<Metadata['all']>) => {
      const found = metadata.all<T>(...call);
      seen.rows += found.length;
      seen.statements.add(call[0]);
      return found;
    };
    return { seen, metadata: { ...metadata, get: metadata.get.bind(metadata), all } as Metadata };
  }

  const page = (bucket: string, after: string, delimiter = '', prefix = '') => {
    const { seen, metadata: counted } = counting();
    const listed = listObjects(counted, { bucket, prefix, delimiter, after, maxKeys: 1000 });
    return { listed, ...seen };
  };

  it('costs as many rows a page as a little one, wherever the page begins', () => {
    const usual = page('little', '').rows;
    assert.ok(usual <= 1001);
    for (const after of ['', nameOf(9_999), nameOf(18_500), '100', '19']) {
      const { listed, rows } = page('large', after);
      assert.equal(listed.objects.length, 1000);
      assert.ok(rows <= usual + 1, `${rows} rows after ${after}`);
    }
  });

  it('skips what a delimiter rolls up: a bounded number of rows for each prefix shown', () => {
    for (const [bucket, prefixes] of [
      ['little', 10],
      ['large', 200],
    ] as const) {
      const { listed, rows } = page(bucket, '', '/');
      assert.equal(listed.prefixes.length, prefixes);
      assert.ok(rows <= 40 + 9 * prefixes, `${rows} rows for ${prefixes} prefixes`);
    }
  });

  it('reads each page by the index of keys, without a scan and without sorting', () => {
    const statements = new Set([
      ...page('large', '').statements,
      ...page('large', '1').statements,
      ...page('large', '', '/', '01').statements,
      ...page('large', '015/', '/', '01').statements,
    ]);
    assert.ok(statements.size >= 2);
    for (const sql of statements) {
      const parameters = sql.split('?').length - 1;
      const plan = metadata.all<{ detail: string }>(
        `explain query plan ${sql}`,
        Array.from({ length: parameters }, () => 'x'),
      );
      for (const { detail } of plan) assert.match(detail, /^SEARCH objects USING (COVERING )?INDEX .*\(bucket=\? AND key[<>]/, sql);
      assert.ok(plan.length > 0);
    }
  });

  it('finds every key once over all pages, and deletes one as it does in a little one', async () => {
    const keys: string[] = [];
    for (let after: string | undefined = ''; after !== undefined; ) {
      const found = store.list({ bucket: 'large', prefix: '', delimiter: '', after, maxKeys: 1000 });
      keys.push(...found.objects.map(({ key }) => key));
      after = found.truncated ? found.next : undefined;
    }
    assert.deepEqual(
      keys,
      Array.from({ length: count }, (_, i) => nameOf(i)),
    );
    await store.delete('large', nameOf(10_000));
    assert.equal(store.head('large', nameOf(10_000)), undefined);
    assert.ok(store.head('large', nameOf(10_001)));
  });
});

describe('keys of every legal byte form', () => {
  it('are kept byte for byte and listed by their UTF-8 bytes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-keys-'));
    const metadata = await openMetadata({ file: join(folder, 'meta.db'), durability: 'relaxed' });
    const store = openBuckets({ metadata, blobs: memoryBlobs(), region: 'home' });
    try {
      const legal = (key: string) => /^[^/\\]/.test(key) && Buffer.byteLength(key) <= 1023 && key.isWellFormed();
      const key = fc
        .oneof(
          fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
          fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }),
          fc.constantFrom(
            '\u{10ffff}'.repeat(255),
            'é'.repeat(511),
            'x'.repeat(1023),
            '\0',
            '\r\n',
            '\ufeff',
            '\ud7ff',
            '\ue000',
            'e\u0301',
          ),
        )
        .filter(legal);
      let round = 0;
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(key, { minLength: 1, maxLength: 20 }), async (keys) => {
          const bucket = `keys-${round++}`;
          await store.createBucket({ ...someBucket, name: bucket });
          for (const each of keys) await store.put({ ...plain(each, Buffer.from(each)), bucket });
          const { objects } = store.list({ bucket, prefix: '', delimiter: '', after: '', maxKeys: 1000 });
          const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
          assert.deepEqual(
            objects.map((head) => head.key),
            sorted,
          );
          for (const each of keys) assert.equal(store.get(bucket, each)?.small?.toString(), each);
        }),
        { numRuns: 25 },
      );
    } finally {
      await store.close();
      await metadata.close();
      rmSync(folder, { recursive: true });
    }
  });
});
