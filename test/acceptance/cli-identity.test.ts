/** The command line against a running server: bin/sluice user, key, role, policy, sealing-key and profile. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { send } from './harness/http.ts';
import { type Key, pathOf, signHeaderV4 } from './harness/sign.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { root } from './harness/toolchain.ts';

const bucket = 'acc-cli';
let sluice: Sluice;
let folder: string;

before(async () => {
  sluice = await startSluice();
  folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
  assert.equal((await oss('PUT', '', sluice.key)).status, 200);
  assert.equal((await oss('PUT', 'a.txt', sluice.key, 'hello')).status, 200);
});
after(async () => {
  rmSync(folder, { recursive: true });
  await sluice.finish(async () => {});
});

function oss(method: string, key: string, signer: Key, body = '') {
  const request = { method, bucket, key };
  return send(sluice.data, {
    ...{ method, path: pathOf(request), headers: signHeaderV4(request, signer) },
    ...(body === '' ? {} : { body: Buffer.from(body) }),
  });
}

interface Ran {
  code: number;
  out: string;
  err: string;
  /** Standard output as JSON. */
  json: Record<string, unknown>;
}

interface RunOptions {
  env?: Record<string, string>;
  stdin?: string;
}

/** Runs bin/sluice with the root key in its environment, unless `env` says otherwise. */
async function run(line: string | string[], { env, stdin = '' }: RunOptions = {}): Promise<Ran> {
  const words = Array.isArray(line) ? line : line.split(' ');
  const child = spawn(process.execPath, [process.env.SLUICE_BIN ?? join(root, 'bin', 'sluice'), ...words], {
    cwd: folder,
    env: {
      ...{ PATH: process.env.PATH, XDG_CONFIG_HOME: join(folder, 'xdg') },
      ...(env ?? { SLUICE_ENDPOINT: sluice.control, SLUICE_ACCESS_KEY_ID: sluice.key.id, SLUICE_ACCESS_KEY_SECRET: sluice.key.secret }),
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(stdin);
  const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? -1)));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  let json: Record<string, unknown> = {};
  try {
    json = JSON.parse(out) as Record<string, unknown>;
  } catch {
    // For people.
  }
  return { code, out, err, json };
}

async function good(line: string | string[], options: RunOptions = {}): Promise<Ran> {
  const ran = await run(line, options);
  assert.equal(ran.code, 0, `sluice ${Array.isArray(line) ? line.join(' ') : line}: ${ran.err}`);
  return ran;
}

async function fails(line: string | string[], code: number, message: RegExp, options: RunOptions = {}): Promise<Ran> {
  const ran = await run(line, options);
  assert.equal(ran.code, code, ran.err + ran.out);
  assert.match(ran.err, message);
  return ran;
}

const policy = (effect: string, action: string, resource: string, sid?: string) =>
  JSON.stringify({ Version: '1', Statement: [{ ...(sid ? { Sid: sid } : {}), Effect: effect, Action: action, Resource: resource }] });

test('a user from making to deleting: key, policy, explanation, and what the key then may do', async () => {
  assert.match((await good('user create ada --display-name Ada')).out, /^name +ada\nid +2\d{17}\narn +acs:ram::/);
  const { json: made } = await good('key create --user ada --json');
  const ada: Key = { id: String(made.id), secret: String(made.secret) };
  assert.equal((await oss('GET', 'a.txt', ada)).code, 'AccessDenied');
  writeFileSync(join(folder, 'read.json'), policy('Allow', 'oss:GetObject', `acs:oss:*:*:${bucket}/*`, 'ReadIt'));
  await good('policy create Reading --document read.json --description reads');
  await good('user attach ada Reading');
  assert.equal((await oss('GET', 'a.txt', ada)).status, 200);

  const explained = await good(`policy explain --as ada --action oss:GetObject --resource acs:oss:*:*:${bucket}/a.txt`);
  assert.match(explained.out, /^Allowed: a statement allows it\.\n/);
  assert.match(explained.out, /decided by +Reading\nattached to +user ada\n/);
  assert.match(explained.out, /statement +1 \(ReadIt\)/);
  const asked = [
    'policy',
    'explain',
    '--as',
    `key:${ada.id}`,
    '--action',
    'oss:PutObject',
    '--resource',
    `acs:oss:*:*:${bucket}/a.txt`,
    '--json',
  ];
  const { json: denied } = await good(asked);
  assert.equal(denied.allowed, false);

  const shut = policy('Deny', 'oss:*', '*', 'Shut');
  await good('policy update Reading --document -', { stdin: shut });
  assert.equal((await oss('GET', 'a.txt', ada)).code, 'AccessDenied');
  assert.match(
    (await good(`policy explain --as user:ada --action oss:GetObject --resource acs:oss:*:*:${bucket}/a.txt`)).out,
    /explicit deny[\s\S]*1 \(Shut\)/,
  );

  const conflict = await fails('user delete ada', 1, /DeleteConflict\.User: .*reading/i);
  assert.match(conflict.err, new RegExp(ada.id));
  assert.match(conflict.err, /\(request [0-9A-F]{24}\)/);
  await fails('policy delete Reading', 1, /user ada/);
  await good('user detach ada Reading');
  await good(['key', 'delete', ada.id]);
  await good('policy delete Reading');
  await good('user delete ada');
  const gone = await fails('user get ada', 1, /EntityNotExist\.User/);
  assert.match(gone.err, /sluice user list/, 'the next step is named');
});

test('keys: disabled, enabled, rotated; lists show last use and no secret', async () => {
  await good('user create grace');
  await good('user attach grace AliyunOSSReadOnlyAccess');
  const { json: first } = await good('key create --user grace --json');
  const key: Key = { id: String(first.id), secret: String(first.secret) };
  const status = async () => (await oss('GET', 'a.txt', key)).status;
  assert.equal(await status(), 200);
  const listed = await good('key list --user grace');
  assert.match(listed.out, new RegExp(`${key.id} +grace +Active .*Z +oss\n`));
  assert.ok(!listed.out.includes(key.secret));
  assert.match((await good('key list')).out, new RegExp(`${sluice.key.id} +\\(account, root key\\)`));
  await good(['key', 'disable', key.id]);
  assert.equal(await status(), 403);
  await good(['key', 'enable', key.id]);
  assert.equal(await status(), 200);
  const rotated = await good(['key', 'rotate', key.id]);
  assert.match(rotated.out, /access key secret +\w{40} +\(shown this once\)/);
  assert.equal(await status(), 200, 'the old one goes on');
  await fails('key create --user grace', 1, /LimitExceeded\.User\.AccessKey/);
  await good('user disable grace');
  assert.equal(await status(), 403);
  await good('user enable grace');
  assert.equal(await status(), 200);
  await fails('key create', 2, /--user/);
  await fails(['key', 'get', 'SLnone'], 1, /EntityNotExist\.User\.AccessKey/);
});

test('roles, lists and the sealing key', async () => {
  writeFileSync(
    join(folder, 'trust.json'),
    JSON.stringify({ Version: '1', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { RAM: ['*'] } }] }),
  );
  await good('role create Deployer --trust trust.json --max-session 7200');
  await good('role create Worker --trust-service fc.aliyuncs.com --description works');
  await good('role attach Worker AliyunOSSFullAccess');
  const shown = await good('role get worker');
  assert.match(shown.out, /policies +AliyunOSSFullAccess/);
  assert.match(shown.out, /fc\.aliyuncs\.com/);
  assert.match((await good('role list')).out, /^NAME +LONGEST SESSION .*\n[\s\S]*Deployer +7200/);
  await good('role update Deployer --description ships --max-session 3600');
  assert.equal((await good('role get Deployer --json')).json.description, 'ships');
  await fails('role delete Worker', 1, /AliyunOSSFullAccess/);
  await good('role detach Worker AliyunOSSFullAccess');
  await good('role delete Worker');
  await fails('role create Nobody', 2, /--trust/);
  assert.match((await good('policy list --system')).out, /AliyunSTSAssumeRoleAccess/);
  for (let i = 0; i < 3; i++) await good(`user create page-${i}`);
  const { json } = await good('user list --prefix page- --json');
  assert.equal((json as unknown as unknown[]).length, 3);
  const rotated = await good('sealing-key rotate');
  assert.match(rotated.out, /yes\n[0-9a-f]{8} +no +\d{4}-/);
});

test('a user with ram permissions administers, another one is refused and told why', async () => {
  await good('user create boss');
  await good('user attach boss AliyunRAMFullAccess');
  await good('user create guest');
  const keyOf = async (name: string) => (await good(`key create --user ${name} --json`)).json;
  const env = ({ id, secret }: Record<string, unknown>) => ({
    ...{ SLUICE_ENDPOINT: sluice.control, SLUICE_ACCESS_KEY_ID: String(id), SLUICE_ACCESS_KEY_SECRET: String(secret) },
  });
  const [boss, guest] = [env(await keyOf('boss')), env(await keyOf('guest'))];
  await good('user create newcomer', { env: boss });
  const refused = await fails('user create intruder', 1, /AccessDenied: .*user\/guest is not allowed to ram:CreateUser/, { env: guest });
  assert.match(refused.err, /policy explain/);
  const asJson = await fails('user list --json', 1, /./, { env: guest });
  const { error } = JSON.parse(asJson.err) as { error: Record<string, string> };
  assert.equal(error.code, 'AccessDenied');
  assert.match(error.requestId ?? '', /^[0-9A-F]{24}$/);
});

test('exit codes and messages of what goes wrong before the server', async () => {
  const dead = { SLUICE_ENDPOINT: 'http://127.0.0.1:1', SLUICE_ACCESS_KEY_ID: 'x', SLUICE_ACCESS_KEY_SECRET: 'hush-hush' };
  const unreachable = await fails('user list', 3, /cannot be reached/, { env: dead });
  assert.match(unreachable.err, /sluice serve/);
  assert.ok(!unreachable.err.includes('hush-hush'));
  await fails('user list', 2, /no access key/, { env: {} });
  await fails('user list --endpoint nonsense', 2, /no endpoint/);
  await fails('user lst', 2, /unknown command/);
  await fails('user create', 2, /missing required argument/);
  await fails('policy explain --as x', 2, /required option/);
  await fails('policy create X --document none.json', 2, /none\.json cannot be read/);
  await fails('policy create X --document -', 1, /not valid JSON/, { stdin: '{' });
  await fails(
    ['user', 'list', '--endpoint', sluice.data],
    1,
    /not as a Sluice server does|InvalidAccessKeyId|AccessDenied|AuthorizationHeaderMalformed/,
  );
  const wrong = { SLUICE_ENDPOINT: sluice.control, SLUICE_ACCESS_KEY_ID: sluice.key.id, SLUICE_ACCESS_KEY_SECRET: 'wrong-secret' };
  const mismatch = await fails('user list', 1, /SignatureDoesNotMatch/, { env: wrong });
  assert.match(mismatch.err, /SLUICE_ACCESS_KEY_SECRET/);
});

test('profiles: kept private, used without the environment, never shown with their secret', async () => {
  const file = join(folder, 'xdg', 'sluice', 'config.yaml');
  await good(['profile', 'set', 'local', '--endpoint', sluice.control, '--access-key-id', sluice.key.id], {
    env: {},
    stdin: `${sluice.key.secret}\n`,
  });
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(readFileSync(file, 'utf8').includes(sluice.key.secret));
  assert.match((await good('user list', { env: {} })).out, /^NAME/);
  await good(['profile', 'set', 'dead', '--endpoint', 'http://127.0.0.1:1', '--access-key-id', 'x'], {
    env: { SLUICE_ACCESS_KEY_SECRET: 'y' },
  });
  const listed = await good('profile list', { env: {} });
  assert.match(listed.out, /local +yes/);
  assert.ok(!listed.out.includes(sluice.key.secret));
  await fails('user list --profile dead', 3, /cannot be reached/, { env: {} });
  await fails('user list', 3, /cannot be reached/, { env: { SLUICE_PROFILE: 'dead' } });
  await good('profile use dead', { env: {} });
  await fails('user list', 3, /cannot be reached/, { env: {} });
  await good(['user', 'list', '--endpoint', sluice.control, '--profile', 'local'], { env: {} });
  await good('profile delete dead', { env: {} });
  await fails('user list --profile dead', 2, /no profile dead/, { env: {} });
  chmodSync(file, 0o644);
  await fails('user list --profile local', 2, /chmod 600/, { env: {} });
});
