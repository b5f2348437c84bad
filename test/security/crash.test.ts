import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { crashRounds, Victim } from './crash.ts';

const rounds = 20;

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-crash-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'data');
}

function has(program: string): boolean {
  try {
    execFileSync(program, ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test(`kill -9 at ${rounds} random moments under a write load loses nothing that was acknowledged`, { timeout: 280_000 }, async (t) => {
  const seed = Number(process.env.SLUICE_CRASH_SEED ?? Date.now() % 1e9);
  t.diagnostic(`seed ${seed} (SLUICE_CRASH_SEED repeats it)`);
  const result = await crashRounds(folderOf(t), rounds, seed);
  t.diagnostic(JSON.stringify(result));
  assert.deepEqual(result.lost, []);
  assert.equal(result.rounds, rounds);
  assert.ok(result.acknowledged > rounds * 10, 'the load was too small to say anything');
  // What a kill leaves behind is at most what was under way, and a sweep takes it later.
  assert.ok(result.orphans >= 0 && result.orphans <= rounds * 32, `${result.orphans} orphans`);
});

test('the harness notices a server that acknowledges before the file has its name', { timeout: 200_000 }, async (t) => {
  const preload = pathToFileURL(join(import.meta.dirname, 'broken-order.mjs')).href;
  // Found after a restart, or at once by a call that fails because a file is not there yet.
  const noticed = await crashRounds(folderOf(t), 12, 7, { NODE_OPTIONS: `--import ${preload}` }).then(
    ({ lost }) => lost.length > 0,
    (error: Error) => !/did not start/.test(error.message),
  );
  assert.ok(noticed, 'a broken order went unnoticed');
});

test('file, name, folder and commit are synced before the answer, in that order', { timeout: 120_000 }, async (t) => {
  if (!has('strace')) {
    if (process.env.CI === 'true') throw new Error('CI needs strace');
    return t.skip('no strace on this machine');
  }
  const folder = folderOf(t);
  const trace = join(folder, '..', 'trace');
  const calls = 'trace=fsync,fdatasync,rename,renameat,renameat2,write,writev,sendto,sendmsg';
  const server = await new Victim(folder, {}, ['strace', '-f', '-qq', '-y', '-s', '40', '-e', calls, '-o', trace]).ready();
  assert.equal((await server.call({ method: 'PUT', bucket: 'synced' })).status, 200);
  assert.equal((await server.call({ method: 'PUT', bucket: 'synced', key: 'first', body: Buffer.alloc(100_000) })).status, 200);
  const mark = readFileSync(trace, 'utf8').length;
  assert.equal((await server.call({ method: 'PUT', bucket: 'synced', key: 'second', body: Buffer.alloc(100_000) })).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const lines = readFileSync(trace, 'utf8').slice(mark).split('\n');
  try {
    process.kill(-(server.child.pid as number), 'SIGKILL');
  } catch {
    // It has ended.
  }
  // A call that another thread interrupts is reported in two lines; the second one is its end.
  const at = (pattern: RegExp, from = 0) => lines.findIndex((line, index) => index >= from && pattern.test(line));
  const fileSync = at(/fsync\(\d+<[^>]*\/blobs\/tmp\//);
  const renamed = at(/rename(at2?)?\(.*\/blobs\/tmp\//);
  const folderSync = at(/fsync\(\d+<[^>]*\/blobs\/data\/.\/.>/, renamed);
  const commit = at(/f(data)?sync\(\d+<[^>]*sluice\.sqlite-wal>/, folderSync);
  const answer = at(/HTTP\/1\.1 200 OK/);
  const order = { fileSync, renamed, folderSync, commit, answer };
  t.diagnostic(JSON.stringify(order));
  assert.ok(
    fileSync >= 0 && fileSync < renamed && renamed < folderSync && folderSync < commit && commit < answer,
    `${JSON.stringify(order)}\n${lines.slice(0, 80).join('\n')}`,
  );
});

test('a full disk refuses writes by name and damages nothing', { timeout: 120_000 }, async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can mount a small disk');
  const disk = mkdtempSync(join(tmpdir(), 'sluice-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk], { stdio: 'pipe' });
  } catch (error) {
    rmSync(disk, { recursive: true });
    if (process.env.CI === 'true') throw error;
    return t.skip('this machine does not let root mount a disk');
  }
  t.after(() => {
    execFileSync('umount', ['-l', disk]);
    rmSync(disk, { recursive: true, force: true });
  });
  const folder = join(disk, 'data');
  let server = await new Victim(folder).ready();
  assert.equal((await server.call({ method: 'PUT', bucket: 'full' })).status, 200);
  const bodyOf = (n: number) => Buffer.alloc(700_000, `object ${n} `);
  const kept: number[] = [];
  let refused: { status: number; code: string; text: string } | undefined;
  for (let n = 0; n < 60 && !refused; n += 1) {
    const reply = await server.call({ method: 'PUT', bucket: 'full', key: `o${n}`, body: bodyOf(n) });
    if (reply.status === 200) kept.push(n);
    else refused = { status: reply.status, code: reply.code, text: reply.body.toString() };
  }
  assert.ok(refused && refused.status >= 500 && /disk/i.test(refused.text), JSON.stringify(refused));
  assert.ok(kept.length > 10);
  // Small writes until the metadata has no room either.
  let small = 0;
  while (small < 20_000 && (await server.call({ method: 'PUT', bucket: 'full', key: `s${small}`, body: Buffer.from('s') })).status === 200)
    small += 1;
  const intact = async () => {
    for (const n of kept) {
      const reply = await server.call({ method: 'GET', bucket: 'full', key: `o${n}` });
      assert.ok(reply.status === 200 && reply.body.equals(bodyOf(n)), `o${n}: ${reply.status} ${reply.code}`);
    }
    if (small > 0) assert.equal((await server.call({ method: 'GET', bucket: 'full', key: `s${small - 1}` })).status, 200);
  };
  await intact();
  await server.end('SIGKILL');
  // Room is made as an administrator would who cannot reach the objects: the disk grows.
  execFileSync('mount', ['-o', 'remount,size=32m', disk]);
  server = await new Victim(folder).ready();
  await intact();
  assert.equal((await server.call({ method: 'PUT', bucket: 'full', key: 'again', body: bodyOf(1) })).status, 200);
  const first = kept.shift() as number;
  assert.equal((await server.call({ method: 'DELETE', bucket: 'full', key: `o${first}` })).status, 204);
  await intact();
  await server.end('SIGTERM');
});
