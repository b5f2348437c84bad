import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { functionUid, instanceFolders, isRoot, json, openStage, processesWith, until, withoutPython } from './fixture.ts';
import { findInterpreter } from './instances.ts';

const skip = await withoutPython();

const code = `
import os, time
def handler(event, context):
    return event
def nap(event, context):
    time.sleep(float(event))
    return str(os.getpid())
def uid(event, context):
    return str(os.getuid())
`;

test('load starts more instances, up to the limit; the rest waits its turn', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const results = await Promise.all(Array.from({ length: 12 }, () => stage.run('index.nap', '0.2', { maxInstances: 4 })));
  const counts = new Map<string, number>();
  for (const { instanceId } of results) counts.set(instanceId, (counts.get(instanceId) ?? 0) + 1);
  assert.equal(counts.size, 4);
  assert.ok(Math.max(...counts.values()) <= 4, [...counts.values()].join());
  assert.equal(stage.instances.stats().states.idle, 4);
});

test('a full line is a fault, and the server goes on', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code }, { limits: { maxInstances: 1, queue: 2 } });
  const results = await Promise.allSettled(Array.from({ length: 6 }, () => stage.run('index.nap', '0.3')));
  const codes = results.map((it) => (it.status === 'rejected' ? (it.reason as { code: string }).code : 'done'));
  assert.deepEqual(codes.sort(), ['ResourceThrottled', 'ResourceThrottled', 'ResourceThrottled', 'ResourceThrottled', 'done', 'done']);
  assert.equal((await stage.run('index.nap', '0')).failure, undefined);
});

test('one limit for all functions: an idle instance makes room for another function', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code }, { limits: { maxInstances: 2, queue: 10 } });
  await Promise.all([stage.run('index.nap', '0.2'), stage.run('index.nap', '0.2')]);
  assert.equal(stage.instances.stats().instances, 2);
  const other = { arn: 'arn:other', name: 'other' };
  assert.equal((await stage.run('index.handler', 'x', other)).payload.toString(), 'x');
  assert.ok(stage.instances.stats().instances <= 2);
  const mixed = await Promise.all(Array.from({ length: 10 }, (_, at) => stage.run('index.handler', String(at), at % 2 ? other : {})));
  assert.deepEqual(
    mixed.map((it) => it.payload.toString()),
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  );
});

test('idle instances end after their time, their folders too', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  await stage.run('index.handler', 'x', { idleTimeoutMs: 100 });
  await until(() => stage.instances.stats().instances === 0, 'the idle instance ended');
  assert.deepEqual(await instanceFolders(stage.runDir), []);
  assert.equal((await stage.run('index.handler', 'x', { idleTimeoutMs: 100 })).coldStart, true);
});

test('retire lets a running call finish and ends the idle', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  await Promise.all([stage.run('index.nap', '0.1'), stage.run('index.nap', '0.1')]);
  const given = Promise.withResolvers<void>();
  const running = stage.instances.invoke(
    stage.fn({ handler: 'index.nap' }),
    stage.call({ event: Buffer.from('0.3'), onStart: () => given.resolve() }),
  );
  await given.promise;
  const retired = stage.instances.retire('resize');
  assert.equal(stage.instances.stats().states.busy, 1);
  assert.equal((await running).failure, undefined);
  await retired;
  assert.deepEqual(stage.instances.stats().functions, []);
  assert.deepEqual(await processesWith(stage.runDir), []);
  assert.equal((await stage.run('index.nap', '0')).failure, undefined);
});

test('a new revision drains the old one, and a late call for the old one still works', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const old = { revision: '1' };
  const slow = stage.run('index.nap', '0.3', old);
  await until(() => stage.instances.stats().states.busy === 1, 'the old one runs');
  const [fresh, finished] = await Promise.all([stage.run('index.nap', '0', { revision: '2' }), slow]);
  assert.notEqual(fresh.instanceId, finished.instanceId);
  assert.equal(finished.failure, undefined);
  await until(() => stage.instances.stats().functions.length === 1, 'the old one is gone');
  assert.equal((await stage.run('index.nap', '0', old)).failure, undefined);
  assert.equal((await stage.run('index.nap', '0', { revision: '2' })).instanceId, fresh.instanceId);
});

test('no request fails while a function is replaced again and again', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const calls: Promise<unknown>[] = [];
  for (let revision = 0; revision < 6; revision++) {
    for (let at = 0; at < 5; at++) calls.push(stage.run('index.handler', `${revision}`, { revision: `${revision}` }));
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  for (const result of await Promise.all(calls)) assert.equal((result as { failure?: unknown }).failure, undefined);
});

test('close ends running calls and leaves no process, socket or folder', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  await stage.run('index.handler', 'x');
  const busy = stage.run('index.nap', '60', { name: 'other', arn: 'other' });
  await until(() => stage.instances.stats().states.busy === 1, 'one is busy');
  assert.ok((await processesWith(stage.runDir)).length > 0 || process.platform !== 'linux');
  const closing = stage.instances.close();
  assert.equal((await busy).failure?.kind, 'exited');
  await closing;
  assert.deepEqual(await processesWith(stage.runDir), []);
  assert.deepEqual(await readdir(stage.runDir), []);
  await assert.rejects(stage.run('index.handler'), { code: 'ServiceUnavailable' });
});

test('the socket of a deep run folder is put where its path fits', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const runDir = join(stage.folder, 'deep'.repeat(20), 'deeper'.repeat(10));
  await mkdir(runDir, { recursive: true });
  const deep = await openStage(t, {}, { runDir });
  const result = await deep.run('index.handler', 'x', { codeDir: stage.fn().codeDir });
  assert.equal(result.payload.toString(), 'x');
  assert.equal(existsSync(join(runDir, 'instances.sock')), false);
});

test('a run folder that is closed to other users does not keep functions from running', { skip: skip || !isRoot }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const closed = join(stage.folder, 'closed');
  await mkdir(closed, { mode: 0o700 });
  const inside = await openStage(t, {}, { runDir: join(closed, 'run') });
  assert.equal((await inside.run('index.uid', '', { codeDir: stage.fn().codeDir })).payload.toString(), String(functionUid));
});

test('without a user of its own a function runs as the server', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const { uid: _none, ...fn } = stage.fn({ handler: 'index.uid' });
  assert.equal((await stage.instances.invoke(fn, stage.call())).payload.toString(), String(process.getuid?.()));
});

test('a stranger on the socket learns nothing and harms nothing', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const path = join(stage.runDir, 'instances.sock');
  assert.equal(statSync(path).mode & 0o777, 0o666);
  const { instanceId } = await stage.run('index.handler', 'x');
  const stranger = connect(path);
  const ended = new Promise((resolve) => stranger.once('close', resolve));
  let heard = 0;
  stranger.on('error', () => {});
  stranger.on('data', (chunk) => {
    heard += chunk.length;
  });
  stranger.write(`F${instanceId}${'0'.repeat(64)}`);
  await ended;
  assert.equal(heard, 0);
  assert.equal((await stage.run('index.handler', 'x')).instanceId, instanceId);
});

test('ready names an interpreter for every runtime, and what differs', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': 'import sys\ndef handler(e, c):\n    return list(sys.version_info[:3])' });
  const ready = stage.instances.ready().filter((it) => it.runtime.startsWith('python'));
  assert.deepEqual(
    ready.map((it) => it.runtime),
    ['python3.10', 'python3.12', 'python3.9', 'python3'],
  );
  for (const { runtime, ok, interpreter, version, note } of ready) {
    assert.equal(ok, true);
    assert.ok(interpreter?.startsWith('/'));
    const seen = json(await stage.run('index.handler', '{}', { runtime, revision: runtime })) as unknown as number[];
    assert.equal(seen.join('.'), version);
    const exact = runtime === 'python3' || version?.startsWith(`${runtime.slice('python'.length)}.`);
    assert.equal(note === undefined, exact, note);
  }
  const found = await findInterpreter({ interpreter: '/nonexistent/python', dropPrivileges: isRoot });
  assert.equal(found?.version, ready[0]?.version);
});
