import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { decodePng } from './harness/png.ts';
import { python, root } from './harness/toolchain.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-start-'));
chmodSync(folder, 0o711);
after(() => rmSync(folder, { recursive: true, force: true }));

const readyMs = 120_000;

/** `./run start` as a child, with what it printed until it was ready or ended. */
async function start(...flags: string[]): Promise<{ child: ChildProcess; text: string }> {
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, SLUICE_VENDOR_DOC: ___, ...env } = process.env;
  const all = ['--data', join(folder, 'data'), '--port', '0', '--control-port', '0', ...flags];
  const child = spawn(process.execPath, [join(root, 'scripts', 'start.ts'), ...all], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const ready = new Promise<void>((resolve) => {
    const listen = (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('Ctrl C stops it.')) resolve();
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
  });
  await Promise.race([ready, once(child, 'exit', { signal: AbortSignal.timeout(readyMs) })]);
  return { child, text };
}

async function stop(child: ChildProcess): Promise<number | null> {
  const exit = once(child, 'exit', { signal: AbortSignal.timeout(30_000) });
  child.kill('SIGINT');
  const [code] = (await exit) as [number | null];
  return code;
}

function link(text: string, name: string): string {
  const found = new RegExp(`^  ${name} +(http://\\S+)$`, 'm').exec(text)?.[1];
  assert.ok(found, `no link to ${name} in:\n${text}`);
  return found;
}

async function get(url: string): Promise<{ type: string | null; body: Buffer }> {
  const response = await fetch(url);
  const body = Buffer.from(await response.arrayBuffer());
  assert.equal(response.status, 200, body.toString());
  return { type: response.headers.get('content-type'), body };
}

/** Width and height from the first frame header of a JPEG (ITU-T T.81, B.2.2). */
function jpegSize(file: Buffer): [number, number] {
  let at = 2;
  while (![0xc0, 0xc1, 0xc2].includes(file[at + 1] as number)) at += 2 + file.readUInt16BE(at + 2);
  return [file.readUInt16BE(at + 7), file.readUInt16BE(at + 5)];
}

describe('./run start', { skip: python.skip }, () => {
  test('prints links that give the original, a thumbnail and a red square', async () => {
    const { child, text } = await start();
    try {
      const original = await get(link(text, 'the original'));
      assert.deepEqual(jpegSize(original.body), [1600, 1067]);
      const thumbnail = await get(link(text, 'thumbnail'));
      assert.equal(thumbnail.type, 'image/jpeg');
      assert.deepEqual(jpegSize(thumbnail.body), [320, 213]);
      const red = await get(link(text, 'red-png'));
      assert.equal(red.type, 'image/png');
      const { width, height, pixels } = decodePng(red.body);
      assert.deepEqual([width, height], [200, 200]);
      assert.ok(pixels.equals(Buffer.from('ff0000'.repeat(200 * 200), 'hex')), 'every pixel is red');
    } finally {
      assert.equal(await stop(child), 0, 'Ctrl C ends it with 0');
    }
  });

  test('finds everything in place the second time', async () => {
    const before = await start();
    const alias = /thumbnail-[0-9a-f]{34}-opapalias/.exec(link(before.text, 'thumbnail'))?.[0];
    assert.ok(alias);
    assert.equal((await get(link(before.text, 'thumbnail'))).type, 'image/jpeg');
    assert.equal(await stop(before.child), 0);
    const again = await start();
    try {
      assert.ok(link(again.text, 'thumbnail').includes(alias), 'the same alias');
    } finally {
      assert.equal(await stop(again.child), 0);
    }
  });

  test('says so and ends when another server has the data folder', async () => {
    const first = await start();
    try {
      const second = await start();
      assert.match(second.text, /Another server \(process \d+\) is using/);
      assert.equal(second.child.exitCode, 1);
    } finally {
      assert.equal(await stop(first.child), 0);
    }
  });
});
