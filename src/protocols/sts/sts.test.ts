import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { createListener, type Dialect, type Listener } from '../../http/index.ts';
import { type Identity, openIdentity } from '../../identity/index.ts';
import { childText, parseXml } from '../../kit/index.ts';
import { type Metadata, openMetadata } from '../../metadata/index.ts';
import { signAcs3, signRpc1 } from '../../signing/index.ts';
import { type AuditEvent, createTelemetry } from '../../telemetry/index.ts';
import { createStsDialect } from './index.ts';

const accountId = '1234567890123456';
const rootKey = { id: 'root-key', secret: 'root-secret' };
const telemetry = createTelemetry({ level: 'silent' });
const next: Dialect = {
  name: 'next',
  handle: async (ctx) => ctx.res.end('next'),
  fault: (_ctx, fault) => ({ status: fault.status, headers: {}, body: fault.code }),
};
const audited: AuditEvent[] = [];
let folder: string;
let metadata: Metadata;
let identity: Identity;
let listener: Listener;
let base: string;
let alice: { accessKeyId: string; accessKeySecret: string };

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-sts-'));
  metadata = await openMetadata({ file: join(folder, 'metadata.db'), durability: 'relaxed' });
  identity = await openIdentity({ metadata, accountId, rootKey, keyFile: join(folder, 'keys.json') });
  const audit = { write: (event: AuditEvent) => audited.push(event) };
  listener = createListener({
    name: 'control',
    host: '127.0.0.1',
    port: 0,
    dialect: createStsDialect(next, { identity }),
    telemetry,
    audit,
  });
  await listener.start();
  base = `http://127.0.0.1:${listener.port}`;
  const { id } = await identity.users.create('alice');
  await identity.policies.attach('AliyunSTSAssumeRoleAccess', { kind: 'user', id });
  const key = await identity.keys.create(id);
  alice = { accessKeyId: key.id, accessKeySecret: key.secret };
  const trust = JSON.stringify({
    Version: '1',
    Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { RAM: [`acs:ram::${accountId}:user/alice`] } }],
  });
  await identity.roles.create('Reader', { trust });
});
after(async () => {
  await listener.drain(0);
  await identity.close();
  await metadata.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  audited.length = 0;
});

const roleArn = `acs:ram::${accountId}:role/reader`;
const assume = { Action: 'AssumeRole', Version: '2015-04-01', RoleArn: roleArn, RoleSessionName: 'sess' };
const whoAmI = { Action: 'GetCallerIdentity', Version: '2015-04-01' };

type Key = typeof alice & { securityToken?: string };
interface Reply {
  status: number;
  type: string;
  text: string;
}

async function fetched(url: string, init: RequestInit = {}): Promise<Reply> {
  const reply = await fetch(url, init);
  return { status: reply.status, type: reply.headers.get('content-type') ?? '', text: await reply.text() };
}

function rpc(
  method: 'GET' | 'POST',
  params: Record<string, string>,
  key: Key = alice,
  now = Date.now(),
  nonce: string = randomUUID(),
): Promise<Reply> {
  const query = new URLSearchParams(signRpc1(method, params, key, { nonce, now })).toString();
  if (method === 'GET') return fetched(`${base}/?${query}`);
  return fetched(`${base}/`, { method, body: query, headers: { 'content-type': 'application/x-www-form-urlencoded' } });
}

function json({ text }: Reply): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>;
}

async function refused(reply: Promise<Reply>, status: number, code: string, message = /./): Promise<void> {
  const got = await reply;
  const body = json(got);
  assert.deepEqual([got.status, body.Code], [status, code], got.text);
  assert.deepEqual(Object.keys(body), ['RequestId', 'HostId', 'Code', 'Message', 'Recommend']);
  assert.match(String(body.Message), message);
}

const asJson = { Format: 'JSON' };

test('AssumeRole by GET and by POST, in JSON and in XML; the session says who it is', async () => {
  for (const method of ['GET', 'POST'] as const) {
    const reply = await rpc(method, { ...assume, ...asJson, DurationSeconds: '900' });
    assert.equal(reply.status, 200, reply.text);
    assert.match(reply.type, /^application\/json/);
    const { Credentials, AssumedRoleUser, RequestId } = json(reply) as Record<string, Record<string, string>>;
    assert.match(String(RequestId), /^[0-9A-F]{24}$/);
    const role = identity.role('Reader');
    assert.deepEqual(AssumedRoleUser, { AssumedRoleId: `${role?.id}:sess`, Arn: `acs:ram::${accountId}:role/Reader/sess` });
    assert.match(Credentials?.Expiration ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const left = Date.parse(Credentials?.Expiration ?? '') - Date.now();
    assert.ok(left > 880_000 && left <= 900_000, String(left));
    const { AccessKeyId = '', AccessKeySecret = '', SecurityToken = '' } = Credentials ?? {};
    const session = { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret, securityToken: SecurityToken };
    const me = json(await rpc(method, { ...whoAmI, ...asJson }, session));
    assert.deepEqual(
      { ...me, RequestId: '' },
      {
        ...{ AccountId: accountId, Arn: `acs:ram::${accountId}:assumed-role/reader/sess`, RequestId: '' },
        ...{ IdentityType: 'AssumedRoleUser', PrincipalId: `${role?.id}:sess`, RoleId: role?.id },
      },
    );
  }
  const reply = await rpc('GET', assume);
  assert.match(reply.type, /^text\/xml/);
  const root = parseXml(reply.text);
  assert.equal(root.name, 'AssumeRoleResponse');
  assert.match(childText(root, 'Credentials', 'AccessKeyId') ?? '', /^STS\./);
  assert.deepEqual(
    audited.map(({ operation, outcome, resource }) => [operation, outcome, resource]),
    [0, 1, 2].map(() => ['AssumeRole', 'done', roleArn]),
  );
  assert.ok(!JSON.stringify(audited).includes(childText(root, 'Credentials', 'AccessKeySecret') ?? 'none'));
});

test('GetCallerIdentity needs no permission, and knows users and the account', async () => {
  const user = identity.users.get('alice');
  const me = json(await rpc('GET', { ...whoAmI, ...asJson }));
  assert.deepEqual([me.IdentityType, me.UserId, me.PrincipalId, me.Arn], ['RAMUser', user?.id, user?.id, user?.arn]);
  const root = json(await rpc('GET', { ...whoAmI, ...asJson }, { accessKeyId: rootKey.id, accessKeySecret: rootKey.secret }));
  assert.deepEqual([root.IdentityType, root.UserId], ['Account', accountId]);
  assert.equal(identity.keys.need(alice.accessKeyId).lastUsed?.service, 'sts');
});

test('ACS3, as the newer SDKs sign: action in a header, parameters in the query or in a form', async () => {
  for (const place of ['query', 'form'] as const) {
    const { Action, Version, ...params } = assume;
    const text = new URLSearchParams(params).toString();
    const body = place === 'form' ? text : '';
    const headers = {
      ...{ host: `127.0.0.1:${listener.port}`, 'x-acs-action': Action, 'x-acs-version': Version },
      ...(place === 'form' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
    };
    const query = place === 'query' ? Object.entries(params).map(([name, value]) => ({ name, value, bare: false })) : [];
    const sha256 = createHash('sha256').update(body).digest('hex');
    const signed = signAcs3({ method: 'POST', path: '/', query, headers }, alice, { sha256, nonce: randomUUID(), now: Date.now() });
    const url = place === 'query' ? `${base}/?${text}` : `${base}/`;
    const send = (content = body) =>
      fetched(url, { method: 'POST', headers: { ...headers, ...signed }, ...(content ? { body: content } : {}) });
    if (place === 'form') await refused(send(body.replace('sess', 'evil')), 400, 'InvalidDigest');
    const reply = await send();
    assert.equal(reply.status, 200, reply.text);
    assert.match(String((json(reply).Credentials as Record<string, string>).AccessKeyId), /^STS\./);
    await refused(send(), 400, 'SignatureNonceUsed');
  }
});

test('every refusal has the code of the vendor', async () => {
  const as = (change: Partial<Key>) => rpc('GET', { ...whoAmI, ...asJson }, { ...alice, ...change });
  await refused(as({ accessKeyId: 'nobody' }), 404, 'InvalidAccessKeyId.NotFound');
  await refused(
    as({ accessKeySecret: 'other' }),
    400,
    'SignatureDoesNotMatch',
    /^Specified signature is not matched .*server string to sign is:GET&%2F&/,
  );
  await refused(as({ securityToken: 'x' }), 403, 'InvalidSecurityToken.Malformed');
  await refused(rpc('GET', { ...whoAmI, ...asJson }, alice, Date.now() - 16 * 60_000), 400, 'InvalidTimeStamp.Expired');
  const nonce = randomUUID();
  assert.equal((await rpc('GET', { ...whoAmI, ...asJson }, alice, Date.now(), nonce)).status, 200);
  await refused(rpc('GET', { ...whoAmI, ...asJson }, alice, Date.now(), nonce), 400, 'SignatureNonceUsed');
  await refused(rpc('GET', { ...asJson, Action: 'Dance', Version: '2015-04-01' }), 404, 'InvalidAction.NotFound');
  await refused(rpc('GET', { ...assume, ...asJson, Version: '2014-05-26' }), 400, 'InvalidVersion');
  await refused(fetched(`${base}/?${new URLSearchParams({ ...assume, ...asJson })}`), 400, 'MissingParameter', /AccessKeyId/);
  for (const name of ['RoleArn', 'RoleSessionName'] as const) {
    const { [name]: _, ...rest } = assume;
    await refused(rpc('GET', { ...rest, ...asJson }), 400, 'MissingParameter', new RegExp(name));
  }
  const wrong = (change: Record<string, string>) => rpc('POST', { ...assume, ...asJson, ...change });
  await refused(wrong({ RoleArn: 'reader' }), 400, 'InvalidParameter.RoleArn');
  await refused(wrong({ RoleSessionName: 'a b' }), 400, 'InvalidParameter.RoleSessionName');
  for (const DurationSeconds of ['899', '3601', 'x', '-900', '1e3']) {
    await refused(wrong({ DurationSeconds }), 400, 'InvalidParameter.DurationSeconds');
  }
  await refused(wrong({ Policy: '{"Version":"2"}' }), 400, 'InvalidParameter.PolicyGrammar');
  await refused(wrong({ Policy: 'x'.repeat(2_049) }), 400, 'InvalidParameter.PolicySize');
  await refused(wrong({ RoleArn: `acs:ram::${accountId}:role/none` }), 404, 'EntityNotExist.Role');
  audited.length = 0;
  await refused(wrong({ RoleArn: `acs:ram::${accountId}:role/AliyunFCDefaultRole` }), 403, 'NoPermission', /trust policy/);
  assert.deepEqual(
    audited.map(({ outcome, code, accessKeyId }) => [outcome, code, accessKeyId]),
    [['denied', 'NoPermission', alice.accessKeyId]],
  );
  const xml = parseXml((await rpc('GET', { ...assume, RoleArn: 'x' })).text);
  assert.equal(xml.name, 'Error');
  assert.equal(childText(xml, 'Code'), 'InvalidParameter.RoleArn');
  await identity.keys.setStatus(alice.accessKeyId, 'Inactive');
  await refused(as({}), 403, 'InvalidAccessKeyId.Inactive');
  await identity.keys.setStatus(alice.accessKeyId, 'Active');
  assert.equal((await as({})).status, 200);
});

test('a parameter that is there twice, an endless form and other methods are refused', async () => {
  const signed = new URLSearchParams(signRpc1('POST', { ...assume, ...asJson }, alice, { nonce: randomUUID(), now: Date.now() }));
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  await refused(fetched(`${base}/?RoleArn=x`, { method: 'POST', body: signed.toString(), headers: form }), 400, 'InvalidArgument', /twice/);
  const endless = fetched(`${base}/?Format=JSON`, { method: 'POST', body: `a=${'x'.repeat(70_000)}`, headers: form });
  assert.equal((await endless).status, 400);
  assert.equal((await fetched(`${base}/?Action=AssumeRole`, { method: 'DELETE' })).status, 405);
});

test('everything else goes on to the next dialect', async () => {
  assert.equal((await fetched(`${base}/`)).text, 'next');
  assert.equal((await fetched(`${base}/x?Action=AssumeRole`)).text, 'next');
});
