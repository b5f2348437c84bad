/** Unmodified vendor SDKs on versions and lifecycle rules, which a running server carries out by itself. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { json, text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { Cli } from './harness/cli.ts';
import { clients } from './harness/clients.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { root } from './harness/toolchain.ts';

let sluice: Sluice;
let cli: Cli;
before(async () => {
  sluice = await startSluice({ env: { SLUICE_LIFECYCLE_MS: '1000' } });
  cli = new Cli(sluice);
});
after(async () => {
  cli.remove();
  await sluice.finish(async () => {});
});

const scripts = join(root, 'test', 'acceptance', 'clients');

async function run(
  program: string,
  args: string[],
  env: Record<string, string> | undefined,
  endpoint: string,
): Promise<Record<string, unknown>> {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'], timeout: 110_000 });
  const { id: accessKeyId, secret: accessKeySecret } = sluice.key;
  child.stdin.end(JSON.stringify({ endpoint, accessKeyId, accessKeySecret, region: 'cn-qingdao' }));
  const errors = text(child.stderr);
  return (await json(child.stdout).catch(async () => assert.fail(await errors))) as Record<string, unknown>;
}

test(clients.oss2Newest.name, { skip: clients.oss2Newest.skip }, async () => {
  const { program, args, env } = clients.oss2Newest.command();
  const said = await run(program, [...args.slice(0, -1), join(scripts, 'python', 'versions.py')], env, sluice.data);
  assert.deepEqual(said, {
    ...{ status: [null, 'Enabled'], one: ['one', true], null: 'zero', head: true, meta: 3, acl: ['private', 'default'], tags: [1, 0] },
    ...{ copy: ['one', true], deleted: true },
    absent: [
      [404, 'NoSuchKey', 'true'],
      [405, 'MethodNotAllowed', 'true'],
    ],
    latest: [
      ['copy', true],
      ['k', true],
      ['k', false],
      ['k', false],
      ['k', false],
    ],
    ...{ pages: [2, 2, 1], restored: [true, 'two'] },
    removed: [
      ['k', false, false],
      ['k', false, false],
      ['k', true, false],
    ],
    full: [409, 'BucketNotEmpty', null],
    rules: [
      ['expire', 'old/', 'Enabled'],
      ['noncurrent', 'other/', 'Enabled'],
    ],
    ...{ before: true, noncurrent: [3, 'IA'], expired: [false, 0], norules: [404, 'NoSuchLifecycle', null] },
  });
});

test(clients.aliOss.name, async () => {
  const endpoint = sluice.data.replace('127.0.0.1', 'localhost');
  const said = await run(process.execPath, [join(scripts, 'node', 'versions.ts')], undefined, endpoint);
  assert.deepEqual(said, {
    ...{ status: 'Enabled', one: 'one', head: true, meta: 200, acl: ['private', 'default'], tags: [{ a: '1' }, {}], copy: 'one' },
    absent: [
      [404, 'NoSuchKey'],
      [405, 'MethodNotAllowed'],
    ],
    versions: [
      ['copy', true],
      ['k', false],
      ['k', false],
      ['parts', true],
    ],
    ...{ markers: ['k'], restored: 'two' },
    removed: [
      ['k', null],
      ['k', null],
      ['copy', 'true'],
    ],
    ...{ suspended: 'null', norules: [404, 'NoSuchLifecycle'] },
    rules: [
      { id: 'a', prefix: 'logs/', status: 'Enabled', expiration: { days: '3' }, tag: [{ key: 't', value: '1' }] },
      { id: 'b', prefix: 'x/', status: 'Disabled', noncurrentVersionExpiration: { noncurrentDays: '2' } },
    ],
  });
});

test('what they leave behind is whole: versions, delete markers and all', async () => {
  const { json: report } = await cli.good(`data check --data ${join(sluice.folder, 'data')} --json`);
  assert.deepEqual(report.problems, []);
});
