import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { type Metadata, openMetadata } from '../../metadata/index.ts';
import type { ObjectPage, ObjectPageRequest } from '../store.ts';
import { listObjects, successor } from './listing.ts';
import { plainPlace, storeObject } from './rows.ts';

const bytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** What a page must be, computed from all keys. */
function oracle(keys: readonly string[], { prefix, delimiter, after: start, maxKeys }: ObjectPageRequest) {
  const rollUp = (key: string) => {
    const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    return at < 0 ? undefined : key.slice(0, at + delimiter.length);
  };
  const startIsPrefix = start.startsWith(prefix) && rollUp(start) === start;
  const entries: { name: string; object: boolean }[] = [];
  for (const key of keys.toSorted(bytes)) {
    if (!key.startsWith(prefix) || (start !== '' && bytes(key, start) <= 0)) continue;
    if (startIsPrefix && key.startsWith(start)) continue;
    const common = rollUp(key);
    if (common === undefined) entries.push({ name: key, object: true });
    else if (entries.at(-1)?.name !== common || entries.at(-1)?.object) entries.push({ name: common, object: false });
  }
  const shown = entries.slice(0, maxKeys);
  return {
    objects: shown.filter((entry) => entry.object).map((entry) => entry.name),
    prefixes: shown.filter((entry) => !entry.object).map((entry) => entry.name),
    truncated: maxKeys > 0 && entries.length > maxKeys,
    next: shown.at(-1)?.name,
  };
}

const piece = fc.constantFrom(
  'a',
  'b',
  'aa',
  '/',
  '//',
  '../',
  '.',
  '\\',
  '\0',
  '\x01',
  '\x7f',
  'é',
  '\u{1F600}',
  '\uffff',
  '\ue000',
  '\ud7ff',
  '\u{10ffff}',
);
const text = fc.array(piece, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''));
const perhaps = fc.oneof({ weight: 1, arbitrary: fc.constant('') }, { weight: 2, arbitrary: text });
const delimiters = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('', '/') }, { weight: 1, arbitrary: text });

describe('listing', () => {
  let folder: string;
  let db: Metadata;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-listing-'));
    db = await openMetadata({ file: join(folder, 'meta.db'), durability: 'relaxed' });
  });
  after(async () => {
    await db.close();
    await rm(folder, { recursive: true });
  });

  let blobs = 0;
  async function fill(bucket: string, keys: readonly string[]): Promise<void> {
    const described = {
      size: 0,
      etag: '',
      crc64: '0',
      contentType: '',
      headers: {},
      meta: {},
      modifiedAt: 0,
      type: 'Normal',
      storageClass: '',
      acl: 'default',
      pieces: 0,
      tags: {},
    } as const;
    await db.write([
      { sql: 'delete from objects where bucket = ?', params: [bucket] },
      {
        sql: `insert into buckets (name, owner, created_at, region, acl, storage_class, redundancy)
          values (?, 'o', 0, 'r', 'private', 'Standard', 'LRS') on conflict (name) do nothing`,
        params: [bucket],
      },
      ...keys.flatMap((key) => storeObject({ ...described, bucket, key, blob: String(blobs++) }, 'nothing', plainPlace(0))),
    ]);
  }
  const names = (page: ObjectPage) => ({
    objects: page.objects.map((head) => head.key),
    prefixes: page.prefixes,
    truncated: page.truncated,
    next: page.next,
  });

  it('equals a simple oracle over hostile keys', async () => {
    const keySets = fc.uniqueArray(text, { maxLength: 25 });
    const requests = fc.array(fc.record({ prefix: perhaps, delimiter: delimiters, after: perhaps, maxKeys: fc.nat(8) }), {
      minLength: 20,
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(keySets, requests, async (keys, pages) => {
        await fill('one', keys);
        for (const page of pages) {
          const request = { ...page, bucket: 'one' };
          assert.deepEqual(names(listObjects(db, request)), oracle(keys, request));
        }
      }),
      { numRuns: 150 },
    );
  });

  it('gives every entry once over all pages', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(text, { maxLength: 40 }),
        perhaps,
        delimiters,
        fc.integer({ min: 1, max: 5 }),
        async (keys, prefix, delimiter, maxKeys) => {
          await fill('one', keys);
          const request = { bucket: 'one', prefix, delimiter, after: '' };
          const whole = names(listObjects(db, { ...request, maxKeys: 1000 }));
          const objects: string[] = [];
          const prefixes: string[] = [];
          let next: string | undefined = '';
          while (next !== undefined) {
            const page = listObjects(db, { ...request, after: next, maxKeys });
            objects.push(...page.objects.map((head) => head.key));
            prefixes.push(...page.prefixes);
            next = page.truncated ? page.next : undefined;
          }
          assert.deepEqual([objects, prefixes], [whole.objects, whole.prefixes]);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('sees only its own bucket', async () => {
    await fill('one', ['a']);
    await fill('two', ['b', 'c']);
    assert.deepEqual(names(listObjects(db, { bucket: 'one', prefix: '', delimiter: '', after: '', maxKeys: 10 })).objects, ['a']);
  });

  it('skips what lies below a common prefix', async () => {
    const keys = Array.from({ length: 20 }, (_, i) => Array.from({ length: 1000 }, (__, j) => `folder-${String(i).padStart(2, '0')}/${j}`));
    await fill('big', keys.flat());
    let rows = 0;
    const counting: Metadata = {
      ...{ get: db.get.bind(db), write: db.write.bind(db), close: db.close.bind(db) },
      all: <T>(...call: Parameters<Metadata['all']>) => {
        const found = db.all<T>(...call);
        rows += found.length;
        return found;
      },
    };
    const page = listObjects(counting, { bucket: 'big', prefix: '', delimiter: '/', after: '', maxKeys: 1000 });
    assert.equal(page.prefixes.length, 20);
    assert.equal(page.truncated, false);
    assert.ok(rows < 250, `${rows} rows were read`);
  });

  it('pages through more keys than one query returns', async () => {
    const keys = Array.from({ length: 2500 }, (_, i) => `k${String(i).padStart(5, '0')}`);
    await fill('long', keys);
    const page = names(listObjects(db, { bucket: 'long', prefix: 'k', delimiter: '', after: 'k00099', maxKeys: 2300 }));
    assert.deepEqual(page, { objects: keys.slice(100, 2400), prefixes: [], truncated: true, next: 'k02399' });
  });

  it('finds the text that follows a prefix', () => {
    assert.equal(successor('ab'), 'ac');
    assert.equal(successor('a\u{10ffff}'), 'b');
    assert.equal(successor('\ud7ff'), '\ue000');
    assert.equal(successor('\uffff'), '\u{10000}');
    assert.equal(successor('\u{10ffff}'), undefined);
    assert.equal(successor(''), undefined);
  });
});
