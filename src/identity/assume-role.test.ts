import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Fault } from '../faults/index.ts';
import { accountId, openTestIdentity, policy, type TestIdentity, trust } from './fixture.ts';
import type { AssumeRoleRequest, Identity, Principal, SessionCredentials } from './index.ts';

let house: TestIdentity;
let identity: Identity;
let alice: Principal;
const readerArn = `acs:ram::${accountId}:role/Reader`;
const aliceArn = `acs:ram::${accountId}:user/alice`;
const object = (key: string) => `acs:oss:cn-qingdao:${accountId}:photos/${key}`;
const base: AssumeRoleRequest = { roleArn: readerArn, sessionName: 's1' };

beforeEach(async () => {
  house = await openTestIdentity();
  identity = house.identity;
  const { id } = await identity.users.create('alice');
  await identity.policies.attach('AliyunSTSAssumeRoleAccess', { kind: 'user', id });
  const key = await identity.keys.create(id);
  await identity.roles.create('Reader', { trust: trust(aliceArn), maxSessionSeconds: 7_200 });
  await identity.policies.attach('AliyunOSSReadOnlyAccess', { kind: 'role', id: 'reader' });
  const credential = identity.credential(key.id, undefined);
  assert.ok('principal' in credential);
  alice = credential.principal;
});
afterEach(() => house.close());

function codeOf(request: Partial<AssumeRoleRequest>, caller = alice): string {
  try {
    identity.assumeRole(caller, { ...base, ...request });
    return 'good';
  } catch (error) {
    assert.ok(error instanceof Fault, String(error));
    return error.code;
  }
}

function open({ accessKeyId, securityToken }: SessionCredentials): Principal {
  const credential = identity.credential(accessKeyId, securityToken);
  assert.ok('principal' in credential, 'refused');
  return credential.principal;
}

function refusal({ accessKeyId, securityToken }: SessionCredentials): string {
  const credential = identity.credential(accessKeyId, securityToken);
  return 'fault' in credential ? credential.fault.code : 'good';
}

const may = (principal: Principal, action: string, resource: string) => identity.decide({ principal, action, resource });

test('a session has what the role has, for as long as was asked', () => {
  const { credentials, role } = identity.assumeRole(alice, base);
  assert.equal(role.name, 'Reader');
  assert.equal(credentials.expiresAt, house.time + 3_600_000);
  const session = open(credentials);
  assert.equal(session.arn, `acs:ram::${accountId}:assumed-role/reader/s1`);
  assert.equal(may(session, 'oss:GetObject', object('a')).allowed, true);
  assert.equal(may(session, 'oss:PutObject', object('a')).allowed, false);
  house.time += 3_600_000;
  assert.equal(refusal(credentials), 'SecurityTokenExpired');
  assert.equal(identity.assumeRole(alice, { ...base, durationSeconds: 7_200 }).credentials.expiresAt, house.time + 7_200_000);
});

test('parameters against the rules have codes of their own', () => {
  for (const roleArn of ['', 'Reader', 'acs:ram::1:user/x', `${readerArn}/x`])
    assert.equal(codeOf({ roleArn }), 'InvalidParameter.RoleArn');
  for (const sessionName of ['', 'a', 'a/b', 'ä'.repeat(3), 'x'.repeat(65)]) {
    assert.equal(codeOf({ sessionName }), 'InvalidParameter.RoleSessionName', sessionName);
  }
  for (const durationSeconds of [0, 899, 7_201, 1000.5, Number.NaN]) {
    assert.equal(codeOf({ durationSeconds }), 'InvalidParameter.DurationSeconds', String(durationSeconds));
  }
  for (const text of ['{', '{}', policy({ Effect: 'Allow', Action: '*', Resource: '*', Principal: '*' })]) {
    assert.equal(codeOf({ policy: text }), 'InvalidParameter.PolicyGrammar', text);
  }
  assert.equal(
    codeOf({ policy: `${policy({ Effect: 'Allow', Action: '*', Resource: '*' })}${' '.repeat(2_048)}` }),
    'InvalidParameter.PolicySize',
  );
  assert.equal(codeOf({ roleArn: `acs:ram::${accountId}:role/none` }), 'EntityNotExist.Role');
  assert.equal(codeOf({ roleArn: 'acs:ram::99:role/Reader' }), 'EntityNotExist.Role');
  assert.equal(codeOf({ durationSeconds: 900 }), 'good');
});

test('the caller needs the action and the trust of the role; nobody learns of roles without the action', async () => {
  const { id } = await identity.users.create('bob');
  await identity.keys.create(id);
  const bob = () => identity.principal({ kind: 'user', name: 'bob' });
  assert.equal(codeOf({}, bob()), 'NoPermission');
  assert.equal(codeOf({ roleArn: `acs:ram::${accountId}:role/none` }, bob()), 'NoPermission');
  await identity.policies.attach('AliyunSTSAssumeRoleAccess', { kind: 'user', id });
  assert.equal(codeOf({}, bob()), 'NoPermission', 'the trust policy names alice alone');
  assert.equal(codeOf({}, identity.anonymous), 'NoPermission');
  const trusts = async (text: string) => {
    await identity.roles.update('Reader', { trust: text });
    return codeOf({}, bob());
  };
  assert.equal(await trusts(trust(`acs:ram::${accountId}:root`)), 'good', 'the account stands for everyone in it');
  assert.equal(await trusts(trust(accountId)), 'good');
  assert.equal(await trusts(trust('acs:ram::99:root')), 'NoPermission');
  assert.equal(await trusts(trust(`acs:ram::${accountId}:user/b*`)), 'good');
  assert.equal(await trusts(policy({ Effect: 'Allow', Action: 'sts:AssumeRole', NotPrincipal: { RAM: [aliceArn] } })), 'good');
  assert.equal(codeOf({}), 'NoPermission', 'NotPrincipal keeps alice out, who is in the account as well');
  const root = `acs:ram::${accountId}:root`;
  const butBob = policy(
    { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { RAM: [root] } },
    { Effect: 'Deny', Action: '*', Principal: { RAM: [`acs:ram::${accountId}:user/bob`] } },
  );
  assert.equal(await trusts(butBob), 'NoPermission');
  assert.equal(
    await trusts(policy({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: ['fc.aliyuncs.com'] } })),
    'NoPermission',
  );
  const condition = { StringEquals: { 'sts:ExternalId': 'partner-7' } };
  await trusts(policy({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { RAM: [root] }, Condition: condition }));
  assert.equal(codeOf({}, bob()), 'NoPermission');
  assert.equal(codeOf({ externalId: 'partner-8' }, bob()), 'NoPermission');
  assert.equal(codeOf({ externalId: 'partner-7' }, bob()), 'good');
  const network = { IpAddress: { 'acs:SourceIp': '10.0.0.0/8' } };
  await trusts(policy({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { RAM: [root] }, Condition: network }));
  assert.equal(codeOf({ context: { 'acs:SourceIp': '11.0.0.1' } }, bob()), 'NoPermission');
  assert.equal(codeOf({ context: { 'acs:SourceIp': '10.0.0.1' } }, bob()), 'good');
});

test('a session policy narrows and never widens, also against policies of the resource', () => {
  const text = policy(
    { Effect: 'Allow', Action: ['oss:GetObject', 'oss:PutObject'], Resource: 'acs:oss:*:*:photos/public/*' },
    { Effect: 'Deny', Action: '*', Resource: 'acs:oss:*:*:photos/public/secret*' },
  );
  const { credentials } = identity.assumeRole(alice, { ...base, policy: text });
  const session = open(credentials);
  assert.equal(may(session, 'oss:GetObject', object('public/a')).allowed, true);
  assert.deepEqual(may(session, 'oss:GetObject', object('private/a')), {
    allowed: false,
    reason: 'implicit-deny',
    policy: 'the session policy',
  });
  assert.equal(may(session, 'oss:PutObject', object('public/a')).allowed, false, 'the role does not allow it');
  assert.deepEqual(may(session, 'oss:GetObject', object('public/secret')), {
    ...{ allowed: false, reason: 'explicit-deny', policy: 'the session policy', statement: 2 },
  });
  const open2 = { Version: '1', Statement: [{ Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' }] } as const;
  const viaBucket = identity.decide({
    ...{ principal: session, action: 'oss:GetObject', resource: object('private/a') },
    policies: [{ name: 'bucket policy', document: open2 }],
  });
  assert.equal(viaBucket.allowed, false);
  assert.throws(
    () => identity.authorize({ principal: session, action: 'oss:GetObject', resource: object('private/a') }),
    /the session policy does not allow it/,
  );
  assert.deepEqual(
    identity.explain({ principal: session, action: 'oss:GetObject', resource: object('public/a') }).lookedAt.map(({ kind }) => kind),
    ['identity', 'session'],
  );
});

test('the longest session policy fits a header of 16 KiB many times', () => {
  const resources: string[] = [];
  const text = () => policy({ Effect: 'Allow', Action: 'oss:GetObject', Resource: resources });
  while (text().length < 2_020) resources.push(`acs:oss:*:*:"ph/${resources.length}`);
  resources.pop();
  const { credentials } = identity.assumeRole(alice, { ...base, policy: text() });
  assert.ok(credentials.securityToken.length < 4_000, String(credentials.securityToken.length));
  assert.equal(refusal(credentials), 'good');
});

test('a session ends with the user that opened it, with its role, and when the user is disabled', async () => {
  const { credentials } = identity.assumeRole(alice, base);
  await identity.users.update('alice', { status: 'Inactive' });
  assert.equal(refusal(credentials), 'InvalidSecurityToken');
  await identity.users.update('alice', { status: 'Active' });
  assert.equal(refusal(credentials), 'good');
  for (const key of identity.keys.of(alice.id)) await identity.keys.remove(key.id);
  assert.equal(refusal(credentials), 'good', 'keys come and go, the user stays');
  await identity.policies.detach('AliyunSTSAssumeRoleAccess', { kind: 'user', id: alice.id });
  await identity.users.remove('alice');
  assert.equal(refusal(credentials), 'InvalidSecurityToken');
  await identity.users.create('alice');
  assert.equal(refusal(credentials), 'InvalidSecurityToken', 'another alice');
});

test('a session may open another one for an hour at most, and both end with the first role', async () => {
  await identity.policies.attach('AliyunSTSAssumeRoleAccess', { kind: 'role', id: 'reader' });
  await identity.roles.create('Writer', { trust: trust(readerArn), maxSessionSeconds: 43_200 });
  const writer = `acs:ram::${accountId}:role/writer`;
  const first = identity.assumeRole(alice, base).credentials;
  assert.equal(codeOf({ roleArn: writer }), 'NoPermission', 'Writer trusts Reader, not alice');
  const reader = open(first);
  assert.equal(codeOf({ roleArn: writer, durationSeconds: 3_601 }, reader), 'InvalidParameter.DurationSeconds');
  const second = identity.assumeRole(reader, { ...base, roleArn: writer }).credentials;
  assert.equal(open(second).arn, `acs:ram::${accountId}:assumed-role/writer/s1`);
  await identity.users.update('alice', { status: 'Inactive' });
  assert.equal(refusal(second), 'InvalidSecurityToken', 'the user at the beginning of the chain is disabled');
  await identity.users.update('alice', { status: 'Active' });
  for (const name of ['AliyunSTSAssumeRoleAccess', 'AliyunOSSReadOnlyAccess'])
    await identity.policies.detach(name, { kind: 'role', id: 'reader' });
  await identity.roles.remove('Reader');
  assert.equal(refusal(second), 'InvalidSecurityToken');
});

test('a session that was opened from within an exchange stays in it and in its chain', async () => {
  await identity.policies.attach('AliyunSTSAssumeRoleAccess', { kind: 'role', id: 'reader' });
  await identity.roles.update('Reader', { trust: trust(accountId) });
  const claims = { function: 'f', exchange: 'x1', chain: ['fc-ap-01'] };
  const caller = open(identity.assume('Reader', { sessionName: 's', ttlMs: 60_000, claims }));
  const { session } = open(identity.assumeRole(caller, base).credentials);
  assert.deepEqual([session?.exchange, session?.chain, session?.function], ['x1', ['fc-ap-01'], undefined]);
  const reader = open(identity.assume('Reader', { sessionName: 's', ttlMs: 60_000, claims: { read: { names: ['n'], key: 'k' } } }));
  assert.equal(codeOf({}, reader), 'NoPermission', 'a session for one object reads that object');
});

test('the sealing key rotates: old tokens live on, dropped ones end at once, and the file is private', async () => {
  const old = identity.assumeRole(alice, { ...base, durationSeconds: 7_200 }).credentials;
  const [first] = identity.sealingKeys();
  const keys = await identity.rotateSealingKey();
  assert.deepEqual(
    keys.map(({ current }) => current),
    [true, false],
  );
  assert.equal(keys[1]?.id, first?.id);
  assert.equal(keys[1]?.until, house.time + 36 * 3_600_000);
  assert.equal(refusal(old), 'good');
  const fresh = identity.assumeRole(alice, base).credentials;
  assert.equal(refusal(fresh), 'good');
  const file = join(house.folder, 'keys.json');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal((JSON.parse(await readFile(file, 'utf8')) as { sealing: unknown[] }).sealing.length, 2);
  const later = await house.again();
  assert.ok('principal' in later.credential(old.accessKeyId, old.securityToken), 'after a restart, too');
  house.time += 36 * 3_600_000;
  assert.equal((await identity.rotateSealingKey()).length, 2, 'a key whose tokens have all expired is gone');
  const last = identity.assumeRole(alice, base).credentials;
  assert.deepEqual((await identity.rotateSealingKey({ dropOld: true })).length, 1);
  assert.equal(refusal(last), 'InvalidSecurityToken');
  await Promise.all(Array.from({ length: 15 }, () => identity.rotateSealingKey()));
  await assert.rejects(identity.rotateSealingKey(), { code: 'LimitExceeded' });
  assert.equal(new Set(identity.sealingKeys().map(({ id }) => id)).size, 16);
});
