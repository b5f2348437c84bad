import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { Fault, type FaultCode } from '../faults/index.ts';
import { Crc64, packZip } from '../kit/index.ts';
import { type Metadata, openMetadata } from '../metadata/index.ts';
import { type Functions, openFunctions } from './index.ts';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const interpreter = ['/usr/bin/python3', '/usr/local/bin/python3'].find((file) => existsSync(file));

let root: string;
let runDir: string;
let dataDir: string;
let metadata: Metadata;
let functions: Functions;
let folders = 0;

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'functions-'));
  await chmod(root, 0o711);
});

after(() => rm(root, { recursive: true, force: true }));

beforeEach(async (context) => {
  dataDir = join(root, `data-${++folders}`);
  runDir = join(root, `run-${folders}`);
  await mkdir(dataDir, { mode: 0o700 });
  await mkdir(runDir, { mode: 0o711 });
  metadata = await openMetadata({ file: join(dataDir, 'metadata.db'), durability: 'relaxed' });
  functions = await reopen();
  (context as { after(fn: () => Promise<void>): void }).after(async () => {
    await functions.close();
    await metadata.close();
  });
});

function reopen(more: Partial<Parameters<typeof openFunctions>[0]> = {}): Promise<Functions> {
  return openFunctions({ metadata, runDir, dataDir, accountId: '1234567890123456', region: 'cn-qingdao', serverIsRoot: isRoot, ...more });
}

const source = 'def handler(event, context):\n    return event\n';
const input = { functionName: 'echo', runtime: 'python3.10', handler: 'index.handler' };

function zipOf(text = source): Promise<Buffer> {
  return packZip([
    { name: 'index.py', data: Buffer.from(text) },
    { name: 'bin/tool', data: Buffer.from('#!/bin/sh\n'), mode: 0o755 },
  ]);
}

function faultOf(code: FaultCode, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof Fault, `${error}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}

async function left(): Promise<{ packages: string[]; code: string[] }> {
  return {
    packages: await readdir(join(dataDir, 'packages')),
    code: (await readdir(join(runDir, 'code'))).filter((name) => name !== '.boot'),
  };
}

test('a created function resolves to its unpacked code, by name and by every ARN form', async () => {
  const zip = await zipOf();
  const record = await functions.create({ ...input, environmentVariables: { MODE: 'x' }, unknownField: 1 }, { zip });
  assert.equal(record.functionArn, 'acs:fc:cn-qingdao:1234567890123456:functions/echo');
  assert.equal(record.codeChecksum, Crc64.of(zip).toString());
  assert.equal(record.codeSize, zip.length);
  assert.equal(record.memorySize, 512);
  assert.equal(record.timeout, 3);
  assert.ok(!('unknownField' in record));
  const version = functions.resolve('echo');
  assert.equal(await readFile(join(version.codeDir, 'index.py'), 'utf8'), source);
  assert.deepEqual({ ...version.env }, { MODE: 'x' });
  assert.equal(version.timeoutMs, 3000);
  const forms = [
    record.functionArn,
    `${record.functionArn}/LATEST`,
    'acs:oss:cn-qingdao:1234567890123456:functions/echo',
    'acs:fc:cn-qingdao:1234567890123456:services/demo.LATEST/functions/echo',
    'acs:fc:cn-qingdao:1234567890123456:services/demo/functions/echo',
  ];
  for (const form of forms) assert.equal(functions.resolve(form), version, form);
  assert.equal(functions.resolve('echo', 'LATEST'), version);
});

test('a reference that names nothing here has its own fault', async () => {
  await functions.create(input, { zip: await zipOf() });
  assert.throws(() => functions.resolve('other'), faultOf('FunctionNotFound', /other/));
  assert.throws(() => functions.resolve('echo', '1'), faultOf('VersionNotFound', /LATEST/));
  assert.throws(() => functions.resolve('acs:fc:cn-qingdao:1234567890123456:functions/echo/prod'), faultOf('VersionNotFound', /prod/));
  assert.throws(() => functions.resolve('acs:fc:cn-qingdao:9:functions/echo'), faultOf('FunctionNotFound', /account 9/));
  assert.throws(() => functions.resolve('acs:fc:cn-hangzhou:1234567890123456:functions/echo'), faultOf('FunctionNotFound', /cn-hangzhou/));
  for (const wrong of ['', '../echo', 'acs:fc:cn-qingdao:1:function/echo', 'acs:ram::1:role/x', `acs:fc:r:1:${'x'.repeat(5000)}`]) {
    assert.throws(() => functions.resolve(wrong), faultOf('InvalidArgument', /names no function/));
  }
});

test('where the server is root, code belongs to root and the group of the function, and nobody else may read it', {
  skip: !isRoot,
}, async () => {
  await functions.create(input, { zip: await zipOf() });
  await functions.create({ ...input, functionName: 'second' }, { zip: await zipOf() });
  const { uid, codeDir } = functions.resolve('echo');
  assert.ok(uid !== undefined && uid > 200_000);
  assert.notEqual(functions.resolve('second').uid, uid);
  const facts = async (path: string) => {
    const { uid: owner, gid, mode } = await stat(path);
    return { owner, gid, mode: (mode & 0o777).toString(8) };
  };
  assert.deepEqual(await facts(join(runDir, 'code')), { owner: 0, gid: 0, mode: '711' });
  assert.deepEqual(await facts(join(codeDir, '..')), { owner: 0, gid: uid, mode: '750' });
  assert.deepEqual(await facts(codeDir), { owner: 0, gid: uid, mode: '750' });
  assert.deepEqual(await facts(join(codeDir, 'index.py')), { owner: 0, gid: uid, mode: '640' });
  assert.deepEqual(await facts(join(codeDir, 'bin')), { owner: 0, gid: uid, mode: '750' });
  assert.deepEqual(await facts(join(codeDir, 'bin/tool')), { owner: 0, gid: uid, mode: '750' });
  await run('cat', [join(codeDir, 'index.py')], { uid, gid: uid });
  await assert.rejects(run('cat', [join(codeDir, 'index.py')], { uid: uid + 1, gid: uid + 1 }), /Permission denied/);
  await assert.rejects(run('touch', [join(codeDir, 'new')], { uid, gid: uid }), /Permission denied/);
});

test('a user id stays with its name, also when the function is removed', { skip: !isRoot }, async () => {
  await functions.create(input, { zip: await zipOf() });
  const { uid } = functions.resolve('echo');
  await functions.remove('echo');
  await functions.create({ ...input, functionName: 'second' }, { zip: await zipOf() });
  assert.notEqual(functions.resolve('second').uid, uid);
  await functions.create(input, { zip: await zipOf() });
  assert.equal(functions.resolve('echo').uid, uid);
});

test('Python code is byte-compiled at deploy and its cache is used as it lies', { skip: !interpreter }, async () => {
  await functions.close();
  functions = await reopen({ python: { interpreter } });
  await functions.create(input, { zip: await zipOf('import missing_at_deploy\nraise SystemExit(9)\n') });
  await functions.settled();
  assert.equal(functions.get('echo')?.stateReason, undefined);
  const { codeDir, uid } = functions.resolve('echo');
  const cached = (await readdir(join(codeDir, '__pycache__'))).find((name) => name.startsWith('index.') && name.endsWith('.pyc'));
  assert.ok(cached);
  const info = await stat(join(codeDir, '__pycache__', cached));
  assert.equal(info.mode & 0o777, 0o640);
  if (uid !== undefined) assert.equal(info.gid, uid);
  await functions.update('echo', {}, { zip: await zipOf('answer = 42\n') });
  await functions.settled();
  const fresh = functions.resolve('echo').codeDir;
  const { stdout, stderr } = await run(interpreter as string, ['-v', '-c', 'import index; print(index.answer)'], {
    cwd: fresh,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  assert.equal(stdout.trim(), '42');
  assert.match(stderr, /__pycache__\/index\.\S+\.pyc matches/);
});

test('code that does not compile is deployed, and the record says why', { skip: !interpreter }, async () => {
  await functions.close();
  functions = await reopen({ python: { interpreter } });
  await functions.create(input, { zip: await zipOf('def handler(:\n') });
  await functions.settled();
  const record = functions.get('echo');
  assert.equal(record?.state, 'Active');
  assert.match(record?.stateReason ?? '', /\/code\/index\.py/);
  assert.doesNotMatch(record?.stateReason ?? '', /\.compile-/);
  await functions.close();
  functions = await reopen({ python: { interpreter: '/nowhere/python3' } });
  await functions.create({ ...input, functionName: 'other' }, { zip: await zipOf() });
  await functions.settled();
  assert.match(functions.get('other')?.stateReason ?? '', /could not be started \(ENOENT\)/);
});

test('an update changes what it names, gives a new revision, and keeps the old code until the listeners are done', async () => {
  const first = await functions.create({ ...input, environmentVariables: { A: '1' } }, { zip: await zipOf() });
  const before = functions.resolve('echo');
  const told: string[] = [];
  const drained = Promise.withResolvers<void>();
  functions.onChange((name) => {
    told.push(name);
    return drained.promise;
  });
  const second = await functions.update('echo', { timeout: 10, description: null }, { zip: await zipOf('x = 2\n') });
  assert.deepEqual(told, ['echo']);
  assert.equal(second.timeout, 10);
  assert.deepEqual(second.environmentVariables, { A: '1' });
  assert.equal(second.functionId, first.functionId);
  assert.notEqual(second.revision, first.revision);
  assert.notEqual(functions.resolve('echo').codeDir, before.codeDir);
  assert.ok(existsSync(before.codeDir), 'running instances still read it');
  drained.resolve();
  await functions.close();
  assert.ok(!existsSync(before.codeDir));
  assert.equal((await left()).packages.length, 1);
  assert.equal(await readFile(join(functions.resolve('echo').codeDir, 'index.py'), 'utf8'), 'x = 2\n');
});

test('the same package again keeps the folder; back and forth ends with the code of the last update', async () => {
  const [one, two] = [await zipOf('v = 1\n'), await zipOf('v = 2\n')];
  await functions.create(input, { zip: one });
  const { codeDir } = functions.resolve('echo');
  const inode = (await stat(codeDir)).ino;
  await functions.update('echo', {}, { zip: one });
  assert.equal((await stat(codeDir)).ino, inode);
  await Promise.all([two, one, two, one].map((zip) => functions.update('echo', {}, { zip })));
  await functions.close();
  assert.equal(await readFile(join(functions.resolve('echo').codeDir, 'index.py'), 'utf8'), 'v = 1\n');
  assert.equal((await left()).packages.length, 1);
  assert.equal((await readdir(join(codeDir, '..'))).length, 1);
});

test('a removed function is gone with its code, and its name is free', async () => {
  await functions.create(input, { zip: await zipOf() });
  const told: string[] = [];
  functions.onChange((name) => void told.push(name));
  await functions.remove('echo');
  assert.deepEqual(told, ['echo']);
  assert.equal(functions.get('echo'), undefined);
  await assert.rejects(functions.remove('echo'), faultOf('FunctionNotFound', /echo/));
  await assert.rejects(functions.update('echo', {}), faultOf('FunctionNotFound', /echo/));
  await functions.close();
  assert.deepEqual(await left(), { packages: [], code: [] });
  await functions.create(input, { zip: await zipOf() });
});

test('of two creates at once one wins and the other leaves nothing', async () => {
  const zip = await zipOf();
  const results = await Promise.allSettled([functions.create(input, { zip }), functions.create(input, { zip })]);
  assert.deepEqual(results.map((result) => result.status).sort(), ['fulfilled', 'rejected']);
  const refused = results.find((result) => result.status === 'rejected');
  faultOf('FunctionAlreadyExists', /echo/)(refused?.reason);
  assert.equal((await left()).packages.length, 1);
  assert.equal((await left()).code.length, 1);
});

test('a package that is no ZIP, hostile, too large or not what its checksum says leaves nothing', async () => {
  const zip = await zipOf();
  const escaping = Buffer.from(
    (await packZip([{ name: 'aa/evil.py', data: Buffer.from('x') }])).toString('latin1').replaceAll('aa/evil', '../evil'),
    'latin1',
  );
  const bomb = await packZip([{ name: 'zeros', data: Buffer.alloc(8 << 20) }]);
  await functions.close();
  functions = await reopen({ limits: { codeBytes: 4 << 20, codeEntries: 5, packageBytes: 64 << 10 } });
  const many = await packZip(Array.from({ length: 6 }, (_, i) => ({ name: `${i}`, data: Buffer.alloc(0) })));
  await assert.rejects(functions.create(input, { zip: Buffer.from('no zip') }), faultOf('InvalidCodePackage', /not accepted/));
  await assert.rejects(functions.create(input, { zip: Buffer.alloc(0) }), faultOf('InvalidCodePackage', /not accepted/));
  await assert.rejects(functions.create(input, { zip: zip.subarray(0, zip.length - 30) }), faultOf('InvalidCodePackage', /not accepted/));
  await assert.rejects(functions.create(input, { zip: escaping }), faultOf('InvalidCodePackage', /not accepted/));
  await assert.rejects(functions.create(input, { zip: bomb }), faultOf('InvalidCodePackage', /not accepted/));
  await assert.rejects(functions.create(input, { zip: many }), faultOf('InvalidCodePackage', /not accepted/));
  await assert.rejects(functions.create(input, { zip: Buffer.alloc(65 << 10) }), faultOf('InvalidArgument', /larger than 65536 bytes/));
  await assert.rejects(functions.create(input, { zip, checksum: '1' }), faultOf('InvalidArgument', new RegExp(`${Crc64.of(zip)}`)));
  const broken = (async function* () {
    yield zip.subarray(0, 10);
    throw new Fault('IncompleteBody');
  })();
  await assert.rejects(functions.create(input, { stream: broken }), faultOf('IncompleteBody', /./));
  assert.deepEqual(await left(), { packages: [], code: [] });
  assert.ok(!existsSync(join(runDir, 'evil.py')) && !existsSync(join(runDir, 'code', 'evil.py')));
  await functions.create(input, {
    stream: (async function* () {
      yield zip;
    })(),
    checksum: Crc64.of(zip).toString(),
  });
  await assert.rejects(functions.update('echo', { timeout: 9 }, { zip: escaping }), faultOf('InvalidCodePackage', /not accepted/));
  assert.equal(functions.get('echo')?.timeout, 3);
  assert.equal((await left()).packages.length, 1);
});

test('input against the rules names its field', async () => {
  const zip = await zipOf();
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ functionName: '9x' }, /^functionName: /],
    [{ functionName: 'a'.repeat(65) }, /^functionName: /],
    [{ functionName: '../x' }, /^functionName: /],
    [{ functionName: undefined }, /^functionName: /],
    [{ runtime: 'nodejs14' }, /^runtime nodejs14 is not carried out by this version; use nodejs16/],
    [{ runtime: 'cobol' }, /^runtime "cobol" is not known/],
    [{ runtime: 3 }, /^runtime: /],
    [{ handler: 'index' }, /^handler: must be FILE.METHOD/],
    [{ memorySize: 100 }, /^memorySize: /],
    [{ memorySize: 130 }, /^memorySize: /],
    [{ memorySize: '512' }, /^memorySize: /],
    [{ memorySize: 32_832 }, /^memorySize: /],
    [{ timeout: 0 }, /^timeout: /],
    [{ timeout: 86_401 }, /^timeout: /],
    [{ timeout: 1.5 }, /^timeout: /],
    [{ instanceConcurrency: 201 }, /^instanceConcurrency: /],
    [{ diskSize: 100 }, /^diskSize: /],
    [{ role: 'admin' }, /^role: /],
    [{ environmentVariables: { FC_REGION: 'x' } }, /^environmentVariables\.FC_REGION: /],
    [{ environmentVariables: { accessKeyID: 'x' } }, /^environmentVariables\.accessKeyID: /],
    [{ environmentVariables: { ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'x' } }, /^environmentVariables\.ALIBABA/],
    [{ environmentVariables: { '1A': 'x' } }, /^environmentVariables\.1A: /],
    [{ environmentVariables: { A: 1 } }, /^environmentVariables\.A: /],
    [{ environmentVariables: { A: 'x'.repeat(4096) } }, /^environmentVariables: .*4 KB/],
    [{ environmentVariables: { A: 'x\0y' } }, /NUL/],
    [{ vpcConfig: 'x' }, /^vpcConfig: /],
    [{ vpcConfig: { x: 'y'.repeat(70_000) } }, /64 KB/],
    [{ layers: 'x' }, /^layers: /],
  ];
  for (const [change, message] of wrong) {
    await assert.rejects(async () => functions.create({ ...input, ...change }, { zip }), faultOf('InvalidArgument', message));
  }
  for (const body of [null, 'x', 3, []]) {
    await assert.rejects(async () => functions.create(body, { zip }), faultOf('InvalidArgument', /./));
  }
  await functions.create({ ...input, environmentVariables: { A: 'x'.repeat(4095) }, memorySize: 32_768, timeout: 86_400 }, { zip });
  await assert.rejects(functions.update('echo', { timeout: 0 }), faultOf('InvalidArgument', /^timeout: /));
  await assert.rejects(functions.update('echo', { runtime: 'php7.2' }), faultOf('InvalidArgument', /^runtime php7\.2.*use custom/));
});

test('fields that are not carried out are stored and returned', async () => {
  const kept = { vpcConfig: { vpcId: 'vpc-1' }, disableOndemand: true };
  await functions.create({ ...input, ...kept }, { zip: await zipOf() });
  await functions.update('echo', { nasConfig: { userId: 1 } });
  assert.deepEqual(functions.get('echo')?.kept, { ...kept, nasConfig: { userId: 1 } });
});

test('lists run in order of names, by prefix and page', async () => {
  const zip = await zipOf();
  for (const functionName of ['b-2', 'a', 'b-1', 'B', '_c', 'b-3']) await functions.create({ ...input, functionName }, { zip });
  const names: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = functions.list({ limit: 4, nextToken });
    names.push(...page.functions.map((record) => record.functionName));
    nextToken = page.nextToken;
  } while (nextToken);
  assert.deepEqual(names, ['B', '_c', 'a', 'b-1', 'b-2', 'b-3']);
  const page = functions.list({ prefix: 'b-', limit: 2 });
  assert.deepEqual(
    page.functions.map((record) => record.functionName),
    ['b-1', 'b-2'],
  );
  const rest = functions.list({ prefix: 'b-', limit: 1, nextToken: page.nextToken });
  assert.deepEqual(
    rest.functions.map((record) => record.functionName),
    ['b-3'],
  );
  assert.equal(rest.nextToken, undefined);
  assert.deepEqual(functions.list({ prefix: '%' }).functions, []);
  assert.throws(() => functions.list({ limit: 101 }), faultOf('InvalidArgument', /^limit/));
  assert.throws(() => functions.list({ nextToken: '!!' }), faultOf('InvalidArgument', /^nextToken/));
});

test('a new start keeps what is whole, unpacks what is missing, and removes what is unknown', async () => {
  await functions.create(input, { zip: await zipOf() });
  await functions.create({ ...input, functionName: 'lost' }, { zip: await zipOf('lost = 1\n') });
  await functions.create({ ...input, functionName: 'kept' }, { zip: await zipOf('kept = 1\n') });
  const kept = (await stat(functions.resolve('kept').codeDir)).ino;
  const lost = functions.get('lost');
  await functions.close();
  await rm(functions.resolve('echo').codeDir, { recursive: true });
  await rm(functions.resolve('lost').codeDir, { recursive: true });
  await rm(join(dataDir, 'packages', `${lost?.functionId}-${lost?.codeDigest}.zip`));
  await mkdir(join(runDir, 'code', '.build-dead', 'x'), { recursive: true });
  await mkdir(join(functions.resolve('kept').codeDir, '..', 'older'));
  await writeFile(join(dataDir, 'packages', '.incoming-dead'), 'x');
  const problems: unknown[] = [];
  functions = await reopen({ onProblem: (error) => problems.push(error) });
  assert.equal(await readFile(join(functions.resolve('echo').codeDir, 'index.py'), 'utf8'), source);
  assert.equal((await stat(functions.resolve('kept').codeDir)).ino, kept);
  assert.equal(functions.get('lost')?.state, 'Failed');
  assert.equal(problems.length, 1);
  assert.throws(() => functions.resolve('lost'), faultOf('FunctionNotStarted', /lost or damaged/));
  assert.equal((await left()).packages.length, 2);
  assert.deepEqual((await readdir(join(functions.resolve('kept').codeDir, '..'))).length, 1);
  assert.ok(!existsSync(join(runDir, 'code', '.build-dead')));
  await functions.update('lost', {}, { zip: await zipOf('lost = 1\n') });
  assert.equal(functions.resolve('lost').name, 'lost');
});

test('after a reboot all code is unpacked again, as unsynced files may be empty', async () => {
  await functions.create(input, { zip: await zipOf() });
  const { codeDir } = functions.resolve('echo');
  await writeFile(join(codeDir, 'index.py'), '');
  await writeFile(join(runDir, 'code', '.boot'), 'an earlier boot');
  functions = await reopen();
  assert.equal(await readFile(join(codeDir, 'index.py'), 'utf8'), source);
});

test('where functions cannot get into runDir, their code lies elsewhere until the room is closed', { skip: !isRoot }, async () => {
  await functions.close();
  await chmod(runDir, 0o700);
  functions = await reopen();
  await functions.create(input, { zip: await zipOf() });
  const { codeDir, uid } = functions.resolve('echo');
  await run('cat', [join(codeDir, 'index.py')], { uid, gid: uid });
  await functions.close();
  assert.ok(!existsSync(codeDir));
  functions = await reopen();
  assert.ok(existsSync(functions.resolve('echo').codeDir));
});
