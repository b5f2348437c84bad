import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { DataFolderError, openDataFolder } from './data-folder.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'sluice-data-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

test('a new folder is made, reopened after release, and its secrets are closed to others', () => {
  const first = openDataFolder(join(base, 'd'));
  assert.equal(statSync(first.blobs).mode & 0o777, 0o700);
  assert.equal(statSync(join(first.path, 'meta')).mode & 0o777, 0o700);
  first.release();
  openDataFolder(join(base, 'd')).release();
});

test('a second server is refused, in this process and in another', async () => {
  const held = openDataFolder(join(base, 'd'));
  assert.throws(() => openDataFolder(join(base, 'd')), new RegExp(`process ${process.pid}\\) is using`));
  const script = `import { openDataFolder } from ${JSON.stringify(join(import.meta.dirname, 'data-folder.ts'))}; openDataFolder(${JSON.stringify(join(base, 'd'))});`;
  await assert.rejects(promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]), /is using/);
  held.release();
});

test('a folder of something else, a newer format and a broken marker are refused by name', () => {
  writeFileSync(join(base, 'thesis.doc'), 'x');
  assert.throws(
    () => openDataFolder(base),
    (error: Error) => error instanceof DataFolderError && /not Sluice's/.test(error.message),
  );
  const newer = join(base, 'newer');
  mkdirSync(newer);
  writeFileSync(join(newer, 'sluice.json'), '{"format":99}');
  assert.throws(() => openDataFolder(newer), /data format 99/);
  writeFileSync(join(newer, 'sluice.json'), '{');
  assert.throws(() => openDataFolder(newer), /cannot be read as JSON/);
});

test('a path below a file is not writable', () => {
  writeFileSync(join(base, 'file'), '');
  assert.throws(() => openDataFolder(join(base, 'file', 'd')), /not writable/);
});

test('where other users cannot walk to the data folder, root puts the run folder elsewhere and removes it again', {
  skip: process.getuid?.() !== 0,
}, () => {
  mkdirSync(join(base, 'closed'), { mode: 0o700 });
  const folder = openDataFolder(join(base, 'closed', 'd'));
  assert.match(folder.run, /^\/var\/tmp\/sluice-/);
  folder.release();
  assert.equal(existsSync(folder.run), false);
});
