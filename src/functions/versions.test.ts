import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { faultOf, openRoom, python, pythonZip, type Room } from './fixture.ts';

let room: Room;

beforeEach(async () => {
  room = await openRoom();
  await room.functions.create(python('f', { environmentVariables: { V: '1' } }), { zip: await pythonZip('v = 1\n') });
});

afterEach(() => room.close());

const code = (qualifier: string) => readFile(join(room.functions.resolve('f', qualifier).codeDir, 'index.py'), 'utf8');
const folders = async () => (await readdir(join(room.runDir, 'code', room.functions.get('f')?.functionId ?? ''))).length;
const packages = async () => (await readdir(join(room.dataDir, 'packages'))).length;

test('a version keeps settings and code of its moment, whatever becomes of the function', async () => {
  const { functions } = room;
  const first = await functions.versions.publish('f', { description: 'the first' });
  assert.deepEqual({ id: first.versionId, description: first.description }, { id: '1', description: 'the first' });
  await functions.update('f', { timeout: 60, environmentVariables: { V: '2' } }, { zip: await pythonZip('v = 2\n') });
  assert.equal((await functions.versions.publish('f')).versionId, '2');
  await functions.update('f', { environmentVariables: { V: '3' } }, { zip: await pythonZip('v = 3\n') });
  await functions.settled();
  assert.deepEqual(await Promise.all(['1', '2', 'LATEST'].map(code)), ['v = 1\n', 'v = 2\n', 'v = 3\n']);
  const one = functions.resolve('f', '1');
  assert.deepEqual(
    { ...one.env, qualifier: one.qualifier, versionId: one.versionId, timeoutMs: one.timeoutMs },
    { V: '1', qualifier: '1', versionId: '1', timeoutMs: 3_000 },
  );
  assert.equal(functions.resolve(`${one.arn}/2`).env.V, '2');
  assert.equal(functions.resolve('f', '1'), one, 'the same object as long as nothing changes');
  assert.equal(functions.get('f', '2')?.timeout, 60);
  assert.throws(() => functions.resolve('f', '3'), faultOf('VersionNotFound', /3/));
  assert.throws(() => functions.get('f', 'prod'), faultOf('VersionNotFound', /prod/));
  assert.equal(await packages(), 3);
  await room.reopen();
  assert.deepEqual(await Promise.all(['1', '2', 'LATEST'].map(code)), ['v = 1\n', 'v = 2\n', 'v = 3\n']);
});

test('going back to the code of a version leaves its folder alone', async () => {
  await room.functions.versions.publish('f');
  const { codeDir } = room.functions.resolve('f', '1');
  await room.functions.update('f', {}, { zip: await pythonZip('v = 2\n') });
  await room.functions.update('f', {}, { zip: await pythonZip('v = 1\n') });
  await room.functions.settled();
  assert.equal(room.functions.resolve('f').codeDir, codeDir);
  assert.equal(await folders(), 1);
  await room.functions.update('f', {}, { zip: await pythonZip('v = 3\n') });
  await room.functions.settled();
  assert.equal(await code('1'), 'v = 1\n');
});

test('a removed version takes its code along, and its number is never given again', async () => {
  const { functions } = room;
  await functions.versions.publish('f');
  const { codeDir } = functions.resolve('f', '1');
  await functions.update('f', {}, { zip: await pythonZip('v = 2\n') });
  await functions.settled();
  assert.ok(existsSync(codeDir));
  await functions.versions.remove('f', '1');
  await functions.settled();
  assert.ok(!existsSync(codeDir));
  assert.equal(await packages(), 1);
  await assert.rejects(functions.versions.remove('f', '1'), faultOf('VersionNotFound', /1/));
  await room.reopen();
  assert.equal((await room.functions.versions.publish('f')).versionId, '2');
});

test('versions are listed by number, newest or oldest first, page by page', async () => {
  const { versions } = room.functions;
  for (let i = 0; i < 12; i++) await versions.publish('f', { description: `${i}` });
  const ids = (page: ReturnType<typeof versions.list>) => page.versions.map((version) => Number(version.versionId));
  const newest = versions.list('f', { limit: 5 });
  assert.deepEqual(ids(newest), [12, 11, 10, 9, 8]);
  assert.deepEqual(ids(versions.list('f', { limit: 5, nextToken: newest.nextToken })), [7, 6, 5, 4, 3]);
  assert.deepEqual(ids(versions.list('f', { limit: 3, direction: 'FORWARD' })), [1, 2, 3]);
  assert.throws(() => versions.list('f', { direction: 'SIDEWAYS' }), faultOf('InvalidArgument', /^direction/));
  assert.throws(() => versions.list('none'), faultOf('FunctionNotFound', /none/));
});

test('an alias stands for a version until it is pointed elsewhere', async () => {
  const { functions } = room;
  await functions.versions.publish('f');
  const made = await functions.aliases.create('f', { aliasName: 'prod', versionId: '1', description: 'live' });
  assert.deepEqual(
    { ...made, createdTime: 0, lastModifiedTime: 0 },
    {
      aliasName: 'prod',
      versionId: '1',
      description: 'live',
      additionalVersionWeight: {},
      createdTime: 0,
      lastModifiedTime: 0,
    },
  );
  await functions.update('f', {}, { zip: await pythonZip('v = 2\n') });
  await functions.versions.publish('f');
  const before = functions.resolve('f', 'prod');
  assert.deepEqual({ qualifier: before.qualifier, versionId: before.versionId }, { qualifier: 'prod', versionId: '1' });
  const told: string[][] = [];
  functions.onChange((_name, current) => void told.push(current.map((version) => `${version.qualifier}:${version.versionId}`).sort()));
  functions.resolve('f');
  await functions.aliases.update('f', 'prod', { versionId: '2' });
  assert.equal(functions.resolve('f', 'prod').versionId, '2');
  assert.deepEqual(told, [['LATEST:LATEST']], 'what was given out for the old version is void');
  assert.equal(functions.aliases.get('f', 'prod').description, 'live');
  assert.equal(await code('prod'), 'v = 2\n');
  await assert.rejects(functions.versions.remove('f', '2'), faultOf('VersionInUse', /prod/));
  await room.reopen();
  assert.equal(room.functions.resolve('f', 'prod').versionId, '2');
  await room.functions.aliases.remove('f', 'prod');
  assert.throws(() => room.functions.resolve('f', 'prod'), faultOf('VersionNotFound', /prod/));
  assert.throws(() => room.functions.aliases.get('f', 'prod'), faultOf('AliasNotFound', /prod/));
});

test('a weight gives another version its share of the calls', async () => {
  const { functions } = room;
  await functions.versions.publish('f');
  await functions.versions.publish('f');
  await functions.aliases.create('f', { aliasName: 'canary', versionId: '1', additionalVersionWeight: { 2: 0.25 } });
  const counts: Record<string, number> = { 1: 0, 2: 0 };
  for (let i = 0; i < 4_000; i++) {
    const { versionId } = functions.resolve('f', 'canary');
    counts[versionId] = (counts[versionId] ?? 0) + 1;
  }
  assert.ok((counts[2] ?? 0) > 700 && (counts[2] ?? 0) < 1_300, JSON.stringify(counts));
  const given = new Set(Array.from({ length: 100 }, () => functions.resolve('f', 'canary')));
  assert.equal(given.size, 2, 'one object for each version');
  await assert.rejects(functions.versions.remove('f', '2'), faultOf('VersionInUse', /canary/));
  await functions.aliases.update('f', 'canary', { additionalVersionWeight: {} });
  assert.ok(Array.from({ length: 100 }, () => functions.resolve('f', 'canary').versionId).every((id) => id === '1'));
});

test('aliases against the rules', async () => {
  const { aliases, versions } = room.functions;
  await versions.publish('f');
  const refused = (input: unknown, code: 'InvalidArgument' | 'VersionNotFound' | 'AliasAlreadyExists', message: RegExp) =>
    assert.rejects(async () => aliases.create('f', input), faultOf(code, message));
  await refused({ versionId: '1' }, 'InvalidArgument', /^aliasName/);
  await refused({ aliasName: '1st', versionId: '1' }, 'InvalidArgument', /^aliasName/);
  await refused({ aliasName: 'LATEST', versionId: '1' }, 'InvalidArgument', /^aliasName/);
  await refused({ aliasName: 'a', versionId: '9' }, 'VersionNotFound', /9/);
  await refused({ aliasName: 'a', versionId: 'prod' }, 'InvalidArgument', /^versionId/);
  await refused({ aliasName: 'a', versionId: '1', additionalVersionWeight: { 1: 2 } }, 'InvalidArgument', /^additionalVersionWeight/);
  await refused({ aliasName: 'a', versionId: '1', additionalVersionWeight: { 7: 0.5 } }, 'VersionNotFound', /7/);
  await aliases.create('f', { aliasName: 'a', versionId: 'LATEST' });
  await refused({ aliasName: 'a', versionId: '1' }, 'AliasAlreadyExists', /a/);
  await assert.rejects(aliases.update('f', 'none', {}), faultOf('AliasNotFound', /none/));
  assert.deepEqual(
    aliases.list('f').aliases.map((alias) => alias.aliasName),
    ['a'],
  );
});

test('a removed function takes everything along, and the next of its name begins anew', async () => {
  const { functions } = room;
  await functions.versions.publish('f');
  await functions.aliases.create('f', { aliasName: 'a', versionId: '1' });
  await functions.triggers.create('f', { triggerName: 't', triggerType: 'timer', triggerConfig: '{}' });
  await functions.remove('f');
  await functions.create(python('f'), { zip: await pythonZip() });
  await functions.settled();
  await room.reopen();
  assert.deepEqual(room.functions.aliases.list('f').aliases, []);
  assert.deepEqual(room.functions.triggers.list('f').triggers, []);
  assert.equal((await room.functions.versions.publish('f')).versionId, '1');
  assert.equal(await packages(), 1);
});
