import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, test } from 'node:test';
import { openMetadata, openMetadataReader } from './index.ts';
import { dataFormat, migrations } from './migrations.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-migrations-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A database as the version with that data format left it, with a row in each of its first tables. */
function databaseOf(format: number): string {
  const file = join(folder, `format-${format}.sqlite`);
  const db = new DatabaseSync(file);
  for (const { statements } of migrations.slice(0, format)) for (const sql of statements) db.exec(sql);
  db.exec(`pragma user_version = ${format}`);
  db.exec(`insert into settings values ('a', 'b')`);
  db.exec(`insert into buckets (name, owner, created_at, region, acl, storage_class, redundancy)
    values ('pictures', 'me', 1, 'r', 'private', 'Standard', 'LRS')`);
  db.exec(`insert into objects (bucket, key, blob, size, etag, crc64, content_type, headers, meta, created_at, modified_at, type, storage_class)
    values ('pictures', 'cat', 'b1', 3, 'e', '7', 't', '{}', '{}', 1, 2, 'Normal', 'Standard')`);
  db.exec(`insert into access_keys values ('id', 'secret', 'root', 'Active', 1)`);
  db.exec(`insert into functions values ('f', '{}', '1', 1, 1)`);
  db.close();
  return file;
}

const tables = `select name, group_concat(column, ', ') as columns from (
  select m.name as name, p.name || ' ' || p.type || ' ' || p."notnull" || ' ' || p.pk as column
  from sqlite_master m, pragma_table_info(m.name) p where m.type = 'table' order by m.name, p.name) group by name limit 1000`;
const indexes = `select name, sql from sqlite_master where type = 'index' order by name limit 1000`;

test('the data of every earlier format opens, keeps its rows and ends as new data begins', async () => {
  const fresh = await openMetadata({ file: join(folder, 'fresh.sqlite'), durability: 'relaxed' });
  const shape = [fresh.all(tables), fresh.all(indexes)];
  await fresh.close();
  assert.ok(dataFormat > 5);
  for (let format = 1; format < dataFormat; format++) {
    const file = databaseOf(format);
    assert.throws(
      () => openMetadataReader(file),
      new RegExp(`data format ${format}; this version of Sluice has ${dataFormat}.*Start the server`),
    );
    const db = await openMetadata({ file, durability: 'relaxed' });
    assert.deepEqual([db.all(tables), db.all(indexes)], shape, `format ${format}`);
    const row = db.get<Record<string, unknown>>('select key, blob, size, crc64, acl, pieces, tags, target from objects where bucket = ?', [
      'pictures',
    ]);
    assert.deepEqual({ ...row }, { key: 'cat', blob: 'b1', size: 3, crc64: '7', acl: 'default', pieces: 0, tags: '', target: null });
    for (const [table, count] of [
      ['buckets', 1],
      ['functions', 1],
      ['access_keys', 1],
      ['settings', 1],
    ] as const) {
      assert.equal(db.get<{ n: number }>(`select count(*) as n from ${table}`)?.n, count, table);
    }
    await db.close();
    const reader = openMetadataReader(file);
    assert.deepEqual([reader.format, reader.faults()], [dataFormat, []]);
    reader.close();
  }
});

test('the format is the number of steps, and a step that was released stays as it is', () => {
  assert.deepEqual(
    migrations.map(({ version }) => version),
    migrations.map((_, i) => i + 1),
  );
  const digest = (version: number) =>
    createHash('sha256')
      .update(JSON.stringify(migrations[version - 1]?.statements))
      .digest('hex')
      .slice(0, 16);
  const released = ['6e619311bd7b6f33', 'c0810c318fe71ca2', 'e35f06c8a2cf2989', '8e171ad14383af49', 'feabff7594be9070'];
  assert.deepEqual(
    released.map((_, i) => digest(i + 1)),
    released,
  );
});

test('a newer format is refused by readers, too', async () => {
  const file = join(folder, 'newer.sqlite');
  await (await openMetadata({ file, durability: 'relaxed' })).close();
  const db = new DatabaseSync(file);
  db.exec(`pragma user_version = ${dataFormat + 1}`);
  db.close();
  assert.throws(() => openMetadataReader(file), /newer version that wrote it/);
  assert.throws(() => openMetadataReader(join(folder, 'none.sqlite')), /There is no metadata database/);
});
