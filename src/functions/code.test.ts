import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { ZipFile } from 'yazl';
import { packZip } from '../kit/index.ts';
import { faultOf, isRoot, openRoom, python, pythonZip, type Room } from './fixture.ts';

const run = promisify(execFile);
let room: Room;

beforeEach(async () => {
  room = await openRoom();
});

afterEach(() => room.close());

interface Member {
  name: string;
  data: string | Buffer;
  /** With type bits. */
  mode?: number;
}

function zipOf(members: Member[]): Promise<Buffer> {
  const zip = new ZipFile();
  for (const { name, data, mode = 0o100644 } of members) zip.addBuffer(Buffer.from(data), name, { mode });
  zip.end();
  return buffer(zip.outputStream);
}

const link = 0o120777;

function create(runtime: string, handler: string, zip: Buffer, more: object = {}) {
  return room.functions.create({ functionName: 'f', runtime, handler, ...more }, { zip });
}

async function jar(): Promise<Buffer> {
  return zipOf([
    { name: 'META-INF/MANIFEST.MF', data: 'Manifest-Version: 1.0\r\n\r\n' },
    { name: 'example/App.class', data: Buffer.from([0xca, 0xfe, 0xba, 0xbe]) },
    { name: 'lib/inner.jar', data: await packZip([{ name: 'Inner.class', data: Buffer.from('x') }]) },
  ]);
}

test('a JAR is unpacked, its inner JARs stay files, and the package itself lies beside where the function can read it', async () => {
  const zip = await jar();
  await create('java11', 'example.App::handleRequest', zip);
  const { codeDir, jar: file = '', uid } = room.functions.resolve('f');
  assert.equal((await readFile(join(codeDir, 'example/App.class'))).length, 4);
  assert.ok((await stat(join(codeDir, 'lib/inner.jar'))).isFile());
  assert.equal(file, `${codeDir}.jar`);
  assert.deepEqual(await readFile(file), zip);
  const info = await stat(file);
  assert.equal(info.mode & 0o777, 0o640);
  if (isRoot && uid !== undefined) {
    assert.deepEqual({ uid: info.uid, gid: info.gid }, { uid: 0, gid: uid });
    await run('cat', [file], { uid, gid: uid });
    await assert.rejects(run('cat', [file], { uid: uid + 1, gid: uid + 1 }), /Permission denied/);
    await assert.rejects(run('cp', ['/dev/null', file], { uid, gid: uid }), /Permission denied/);
  }
  await room.functions.update('f', {}, { zip: await zipOf([{ name: 'App.class', data: 'x' }]) });
  await room.functions.settled();
  assert.ok(!existsSync(file), 'the old one goes with its code');
  await room.functions.remove('f');
  await room.functions.settled();
  assert.deepEqual(await readdir(join(room.runDir, 'code')), ['.boot']);
});

test('other runtimes have no JAR; a function that becomes Java gets one, also after a restart that lost it', async () => {
  await create('python3.10', 'index.handler', await jar());
  assert.equal(room.functions.resolve('f').jar, undefined);
  await room.functions.update('f', { runtime: 'java8', handler: 'example.App::run' });
  const file = room.functions.resolve('f').jar ?? '';
  assert.ok(existsSync(file));
  await rm(room.functions.resolve('f').codeDir, { recursive: true });
  await rm(file);
  await room.reopen();
  assert.ok(existsSync(file) && existsSync(room.functions.resolve('f').codeDir));
});

test('hostile JARs leave nothing', async () => {
  const evil = (await zipOf([{ name: 'aa/evil', data: 'x' }])).toString('latin1').replaceAll('aa/evil', '../evil');
  for (const members of [
    [{ name: 'out', data: '../../../etc/passwd', mode: link }],
    [{ name: 'out', data: '/etc/passwd', mode: link }],
    [{ name: 'dev', data: '', mode: 0o020644 }],
    [
      { name: 'a', data: '1' },
      { name: 'a', data: '2' },
    ],
  ]) {
    await assert.rejects(create('java11', 'A::b', await zipOf(members)), faultOf('InvalidCodePackage', /not accepted/));
  }
  await assert.rejects(create('java11', 'A::b', Buffer.from(evil, 'latin1')), faultOf('InvalidCodePackage', /not accepted/));
  await assert.rejects(create('java11', 'A::b', Buffer.from('\xca\xfe\xba\xbe no archive')), faultOf('InvalidCodePackage', /not accepted/));
  assert.deepEqual(await readdir(join(room.dataDir, 'packages')), []);
  assert.deepEqual(await readdir(join(room.runDir, 'code')), ['.boot']);
});

const executable = async (path: string) => ((await stat(path)).mode & 0o100) !== 0;

test('a program keeps its x bit, and a lost one is restored on that one file', async () => {
  const windows = [
    { name: 'bin/main', data: 'elf' },
    { name: 'other', data: 'elf' },
    { name: 'kept', data: 'elf', mode: 0o100755 },
  ];
  await create('go1', 'bin/main', await zipOf(windows));
  const { codeDir } = room.functions.resolve('f');
  assert.ok(await executable(join(codeDir, 'bin/main')));
  assert.ok(!(await executable(join(codeDir, 'other'))));
  assert.ok(await executable(join(codeDir, 'kept')));
  await room.functions.update('f', { handler: './other' });
  assert.ok(await executable(join(codeDir, 'other')), 'the handler is another now');
  await create('custom', '', await zipOf([{ name: 'bootstrap', data: '#!/bin/sh\n', mode: 0 }]), { functionName: 'c' });
  assert.ok(await executable(join(room.functions.resolve('c').codeDir, 'bootstrap')));
});

test('the package of build-fc-zip works: bootstrap is a link to the program', async () => {
  const zip = await zipOf([
    { name: 'demo', data: '#!/bin/sh\necho ran\n' },
    { name: 'bootstrap', data: 'demo', mode: link },
  ]);
  await create('custom', '', zip);
  const { codeDir, uid } = room.functions.resolve('f');
  assert.equal(await readlink(join(codeDir, 'bootstrap')), 'demo');
  assert.ok(await executable(join(codeDir, 'demo')), 'the x bit is restored behind the link');
  const { stdout } = await run(join(codeDir, 'bootstrap'), [], uid === undefined ? {} : { uid, gid: uid });
  assert.equal(stdout, 'ran\n');
});

test('a handler that is no file of the code changes nothing', async () => {
  await create('go1', 'main', await zipOf([{ name: 'main/file', data: 'x' }]));
  await create('go1', 'missing', await zipOf([{ name: 'x', data: 'x' }]), { functionName: 'g' });
  assert.equal(room.functions.get('g')?.state, 'Active');
});

test('only Python code is compiled', async () => {
  const room_ = await openRoom({ python: { interpreter: '/nowhere/python3' } });
  try {
    await room_.functions.create({ functionName: 'n', runtime: 'nodejs20', handler: 'index.handler' }, { zip: await pythonZip() });
    await room_.functions.create(python('p'), { zip: await pythonZip() });
    await room_.functions.settled();
    assert.equal(room_.functions.get('n')?.stateReason, undefined);
    assert.match(room_.functions.get('p')?.stateReason ?? '', /could not be started/);
  } finally {
    await room_.close();
  }
});
