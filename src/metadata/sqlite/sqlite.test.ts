import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { metadataContract } from '../contract.ts';
import { dataFormat } from '../migrations.ts';
import { openSqlite, startSqlite } from './open.ts';

metadataContract('sqlite, full', (folder) => openSqlite({ file: join(folder, 'meta.db'), durability: 'full' }));
metadataContract('sqlite, relaxed', (folder) => openSqlite({ file: join(folder, 'meta.db'), durability: 'relaxed' }));

describe('sqlite driver', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-sqlite-'));
    file = join(folder, 'meta.db');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('keeps its files from other users and leaves no side files behind', async () => {
    const db = await openSqlite({ file, durability: 'full' });
    await db.write([{ sql: `insert into settings values ('a', 'b')` }]);
    for (const name of await readdir(folder)) assert.equal((await stat(join(folder, name))).mode & 0o077, 0, name);
    await db.close();
    assert.deepEqual((await readdir(folder)).toSorted(), ['meta.db', 'meta.db.lock']);
  });

  it('uses a write-ahead log, so that reads never wait for writes', async () => {
    for (const durability of ['full', 'relaxed'] as const) {
      const db = await openSqlite({ file, durability });
      assert.equal(db.get<{ journal_mode: string }>('pragma journal_mode')?.journal_mode, 'wal');
      await db.close();
    }
  });

  it('refuses a database of a newer version, and leaves it as it is', async () => {
    await (await openSqlite({ file, durability: 'full' })).close();
    const raw = new DatabaseSync(file);
    raw.exec(`pragma user_version = ${dataFormat + 1}`);
    raw.close();
    await assert.rejects(openSqlite({ file, durability: 'full' }), { name: 'MetadataError', message: /data format \d+.*newer version/ });
    const again = new DatabaseSync(file, { readOnly: true });
    assert.deepEqual({ ...again.prepare('pragma user_version').get() }, { user_version: dataFormat + 1 });
    again.close();
  });

  it('refuses a file that is no database', async () => {
    await assert.rejects(openSqlite({ file: join(folder, 'none', 'meta.db'), durability: 'full' }), { name: 'MetadataError' });
    await writeFile(file, 'this is not a database at all, but long enough to be looked at '.repeat(20));
    await assert.rejects(openSqlite({ file, durability: 'full' }), { name: 'MetadataError', message: /not a database/ });
  });

  it('lets only one opener in, and the next one after it closes', async () => {
    const first = await openSqlite({ file, durability: 'full' });
    await assert.rejects(openSqlite({ file, durability: 'full' }), { name: 'MetadataError', message: /in use by another Sluice/ });
    await first.close();
    await (await openSqlite({ file, durability: 'full' })).close();
  });

  it('lets go of the file when its process is killed', async () => {
    const script = `const { openSqlite } = await import(${JSON.stringify(import.meta.resolve('./open.ts'))});
      await openSqlite({ file: ${JSON.stringify(file)}, durability: 'full' }); console.log('open'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    await assert.rejects(openSqlite({ file, durability: 'full' }), /in use by another Sluice/);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await (await openSqlite({ file, durability: 'full' })).close();
  });

  it('fails pending and later writes clearly when the worker dies; reads go on', async () => {
    const db = await startSqlite({ file, durability: 'full' });
    await db.write([{ sql: `insert into settings values ('a', 'b')` }]);
    const pending = Array.from({ length: 700 }, (_, i) =>
      db.write([{ sql: 'insert into settings values (?, ?)', params: [`k${i}`, 'v'] }]),
    );
    const settled = Promise.allSettled(pending);
    const ended = db.worker.terminate();
    const outcomes = await settled;
    await ended;
    const lost = outcomes.filter((outcome) => outcome.status === 'rejected');
    assert.ok(lost.length > 0);
    for (const outcome of lost) assert.match(outcome.reason.message, /worker has ended/);
    await assert.rejects(db.write([{ sql: `delete from settings` }]), { name: 'MetadataError', message: /worker has ended.*Restart/ });
    assert.equal(db.get<{ value: string }>(`select value from settings where name = 'a'`)?.value, 'b');
    await db.close();
  });

  it('does not keep the process alive when idle, yet finishes a write in flight', async () => {
    const script = `const { openSqlite } = await import(${JSON.stringify(import.meta.resolve('./open.ts'))});
      const db = await openSqlite({ file: ${JSON.stringify(file)}, durability: 'full' });
      db.write([{ sql: "insert into settings values ('a', 'b')" }]);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'inherit', 'inherit'] });
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
    const db = await openSqlite({ file, durability: 'full' });
    assert.equal(db.get<{ value: string }>(`select value from settings where name = 'a'`)?.value, 'b');
    await db.close();
  });
});
