import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { createListener, type Dialect, type Listener } from '../../http/index.ts';
import { type Identity, openIdentity } from '../../identity/index.ts';
import { now } from '../../kit/index.ts';
import { type Metadata, openMetadata } from '../../metadata/index.ts';
import { parseQuery, signAcs3 } from '../../signing/index.ts';
import { type AuditEvent, createTelemetry, InvocationStore } from '../../telemetry/index.ts';
import { adminOperations, createAdminDialect } from './index.ts';

const rootKey = { id: 'root-key', secret: 'root-secret' };
const accountId = '1234567890123456';
const telemetry = createTelemetry({ level: 'silent' });
const next: Dialect = {
  name: 'next',
  handle: async (ctx) => ctx.res.end('next'),
  fault: (_ctx, fault) => ({ status: fault.status, headers: {}, body: fault.code }),
};
let folder: string;
let metadata: Metadata;
let identity: Identity;
let listener: Listener;
let records: InvocationStore;
/** Ends streams. */
let draining = false;
const audited: AuditEvent[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-admin-'));
  metadata = await openMetadata({ file: join(folder, 'metadata.db'), durability: 'relaxed' });
  identity = await openIdentity({ metadata, accountId, rootKey, keyFile: join(folder, 'keys.json') });
  const onProblem = (error: unknown) => assert.fail(String(error));
  records = new InvocationStore({
    ...{
      folder: join(folder, 'records'),
      keep: 'all',
      maxBytes: 2 ** 20,
      maxRecords: 100,
      maxAgeMs: 3_600_000,
      detailedPerSecond: 100,
      bodyBytes: 0,
      onProblem,
    },
  });
  const dialect = createAdminDialect(next, {
    ...{ metrics: telemetry.metrics, parts: () => ({}), draining: () => draining },
    api: { identity, region: 'cn-qingdao', records },
  });
  const audit = { write: (event: AuditEvent) => audited.push(event) };
  listener = createListener({ name: 'control', host: '127.0.0.1', port: 0, dialect, telemetry, audit });
  await listener.start();
});
after(async () => {
  await listener.drain(0);
  await records.close();
  await identity.close();
  await metadata.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  audited.length = 0;
});

interface Key {
  id: string;
  secret: string;
  token?: string;
}

interface Sent {
  body?: unknown;
  query?: string;
  key?: Key | undefined;
  unsigned?: boolean;
  /** Sent instead of the signed body. */
  other?: string;
  headers?: Record<string, string>;
  /** The answer is not JSON. */
  raw?: boolean;
}

interface Got {
  status: number;
  text: string;
  code: string;
  message: string;
  headers: Headers;
  json: Record<string, unknown>;
}

async function send(
  how: string,
  { body, query = '', key = rootKey, unsigned = false, other, headers: more = {}, raw = false }: Sent = {},
): Promise<Got> {
  const [method, path] = how.split(' ') as [string, string];
  const full = `/admin/v1${path}`;
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { host: `127.0.0.1:${listener.port}`, ...(text === '' ? {} : { 'content-type': 'application/json' }) };
  const signed = signAcs3(
    { method, path: full, query: parseQuery(query), headers },
    { accessKeyId: key.id, accessKeySecret: key.secret, securityToken: key.token },
    { sha256: createHash('sha256').update(text).digest('hex'), nonce: randomUUID(), now: now() },
  );
  const sent = other ?? text;
  const reply = await fetch(`http://127.0.0.1:${listener.port}${full}${query && `?${query}`}`, {
    method,
    headers: { ...headers, ...(unsigned ? {} : signed), ...more },
    ...(sent === '' ? {} : { body: sent }),
  });
  const answer = await reply.text();
  const json = (answer.trim() === '' || raw ? {} : JSON.parse(answer)) as Record<string, unknown>;
  return {
    status: reply.status,
    text: answer,
    code: String(json.Code ?? ''),
    message: String(json.Message ?? ''),
    headers: reply.headers,
    json,
  };
}

async function good(how: string, sent: Sent = {}): Promise<Record<string, unknown>> {
  const got = await send(how, sent);
  assert.ok(got.status === 200 || got.status === 204, `${how}: ${got.status} ${got.code} ${got.message}`);
  return got.json;
}

async function refused(how: string, status: number, code: string, sent: Sent = {}, message = /./): Promise<void> {
  const got = await send(how, sent);
  assert.deepEqual([got.status, got.code], [status, code], `${how}: ${got.message}`);
  assert.match(got.message, message);
  assert.match(String(got.json.RequestId), /^[0-9A-F]{24}$/);
}

/** A user with one policy of these statements, and his key. */
async function userWith(name: string, ...statements: object[]): Promise<Key> {
  const user = await identity.users.create(name);
  if (statements.length > 0) {
    await identity.policies.create(`P-${name}`, JSON.stringify({ Version: '1', Statement: statements }));
    await identity.policies.attach(`P-${name}`, { kind: 'user', id: user.id });
  }
  return identity.keys.create(user.id);
}

let requests = 0;

/** A request through an Object FC access point that a function failed. @returns its id */
function request(name: string): string {
  requests += 1;
  const requestId = requests.toString(16).toUpperCase().padStart(24, '0');
  const point = { name: 'point', alias: 'alias', arn: 'arn' };
  const record = records.begin({
    ...{ requestId, receivedAt: now(), method: 'GET', url: 'http://h/alias/k', headers: [], accessPoint: point, supporting: point },
    ...{ bucket: 'b', key: 'k', caller: { kind: 'Account', accountId, arn: 'arn', accessKeyId: rootKey.id } },
  });
  record.bound({
    ...{ name, arn: 'arn', qualifier: 'LATEST', versionId: '', revision: '', runtime: 'python3.10', handler: 'index.handler' },
    ...{ timeoutMs: 1, memoryMb: 1 },
  });
  record.settled('FunctionTimeout', { code: 'FunctionTimeout', status: 504, message: 'late' });
  record.ended({ instanceId: 'i', coldStart: false, durationMs: 1, maxMemoryMb: 1 });
  return requestId;
}

const trust = { Version: '1', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: ['fc.aliyuncs.com'] } }] };
const document = { Version: '1', Statement: [{ Effect: 'Allow', Action: 'oss:GetObject', Resource: 'acs:oss:*:*:photos/*' }] };

/** For each operation what it needs to be there, and what is sent; the result is 200 or 204 for who may. */
const samples: Record<string, (name: string) => Promise<[how: string, sent?: Sent]>> = {
  CreateUser: async (name) => ['POST /users', { body: { name } }],
  GetUser: async (name) => [`GET /users/${(await identity.users.create(name)).name}`],
  ListUsers: async () => ['GET /users'],
  UpdateUser: async (name) => [`PATCH /users/${(await identity.users.create(name)).name}`, { body: { comment: 'x' } }],
  DeleteUser: async (name) => [`DELETE /users/${(await identity.users.create(name)).name}`],
  CreateAccessKey: async (name) => ['POST /keys', { body: { user: (await identity.users.create(name)).name } }],
  GetAccessKey: async (name) => [`GET /keys/${(await userWith(name)).id}`],
  ListAccessKeys: async () => ['GET /keys'],
  UpdateAccessKey: async (name) => [`PATCH /keys/${(await userWith(name)).id}`, { body: { status: 'Inactive' } }],
  RotateAccessKey: async (name) => [`POST /keys/${(await userWith(name)).id}/rotate`],
  DeleteAccessKey: async (name) => [`DELETE /keys/${(await userWith(name)).id}`],
  CreateRole: async (name) => ['POST /roles', { body: { name, trust } }],
  GetRole: async () => ['GET /roles/AliyunFCDefaultRole'],
  ListRoles: async () => ['GET /roles'],
  UpdateRole: async () => ['PATCH /roles/AliyunFCDefaultRole', { body: { description: 'x' } }],
  DeleteRole: async (name) => [`DELETE /roles/${(await identity.roles.create(name, { trust: JSON.stringify(trust) })).name}`],
  CreatePolicy: async (name) => ['POST /policies', { body: { name, document } }],
  GetPolicy: async () => ['GET /policies/AliyunOSSFullAccess'],
  ListPolicies: async () => ['GET /policies'],
  UpdatePolicy: async (name) => [
    `PUT /policies/${(await identity.policies.create(name, JSON.stringify(document))).name}`,
    { body: { document } },
  ],
  DeletePolicy: async (name) => [`DELETE /policies/${(await identity.policies.create(name, JSON.stringify(document))).name}`],
  AttachPolicyToUser: async (name) => [`PUT /users/${(await identity.users.create(name)).name}/policies/AliyunOSSFullAccess`],
  DetachPolicyFromUser: async (name) => {
    const { id } = await identity.users.create(name);
    await identity.policies.attach('AliyunOSSFullAccess', { kind: 'user', id });
    return [`DELETE /users/${name}/policies/AliyunOSSFullAccess`];
  },
  AttachPolicyToRole: async () => ['PUT /roles/AliyunFCDefaultRole/policies/AliyunOSSFullAccess'],
  DetachPolicyFromRole: async () => {
    await identity.policies.attach('AliyunFCFullAccess', { kind: 'role', id: 'aliyunfcdefaultrole' });
    return ['DELETE /roles/AliyunFCDefaultRole/policies/AliyunFCFullAccess'];
  },
  ExplainPolicy: async () => ['POST /explain', { body: { as: 'account', action: 'oss:GetObject', resource: 'acs:oss:*:*:b/k' } }],
  ListFunctionLogs: async () => ['GET /functions/shout/logs'],
  ListInvocations: async () => ['GET /invocations'],
  StreamInvocations: async () => {
    draining = true;
    return ['GET /invocations/stream'];
  },
  GetInvocation: async () => [`GET /invocations/${request('shout')}`],
  ListSealingKeys: async () => ['GET /sealing-keys'],
  RotateSealingKey: async () => ['POST /sealing-keys/rotate'],
};

for (const operation of adminOperations) {
  test(`${operation.name}: allowed by ${operation.action}, not without it, and not against a Deny`, async () => {
    const sample = samples[operation.name];
    assert.ok(sample, 'every operation has a sample');
    const short = operation.name.replace(/[a-z]/g, '').toLowerCase() + operation.name.length;
    const allow = { Effect: 'Allow', Action: operation.action, Resource: '*' };
    const may = await userWith(`may-${operation.name}`, allow);
    const other = await userWith(`other-${operation.name}`, { Effect: 'Allow', NotAction: operation.action, Resource: '*' });
    const denied = await userWith(`denied-${operation.name}`, allow, { Effect: 'Deny', Action: operation.action, Resource: '*' });
    const [how, sent = {}] = await sample(`t-${short}`);
    for (const key of [other, denied]) {
      audited.length = 0;
      await refused(how, 403, 'AccessDenied', { ...sent, key }, new RegExp(operation.action));
      assert.deepEqual(
        audited.map(({ operation: name, outcome, accessKeyId }) => [name, outcome, accessKeyId]),
        [[operation.name, 'denied', key.id]],
      );
    }
    audited.length = 0;
    await good(how, { ...sent, key: may });
    assert.deepEqual(
      audited.map(({ operation: name, outcome }) => [name, outcome]),
      operation.changes ? [[operation.name, 'done']] : [],
    );
  });
}

test('logs of a function need the action on that function', async () => {
  const key = await userWith('reads-logs', { Effect: 'Allow', Action: 'fc:ListFunctionLogs', Resource: 'acs:fc:*:*:functions/shout' });
  assert.deepEqual(await good('GET /functions/shout/logs', { key }), { lines: [], newest: 0, more: false });
  await refused('GET /functions/other/logs', 403, 'AccessDenied', { key });
});

test('records need the action on their function; unknown ones on all; filters and bounds are checked', async () => {
  const id = request('shout');
  const on = (name: string) => ({ Effect: 'Allow', Action: 'fc:*Invocation*', Resource: `acs:fc:*:*:functions/${name}` });
  const [own, other] = [await userWith('of-shout', on('shout')), await userWith('of-other', on('other'))];
  assert.equal((await good(`GET /invocations/${id}`, { key: own })).id, id);
  await refused(`GET /invocations/${id}`, 403, 'AccessDenied', { key: other }, /functions\/shout/);
  await refused('GET /invocations/UNKNOWN', 403, 'AccessDenied', { key: own });
  await refused('GET /invocations/UNKNOWN', 404, 'NoSuchInvocation');
  const listed = async (query: string, key?: Key) =>
    ((await good('GET /invocations', { query, ...(key ? { key } : {}) })).invocations as { id: string }[]).map((each) => each.id);
  assert.ok((await listed('function=shout&status=504&since=1h&accessPoint=point', own)).includes(id));
  await refused('GET /invocations', 403, 'AccessDenied', { key: own });
  assert.deepEqual(await listed('function=nobody'), []);
  for (const query of ['limit=0', 'limit=x', 'limit=1001', 'next=x', 'since=yesterday']) {
    await refused('GET /invocations', 400, 'InvalidArgument', { query });
  }
});

test('the stream tells of each record that fits, by lines or as events, and ends with the server', async () => {
  for (const [accept, form] of [
    ['*/*', /^\n\{.*\}\n$/],
    ['text/event-stream', /^:\n\ndata: \{.*\}\n\n$/],
  ] as const) {
    draining = false;
    const streamed = send('GET /invocations/stream', { query: 'function=heard', headers: { accept }, raw: true });
    while (!records.isFollowed) await new Promise((resolve) => setImmediate(resolve));
    request('unheard');
    const id = request('heard');
    while (!(await records.list({ function: 'heard' }, 10)).invocations.some((it) => it.id === id && it.outcome !== 'running'))
      await new Promise((resolve) => setImmediate(resolve));
    draining = true;
    const { status, text } = await streamed;
    assert.equal(status, 200);
    assert.match(text, form);
    assert.ok(text.includes(id));
  }
});

test('nobody without a signature, with a bad one, or with another body gets in', async () => {
  await refused('GET /users', 403, 'AccessDenied', { unsigned: true }, /not signed/);
  await refused('GET /users', 403, 'SignatureDoesNotMatch', { key: { ...rootKey, secret: 'other' } });
  await refused('GET /users', 403, 'InvalidAccessKeyId', { key: { id: 'nobody', secret: 'other' } });
  await refused('POST /users', 400, 'InvalidDigest', { body: { name: 'x1' }, other: '{"name":"x2"}' });
  await refused('GET /nothing', 404, 'PathNotSupported', { unsigned: true });
  await refused('PUT /users', 405, 'MethodNotAllowed');
  assert.equal(await (await fetch(`http://127.0.0.1:${listener.port}/admin/v10/users`)).text(), 'next');
});

test('a signed request is accepted once', async () => {
  const headers = { host: `127.0.0.1:${listener.port}` };
  const body = { sha256: createHash('sha256').update('').digest('hex'), nonce: randomUUID(), now: now() };
  const key = { accessKeyId: rootKey.id, accessKeySecret: rootKey.secret };
  const signed = signAcs3({ method: 'GET', path: '/admin/v1/users', query: [], headers }, key, body);
  const codes = [];
  for (let i = 0; i < 2; i++) codes.push((await fetch(`http://127.0.0.1:${listener.port}/admin/v1/users`, { headers: signed })).status);
  assert.deepEqual(codes, [200, 400]);
});

test('bodies against the rules are refused before anything happens', async () => {
  for (const body of ['{', 'nul', '{"name":"\\ud800"']) await refused('POST /users', 400, 'MalformedJSON', { body });
  for (const body of ['[]', '3', { name: 3 }, { nam: 'x' }, { name: 'x', extra: 1 }, '{"__proto__":{"name":"x"}}']) {
    await refused('POST /users', 400, 'InvalidArgument', { body });
  }
  await refused('POST /users', 400, 'EntityTooLarge', { body: { name: 'x'.repeat(70_000) } });
  await refused('PATCH /users/nobody', 400, 'InvalidArgument', { body: {} });
  await refused('GET /users', 400, 'InvalidArgument', { query: 'limit=x' });
  await refused('GET /policies', 400, 'InvalidArgument', { query: 'type=All' });
  await refused('GET /users/%zz', 400, 'InvalidURI');
});

test('secrets are in the answers that make them and nowhere else, neither in lists nor in the audit log', async () => {
  await good('POST /users', { body: { name: 'sam' } });
  const key = await good('POST /keys', { body: { user: 'sam' } });
  const next2 = await good(`POST /keys/${key.id}/rotate`, { body: { disableOld: true } });
  assert.match(String(key.secret), /^\w{40}$/);
  const rest = [
    await good('GET /keys'),
    await good(`GET /keys/${key.id}`),
    await good('GET /users/sam'),
    await good('GET /keys', { query: 'user=sam' }),
  ];
  for (const text of [JSON.stringify(rest), JSON.stringify(audited)]) {
    for (const secret of [key.secret, next2.secret, rootKey.secret]) assert.ok(!text.includes(String(secret)));
  }
  const got = await send('GET /keys');
  assert.equal(got.headers.get('cache-control'), 'no-store');
});

test('a permission for one user is one for this user: keys, new names and attached policies included', async () => {
  const resource = 'acs:ram:*:*:user/dev-*';
  const key = await userWith('lead', { Effect: 'Allow', Action: 'ram:*', Resource: resource });
  await good('POST /users', { key, body: { name: 'dev-1' } });
  const devKey = await good('POST /keys', { key, body: { user: 'dev-1' } });
  await good(`PATCH /keys/${devKey.id}`, { key, body: { status: 'Inactive' } });
  const strange = await userWith('ops-1');
  await refused('POST /users', 403, 'AccessDenied', { key, body: { name: 'ops-2' } });
  await refused('POST /keys', 403, 'AccessDenied', { key, body: { user: 'ops-1' } });
  await refused(`DELETE /keys/${strange.id}`, 403, 'AccessDenied', { key });
  await refused('DELETE /keys/SLunknown', 403, 'AccessDenied', { key });
  await refused('PATCH /users/dev-1', 403, 'AccessDenied', { key, body: { newName: 'ops-9' } }, /user\/ops-9/);
  await refused('PUT /users/dev-1/policies/AdministratorAccess', 403, 'AccessDenied', { key }, /system:policy\/AdministratorAccess/);
  await refused('GET /users', 403, 'AccessDenied', { key });
});

test('keys of the account are made and touched by the account alone', async () => {
  const admin = await userWith('admin', { Effect: 'Allow', Action: '*', Resource: '*' });
  await refused('POST /keys', 403, 'AccessDenied', { key: admin, body: {} }, /Only the account/);
  const key = await good('POST /keys', { body: {} });
  assert.equal(key.user, undefined);
  await refused(`DELETE /keys/${key.id}`, 403, 'AccessDenied', { key: admin }, /Only the account/);
  await good('GET /users', { key: { id: String(key.id), secret: String(key.secret) } });
  await good(`DELETE /keys/${key.id}`);
  await refused(`DELETE /keys/${rootKey.id}`, 400, 'InvalidArgument', {}, /root key/);
});

test('disabling counts at the next request, for the one who asks too', async () => {
  const key = await userWith('brief', { Effect: 'Allow', Action: 'ram:ListUsers', Resource: '*' });
  await good('GET /users', { key });
  await good(`PATCH /keys/${key.id}`, { body: { status: 'Inactive' } });
  await refused('GET /users', 403, 'UserDisable', { key });
  await good(`PATCH /keys/${key.id}`, { body: { status: 'Active' } });
  await good('DELETE /users/brief/policies/P-brief');
  await refused('GET /users', 403, 'AccessDenied', { key });
  await good(`DELETE /keys/${key.id}`);
  await refused('GET /users', 403, 'InvalidAccessKeyId', { key });
});

test('explain: by prefix or bare name, with conditions, and a wrong name said so', async () => {
  await userWith('eva', {
    ...{ Sid: 'office', Effect: 'Allow', Action: 'oss:GetObject', Resource: 'acs:oss:cn-qingdao:*:photos/*' },
    Condition: { IpAddress: { 'acs:SourceIp': '10.0.0.0/8' } },
  });
  const asked = { action: 'oss:GetObject', resource: 'acs:oss:*:*:photos/a:b' };
  const inside = await good('POST /explain', { body: { as: 'eva', ...asked, context: { 'acs:SourceIp': '10.0.0.1' } } });
  assert.deepEqual(
    [inside.allowed, inside.policy, inside.statement, inside.sid, inside.attachedTo, inside.asked],
    [true, 'P-eva', 1, 'office', 'user eva', `acs:oss:cn-qingdao:${accountId}:photos/a:b`],
  );
  const outside = await good('POST /explain', { body: { as: 'user:eva', ...asked } });
  assert.deepEqual([outside.allowed, outside.reason], [false, 'implicit-deny']);
  assert.equal((await good('POST /explain', { body: { as: 'anonymous', ...asked } })).allowed, false);
  assert.equal((await good('POST /explain', { body: { as: 'role:AliyunFCDefaultRole', ...asked } })).allowed, true);
  assert.equal((await good('POST /explain', { body: { as: `key:${rootKey.id}`, ...asked } })).reason, 'account');
  await refused('POST /explain', 404, 'EntityNotExist.User', { body: { as: 'user:nobody', ...asked } });
  await refused('POST /explain', 404, 'EntityNotExist.User.AccessKey', { body: { as: 'nobody', ...asked } });
  await refused('POST /explain', 400, 'InvalidArgument', { body: { as: 'group:x', ...asked } });
  await refused('POST /explain', 400, 'InvalidArgument', { body: { as: 'eva', ...asked, action: 'GetObject' } }, /oss:GetObject/);
  await refused('POST /explain', 400, 'InvalidArgument', { body: { as: 'eva', ...asked, resource: 'photos/x' } }, /resource/);
});
