import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Catalog, type Entry, type InvocationFilter, numberOf, type OldEntry } from './catalog.ts';
import type { Indexed } from './page.ts';

const filter: InvocationFilter = {};

function indexed(id: string, more: Partial<Indexed> = {}): Indexed {
  return { id, at: 1_000, outcome: 'answered', status: 200, accessPoint: 'thumbs', function: 'shout', answers: [], ...more };
}

/** What the catalog leads to, as chain, segment and offset. */
function placeOf(entry: Entry | undefined): string {
  if (!entry) return 'none';
  const { segment, offset } = entry.page.place(entry.row);
  return `${entry.chain}/${segment}/${offset}`;
}

test('thousands of records in many files: each is found by each of its ids, and by none when its file is gone', () => {
  const catalog = new Catalog(2);
  const expected = new Map<string, string>();
  for (let i = 0; i < 5_000; i += 1) {
    const [chain, segment] = [i % 3 === 0 ? 0 : 1, Math.floor(i / 700)];
    const answers = Array.from({ length: i % 4 }, (_, k) => `A${i}-${k}`);
    const entry = catalog.add(indexed(`R${i}`, { answers }), chain, { segment, offset: i, length: 9, summary: 3 });
    if (i % 10 === 0) entry.page.name(`late${i}`, entry.row);
    for (const id of [`R${i}`, ...answers, ...(i % 10 === 0 ? [`late${i}`] : [])]) expected.set(id, `${chain}/${segment}/${i}`);
  }
  for (const [id, place] of expected) assert.equal(placeOf(catalog.find(id)), place, id);
  for (const id of ['', 'R', 'R5000', 'A0-0', '\u{1f600}']) assert.equal(catalog.find(id), undefined, id);
  catalog.forgetOldest(1, 5);
  assert.equal(catalog.countOf(0) + catalog.countOf(1), 5_000, 'only the oldest file can go');
  catalog.forgetOldest(1, 0);
  for (const [id, place] of expected) assert.equal(placeOf(catalog.find(id)), place.startsWith('1/0/') ? 'none' : place, id);
});

test('lists go from the newest to the oldest over both chains, filtered, in pages that neither repeat nor leave out', () => {
  const catalog = new Catalog(2);
  for (let i = 0; i < 300; i += 1) {
    const more = i % 5 === 0 ? { outcome: 'FunctionTimeout', status: 504 } : {};
    catalog.add(indexed(`R${i}`, { at: i, function: i % 2 ? 'odd' : 'even', ...more }), i % 5 === 0 ? 0 : 1, {
      ...{ segment: Math.floor(i / 40), offset: i, length: 9, summary: 3 },
    });
  }
  const offsets = (wanted: InvocationFilter) => {
    const seen: number[] = [];
    for (let before: number | undefined; ; ) {
      const { found, more } = catalog.list(wanted, 7, before);
      seen.push(...found.map(({ page, row }) => page.place(row).offset));
      const last = found.at(-1);
      if (!more || !last) return seen;
      before = numberOf(last);
    }
  };
  const all = Array.from({ length: 300 }, (_, i) => 299 - i);
  assert.deepEqual(offsets(filter), all);
  assert.deepEqual(
    offsets({ status: 'failed' }),
    all.filter((i) => i % 5 === 0),
  );
  assert.deepEqual(
    offsets({ status: '200', function: 'odd', since: 100 }),
    all.filter((i) => i % 5 !== 0 && i % 2 === 1 && i >= 100),
  );
  assert.deepEqual(offsets({ accessPoint: 'other' }), []);
  assert.equal(catalog.newestOfOldest(0, 0), 35);
  assert.equal(catalog.newestOfOldest(0, 1), undefined);
});

test('what the files held at the start is put in the order in which it was over, each file in its own order', () => {
  const catalog = new Catalog(2);
  const old = (id: string, overAt: number, offset: number): OldEntry => ({
    ...{ indexed: indexed(id), overAt, more: offset === 1 ? [{ segment: 9, offset: 5, length: 6 }] : [] },
    place: { segment: 1, offset, length: 9, summary: 3 },
  });
  catalog.addOld([
    [old('a', 10, 0), old('b', 30, 1), old('c', 20, 2)],
    [old('d', 15, 0), old('e', 40, 1)],
  ]);
  const { found } = catalog.list(filter, 10);
  assert.deepEqual(found.map(placeOf), ['1/1/1', '0/1/2', '0/1/1', '1/1/0', '0/1/0']);
  assert.deepEqual(found[2]?.page.more(found[2].row), [{ segment: 9, offset: 5, length: 6 }]);
});
