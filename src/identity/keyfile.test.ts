import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openKeyFile } from './keyfile.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-keyfile-'));
});
after(() => rm(folder, { recursive: true, force: true }));

async function mode(file: string): Promise<number> {
  return (await stat(file)).mode & 0o777;
}

test('makes keys once, readable by the owner only, and leaves nothing else behind', async () => {
  const file = join(folder, 'made.json');
  const first = await openKeyFile(file, true);
  assert.equal(first.made, true);
  assert.match(first.rootKey?.id ?? '', /^SL[0-9A-Za-z]{22}$/);
  assert.match(first.rootKey?.secret ?? '', /^[0-9A-Za-z]{40}$/);
  assert.equal(first.sealing[0].key.length, 32);
  assert.equal(await mode(file), 0o600);
  assert.deepEqual(await readdir(folder), ['made.json']);
  const second = await openKeyFile(file, true);
  assert.deepEqual(second, { ...first, made: false });
});

test('a root key that is not needed is not made until it is', async () => {
  const file = join(folder, 'later.json');
  const given = await openKeyFile(file, false);
  assert.equal(given.rootKey, undefined);
  assert.ok(!(await readFile(file, 'utf8')).includes('rootKey'));
  const later = await openKeyFile(file, true);
  assert.equal(later.made, true);
  assert.deepEqual(later.sealing, given.sealing);
  assert.equal((await openKeyFile(file, false)).made, false);
});

test('tightens the mode of a file that others may read', async () => {
  const file = join(folder, 'wide.json');
  await openKeyFile(file, true);
  await chmod(file, 0o644);
  await openKeyFile(file, true);
  assert.equal(await mode(file), 0o600);
});

test('refuses a damaged file and leaves it as it is', async () => {
  const file = join(folder, 'damaged.json');
  const { sealing } = await openKeyFile(file, true);
  const whole = await readFile(file, 'utf8');
  const damaged = [
    '',
    whole.slice(0, -20),
    whole.replace('"version": 1', '"version": 9'),
    whole.replace(sealing[0].key.toString('base64'), 'AAAA'),
    whole.replace(sealing[0].id, 'zz'),
    '{"version":1,"sealing":[]}',
    whole.replace(/"secret": "[^"]*"/, '"secret": ""'),
  ];
  for (const text of damaged) {
    await writeFile(file, text);
    await assert.rejects(openKeyFile(file, true), /damaged\.json is damaged/, text);
    assert.equal(await readFile(file, 'utf8'), text);
  }
});

test('a folder that is not there is said so', async () => {
  await assert.rejects(openKeyFile(join(folder, 'none', 'keys.json'), true), { code: 'ENOENT' });
});
