/** Care of data, from outside: damage on the disk, `sluice data`, encryption at rest, folders of other versions. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { Cli } from './harness/cli.ts';
import { createBucket, ossCall, ossDo } from './harness/deploy.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';

const bucket = 'acc-data';
const words = 'words that nobody may read on the disk ';
let sluice: Sluice;
let cli: Cli;
let data: string;

before(async () => {
  sluice = await startSluice();
  cli = new Cli(sluice);
  data = join(sluice.folder, 'data');
  await createBucket(sluice, bucket);
});
after(async () => {
  cli.remove();
  await sluice.finish(async () => {});
});

const put = (key: string, body: Buffer, headers: Record<string, string> = {}) =>
  ossDo(sluice, { method: 'PUT', bucket, key, body, headers });
const get = (key: string, from = sluice) => ossCall(from, { method: 'GET', bucket, key });

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Puts an object and gives the file that came with it. */
async function putFile(key: string, body: Buffer, headers: Record<string, string> = {}): Promise<string> {
  const folder = join(data, 'blobs', 'data');
  const before = new Set(filesBelow(folder));
  await put(key, body, headers);
  const file = filesBelow(folder).find((path) => !before.has(path));
  assert.ok(file);
  return file;
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] as number) ^ 1;
  writeFileSync(file, bytes);
}

test('damaged bytes are never passed off as the object: an error, or a broken connection, the log and a metric', async () => {
  const large = await putFile('large', randomBytes(2_000_000));
  const small = await putFile('small', randomBytes(5_000));
  flip(large, 1_900_000);
  flip(small, 100);
  await assert.rejects(get('large'), /aborted|ECONNRESET/);
  const refused = await get('small');
  assert.deepEqual([refused.status, refused.code], [500, 'ObjectDamaged']);
  assert.equal(await sluice.metric('sluice_damaged_blobs_total', { found: 'read' }), 2);
  for (const key of ['large', 'small'])
    assert.match(sluice.log, new RegExp(`"bucket":"${bucket}","key":"${key}".*a stored object is damaged`));
  // What is sound of it can still be saved.
  const range = await ossCall(sluice, { method: 'GET', bucket, key: 'large', headers: { range: 'bytes=0-99999' } });
  assert.equal(range.body.length, 100_000);
  const found = await cli.run(`data check --data ${data} --json`);
  assert.equal(found.code, 1);
  const problems = found.json.problems as { kind: string; key: string }[];
  assert.deepEqual(problems.map(({ kind, key }) => `${kind} ${key}`).toSorted(), ['wrong-checksum large', 'wrong-checksum small']);
  await cli.fails(`data repair --data ${data}`, 2, /A server is using/);
  for (const key of ['large', 'small']) await ossDo(sluice, { method: 'DELETE', bucket, key });
  assert.equal((await cli.good(`data check --data ${data}`)).err.includes('Nothing is wrong.'), true);
});

test('a backup of a server at work is restored with all that was acknowledged', { timeout: 180_000 }, async () => {
  await putFile('kept', Buffer.from(words.repeat(10_000)), { 'x-oss-server-side-encryption': 'AES256' });
  let stop = false;
  const writing = (async () => {
    for (let i = 0; !stop; i++) await put(`busy/${i % 5}`, Buffer.alloc(80_000, i));
  })();
  const target = cli.path('backup');
  const first = (await cli.good(`data backup ${target} --data ${data} --json`)).json;
  const second = (await cli.good(`data backup ${target} --data ${data} --json`)).json;
  stop = true;
  await writing;
  assert.deepEqual([first.damaged, second.damaged], [[], []]);
  assert.ok((second.added as number) < (second.blobs as number));
  assert.deepEqual((await cli.good(`data check --data ${target} --json`)).json.problems, []);
  for (const secret of ['keys.json', 'encryption.json']) assert.equal(statSync(join(target, secret)).mode & 0o777, 0o600, secret);
  const restored = cli.path('restored');
  await cli.good(`data restore ${target} --data ${restored}`);
  await cli.fails(`data restore ${target} --data ${restored}`, 2, /not empty/);
  const other = await startSluice({ args: ['--data', restored] });
  try {
    const kept = await get('kept', other);
    assert.deepEqual([kept.status, kept.headers['x-oss-server-side-encryption']], [200, 'AES256']);
    assert.equal(kept.body.toString(), words.repeat(10_000));
    for (let i = 0; i < 5; i++) assert.equal(new Set((await get(`busy/${i}`, other)).body).size, 1);
  } finally {
    await other.stop();
  }
});

/** A data folder of its own, as the backup above was restored. */
function copyOf(name: string): string {
  cpSync(cli.path('restored'), cli.path(name), { recursive: true });
  return cli.path(name);
}

test('repair mends from a backup, sets aside the rest and says so', { timeout: 120_000 }, async () => {
  const own = copyOf('own');
  const file = filesBelow(join(own, 'blobs', 'data')).find((path) => statSync(path).size > words.length * 10_000);
  assert.ok(file);
  flip(file, 5);
  const plan = await cli.run(`data repair --data ${own} --dry-run`);
  assert.deepEqual([plan.code, /quarantined +wrong-checksum +acc-data\/kept/.test(plan.out)], [1, true], plan.out + plan.err);
  const mended = await cli.good(`data repair --data ${own} --backup ${cli.path('backup')}`);
  assert.match(mended.out, /mended +wrong-checksum +acc-data\/kept .*from the backup/);
  await cli.good(`data check --data ${own}`);
  flip(file, 5);
  await cli.fails(`data repair --data ${own}`, 1, /objects/);
  assert.equal(readdirSync(join(own, 'quarantine')).length, 2);
});

test('encrypted bytes cannot be read on the disk, and need their key', { timeout: 120_000 }, async () => {
  const file = await putFile('sealed', Buffer.from(words.repeat(1000)), { 'x-oss-server-side-encryption': 'AES256' });
  assert.equal(readFileSync(file).includes(words), false);
  assert.equal((await get('sealed')).body.toString(), words.repeat(1000));
  const copy = copyOf('copy');
  const elsewhere = cli.path('key-elsewhere.json');
  renameSync(join(copy, 'encryption.json'), elsewhere);
  const refused = /ended with 1 [\s\S]*encryption\.json is not there; it held the encryption key [0-9a-f]{16}/;
  await assert.rejects(startSluice({ args: ['--data', copy] }), refused);
  await cli.fails(`data check --data ${copy}`, 2, /encryption\.json is not there/);
  const other = await startSluice({ args: ['--data', copy, '--encryption-key-file', elsewhere] });
  try {
    assert.equal((await get('kept', other)).body.toString(), words.repeat(10_000));
  } finally {
    await other.stop();
  }
});

test('data of a newer version is refused with what to do about it', { timeout: 60_000 }, async () => {
  const newer = copyOf('newer');
  const database = new DatabaseSync(join(newer, 'meta', 'sluice.sqlite'));
  database.exec('pragma user_version = 9999');
  database.close();
  await assert.rejects(startSluice({ args: ['--data', newer] }), /ended with 1 [\s\S]*data format 9999[\s\S]*newer version/);
  await cli.fails(`data check --data ${newer}`, 2, /data format 9999.*newer version/);
  writeFileSync(join(newer, 'sluice.json'), '{"format":3}');
  await assert.rejects(startSluice({ args: ['--data', newer] }), /ended with 1 [\s\S]*data format 3/);
});
