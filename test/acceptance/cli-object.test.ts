/** The command line against a running server: bin/sluice bucket and object. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Cli, narrowWay } from './harness/cli.ts';
import { ossDo } from './harness/deploy.ts';
import { send } from './harness/http.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';

const MB = 1024 * 1024;
let sluice: Sluice;
let cli: Cli;

before(async () => {
  sluice = await startSluice();
  cli = new Cli(sluice);
  await cli.good('bucket create acc-objects');
});
after(async () => {
  cli.remove();
  await sluice.finish(async () => {});
});

test('a bucket from making to deleting: ACL, policy, lists', async () => {
  assert.match((await cli.good('bucket create acc-first --acl public-read --storage-class IA')).out, /acc-first is there/);
  const shown = await cli.good('bucket get acc-first');
  assert.match(shown.out, /^name +acc-first\n[\s\S]*storage class +IA\nacl +public-read\n/);
  assert.equal((await cli.good('bucket acl acc-first')).out, 'public-read\n');
  await cli.good('bucket acl acc-first private');
  assert.equal((await cli.good('bucket acl acc-first --json')).json.acl, 'private');
  assert.match((await cli.good('bucket list --prefix acc-f')).out, /^NAME .*\nacc-first +\d{4}-/);
  const policy = {
    Version: '1',
    Statement: [{ Effect: 'Allow', Principal: ['*'], Action: 'oss:GetObject', Resource: 'acs:oss:*:*:acc-first/*' }],
  };
  await cli.fails('bucket policy get acc-first', 1, /NoSuchBucketPolicy/);
  await cli.good('bucket policy put acc-first -', { stdin: JSON.stringify(policy) });
  assert.deepEqual((await cli.good('bucket policy get acc-first --json')).json, policy);
  await cli.good('bucket policy delete acc-first');
  await cli.fails('bucket policy get acc-first', 1, /NoSuchBucketPolicy/);
  await cli.good('object put - acc-first/x', { stdin: 'x' });
  await cli.fails('bucket delete acc-first', 1, /BucketNotEmpty.*\(request [0-9A-F]{24}\)\n.*object delete --recursive/);
  await cli.fails('object delete --recursive acc-first', 2, /--yes/);
  await cli.good('object delete --recursive acc-first/ --yes');
  await cli.good('bucket delete acc-first');
  await cli.fails('bucket get acc-first', 1, /NoSuchBucket[\s\S]*bucket list/);
});

test('objects with every kind of key go up and come back, with type, metadata and checksum', async () => {
  const body = randomBytes(3 * MB);
  writeFileSync(cli.path('ä b.jpg'), body);
  const key = "x/ü +%?#&'()*!~.jpg";
  const put = await cli.good(['object', 'put', 'ä b.jpg', `acc-objects/${key}`, '--meta', 'who=Jürgen', '--json']);
  assert.equal(put.json.bytes, body.length);
  const head = (await cli.good(['object', 'head', `acc-objects/${key}`, '--json'])).json;
  assert.equal(head['content-type'], 'image/jpeg');
  assert.equal(head['x-oss-meta-who'], 'Jürgen');
  assert.equal(head['x-oss-hash-crc64ecma'], put.json.crc64);
  const got = await cli.good(['object', 'get', `acc-objects/${key}`, 'copy.jpg']);
  assert.match(got.out, /^copy\.jpg: 3145728 bytes, image\/jpeg, checksum right\.\n$/);
  assert.ok(readFileSync(cli.path('copy.jpg')).equals(body));
  assert.equal(got.err, '', 'no progress in a pipe');
  // Into a folder, under its own name.
  await cli.good('object put ./copy.jpg acc-objects/y/');
  mkdirSync(cli.path('into'));
  await cli.good('object get oss://acc-objects/y/copy.jpg into');
  assert.ok(readFileSync(cli.path('into/copy.jpg')).equals(body));
  const listed = await cli.good('object list acc-objects/');
  assert.match(listed.out, /^ +folder +x\/\n +folder +y\/\n$/);
  assert.match(listed.err, /^0 objects/);
  const deep = (await cli.good('object list -r acc-objects --json')).json as unknown as { key: string; size: number }[];
  assert.deepEqual(
    deep.map((each) => each.key),
    [key, 'y/copy.jpg'],
  );
  await cli.good(['object', 'delete', `acc-objects/${key}`, 'acc-objects/y/copy.jpg']);
  const gone = await cli.fails(['object', 'get', `acc-objects/${key}`], 1, /NoSuchKey/);
  assert.match(gone.err, /sluice object list/);
});

test('standard input and output carry any bytes of any length', async () => {
  const body = randomBytes(9 * MB);
  await cli.good('object put - acc-objects/stream', { stdin: body });
  const got = await cli.good('object get acc-objects/stream -');
  assert.ok(got.bytes.equals(body));
  await cli.good('object put - acc-objects/empty', { stdin: '' });
  assert.equal((await cli.good('object get acc-objects/empty -')).bytes.length, 0);
  // Whoever reads may have enough of it.
  const child = cli.start(['object', 'get', 'acc-objects/stream', '-']);
  child.stdout?.once('data', () => child.stdout?.destroy());
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  assert.equal(code, 141);
  await cli.good('object delete -r acc-objects/s');
  await cli.good('object delete acc-objects/empty');
});

test('Ctrl C keeps what came, and the same command goes on from there', async () => {
  const body = randomBytes(24 * MB);
  writeFileSync(cli.path('big'), body);
  await cli.good('object put big acc-objects/big');
  const way = await narrowWay(sluice.data, { limits: [10 * MB], end: 'stall' });
  const child = cli.start(['object', 'get', 'acc-objects/big', 'big.copy'], { SLUICE_DATA_ENDPOINT: way.url });
  await way.atLimit;
  const part = () => readdirSync(cli.folder).find((name) => /^big\.copy\.[0-9A-F]{32}\.part$/.test(name));
  while (!part() || readFileSync(cli.path(part() as string)).length < 9 * MB) await new Promise((resolve) => setTimeout(resolve, 50));
  child.kill('SIGINT');
  const ended = await cli.ended(child);
  way.close();
  assert.equal(ended.code, 130, ended.err);
  assert.match(ended.err, /Interrupted\.\n\d+ bytes are kept in big\.copy\.[0-9A-F]{32}\.part; the same command goes on from there/);
  assert.ok(!existsSync(cli.path('big.copy')));
  const { json } = await cli.good('object get acc-objects/big big.copy --json');
  assert.ok(Number(json.resumedAt) >= 9 * MB, `${json.resumedAt}`);
  assert.ok(readFileSync(cli.path('big.copy')).equals(body));
  assert.equal(part(), undefined);
});

test('connections that end in the middle are taken up by themselves, also to standard output', async () => {
  const way = await narrowWay(sluice.data, { limits: [5 * MB, 7 * MB], end: 'cut' });
  const got = await cli.good('object get acc-objects/big -', { env: { SLUICE_DATA_ENDPOINT: way.url } });
  way.close();
  assert.ok(got.bytes.equals(readFileSync(cli.path('big'))));
  assert.equal(way.connections, 3);
});

test('Ctrl C in the middle of an upload leaves what was there before', async () => {
  await cli.good('object put - acc-objects/kept', { stdin: 'old' });
  const child = cli.start(['object', 'put', '-', 'acc-objects/kept']);
  child.stdin?.write(randomBytes(4 * MB), () => setTimeout(() => child.kill('SIGINT'), 500));
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  assert.equal(code, 130);
  assert.equal((await cli.good('object get acc-objects/kept -')).out, 'old');
  await sluice.quiet();
});

test('folders: up, up again without sending, down, down again', async () => {
  mkdirSync(cli.path('tree/sub/deep'), { recursive: true });
  for (let i = 0; i < 40; i++) writeFileSync(cli.path(`tree/sub/${i}.txt`), `file ${i}`);
  writeFileSync(cli.path('tree/sub/deep/page.html'), '<p>');
  writeFileSync(cli.path('tree/empty'), '');
  symlinkSync('nowhere', cli.path('tree/dangling'));
  const put = await cli.good('object put -r tree acc-objects/t');
  assert.match(put.out, /^42 objects put/);
  assert.match(put.err, /left out: dangling \(leads nowhere\)/);
  writeFileSync(cli.path('tree/sub/7.txt'), 'file seven');
  assert.deepEqual((await cli.good('object put -r tree acc-objects/t/ --update --json')).json.unchanged, 41);
  const head = await cli.good('object head acc-objects/t/sub/deep/page.html --json');
  assert.equal(head.json['content-type'], 'text/html');
  await cli.good('object get -r acc-objects/t down');
  assert.equal(readFileSync(cli.path('down/sub/7.txt'), 'utf8'), 'file seven');
  assert.equal(readdirSync(cli.path('down/sub')).length, 41);
  assert.deepEqual((await cli.good('object get -r acc-objects/t down --update --json')).json, {
    ...{ objects: 0, bytes: 0, unchanged: 42, skipped: [] },
  });
  assert.deepEqual((await cli.good('object delete -r acc-objects/t/ --json')).json, { deleted: 42 });
});

test('keys that would lead out of the folder are left out', async () => {
  for (const key of ['evil/../../../escaped', 'evil//double', 'evil/fine', 'evil/folder/']) {
    await ossDo(sluice, { method: 'PUT', bucket: 'acc-objects', key, body: key.endsWith('/') ? '' : 'x' });
  }
  const got = await cli.good('object get -r acc-objects/evil pit/inner');
  assert.match(got.out, /^1 objects got/);
  assert.match(got.err, /left out: evil\/\.\.\/\.\.\/\.\.\/escaped/);
  assert.match(got.err, /left out: evil\/\/double/);
  assert.deepEqual(readdirSync(cli.path('pit/inner')), ['fine']);
  assert.ok(!existsSync(cli.path('escaped')));
  await cli.good('object delete -r acc-objects/evil/');
});

test('presigned URLs work for anybody, for what they were made for', async () => {
  await cli.good('object put - acc-objects/p.txt', { stdin: 'signed' });
  const url = (await cli.good('object presign acc-objects/p.txt --expires 60 --query response-content-type=text/x-new')).out.trim();
  const follow = (link: string, request: { method?: string; body?: Buffer; headers?: Record<string, string> } = {}) =>
    send(sluice.data, { ...request, path: link.slice(new URL(link).origin.length) });
  const got = await follow(url);
  assert.equal(got.body.toString(), 'signed');
  assert.equal(got.headers['content-type'], 'text/x-new');
  assert.equal((await follow(url, { method: 'PUT', body: Buffer.from('x') })).status, 403);
  const put = (await cli.good('object presign acc-objects/p.txt --method PUT --json')).json.url as string;
  assert.equal((await follow(put, { method: 'PUT', body: Buffer.from('by link') })).status, 200);
  const typed = (await cli.good('object presign acc-objects/typed --method PUT --content-type text/csv')).out.trim();
  assert.equal((await follow(typed, { method: 'PUT', body: Buffer.from('a,b'), headers: { 'content-type': 'text/csv' } })).status, 200);
  assert.equal((await follow(typed, { method: 'PUT', body: Buffer.from('a,b'), headers: { 'content-type': 'text/html' } })).status, 403);
  assert.equal((await cli.good('object get acc-objects/p.txt -')).out, 'by link');
  await cli.fails('object presign acc-objects/p.txt --expires 0', 2, /1 to 604800/);
  await cli.fails('object put big acc-objects/big --no-clobber', 1, /FileAlreadyExists/);
});

test('exit codes and next steps of what goes wrong before and behind the server', async () => {
  await cli.fails('object get nobucket/x', 1, /NoSuchBucket.*\(request [0-9A-F]{24}\)\nsluice bucket list/);
  await cli.fails('object put none.txt acc-objects/x', 2, /none\.txt cannot be read/);
  await cli.fails('object put tree acc-objects/x', 2, /is a folder[\s\S]*--recursive/);
  await cli.fails('object get acc-objects', 2, /names a bucket and no object/);
  await cli.fails('object list acc-objects', 3, /cannot be reached[\s\S]*SLUICE_DATA_ENDPOINT/, {
    env: { SLUICE_DATA_ENDPOINT: 'http://127.0.0.1:1' },
  });
  await cli.fails(
    ['object', 'list', 'acc-objects', '--data-endpoint', sluice.control],
    1,
    /not as a Sluice server does[\s\S]*OSS endpoint/,
  );
  const mismatch = await cli.fails('object put big acc-objects/x', 1, /SignatureDoesNotMatch/, {
    env: { SLUICE_ACCESS_KEY_SECRET: 'wrong-secret-words' },
  });
  assert.ok(!mismatch.err.includes('wrong-secret-words'));
  const json = await cli.fails('object head acc-objects/none --json', 1, /./);
  const { error } = JSON.parse(json.err) as { error: Record<string, string> };
  assert.equal(error.code, 'NoSuchKey');
  assert.match(error.requestId ?? '', /^[0-9A-F]{24}$/);
});
