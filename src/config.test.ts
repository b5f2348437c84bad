import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError, loadSettings, settingsReference } from './config.ts';

test('defaults are those of the documentation', () => {
  const settings = loadSettings({ environment: {} });
  assert.equal(settings.host, '127.0.0.1');
  assert.deepEqual([settings.port, settings.controlPort, settings.data, settings.region], [9000, 9001, './sluice-data', 'cn-qingdao']);
  assert.equal(settings.transforms.maxOpen, 4096);
});

test('flags win over the environment, which wins over the file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-config-'));
  const file = join(folder, 'c.yaml');
  writeFileSync(file, 'port: 1\ncontrolPort: 1\nregion: r-file\ntransforms:\n  maxOpen: 7\n');
  const settings = loadSettings({
    file,
    environment: { SLUICE_PORT: '2', SLUICE_CONTROL_PORT: '2', SLUICE_TRANSFORMS_IDLE_MS: '500' },
    flags: { port: '3' },
  });
  assert.deepEqual([settings.port, settings.controlPort, settings.region], [3, 2, 'r-file']);
  assert.deepEqual([settings.transforms.maxOpen, settings.transforms.idleMs], [7, 500]);
  rmSync(folder, { recursive: true });
});

test('all faults are reported at once, each with its origin', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-config-'));
  const file = join(folder, 'c.yaml');
  writeFileSync(file, 'prot: 1\ntransforms:\n  nope: 1\n');
  assert.throws(
    () => loadSettings({ file, environment: { SLUICE_PORT: '70000', SLUICE_ACCOUNT_ID: '12' } }),
    (error: Error) =>
      error instanceof ConfigError &&
      [/prot .*no such setting/, /transforms\.nope/, /port \(SLUICE_PORT\)/, /accountId \(SLUICE_ACCOUNT_ID\): must be 16 digits/].every(
        (part) => part.test(error.message),
      ),
  );
  rmSync(folder, { recursive: true });
});

test('half a root key is refused', () => {
  assert.throws(() => loadSettings({ environment: { SLUICE_ACCESS_KEY_ID: 'abc' } }), /give both or neither/);
});

test('every setting has a description, a flag and an environment name of its own', () => {
  const reference = settingsReference();
  assert.ok(reference.length > 20);
  assert.deepEqual(
    reference.filter((setting) => setting.description === ''),
    [],
  );
  assert.equal(new Set(reference.map((setting) => setting.flag)).size, reference.length);
  assert.equal(reference.find((setting) => setting.path === 'transforms.maxOpen')?.environment, 'SLUICE_TRANSFORMS_MAX_OPEN');
});
