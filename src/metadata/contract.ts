import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type Metadata, MetadataConflict, MetadataError, type SqlValue, type Step } from './port.ts';

const insert = 'insert into settings (name, value) values (?, ?)';
const select = 'select value from settings where name = ?';
const put = (name: string, value: string): Step => ({ sql: insert, params: [name, value] });

const wrongParameters: [string, unknown[]][] = [
  ['too few', ['a']],
  ['too many', ['a', 'b', 'c']],
  ['a boolean', ['a', true]],
  ['undefined', ['a', undefined]],
  ['a plain object', ['a', {}]],
  ['an object alone', [{ name: 'a' }]],
  ['a date', ['a', new Date(0)]],
  ['an array', ['a', ['b']]],
  ['NaN', ['a', Number.NaN]],
  ['an unsafe integer', ['a', 2 ** 53]],
  ['a bigint', ['a', 1n]],
  ['a function', ['a', () => 1]],
];

/** What every metadata driver must do. `open` opens (or opens again) the database of that folder. */
export function metadataContract(name: string, open: (folder: string) => Promise<Metadata>): void {
  describe(`metadata contract: ${name}`, () => {
    let folder: string;
    let db: Metadata;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sluice-metadata-'));
      db = await open(folder);
    });
    afterEach(async () => {
      await db.close();
      await rm(folder, { recursive: true });
    });
    const value = (key: string) => db.get<{ value: string }>(select, [key])?.value;

    it('shows a write as soon as its promise resolves', async () => {
      for (let i = 0; i < 50; i++) {
        assert.deepEqual(await db.write([put(`k${i}`, 'v')]), [{ changes: 1 }]);
        assert.equal(value(`k${i}`), 'v');
      }
      assert.equal(value('absent'), undefined);
      assert.equal(db.all('select name from settings limit 100').length, 50);
    });

    it('keeps every kind of value', async () => {
      const text = 'a\0b \u{1F600} \uffff \ue000';
      await db.write([put(text, text)]);
      assert.equal(value(text), text);
      const row = (sqlValue: SqlValue) => db.get<{ v: SqlValue }>('select ? as v', [sqlValue])?.v;
      assert.deepEqual(row(new Uint8Array([0, 255])), new Uint8Array([0, 255]));
      assert.equal(row(null), null);
      assert.equal(row(1.5), 1.5);
      assert.equal(row(Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
    });

    it('orders text by its UTF-8 bytes', async () => {
      const names = ['\u{1F600}', '\uffff', '\ue000', 'z', 'é', 'a\0', 'a', 'A', '~', '\x01'];
      await db.write(names.map((each) => put(each, '')));
      const bytes = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const rows = db.all<{ name: string }>('select name from settings order by name limit 100');
      assert.deepEqual(
        rows.map((row) => row.name),
        bytes,
      );
    });

    it('runs a transaction whole or not at all', async () => {
      await db.write([put('a', '1')]);
      await assert.rejects(db.write([put('b', '1'), put('a', '2')]), (error) => {
        assert.ok(error instanceof MetadataConflict);
        assert.equal(error.reason, 'unique');
        return true;
      });
      assert.equal(value('b'), undefined);
      assert.equal(value('a'), '1');
    });

    it('rolls back when a step changes another number of rows than expected', async () => {
      const guarded: Step[] = [
        put('a', '1'),
        { sql: 'delete from settings where name = ?', params: ['absent'], expect: { changes: 1, otherwise: 'gone' } },
      ];
      await assert.rejects(db.write(guarded), { name: 'MetadataConflict', reason: 'gone' });
      assert.equal(value('a'), undefined);
    });

    it('fails one transaction of a group without harm to the others', async () => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 300 }, (_, i) => db.write([put(`k${i}`, 'v'), put(i % 3 === 0 ? 'same' : `other${i}`, 'v')])),
      );
      const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
      assert.equal(failed.length, 99);
      for (const outcome of failed) assert.equal(outcome.reason.reason, 'unique');
      assert.equal(db.get<{ n: number }>('select count(*) as n from settings')?.n, 402);
    });

    it('reports a broken statement and goes on', async () => {
      const [broken, sound] = await Promise.allSettled([db.write([{ sql: 'insert into nowhere values (1)' }]), db.write([put('a', '1')])]);
      assert.ok(broken.status === 'rejected' && broken.reason instanceof MetadataError);
      assert.equal(sound.status, 'fulfilled');
      await assert.rejects(db.write([{ sql: 'select 1' }]), /must not return rows/);
    });

    for (const [what, params] of wrongParameters) {
      it(`refuses ${what} as parameters`, async () => {
        await assert.rejects(db.write([{ sql: insert, params: params as SqlValue[] }]), TypeError);
        assert.throws(() => db.all('select * from settings where name = ? and value = ? limit 1', params as SqlValue[]), TypeError);
        assert.throws(() => db.get('select * from settings where name = ? and value = ?', params as SqlValue[]), TypeError);
        assert.equal(db.get<{ n: number }>('select count(*) as n from settings')?.n, 0);
      });
    }

    it('counts no question mark inside strings, names and comments', () => {
      const sql = `select '?' as a, '''?' as b, ? as "c?" -- ?\n /* ? */`;
      assert.deepEqual({ ...db.get<object>(sql, [1]) }, { a: '?', b: "'?", 'c?': 1 });
      assert.throws(() => db.get('select ?1', [1]), TypeError);
      assert.throws(() => db.get('select :name', ['a']), TypeError);
    });

    it('does not write through a read', () => {
      assert.throws(() => db.get(insert, ['a', 'b']));
      assert.equal(value('a'), undefined);
    });

    it('finishes accepted writes on close, keeps them, and refuses later calls', async () => {
      const writes = Array.from({ length: 1200 }, (_, i) => db.write([put(`k${i}`, 'v')]));
      const closing = db.close();
      await assert.rejects(db.write([put('late', 'v')]), MetadataError);
      await Promise.all(writes);
      await closing;
      await db.close();
      assert.throws(() => db.get('select 1'), MetadataError);
      db = await open(folder);
      assert.equal(db.get<{ n: number }>('select count(*) as n from settings')?.n, 1200);
    });
  });
}
