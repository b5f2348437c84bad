/** Sessions through unmodified vendor SDKs: who assumes which role, and what the session then may do with an object. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { Agent } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import OSS from 'ali-oss';
import { admin, createUser } from './harness/admin.ts';
import { send } from './harness/http.ts';
import { type Key, pathOf, queryOf, signHeaderV1, signHeaderV4 } from './harness/sign.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { python, root } from './harness/toolchain.ts';

const bucket = 'acc-sts';
let sluice: Sluice;
let alice: Key;
let roleArn: string;

before(async () => {
  sluice = await startSluice();
  roleArn = `acs:ram::${sluice.accountId}:role/reader`;
  alice = await createUser(sluice, 'alice', 'AliyunSTSAssumeRoleAccess');
  const Principal = { RAM: [`acs:ram::${sluice.accountId}:user/alice`] };
  const trust = { Version: '1', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal }] };
  await admin(sluice, 'POST /roles', { name: 'reader', trust });
  await admin(sluice, 'PUT /roles/reader/policies/AliyunOSSReadOnlyAccess');
  assert.equal((await oss({ method: 'PUT', bucket }, sluice.key)).status, 200);
  for (const key of ['public/a.txt', 'private/b.txt']) {
    assert.equal((await oss({ method: 'PUT', bucket, key }, sluice.key, key)).status, 200);
  }
});
after(() => sluice.finish(async () => {}));

async function oss(
  request: { method: string; bucket: string; key?: string; query?: Record<string, string> },
  key: Key,
  body = '',
  sign = signHeaderV4,
) {
  return send(sluice.data, {
    ...{ method: request.method, path: pathOf(request) + queryOf(request.query), headers: sign(request, key) },
    ...(body === '' ? {} : { body: Buffer.from(body) }),
  });
}

const read = (key: Key, object = 'public/a.txt') => oss({ method: 'GET', bucket, key: object }, key);

interface StsAnswer {
  credentials: { AccessKeyId: string; AccessKeySecret: string; SecurityToken: string; Expiration: string };
}

/** ali-oss ships no types for its STS client. */
function aliSts(key: Key): { assumeRole(role: string, policy?: object, seconds?: number, session?: string): Promise<StsAnswer> } {
  const { STS } = OSS as unknown as { STS: new (options: object) => ReturnType<typeof aliSts> };
  return new STS({ accessKeyId: key.id, accessKeySecret: key.secret, endpoint: sluice.control });
}

function keyOf({ AccessKeyId, AccessKeySecret, SecurityToken }: StsAnswer['credentials']): Key {
  return { id: AccessKeyId, secret: AccessKeySecret, token: SecurityToken };
}

test('ali-oss: a session of a role reads with every signature, and does no more than the role may', async () => {
  const { credentials } = await aliSts(alice).assumeRole(roleArn, undefined, 900, 'ali-oss');
  const session = keyOf(credentials);
  assert.match(session.id, /^STS\./);
  const got = await read(session);
  assert.deepEqual([got.status, got.body.toString()], [200, 'public/a.txt']);
  assert.equal((await oss({ method: 'GET', bucket, key: 'private/b.txt' }, session, '', signHeaderV1)).status, 200);
  const put = await oss({ method: 'PUT', bucket, key: 'public/c.txt' }, session, 'x');
  assert.deepEqual([put.status, put.code], [403, 'AccessDenied']);
  assert.equal((await read(alice)).code, 'AccessDenied', 'alice herself may only assume the role');
  const client = new OSS({
    ...{ accessKeyId: session.id, accessKeySecret: session.secret, stsToken: session.token, bucket },
    ...{ endpoint: sluice.data, sldEnable: true, region: 'oss-cn-qingdao', authorizationV4: true },
    agent: new Agent({ keepAlive: false }),
  });
  assert.equal((await client.get('private/b.txt', {})).content.toString(), 'private/b.txt');
});

test('ali-oss: a session policy narrows the session', async () => {
  const policy = { Version: '1', Statement: [{ Effect: 'Allow', Action: 'oss:GetObject', Resource: [`acs:oss:*:*:${bucket}/public/*`] }] };
  const session = keyOf((await aliSts(alice).assumeRole(roleArn, policy)).credentials);
  assert.equal((await read(session)).status, 200);
  const refused = await read(session, 'private/b.txt');
  assert.deepEqual([refused.status, refused.code], [403, 'AccessDenied']);
  const wide = { Version: '1', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
  const still = keyOf((await aliSts(alice).assumeRole(roleArn, wide)).credentials);
  assert.equal((await oss({ method: 'PUT', bucket, key: 'public/c.txt' }, still, 'x')).code, 'AccessDenied');
});

test('ali-oss shows the codes of the vendor', async () => {
  const fails = async (work: Promise<unknown>, status: number, code: string) => {
    await assert.rejects(work, (error: { status: number; code: string; requestId: string }) => {
      assert.deepEqual([error.status, error.code], [status, code]);
      assert.match(error.requestId, /^[0-9A-F]{24}$/);
      return true;
    });
  };
  await fails(aliSts({ ...alice, secret: 'wrong' }).assumeRole(roleArn), 400, 'SignatureDoesNotMatch');
  await fails(aliSts({ id: 'nobody', secret: 'x' }).assumeRole(roleArn), 404, 'InvalidAccessKeyId.NotFound');
  await fails(aliSts(alice).assumeRole(`${roleArn}2`), 404, 'EntityNotExist.Role');
  await fails(aliSts(alice).assumeRole(roleArn, undefined, 899), 400, 'InvalidParameter.DurationSeconds');
  await fails(aliSts(alice).assumeRole(`acs:ram::${sluice.accountId}:role/aliyunfcdefaultrole`), 403, 'NoPermission');
  const stranger = await createUser(sluice, 'stranger');
  await fails(aliSts(stranger).assumeRole(roleArn), 403, 'NoPermission');
});

/** Runs aliyun-python-sdk-core, which came along with oss2. */
async function pythonSts(key: Key, action: string, params: Record<string, string>, method: 'GET' | 'POST') {
  // Without the system's own packages: an old pyOpenSSL there breaks this SDK.
  const child = spawn(python.tools?.interpreter ?? 'python3', ['-S', join(root, 'test', 'acceptance', 'clients', 'python', 'sts.py')], {
    env: { ...process.env, PYTHONPATH: python.tools?.oss2.newest, NO_PROXY: '*' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const job = {
    endpoint: sluice.control,
    accessKeyId: key.id,
    accessKeySecret: key.secret,
    securityToken: key.token,
    action,
    params,
    method,
  };
  child.stdin.end(JSON.stringify(job));
  return (await json(child.stdout)) as { ok: boolean; status?: number; code?: string; message?: string; answer?: Record<string, unknown> };
}

test('aliyun-python-sdk-core: AssumeRole and GetCallerIdentity by GET and by POST', { skip: python.skip }, async () => {
  for (const method of ['GET', 'POST'] as const) {
    const params = { RoleArn: roleArn, RoleSessionName: 'python', DurationSeconds: '1800' };
    const { ok, answer, code } = await pythonSts(alice, 'AssumeRole', params, method);
    assert.ok(ok, code);
    const session = keyOf(answer?.Credentials as StsAnswer['credentials']);
    assert.equal((await read(session)).status, 200);
    const me = await pythonSts(session, 'GetCallerIdentity', {}, method);
    assert.deepEqual(
      [me.answer?.IdentityType, me.answer?.Arn],
      ['AssumedRoleUser', `acs:ram::${sluice.accountId}:assumed-role/reader/python`],
      me.code,
    );
  }
  const wrong = await pythonSts({ ...alice, secret: 'wrong' }, 'GetCallerIdentity', {}, 'GET');
  // This is what the SDK makes of SignatureDoesNotMatch when our string to sign is the very one that it signed.
  assert.deepEqual([wrong.status, wrong.code], [400, 'InvalidAccessKeySecret'], wrong.message);
  const action = await pythonSts(alice, 'AssumeRoleWithSAML', {}, 'POST');
  assert.deepEqual([action.status, action.code], [404, 'InvalidAction.NotFound']);
});

interface OpenApi {
  default: new (
    config: object,
  ) => { callApi(params: object, request: object, runtime: object): Promise<{ body: Record<string, unknown>; statusCode: number }> };
}

/** The core of the vendor's TypeScript SDKs, which the SDK for Function Compute brings along; @alicloud/sts20150401 is a thin shell over it. */
function openApi(key: Key, more: object = {}) {
  const require = createRequire(createRequire(import.meta.url).resolve('@alicloud/fc20230330'));
  const core = require('@alicloud/openapi-core') as OpenApi & { $OpenApiUtil: Record<string, new (fields: object) => object> };
  const endpoint = new URL(sluice.control).host;
  const { Config, Params, OpenApiRequest } = core.$OpenApiUtil as Record<
    'Config' | 'Params' | 'OpenApiRequest',
    new (
      fields: object,
    ) => object
  >;
  const { RuntimeOptions } = require('@darabonba/typescript') as { RuntimeOptions: new (fields: object) => object };
  const client = new core.default(
    new Config({ accessKeyId: key.id, accessKeySecret: key.secret, securityToken: key.token, endpoint, protocol: 'HTTP', ...more }),
  );
  return async (action: string, query: Record<string, string>, body?: Record<string, string>) => {
    const params = new Params({
      ...{ action, version: '2015-04-01', protocol: 'HTTP', pathname: '/', method: 'POST', authType: 'AK', style: 'RPC' },
      ...{ reqBodyType: 'formData', bodyType: 'json' },
    });
    const reply = await client.callApi(params, new OpenApiRequest({ query, body }), new RuntimeOptions({}));
    return reply.body;
  };
}

for (const [scheme, more] of [
  ['ACS3-HMAC-SHA256', {}],
  ['RPC', { signatureAlgorithm: 'v2' }],
] as const) {
  test(`@alicloud/openapi-core with ${scheme}: parameters in the query and in a form`, async () => {
    const params = { RoleArn: roleArn, RoleSessionName: 'core', DurationSeconds: '900' };
    for (const [query, form] of [
      [params, undefined],
      [{ RoleArn: roleArn }, { RoleSessionName: 'core' }],
    ] as const) {
      const { Credentials } = await openApi(alice, more)('AssumeRole', query, form);
      const session = keyOf(Credentials as StsAnswer['credentials']);
      assert.equal((await read(session)).status, 200);
      const me = await openApi(session, more)('GetCallerIdentity', {});
      assert.equal(me.IdentityType, 'AssumedRoleUser');
    }
    await assert.rejects(openApi(alice, more)('AssumeRole', { ...params, RoleSessionName: 'a b' }), {
      code: 'InvalidParameter.RoleSessionName',
    });
  });
}

test('what is disabled or deleted is out at the next request: keys, users, policies, roles and their sessions', async () => {
  const key = await createUser(sluice, 'temp', 'AliyunSTSAssumeRoleAccess', 'AliyunOSSReadOnlyAccess');
  const Principal = { RAM: [`acs:ram::${sluice.accountId}:user/temp`] };
  await admin(sluice, 'POST /roles', {
    name: 'brief',
    trust: { Version: '1', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal }] },
  });
  await admin(sluice, 'PUT /roles/brief/policies/AliyunOSSReadOnlyAccess');
  const briefArn = `acs:ram::${sluice.accountId}:role/brief`;
  const session = keyOf((await aliSts(key).assumeRole(briefArn)).credentials);
  const codes = async () => [(await read(key)).code, (await read(session)).code];
  assert.deepEqual(await codes(), ['', '']);
  await admin(sluice, `PATCH /keys/${key.id}`, { status: 'Inactive' });
  assert.deepEqual(await codes(), ['UserDisable', '']);
  await assert.rejects(aliSts(key).assumeRole(briefArn), { code: 'InvalidAccessKeyId.Inactive' });
  await admin(sluice, `PATCH /keys/${key.id}`, { status: 'Active' });
  await admin(sluice, 'DELETE /users/temp/policies/AliyunOSSReadOnlyAccess');
  assert.deepEqual(await codes(), ['AccessDenied', '']);
  await admin(sluice, 'PATCH /users/temp', { status: 'Inactive' });
  assert.deepEqual(await codes(), ['UserDisable', 'InvalidSecurityToken']);
  await admin(sluice, 'PATCH /users/temp', { status: 'Active' });
  assert.deepEqual(await codes(), ['AccessDenied', '']);
  await admin(sluice, 'DELETE /roles/brief/policies/AliyunOSSReadOnlyAccess');
  assert.deepEqual(await codes(), ['AccessDenied', 'AccessDenied']);
  await admin(sluice, 'DELETE /roles/brief');
  assert.deepEqual(await codes(), ['AccessDenied', 'InvalidSecurityToken']);
  await admin(sluice, `DELETE /keys/${key.id}`);
  assert.equal((await read(key)).code, 'InvalidAccessKeyId');
});

test('the sealing key rotates without a break, and with dropOld ends every session', async () => {
  const session = keyOf((await aliSts(alice).assumeRole(roleArn)).credentials);
  await admin(sluice, 'POST /sealing-keys/rotate');
  assert.equal((await read(session)).status, 200);
  await admin(sluice, 'POST /sealing-keys/rotate', { dropOld: true });
  assert.equal((await read(session)).code, 'InvalidSecurityToken');
  assert.equal((await read(keyOf((await aliSts(alice).assumeRole(roleArn)).credentials))).status, 200);
});
