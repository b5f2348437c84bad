import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Fault } from '../faults/index.ts';
import { type Metadata, openMetadata } from '../metadata/index.ts';
import { type Identity, type IdentityOptions, openIdentity, type PolicyDocument, type SessionClaims } from './index.ts';

const accountId = '1234567890123456';
const rootKey = { id: 'AKroot', secret: 'root-secret-1' };
let folder: string;
let metadata: Metadata;
let time: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-identity-'));
  metadata = await openMetadata({ file: join(folder, 'metadata.db'), durability: 'relaxed' });
  time = 1_800_000_000_000;
});
afterEach(async () => {
  await metadata.close();
  await rm(folder, { recursive: true, force: true });
});

function open(change: Partial<IdentityOptions> = {}) {
  return openIdentity({ metadata, accountId, rootKey, keyFile: join(folder, 'keys.json'), now: () => time, ...change });
}

function assume(identity: Identity, claims?: SessionClaims) {
  return identity.assume('AliyunFCDefaultRole', { sessionName: 's1', ttlMs: 60_000, claims });
}

/** The code of the fault, having checked that the secret that comes with it is nobody's. */
function refused(identity: Identity, id: string, token?: string): string {
  const credential = identity.credential(id, token);
  assert.ok('fault' in credential, 'the credential is good');
  assert.ok(credential.fault instanceof Fault);
  assert.equal(credential.secret.length, 40);
  return credential.fault.code;
}

function principal(identity: Identity, id: string, token?: string) {
  const credential = identity.credential(id, token);
  assert.ok('principal' in credential, 'the credential is refused');
  return credential.principal;
}

test('makes account and root key once and keeps them', async () => {
  const made = { accountId: undefined, rootKey: undefined };
  const first = await open(made);
  assert.match(first.accountId, /^[1-9]\d{15}$/);
  assert.equal(first.rootKey.made, true);
  const again = await open(made);
  assert.equal(again.accountId, first.accountId);
  assert.deepEqual(again.rootKey, { ...first.rootKey, made: false });
  const credential = again.credential(first.rootKey.id, undefined);
  assert.ok('principal' in credential);
  assert.equal(credential.secret, first.rootKey.secret);
});

test('a given account and root key are used, and the key is written nowhere', async () => {
  const identity = await open();
  assert.equal(identity.accountId, accountId);
  assert.deepEqual(identity.rootKey, { ...rootKey, made: false });
  assert.ok(!(await readFile(join(folder, 'keys.json'), 'utf8')).includes(rootKey.secret));
  assert.deepEqual(principal(identity, 'AKroot'), {
    kind: 'Account',
    accountId,
    id: accountId,
    arn: `acs:ram::${accountId}:root`,
    accessKeyId: 'AKroot',
    policies: [],
  });
});

test('refuses another account than the folder has, and unusable ids and keys', async () => {
  await open();
  await assert.rejects(open({ accountId: '99' }), /belongs to account 1234567890123456, not 99/);
  await assert.rejects(open({ accountId: 'me' }), /digits/);
  await assert.rejects(open({ rootKey: { id: 'STS.x', secret: 'long-enough' } }), /access key id/);
  await assert.rejects(open({ rootKey: { id: 'AKx', secret: 'short' } }), /secret/);
});

test('unknown and temporary keys without a token are refused as the vendor does', async () => {
  const identity = await open();
  const session = assume(identity);
  assert.equal(refused(identity, 'AKnobody'), 'InvalidAccessKeyId');
  assert.equal(refused(identity, ''), 'InvalidAccessKeyId');
  assert.equal(refused(identity, session.accessKeyId), 'InvalidAccessKeyId');
  assert.equal(refused(identity, session.accessKeyId, ''), 'InvalidAccessKeyId');
  assert.equal(refused(identity, 'AKroot', session.securityToken), 'InvalidSecurityToken');
  assert.equal(refused(identity, 'AKroot', 'x'), 'InvalidSecurityToken');
});

test('keys of the table count, also those of users and disabled ones, and a change counts at once', async () => {
  const identity = await open();
  const key = { id: 'AKmore', secret: 'more-secret', owner: accountId, status: 'Active', createdAt: 1 } as const;
  assert.equal(refused(identity, 'AKmore'), 'InvalidAccessKeyId');
  await identity.putAccessKey(key);
  const credential = identity.credential('AKmore', undefined);
  assert.ok('principal' in credential);
  assert.equal(credential.secret, 'more-secret');
  assert.equal(credential.principal.kind, 'Account');
  await identity.putAccessKey({ ...key, status: 'Inactive' });
  assert.equal(refused(identity, 'AKmore'), 'UserDisable');
  await identity.putAccessKey({ ...key, id: 'AKuser', owner: 'nobody' });
  assert.equal(refused(identity, 'AKuser'), 'InvalidAccessKeyId');
  const alice = await identity.users.create('alice');
  await identity.putAccessKey({ ...key, id: 'AKuser', owner: alice.id });
  const user = principal(identity, 'AKuser');
  assert.equal(user.kind, 'RAMUser');
  assert.equal(user.id, alice.id);
  assert.equal(user.arn, `acs:ram::${accountId}:user/alice`);
  assert.equal(principal(identity, 'AKuser'), user, 'made once');
  assert.throws(() => identity.putAccessKey({ ...key, id: 'AKroot' }), /reserved/);
  assert.throws(() => identity.putAccessKey({ ...key, id: 'STS.a' }), /reserved/);
});

test('a session: shape of the credentials, principal, claims', async () => {
  const identity = await open();
  const claims: SessionClaims = {
    function: `acs:fc:cn-qingdao:${accountId}:functions/resize`,
    exchange: 'x1',
    read: { names: ['photos'], key: 'cat.png' },
    chain: ['fc-ap-01'],
  };
  const session = assume(identity, claims);
  assert.match(session.accessKeyId, /^STS\.[0-9A-Za-z]{25}$/);
  assert.match(session.accessKeySecret, /^[0-9A-Za-z]{44}$/);
  assert.match(session.securityToken, /^[A-Za-z0-9+/]{100,990}=*$/);
  assert.equal(session.expiresAt, time + 60_000);
  const credential = identity.credential(session.accessKeyId, session.securityToken);
  assert.ok('principal' in credential);
  assert.equal(credential.secret, session.accessKeySecret);
  assert.equal(credential.principal.kind, 'AssumedRole');
  assert.equal(credential.principal.arn, `acs:ram::${accountId}:assumed-role/aliyunfcdefaultrole/s1`);
  assert.deepEqual(credential.principal.session, { ...claims, roleName: 'AliyunFCDefaultRole', name: 's1', expiresAt: time + 60_000 });
  assert.equal(principal(identity, session.accessKeyId, session.securityToken), credential.principal, 'made once');
});

test('a token with a key of the longest kind still fits', async () => {
  const identity = await open();
  const session = assume(identity, { read: { names: ['a'.repeat(63), 'b'.repeat(63)], key: '猫'.repeat(341) } });
  assert.ok(session.securityToken.length < 2_400);
  assert.equal(principal(identity, session.accessKeyId, session.securityToken).session?.read?.key.length, 341);
});

test('refuses tokens that are changed, cut, of another session, of another folder or expired', async () => {
  const identity = await open();
  const session = assume(identity);
  const other = assume(identity);
  const flipped = `${session.securityToken.slice(0, 60)}${session.securityToken[60] === 'A' ? 'B' : 'A'}${session.securityToken.slice(61)}`;
  assert.equal(refused(identity, session.accessKeyId, flipped), 'InvalidSecurityToken');
  assert.equal(refused(identity, session.accessKeyId, session.securityToken.slice(0, -4)), 'InvalidSecurityToken');
  assert.equal(refused(identity, session.accessKeyId, other.securityToken), 'InvalidSecurityToken');
  assert.equal(refused(identity, other.accessKeyId, session.securityToken), 'InvalidSecurityToken');
  const stranger = await open({ keyFile: join(folder, 'other-keys.json') });
  assert.equal(refused(stranger, session.accessKeyId, session.securityToken), 'InvalidSecurityToken');
  time += 59_999;
  assert.ok(principal(identity, session.accessKeyId, session.securityToken));
  time += 1;
  assert.equal(refused(identity, session.accessKeyId, session.securityToken), 'SecurityTokenExpired');
});

test('sessions outlive a restart', async () => {
  const session = assume(await open());
  const again = await open();
  assert.equal(principal(again, session.accessKeyId, session.securityToken).kind, 'AssumedRole');
});

test('the default roles exist, by name and ARN in any case, and allow what functions need', async () => {
  const identity = await open();
  const role = identity.role('aliyunfcdefaultrole');
  assert.equal(role?.name, 'AliyunFCDefaultRole');
  assert.equal(role?.arn, `acs:ram::${accountId}:role/AliyunFCDefaultRole`);
  assert.equal(identity.role(`acs:ram::${accountId}:role/aliyunfcdefaultrole`), role);
  assert.equal(identity.role('acs:ram::99:role/aliyunfcdefaultrole'), undefined);
  assert.equal(identity.role('nobody'), undefined);
  const session = assume(identity);
  const who = principal(identity, session.accessKeyId, session.securityToken);
  const may = (action: string) => identity.decide({ principal: who, action, resource: `acs:oss:cn-qingdao:${accountId}:photos/x` }).allowed;
  assert.deepEqual(['oss:WriteGetObjectResponse', 'oss:GetObject', 'oss:PutObject', 'oss:DeleteObject'].map(may), [
    true,
    true,
    false,
    false,
  ]);
});

test('roleAllows asks the policies of the role in FunctionAssumeRoleArn', async () => {
  const identity = await open();
  const target = `acs:fc:cn-qingdao:${accountId}:functions/resize`;
  const allows = (role: string, action = 'fc:InvokeFunction') => identity.roleAllows(role, action, target);
  assert.equal(allows(`acs:ram::${accountId}:role/aliyunfcdefaultrole`), true);
  assert.equal(allows(`acs:ram::${accountId}:role/AliyunOSSObjectFCForOSSDefaultRole`), true);
  assert.equal(allows(`acs:ram::${accountId}:role/aliyunossobjectfcforossdefaultrole`, 'oss:GetObject'), false);
  assert.equal(allows('acs:ram::99:role/aliyunfcdefaultrole'), false);
  assert.equal(allows(`acs:ram::${accountId}:role/other`), false);
  assert.equal(allows(`acs:ram::${accountId}:user/aliyunfcdefaultrole`), false);
});

test('a changed role counts for sessions made before; a role that is gone ends them', async () => {
  const identity = await open();
  const session = assume(identity);
  const can = () => {
    const who = principal(identity, session.accessKeyId, session.securityToken);
    return identity.decide({ principal: who, action: 'oss:GetObject', resource: `acs:oss:cn-qingdao:${accountId}:photos/x` });
  };
  assert.equal(can().allowed, true);
  const role = identity.role('AliyunFCDefaultRole');
  assert.ok(role);
  const document: PolicyDocument = { Version: '1', Statement: [{ Effect: 'Deny', Action: 'oss:*', Resource: '*' }] };
  await identity.putRole({ ...role, policies: [{ name: 'Nothing', document }] });
  assert.deepEqual(can(), {
    ...{ allowed: false, reason: 'explicit-deny', policy: 'Nothing', statement: 1 },
    attachedTo: 'role AliyunFCDefaultRole',
  });
  const again = await open();
  assert.equal(again.role('AliyunFCDefaultRole')?.policies[0]?.name, 'Nothing', 'a changed default role is not put back');
  await metadata.write([{ sql: 'delete from roles where name = ?', params: ['aliyunfcdefaultrole'] }]);
  const later = await open();
  assert.equal(later.role('AliyunFCDefaultRole'), undefined, 'a deleted default role is not put back');
  assert.equal(refused(later, session.accessKeyId, session.securityToken), 'InvalidSecurityToken');
});

test('assume refuses unknown roles, bad names and durations, and services that the role does not trust', async () => {
  const identity = await open();
  const code = (role: string, change: object = {}) => {
    try {
      identity.assume(role, { sessionName: 's', ttlMs: 1_000, ...change });
    } catch (error) {
      assert.ok(error instanceof Fault);
      return error.code;
    }
    return undefined;
  };
  assert.equal(code('nobody'), 'EntityNotExist.Role');
  assert.equal(code('AliyunFCDefaultRole', { sessionName: 'a/b' }), 'InvalidArgument');
  assert.equal(code('AliyunFCDefaultRole', { sessionName: '' }), 'InvalidArgument');
  assert.equal(code('AliyunFCDefaultRole', { ttlMs: 0 }), 'InvalidArgument');
  assert.equal(code('AliyunFCDefaultRole', { ttlMs: Number.NaN }), 'InvalidArgument');
  assert.equal(code('AliyunFCDefaultRole', { service: 'oss.aliyuncs.com' }), 'AccessDenied');
  assert.equal(code('AliyunFCDefaultRole', { service: 'fc.aliyuncs.com' }), undefined);
});

test('authorize uses the account and the clock of the room', async () => {
  const identity = await open();
  const resource = `acs:oss:cn-qingdao:${accountId}:photos/x`;
  identity.authorize({ principal: principal(identity, 'AKroot'), action: 'oss:PutObject', resource });
  const document: PolicyDocument = {
    Version: '1',
    Statement: [
      {
        Effect: 'Allow',
        Principal: '*',
        Action: '*',
        Resource: '*',
        Condition: { DateLessThan: { 'acs:CurrentTime': new Date(time + 1).toISOString() } },
      },
    ],
  };
  const request = { principal: identity.anonymous, action: 'oss:GetObject', resource, policies: [{ name: 'p', document }] };
  identity.authorize(request);
  time += 1;
  assert.throws(
    () => identity.authorize(request),
    (error: unknown) => error instanceof Fault && error.code === 'AccessDenied',
  );
});

test('a lent session works until it is released, and its token says nothing to anyone else', async () => {
  const identity = await open();
  const claims = { function: 'f', read: { names: ['n'], key: 'k' } };
  const lent = identity.assume('AliyunFCDefaultRole', { sessionName: 's1', ttlMs: 60_000, claims, lent: true });
  const credential = identity.credential(lent.accessKeyId, lent.securityToken);
  assert.ok(!('fault' in credential));
  assert.equal(credential.secret, lent.accessKeySecret);
  assert.deepEqual(credential.principal.session?.read, claims.read);
  assert.equal(refused(identity, 'STS.other', lent.securityToken), 'InvalidSecurityToken');
  const elsewhere = await open();
  assert.equal(refused(elsewhere, lent.accessKeyId, lent.securityToken), 'InvalidSecurityToken');
  identity.release(lent.securityToken);
  assert.equal(refused(identity, lent.accessKeyId, lent.securityToken), 'InvalidSecurityToken');
  const short = identity.assume('AliyunFCDefaultRole', { sessionName: 's1', ttlMs: 60_000, claims, lent: true });
  time += 60_001;
  assert.equal(refused(identity, short.accessKeyId, short.securityToken), 'SecurityTokenExpired');
});
