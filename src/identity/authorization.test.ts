import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../faults/index.ts';
import { type AccessRequest, authorize, type Decision, decide } from './authorization.ts';
import { type NamedPolicy, type PolicyDocument, parsePolicy, type Statement } from './policy.ts';
import type { Principal } from './principal.ts';

const accountId = '1234567890123456';
const object = `acs:oss:cn-qingdao:${accountId}:photos/a/cat.png`;

function document(...statements: Partial<Statement>[]): PolicyDocument {
  return { Version: '1', Statement: statements.map((one) => ({ Effect: 'Allow', Action: '*', Resource: '*', ...one }) as Statement) };
}

const account: Principal = {
  kind: 'Account',
  accountId,
  id: accountId,
  arn: `acs:ram::${accountId}:root`,
  accessKeyId: 'AK',
  policies: [],
};
const anonymous: Principal = { kind: 'Anonymous', accountId: '', id: 'anonymous', arn: 'anonymous', accessKeyId: '', policies: [] };

function session(...policies: PolicyDocument[]): Principal {
  const arn = `acs:ram::${accountId}:assumed-role/aliyunfcdefaultrole/s1`;
  return { kind: 'AssumedRole', accountId, id: 'aliyunfcdefaultrole:s1', arn, accessKeyId: 'STS.x', policies };
}

function ask(principal: Principal, policies: NamedPolicy[] = [], change: Partial<AccessRequest> = {}): Decision {
  return decide({ principal, action: 'oss:GetObject', resource: object, policies, ...change }, accountId, () => 0);
}

function hung(...statements: Partial<Statement>[]): NamedPolicy[] {
  return [{ name: 'the policy of bucket photos', document: document(...statements) }];
}

test('the account may do everything in its account, unless a policy of the resource denies it', () => {
  assert.deepEqual(ask(account), { allowed: true, reason: 'account' });
  assert.equal(ask(account, hung({ Principal: '*', Action: 'oss:PutObject' })).allowed, true);
  const denied = hung({ Principal: '*', Action: 'oss:PutObject' }, { Effect: 'Deny', Principal: [accountId], Action: 'oss:Get*' });
  assert.deepEqual(ask(account, denied), { allowed: false, reason: 'explicit-deny', policy: 'the policy of bucket photos', statement: 2 });
  assert.deepEqual(ask({ ...account, accountId: '99', id: '99', arn: 'acs:ram::99:root' }), { allowed: false, reason: 'implicit-deny' });
});

test('a session may do what its role or the resource allows; any Deny comes first', () => {
  assert.equal(ask(session()).reason, 'implicit-deny');
  assert.equal(ask(session(document({ Action: 'oss:PutObject' }))).reason, 'implicit-deny');
  assert.deepEqual(ask(session(document({ Action: 'oss:PutObject' }, { Action: 'OSS:getobject' }))), {
    allowed: true,
    reason: 'allow',
    policy: `policy 1 of acs:ram::${accountId}:assumed-role/aliyunfcdefaultrole/s1`,
    statement: 2,
  });
  assert.equal(ask(session(), hung({ Principal: ['*'] })).allowed, true);
  assert.equal(ask(session(document({}), document({ Effect: 'Deny', Action: 'oss:G*' }))).reason, 'explicit-deny');
  assert.equal(ask(session(document({})), hung({ Effect: 'Deny', Principal: '*' })).reason, 'explicit-deny');
  assert.equal(ask(session(document({ Effect: 'Deny' })), hung({ Principal: '*' })).reason, 'explicit-deny');
});

test('anonymous callers have only what policies of the resource give to everybody', () => {
  assert.equal(ask(anonymous).reason, 'implicit-deny');
  assert.equal(ask(anonymous, hung({ Principal: [accountId] })).reason, 'implicit-deny');
  assert.equal(ask(anonymous, hung({ Principal: '*' })).allowed, true);
});

test('actions match without regard to case, with wildcards, and negated', () => {
  const allows = (statement: Partial<Statement>, action: string) =>
    ask(session(document({ Action: undefined, ...statement })), [], { action }).allowed;
  assert.equal(allows({ Action: ['oss:get*'] }, 'oss:GetObject'), true);
  assert.equal(allows({ Action: 'oss:Get?bject' }, 'OSS:GETOBJECT'), true);
  assert.equal(allows({ Action: 'oss:Get' }, 'oss:GetObject'), false);
  assert.equal(allows({ NotAction: 'oss:Put*' }, 'oss:GetObject'), true);
  assert.equal(allows({ NotAction: ['oss:Put*', 'oss:getobject'] }, 'oss:GetObject'), false);
});

test('resources match with regard to case, part by part, and negated', () => {
  const allows = (statement: Partial<Statement>, resource = object) =>
    ask(session(document({ Resource: undefined, ...statement })), [], { resource }).allowed;
  assert.equal(allows({ Resource: 'acs:oss:*:*:photos/*' }), true);
  assert.equal(allows({ Resource: ['acs:oss:*:*:other/*', `acs:oss:*:${accountId}:photos/a/???.png`] }), true);
  assert.equal(allows({ Resource: 'acs:oss:*:*:Photos/*' }), false);
  assert.equal(allows({ Resource: 'acs:oss:*:*:photos' }), false);
  assert.equal(allows({ Resource: 'acs:fc:*:*:photos/*' }), false);
  assert.equal(allows({ Resource: 'acs:oss:cn-beijing:*:photos/*' }), false);
  assert.equal(allows({ NotResource: 'acs:oss:*:*:private/*' }), true);
  assert.equal(allows({ NotResource: 'acs:oss:*:*:photos/*' }), false);
  const disguised = `acs:oss:cn-qingdao:${accountId}:private/x:photos/y`;
  assert.equal(allows({ Resource: 'acs:oss:*:*:photos/*' }, disguised), false, 'a star for the account reaches no further');
});

test('principals: uid, ARN, the bucket policy form of a session, wildcards, negated', () => {
  const allows = (statement: Partial<Statement>) => ask(session(), hung(statement)).allowed;
  assert.equal(allows({ Principal: [`acs:ram::${accountId}:assumed-role/AliyunFCDefaultRole/*`] }), true);
  assert.equal(allows({ Principal: [`arn:sts::${accountId}:assumed-role/aliyunfcdefaultrole/s1`] }), true);
  assert.equal(allows({ Principal: { RAM: ['aliyunfcdefaultrole:s1'] } }), true);
  assert.equal(allows({ Principal: [`arn:sts::${accountId}:assumed-role/other/*`] }), false);
  assert.equal(allows({ Principal: [accountId] }), false);
  assert.equal(allows({ NotPrincipal: [accountId] }), true);
  assert.equal(allows({ NotPrincipal: ['*'] }), false);
});

test('what cannot be judged fails closed: an Allow falls away, a Deny holds', () => {
  const odd: Partial<Statement>[] = [
    { Condition: { Unheard: { 'acs:SourceIp': '*' } } },
    { Condition: { StringEquals: { 'acs:Unheard': 'x' } } },
    { Resource: 'acs:oss' },
    { Resource: undefined, NotResource: 'acs:oss' },
  ];
  for (const statement of odd) {
    assert.equal(ask(session(document(statement))).reason, 'implicit-deny', JSON.stringify(statement));
    assert.equal(ask(session(document({}, { ...statement, Effect: 'Deny' }))).reason, 'explicit-deny', JSON.stringify(statement));
  }
  assert.equal(ask(session(), hung({ Principal: undefined })).reason, 'implicit-deny');
  assert.equal(ask(account, hung({ Principal: undefined, Effect: 'Deny' })).reason, 'explicit-deny');
});

test('conditions are judged on the context of the request', () => {
  const inside = document({ Condition: { IpAddress: { 'acs:SourceIp': '10.0.0.0/8' } } });
  assert.equal(ask(session(inside), [], { context: { 'acs:SourceIp': '10.9.9.9' } }).allowed, true);
  assert.equal(ask(session(inside), [], { context: { 'acs:SourceIp': '11.9.9.9' } }).allowed, false);
  assert.equal(ask(session(inside)).allowed, false);
});

test('a session that may read one object may do nothing else, whatever its role', () => {
  const reader: Principal = {
    ...session(document({})),
    session: { roleName: 'r', name: 's', expiresAt: 1, read: { names: ['photos', 'ap-01-x-ossalias'], key: 'a/cat.png', version: 'v1' } },
  };
  const target = { name: 'photos', key: 'a/cat.png', version: 'v1' };
  const reason = (change: Partial<AccessRequest>) => ask(reader, hung({ Principal: '*' }), { ...target, ...change }).reason;
  assert.equal(reason({}), 'allow');
  assert.equal(reason({ name: 'ap-01-x-ossalias' }), 'allow');
  for (const change of [
    { key: 'a/dog.png' },
    { name: 'other' },
    { version: 'v2' },
    { version: undefined },
    { action: 'oss:PutObject' },
    { action: 'oss:WriteGetObjectResponse' },
    { name: undefined },
    { key: undefined },
  ]) {
    assert.equal(reason(change), 'outside-session', JSON.stringify(change));
  }
});

test('a refusal names who, what, on what and why', () => {
  const message = (principal: Principal, policies: NamedPolicy[] = []) => {
    try {
      authorize({ principal, action: 'oss:GetObject', resource: object, policies }, accountId, () => 0);
    } catch (error) {
      assert.ok(error instanceof Fault);
      assert.equal(error.code, 'AccessDenied');
      return error.message;
    }
    return undefined;
  };
  assert.equal(
    message(account, hung({ Effect: 'Deny', Principal: '*' })),
    `acs:ram::${accountId}:root is not allowed to oss:GetObject on ${object}: statement 1 of the policy of bucket photos denies it (explicit deny).`,
  );
  assert.match(message(anonymous) ?? '', /^An anonymous caller is not allowed to oss:GetObject on acs:.*\(implicit deny\)/);
  const named = { ...session(document({ Effect: 'Deny' })), policyNames: ['NoReads'] };
  assert.match(message(named) ?? '', /assumed-role\/aliyunfcdefaultrole\/s1 .* statement 1 of NoReads denies it/);
  assert.equal(message(account), undefined);
});

test('a parsed document decides as a written one', () => {
  const text = JSON.stringify({ Version: '1', Statement: [{ Effect: 'Allow', Action: 'oss:Get*', Resource: 'acs:oss:*:*:photos/*' }] });
  assert.equal(ask(session(parsePolicy(text))).allowed, true);
});
