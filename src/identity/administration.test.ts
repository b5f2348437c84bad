import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { Fault } from '../faults/index.ts';
import { accountId, openTestIdentity, policy, type TestIdentity, trust } from './fixture.ts';
import type { Identity, Principal } from './index.ts';

let house: TestIdentity;
let identity: Identity;
beforeEach(async () => {
  house = await openTestIdentity();
  identity = house.identity;
});
afterEach(() => house.close());

const readPhotos = policy({ Effect: 'Allow', Action: 'oss:GetObject', Resource: 'acs:oss:*:*:photos/*' });
const photo = `acs:oss:cn-qingdao:${accountId}:photos/cat.png`;

async function fails(work: Promise<unknown> | (() => unknown), code: string, message?: RegExp): Promise<void> {
  await assert.rejects(
    async () => (typeof work === 'function' ? work() : work),
    (error: unknown) => {
      assert.ok(error instanceof Fault, String(error));
      assert.equal(error.code, code, error.message);
      if (message) assert.match(error.message, message);
      return true;
    },
  );
}

function who(id: string, token?: string): Principal {
  const credential = identity.credential(id, token);
  assert.ok('principal' in credential, 'refused');
  return credential.principal;
}

function refusal(id: string, token?: string): string {
  const credential = identity.credential(id, token);
  return 'fault' in credential ? credential.fault.code : 'good';
}

const reads = (principal: Principal) => identity.decide({ principal, action: 'oss:GetObject', resource: photo }).allowed;

test('users: created, found in any case, listed in pages, changed, renamed', async () => {
  const alice = await identity.users.create('Alice', { displayName: 'Alice A.', comment: 'the first' });
  assert.match(alice.id, /^2\d{17}$/);
  assert.equal(alice.arn, `acs:ram::${accountId}:user/Alice`);
  assert.deepEqual(identity.users.get('aLICE'), alice);
  assert.deepEqual(identity.users.byId(alice.id), alice);
  await fails(identity.users.create('alice'), 'EntityAlreadyExists.User');
  for (const name of ['', 'a b', 'a/b', 'a'.repeat(65), 'ä', '*']) await fails(identity.users.create(name), 'InvalidArgument', /user name/);
  await fails(identity.users.create('x', { comment: 'x'.repeat(129) }), 'InvalidArgument', /comment/);
  for (const name of ['bob', 'carol', 'albert']) await identity.users.create(name);
  const first = identity.users.list({ limit: 3 });
  assert.deepEqual([first.items.map(({ name }) => name), first.next], [['albert', 'Alice', 'bob'], 'bob']);
  assert.deepEqual(
    identity.users.list({ limit: 3, next: first.next }).items.map(({ name }) => name),
    ['carol'],
  );
  assert.deepEqual(
    identity.users.list({ prefix: 'AL' }).items.map(({ name }) => name),
    ['albert', 'Alice'],
  );
  await fails(() => identity.users.list({ limit: 0 }), 'InvalidArgument');
  house.time += 5;
  const renamed = await identity.users.update('alice', { newName: 'alison' });
  assert.deepEqual([renamed.id, renamed.displayName, renamed.updatedAt], [alice.id, 'Alice A.', house.time]);
  assert.equal(identity.users.get('alice'), undefined);
  await fails(identity.users.update('alison', { newName: 'bob' }), 'EntityAlreadyExists.User');
  await fails(identity.users.update('nobody', {}), 'EntityNotExist.User');
});

test('a key opens the door from its making to its end; disabling, enabling and deleting count at the next request', async () => {
  const { id: userId } = await identity.users.create('alice');
  const key = await identity.keys.create(userId);
  assert.match(key.id, /^SL[0-9A-Za-z]{22}$/);
  assert.match(key.secret, /^[0-9A-Za-z]{40}$/);
  const credential = identity.credential(key.id, undefined);
  assert.equal(credential.secret, key.secret);
  assert.deepEqual(
    identity.keys.of(userId).map((shown) => Object.keys(shown).includes('secret')),
    [false],
    'a list holds no secret',
  );
  await identity.keys.setStatus(key.id, 'Inactive');
  assert.equal(refusal(key.id), 'UserDisable');
  assert.notEqual(identity.credential(key.id, undefined).secret, key.secret);
  await identity.keys.setStatus(key.id, 'Active');
  assert.equal(refusal(key.id), 'good');
  await identity.keys.remove(key.id);
  assert.equal(refusal(key.id), 'InvalidAccessKeyId');
  await fails(identity.keys.remove(key.id), 'EntityNotExist.User.AccessKey');
  await fails(identity.keys.setStatus(key.id, 'Active'), 'EntityNotExist.User.AccessKey');
});

test('at most two keys a user, however many are asked for at once; rotation makes the second', async () => {
  const { id: userId } = await identity.users.create('alice');
  const made = await Promise.allSettled([1, 2, 3, 4, 5].map(() => identity.keys.create(userId)));
  assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 2);
  await fails(identity.keys.create(userId), 'LimitExceeded.User.AccessKey', /Delete one/);
  const [first, second] = identity.keys.of(userId);
  await fails(identity.keys.rotate(first?.id ?? ''), 'LimitExceeded.User.AccessKey');
  await identity.keys.remove(second?.id ?? '');
  const next = await identity.keys.rotate(first?.id ?? '', { disableOld: true });
  assert.equal(next.owner, userId);
  assert.equal(refusal(first?.id ?? ''), 'UserDisable');
  assert.equal(refusal(next.id), 'good');
  await fails(identity.keys.create('219999999999999999'), 'EntityNotExist.User');
  await fails(identity.keys.rotate('SLnone'), 'EntityNotExist.User.AccessKey');
});

test('a disabled user is out with all keys and comes back with them', async () => {
  const { id: userId } = await identity.users.create('alice');
  const key = await identity.keys.create(userId);
  await identity.users.update('alice', { status: 'Inactive' });
  assert.equal(refusal(key.id), 'UserDisable');
  await identity.users.update('alice', { status: 'Active' });
  assert.equal(refusal(key.id), 'good');
});

test('a user is not deleted while keys or policies hang on him, and the refusal names them', async () => {
  const { id: userId } = await identity.users.create('alice');
  const key = await identity.keys.create(userId);
  await identity.policies.attach('AliyunOSSFullAccess', { kind: 'user', id: userId });
  await fails(identity.users.remove('alice'), 'DeleteConflict.User', new RegExp(`${key.id}.*aliyunossfullaccess`));
  await identity.keys.remove(key.id);
  await fails(identity.users.remove('alice'), 'DeleteConflict.User');
  await identity.policies.detach('aliyunOSSfullaccess', { kind: 'user', id: userId });
  await identity.users.remove('alice');
  await fails(identity.users.remove('alice'), 'EntityNotExist.User');
  assert.equal(identity.users.get('alice'), undefined);
});

test('keys of the account itself count up to two and act as the account', async () => {
  const key = await identity.keys.create(accountId);
  assert.equal(who(key.id).kind, 'Account');
  await identity.keys.create(accountId);
  await fails(identity.keys.create(accountId), 'LimitExceeded.User.AccessKey');
});

test('policies: attached, changed and detached count at the next request', async () => {
  const { id: userId } = await identity.users.create('alice');
  const { id: keyId } = await identity.keys.create(userId);
  const holder = { kind: 'user', id: userId } as const;
  assert.equal(reads(who(keyId)), false);
  await identity.policies.create('ReadPhotos', readPhotos, 'for the gallery');
  assert.equal(reads(who(keyId)), false);
  await identity.policies.attach('readphotos', holder);
  assert.equal(reads(who(keyId)), true);
  await identity.policies.attach('ReadPhotos', holder);
  assert.deepEqual(
    identity.policies.of(holder).map((each) => each.policy),
    ['ReadPhotos'],
  );
  await identity.policies.update('ReadPhotos', { document: policy({ Effect: 'Deny', Action: '*', Resource: '*', Sid: 'closed' }) });
  assert.deepEqual(identity.decide({ principal: who(keyId), action: 'oss:GetObject', resource: photo }), {
    ...{ allowed: false, reason: 'explicit-deny', policy: 'ReadPhotos', statement: 1, sid: 'closed', attachedTo: 'user alice' },
  });
  assert.equal(identity.policies.need('ReadPhotos').description, 'for the gallery', 'what is not named stays');
  await identity.policies.update('ReadPhotos', { document: readPhotos });
  assert.equal(reads(who(keyId)), true);
  await fails(identity.policies.remove('ReadPhotos'), 'DeleteConflict.Policy', /user alice/);
  await identity.policies.detach('ReadPhotos', holder);
  assert.equal(reads(who(keyId)), false);
  await fails(identity.policies.detach('ReadPhotos', holder), 'EntityNotExist.Policy', /not attached/);
  await identity.policies.remove('ReadPhotos');
  await fails(identity.policies.attach('ReadPhotos', holder), 'EntityNotExist.Policy');
  await fails(identity.policies.attach('AliyunFCFullAccess', { kind: 'user', id: '1' }), 'EntityNotExist.User');
  await fails(identity.policies.attach('AliyunFCFullAccess', { kind: 'role', id: 'nobody' }), 'EntityNotExist.Role');
});

test('policy documents are checked when they come in', async () => {
  const odd = [
    ['not json', /JSON/],
    [
      policy({ Effect: 'Allow', Action: '*', Resource: '*', Condition: { StringIs: { 'acs:SourceIp': 'x' } } }),
      /"StringIs" is not an operator/,
    ],
    [policy({ Effect: 'Allow', Action: '*', Resource: '*', Condition: { IpAddress: { 'acs:SourceIp': '10.0.0.0/99' } } }), /acs:SourceIp/],
    [policy({ Effect: 'Allow', Action: '*', Resource: '*', Principal: '*' }), /Principal/],
    [
      policy({
        Effect: 'Allow',
        Action: 'x'.repeat(2_000),
        Resource: ['acs:oss:*:*:'.padEnd(2_000, 'x'), 'acs:oss:*:*:'.padEnd(2_000, 'y'), 'acs:oss:*:*:'.padEnd(2_000, 'z')],
      }),
      /6144/,
    ],
  ] as const;
  for (const [text, message] of odd) await fails(identity.policies.create('Odd', text), 'InvalidArgument', message);
  for (const name of ['', 'a_b', 'a b', 'x'.repeat(129)])
    await fails(identity.policies.create(name, readPhotos), 'InvalidArgument', /policy name/);
  await identity.policies.create('Mine', readPhotos);
  await fails(identity.policies.create('MINE', readPhotos), 'EntityAlreadyExists.Policy');
  await fails(identity.policies.create('aliyunossfullaccess', readPhotos), 'EntityAlreadyExists.Policy');
  await fails(identity.policies.update('AliyunOSSFullAccess', { document: readPhotos }), 'InvalidArgument', /system policy/);
  await fails(identity.policies.remove('AliyunOSSFullAccess'), 'InvalidArgument', /system policy/);
  assert.deepEqual(
    identity.policies.list().items.map(({ name }) => name),
    ['Mine'],
  );
});

test('the system policies are those of RAM, and allow what their names say', async () => {
  const names = identity.policies.list({ type: 'System' }).items.map(({ name }) => name);
  for (const name of [
    'AliyunOSSFullAccess',
    'AliyunOSSReadOnlyAccess',
    'AliyunFCFullAccess',
    'AliyunSTSAssumeRoleAccess',
    'AliyunFCInvocationAccess',
  ]) {
    assert.ok(names.includes(name), name);
  }
  const { id } = await identity.users.create('alice');
  await identity.policies.attach('AliyunOSSReadOnlyAccess', { kind: 'user', id });
  const principal = identity.principal({ kind: 'user', name: 'alice' });
  const may = (action: string) => identity.decide({ principal, action, resource: photo }).allowed;
  assert.deepEqual(['oss:GetObject', 'oss:ListObjects', 'oss:PutObject', 'fc:GetFunction', 'ram:GetUser'].map(may), [
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('roles: created, changed, attached to, deleted; a namesake made later gets nothing of the old sessions', async () => {
  const role = await identity.roles.create('Reader', {
    trust: trust(`acs:ram::${accountId}:root`),
    description: 'reads',
    maxSessionSeconds: 7_200,
  });
  assert.match(role.id, /^3\d{17}$/);
  await fails(identity.roles.create('reader', { trust: trust('*') }), 'EntityAlreadyExists.Role');
  await fails(identity.roles.create('a b', { trust: trust('*') }), 'InvalidArgument');
  await fails(identity.roles.create('x', { trust: readPhotos }), 'InvalidArgument', /trust policy/);
  for (const maxSessionSeconds of [3_599, 43_201, 1.5]) {
    await fails(identity.roles.update('Reader', { maxSessionSeconds }), 'InvalidArgument', /3600 to 43200/);
  }
  const changed = await identity.roles.update('reader', { description: 'reads more' });
  assert.deepEqual([changed.description, changed.maxSessionSeconds, changed.id], ['reads more', 7_200, role.id]);
  await identity.policies.create('ReadPhotos', readPhotos);
  await identity.policies.attach('ReadPhotos', { kind: 'role', id: 'reader' });
  const session = identity.assume('Reader', { sessionName: 's1', ttlMs: 60_000 });
  assert.equal(reads(who(session.accessKeyId, session.securityToken)), true);
  await fails(identity.roles.remove('Reader'), 'DeleteConflict.Role', /ReadPhotos/);
  await identity.policies.detach('ReadPhotos', { kind: 'role', id: 'reader' });
  assert.equal(reads(who(session.accessKeyId, session.securityToken)), false);
  await identity.roles.remove('reader');
  assert.equal(refusal(session.accessKeyId, session.securityToken), 'InvalidSecurityToken');
  house.time += 1;
  await identity.roles.create('Reader', { trust: trust(accountId) });
  assert.equal(refusal(session.accessKeyId, session.securityToken), 'InvalidSecurityToken', 'the token is of the role that is gone');
  const listed = identity.roles.list({ prefix: 're' }).items.map(({ name }) => name);
  assert.deepEqual(listed, ['Reader']);
});

test('an inline policy of a service role can be taken away', async () => {
  const role = identity.roles.need('AliyunFCDefaultRole');
  assert.deepEqual(
    role.inline.map(({ name }) => name),
    ['AliyunFCDefaultRolePolicy'],
  );
  await identity.roles.removeInline(role.name, 'aliyunfcdefaultrolepolicy');
  assert.deepEqual(identity.roles.need(role.name).policies, []);
  await fails(identity.roles.removeInline(role.name, 'x'), 'EntityNotExist.Policy');
});

test('everything outlives a restart', async () => {
  const { id } = await identity.users.create('alice');
  const key = await identity.keys.create(id);
  await identity.policies.create('ReadPhotos', readPhotos);
  await identity.policies.attach('ReadPhotos', { kind: 'user', id });
  await identity.roles.create('Reader', { trust: trust(accountId), maxSessionSeconds: 43_200 });
  const later = await house.again();
  const credential = later.credential(key.id, undefined);
  assert.ok('principal' in credential);
  assert.equal(later.decide({ principal: credential.principal, action: 'oss:GetObject', resource: photo }).allowed, true);
  assert.equal(later.role('reader')?.maxSessionSeconds, 43_200);
});

test('explain names the policies that were looked at, and counts as no use', async () => {
  const { id } = await identity.users.create('alice');
  const key = await identity.keys.create(id);
  await identity.policies.create('ReadPhotos', readPhotos);
  await identity.policies.attach('ReadPhotos', { kind: 'user', id });
  await identity.policies.attach('AliyunFCInvocationAccess', { kind: 'user', id });
  const explained = identity.explain({
    principal: identity.principal({ kind: 'key', name: key.id }),
    action: 'oss:GetObject',
    resource: photo,
  });
  assert.deepEqual(explained, {
    ...{ allowed: true, reason: 'allow', policy: 'ReadPhotos', statement: 1, attachedTo: 'user alice' },
    lookedAt: [
      { policy: 'AliyunFCInvocationAccess', attachedTo: 'user alice', kind: 'identity', statements: 1 },
      { policy: 'ReadPhotos', attachedTo: 'user alice', kind: 'identity', statements: 1 },
    ],
  });
  assert.equal(identity.keys.need(key.id).lastUsed, undefined);
  assert.equal(identity.principal({ kind: 'role', name: 'aliyunfcdefaultrole' }).holder, 'role AliyunFCDefaultRole');
  await fails(() => identity.principal({ kind: 'key', name: 'SLnone' }), 'EntityNotExist.User.AccessKey');
});

test('the last use of a key: seen at once, written together, durable after close', async () => {
  const { id } = await identity.users.create('alice');
  const key = await identity.keys.create(id);
  const other = await identity.keys.create(id);
  const principal = who(key.id);
  const used = (at: number, action: string) => {
    house.time = at;
    identity.decide({ principal, action, resource: photo });
  };
  const start = house.time;
  for (let i = 1; i <= 1_000; i++) used(start + i, 'oss:GetObject');
  const rows = () => house.metadata.all('select id, used_at, service from key_uses');
  assert.deepEqual(rows(), [], 'no request writes');
  assert.deepEqual(identity.keys.need(key.id).lastUsed, { at: start + 1_000, service: 'oss' });
  assert.equal(identity.keys.need(other.id).lastUsed, undefined);
  used(start + 2_000, 'fc:InvokeFunction');
  await identity.close();
  assert.deepEqual(
    rows().map((row) => ({ ...(row as object) })),
    [{ id: key.id, used_at: start + 2_000, service: 'fc' }],
  );
  const later = await house.again();
  assert.deepEqual(later.keys.need(key.id).lastUsed, { at: start + 2_000, service: 'fc' });
  await identity.keys.remove(key.id);
  assert.deepEqual(rows(), []);
});
