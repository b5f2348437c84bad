import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { Crc64, packZip } from '../kit/index.ts';
import { accountId, faultOf, interpreter, isRoot, openRoom, python, pythonZip, type Room } from './fixture.ts';

const run = promisify(execFile);
let room: Room;

beforeEach(async () => {
  room = await openRoom();
});

afterEach(() => room.close());

function layerZip(text: string): Promise<Buffer> {
  return packZip([
    { name: 'python/tool.py', data: Buffer.from(text) },
    { name: 'bin/run', data: Buffer.from('#!/bin/sh\n'), mode: 0o755 },
  ]);
}

const folders = async () => readdir(join(room.runDir, 'layers', 'layers')).catch(() => []);
const packages = () => readdir(join(room.dataDir, 'layers'));

async function layer(name: string, text: string, input: object = {}) {
  return room.functions.layers.create(name, input, { zip: await layerZip(text) });
}

test('a layer is unpacked once and given to functions in their order', async () => {
  const { functions } = room;
  const zip = await layerZip('v = 1\n');
  const first = await functions.layers.create('tools', { description: 'd', license: 'MIT', compatibleRuntime: ['python3.10'] }, { zip });
  assert.equal(first.layerVersionArn, `acs:fc:cn-qingdao:${accountId}:layers/tools/versions/1`);
  assert.equal(first.codeChecksum, Crc64.of(zip).toString());
  assert.equal(first.codeSize, zip.length);
  const second = await layer('other', 'v = 2\n');
  const twin = await layer('twin', 'v = 1\n');
  assert.equal((await folders()).length, 2, 'equal bytes are kept once');
  const record = await functions.create(python('f', { layers: [second.layerVersionArn, first.layerVersionArn] }), {
    zip: await pythonZip(),
  });
  assert.deepEqual(record.layers, [second.layerVersionArn, first.layerVersionArn]);
  const { layerDirs, uid } = functions.resolve('f');
  assert.deepEqual(await Promise.all(layerDirs.map((folder) => readFile(join(folder, 'python/tool.py'), 'utf8'))), ['v = 2\n', 'v = 1\n']);
  if (isRoot && uid !== undefined) {
    const tool = join(layerDirs[0] as string, 'python/tool.py');
    await run('cat', [tool], { uid, gid: uid });
    await run(join(layerDirs[0] as string, 'bin/run'), [], { uid, gid: uid });
    await assert.rejects(run('touch', [tool], { uid, gid: uid }), /Permission denied/);
    await assert.rejects(run('ls', [join(room.runDir, 'layers')], { uid, gid: uid }), /Permission denied/);
  }
  assert.equal(twin.version, 1);
  await functions.update('f', { layers: [twin.layerVersionArn] });
  assert.equal(functions.resolve('f').layerDirs.length, 1);
  await functions.update('f', { layers: [] });
  assert.deepEqual(functions.resolve('f').layerDirs, []);
});

test('a deleted layer goes on working where it is used, and its code goes with the last use', async () => {
  const { functions } = room;
  const used = await layer('tools', 'v = 1\n');
  await functions.create(python('f', { layers: [used.layerVersionArn] }), { zip: await pythonZip() });
  await functions.versions.publish('f');
  const [folder = ''] = functions.resolve('f').layerDirs;
  await functions.layers.remove('tools', 1);
  await functions.layers.remove('tools', 1);
  assert.throws(() => functions.layers.get('tools', 1), faultOf('LayerNotFound', /tools/));
  await assert.rejects(
    functions.create(python('g', { layers: [used.layerVersionArn] }), { zip: await pythonZip() }),
    faultOf('LayerNotFound', /tools/),
  );
  await functions.update('f', { timeout: 9, layers: [used.layerVersionArn] });
  assert.ok(existsSync(folder));
  const inode = (await stat(folder)).ino;
  await layer('again', 'v = 1\n');
  assert.equal((await stat(folder)).ino, inode, 'equal bytes leave alone what is in use');
  await functions.layers.remove('again', 1);
  await room.reopen();
  assert.deepEqual(room.functions.resolve('f').layerDirs, [folder]);
  assert.ok(existsSync(folder));
  await room.functions.update('f', { layers: [] });
  await room.functions.settled();
  assert.ok(existsSync(folder), 'version 1 still has it');
  await room.functions.versions.remove('f', '1');
  await room.functions.settled();
  assert.ok(!existsSync(folder));
  assert.deepEqual(await packages(), []);
  assert.equal((await layer('tools', 'v = 2\n')).version, 2, 'a number is never given again');
});

test('versions of a layer', async () => {
  const { layers } = room.functions;
  for (let i = 1; i <= 5; i++) await layer('tools', `v = ${i}\n`);
  await layer('a', 'x\n');
  assert.deepEqual(
    layers.list().layers.map((record) => `${record.layerName}/${record.version}`),
    ['a/1', 'tools/5'],
  );
  assert.deepEqual(layers.list({ prefix: 'to' }).layers.length, 1);
  const page = layers.versions('tools', { limit: 2 });
  assert.deepEqual({ got: page.layers.map((record) => record.version), next: page.nextVersion }, { got: [5, 4], next: 3 });
  assert.deepEqual(
    layers.versions('tools', { startVersion: 3 }).layers.map((record) => record.version),
    [3, 2, 1],
  );
  assert.equal(layers.getByArn(`acs:fc:cn-qingdao:${accountId}:layers/tools/versions/4`).version, 4);
  assert.throws(() => layers.get('tools', 9), faultOf('LayerVersionNotFound', /9/));
  assert.throws(() => layers.versions('none'), faultOf('LayerNotFound', /none/));
  assert.throws(
    () => layers.getByArn('acs:fc:cn-hangzhou:official:layers/Python3-Flask2x/versions/2'),
    faultOf('LayerNotFound', /create it here/),
  );
  assert.throws(() => layers.getByArn('tools/1'), faultOf('InvalidArgument', /names no layer/));
  await layers.setAcl('tools', '1');
  assert.equal(layers.get('tools', 2).acl, '1');
  assert.equal((await layer('tools', 'v = 6\n')).acl, '1');
});

test('what does not fit is refused with its reason', async () => {
  await room.close();
  room = await openRoom({ limits: { layersBytes: 60, codeBytes: 1 << 20 } });
  const { functions } = room;
  const create = (layers: string[], more: object = {}) =>
    pythonZip().then((zip) => functions.create(python('f', { layers, ...more }), { zip }));
  const node = await layer('node', 'x\n', { compatibleRuntime: ['nodejs20', 'nodejs18'] });
  await assert.rejects(
    create([node.layerVersionArn]),
    faultOf('InvalidArgument', /is for nodejs20, nodejs18; the runtime of the function is python3\.10/),
  );
  const arns = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(async (name) => (await layer(name, name)).layerVersionArn));
  await assert.rejects(create(arns), faultOf('InvalidArgument', /may have 5/));
  await assert.rejects(create([arns[0] as string, arns[0] as string]), faultOf('InvalidArgument', /named twice/));
  const big = await layer('big', 'x'.repeat(100));
  await assert.rejects(create([big.layerVersionArn]), faultOf('InvalidArgument', /the limit is 60/));
  await assert.rejects(layer('1bad', 'x'), faultOf('InvalidArgument', /^layerName/));
  await assert.rejects(layer('ok', 'x', { compatibleRuntime: ['cobol'] }), faultOf('InvalidArgument', /^compatibleRuntime: cobol/));
  await assert.rejects(functions.layers.create('ok', {}, { zip: Buffer.from('x') }), faultOf('InvalidCodePackage', /not accepted/));
  await assert.rejects(
    functions.layers.create('ok', {}, { zip: await packZip([{ name: 'zeros', data: Buffer.alloc(2 << 20) }]) }),
    faultOf('InvalidCodePackage', /not accepted/),
  );
  assert.throws(() => functions.layers.get('ok', 1), faultOf('LayerNotFound', /ok/));
  await create([arns[1] as string]);
  await assert.rejects(functions.update('f', { layers: [node.layerVersionArn] }), faultOf('InvalidArgument', /is for nodejs20/));
  assert.deepEqual(functions.get('f')?.layers, [arns[1]]);
});

test('Python in layers is compiled', { skip: !interpreter }, async () => {
  await room.reopen({ python: { interpreter } });
  const made = await layer('tools', 'v = 1\n');
  await room.functions.settled();
  await room.functions.create(python('f', { layers: [made.layerVersionArn] }), { zip: await pythonZip() });
  const [folder = ''] = room.functions.resolve('f').layerDirs;
  assert.match((await readdir(join(folder, 'python/__pycache__'))).join(), /^tool\..*\.pyc$/);
});

test('a layer whose package is lost keeps neither the server nor other functions from starting', async () => {
  const made = await layer('tools', 'v = 1\n');
  await room.functions.create(python('f', { layers: [made.layerVersionArn] }), { zip: await pythonZip() });
  await room.functions.create(python('g'), { zip: await pythonZip() });
  await room.functions.close();
  await rm(join(room.dataDir, 'layers'), { recursive: true });
  await rm(join(room.runDir, 'layers'), { recursive: true });
  await room.reopen();
  assert.throws(() => room.functions.resolve('f'), faultOf('FunctionNotStarted', /layer .*tools.* is lost/));
  assert.equal(room.functions.resolve('g').name, 'g');
  await layer('tools', 'v = 1\n');
  assert.equal(room.functions.resolve('f').layerDirs.length, 1, 'the same bytes again mend it');
});
