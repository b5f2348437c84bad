import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createTelemetry, type Telemetry } from '../telemetry/index.ts';
import { type Handler, ok, withListener } from './fixture.ts';

let folder: string;
let telemetry: Telemetry;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-charges-'));
  telemetry = createTelemetry({ level: 'silent', file: join(folder, 'log') });
});
after(async () => {
  telemetry.flush();
  await rm(folder, { recursive: true });
});

/** Charges the key that the path names, and answers with as many bytes as it says. */
const charged: Handler = (ctx) => {
  const [, , key = '', bytes = '4'] = ctx.path.split('/');
  ctx.charge(key);
  ok(ctx, 'x'.repeat(Number(bytes)));
};
const ask = async (port: number, path: string) => {
  const res = await fetch(`http://127.0.0.1:${port}/charged/${path}`);
  await res.arrayBuffer();
  return `${res.status} ${res.headers.get('x-code') ?? ''}`.trim();
};

test('a key has its requests a second, and others theirs', async () => {
  await withListener(telemetry, { charged }, { limits: { key: { requestsPerSecond: 1 } } }, async ({ port }) => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(port, 'noisy')));
    assert.ok(answers.includes('200'));
    assert.ok(answers.filter((answer) => answer === '503 SlowDown').length >= 1, answers.join());
    assert.equal(await ask(port, 'quiet'), '200');
  });
});

test('all callers together have those of the account', async () => {
  await withListener(telemetry, { charged }, { limits: { account: { requestsPerSecond: 1 } } }, async ({ port }) => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(port, `key-${i}`)));
    assert.ok(answers.includes('503 SlowDown'), answers.join());
  });
});

test('bytes are counted when an answer ends, and what was too much keeps the key out until it is paid', async () => {
  await withListener(telemetry, { charged }, { limits: { key: { bytesPerSecond: 100_000 } } }, async ({ port }) => {
    assert.equal(await ask(port, 'noisy/1000000'), '200');
    const refused = await fetch(`http://127.0.0.1:${port}/charged/noisy`);
    await refused.arrayBuffer();
    assert.equal(refused.status, 503);
    assert.equal(await ask(port, 'quiet'), '200');
  });
});

test('what the account has at work is counted until it ends', async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow: Handler = async (ctx) => {
    ctx.charge('a');
    await held;
    ok(ctx);
  };
  await withListener(telemetry, { charged, slow }, { limits: { account: { inFlight: 1 } } }, async ({ port }) => {
    const first = fetch(`http://127.0.0.1:${port}/slow`);
    while ((await ask(port, 'b')) === '200');
    assert.equal(await ask(port, 'b'), '503 SlowDown');
    release();
    await (await first).arrayBuffer();
    while ((await ask(port, 'b')) !== '200');
  });
});
