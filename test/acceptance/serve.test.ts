import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { createBucket, ossCall } from './harness/deploy.ts';
import { send, start } from './harness/http.ts';
import { pathOf, signHeaderV4 } from './harness/sign.ts';
import { startSluice } from './harness/sluice.ts';
import { root } from './harness/toolchain.ts';

let base: string;
before(() => {
  base = mkdtempSync(join(tmpdir(), 'sluice-serve-'));
});
after(() => rmSync(base, { recursive: true, force: true }));

/** Runs `sluice serve` that is expected to refuse, and gives what it said. */
async function refused(args: string[], node = process.execPath): Promise<{ code: number | null; error: string }> {
  const child = spawn(node, [join(root, 'bin', 'sluice'), 'serve', ...args], { cwd: base, stdio: ['ignore', 'ignore', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const [error, [code]] = await Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number | null]>]);
  clearTimeout(timer);
  return { code, error };
}

const free = ['--port', '0', '--control-port', '0'];

test('a port in use is named with the flag that changes it, and the process ends', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  for (const flag of ['--port', '--control-port', '--functions-port']) {
    const { code, error } = await refused(['--data', join(base, 'ports'), ...free, flag, String(port)]);
    assert.equal(code, 1, error);
    assert.match(error, new RegExp(`port ${port} .*in use.*${flag}`, 's'));
  }
  taken.close();
});

test('a foreign, an unusable and a served data folder are refused by name', async () => {
  const foreign = join(base, 'foreign');
  mkdirSync(foreign);
  writeFileSync(join(foreign, 'thesis.doc'), 'x');
  const first = await refused(['--data', foreign, ...free]);
  assert.deepEqual([first.code, /not Sluice's/.test(first.error)], [1, true], first.error);
  const below = await refused(['--data', join(foreign, 'thesis.doc', 'data'), ...free]);
  assert.deepEqual([below.code, /not writable/.test(below.error)], [1, true], below.error);
  const sluice = await startSluice();
  const second = await refused(['--data', join(sluice.folder, 'data'), ...free]);
  assert.deepEqual([second.code, new RegExp(`process ${sluice.pid}\\) is using`).test(second.error)], [1, true], second.error);
  await sluice.stop();
});

test('every wrong setting is named at once', async () => {
  const { code, error } = await refused(['--data', join(base, 'x'), '--port', '70000', '--region', 'No Region', '--account-id', '1']);
  assert.equal(code, 2, error);
  for (const part of [/port \(--port\)/, /region \(--region\)/, /accountId \(--account-id\)/]) assert.match(error, part);
});

test('SIGTERM lets a running upload end, refuses new connections, and says so on the control listener', async () => {
  const sluice = await startSluice();
  await createBucket(sluice, 'drain');
  const request = { method: 'PUT', bucket: 'drain', key: 'slow' };
  const { Readable } = await import('node:stream');
  let finish = () => {};
  const told = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const body = Readable.from(
    (async function* () {
      yield Buffer.alloc(100_000, 'a');
      await told;
      yield Buffer.alloc(100_000, 'b');
    })(),
  );
  const headers = { ...signHeaderV4(request, sluice.key), 'content-length': '200000' };
  const answer = start(sluice.data, { method: 'PUT', path: pathOf(request), headers, body });
  while ((await sluice.metric('sluice_blob_writers_open')) !== 1) await new Promise((resolve) => setTimeout(resolve, 10));
  process.kill(sluice.pid, 'SIGTERM');
  let status = 0;
  while (status !== 503) status = (await send(sluice.control, { path: '/health/ready' })).status;
  await assert.rejects(send(sluice.data, { path: '/' }), /ECONNREFUSED/);
  finish();
  assert.equal((await answer).statusCode, 200);
  await sluice.stop({ signalled: true });
});

test('SIGTERM during the start: what was opened is closed again, and the folder is free', async () => {
  const data = join(base, 'hasty');
  const words = ['serve', '--data', data, '--account-id', '1234567890123456', ...free];
  const child = spawn(process.execPath, [join(root, 'bin', 'sluice'), ...words], { stdio: 'ignore' });
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  while (!existsSync(data)) await new Promise((resolve) => setTimeout(resolve, 1));
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
  const next = await startSluice({ args: ['--data', data] });
  await next.stop();
});

test('a second start serves what the first one stored', async () => {
  const data = join(base, 'kept');
  const one = await startSluice({ args: ['--data', data] });
  await createBucket(one, 'kept');
  await ossCall(one, { method: 'PUT', bucket: 'kept', key: 'k', body: 'v' });
  await one.stop();
  const two = await startSluice({ args: ['--data', data] });
  assert.equal((await ossCall(two, { method: 'GET', bucket: 'kept', key: 'k' })).body.toString(), 'v');
  await two.stop();
});
