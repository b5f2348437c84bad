import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../faults/index.ts';
import { type PolicyKind, parsePolicy, policyLimits } from './policy.ts';

const good = { Effect: 'Allow', Action: ['oss:GetObject'], Resource: ['acs:oss:*:*:photos/*'] };

function parse(value: unknown, kind?: PolicyKind) {
  return parsePolicy(typeof value === 'string' ? value : JSON.stringify(value), kind);
}

function refuses(value: unknown, message: RegExp, kind?: PolicyKind): void {
  assert.throws(
    () => parse(value, kind),
    (error: unknown) => error instanceof Fault && error.code === 'InvalidArgument' && message.test(error.message),
  );
}

function statement(change: Record<string, unknown>): unknown {
  return { Version: '1', Statement: [{ ...good, ...change }] };
}

test('reads a document, single values as lists, bare numbers and booleans as text', () => {
  const document = parse({
    Version: '1',
    Statement: [
      {
        Sid: 's',
        Effect: 'Deny',
        NotAction: 'oss:Get*',
        NotResource: '*',
        Condition: { Bool: { 'acs:SecureTransport': false }, NumericLessThan: { 'oss:MaxKeys': [5] } },
      },
    ],
  });
  assert.deepEqual(document, {
    Version: '1',
    Statement: [
      {
        Sid: 's',
        Effect: 'Deny',
        NotAction: ['oss:Get*'],
        NotResource: ['*'],
        Condition: { Bool: { 'acs:SecureTransport': ['false'] }, NumericLessThan: { 'oss:MaxKeys': ['5'] } },
      },
    ],
  });
  assert.throws(() => (document.Statement as unknown[]).push({}), TypeError, 'a parsed document cannot be changed');
});

test('what a document is for decides about Principal and Resource', () => {
  assert.ok(parse(statement({ Principal: ['*'] }), 'resource'));
  assert.ok(parse(statement({ Principal: { RAM: ['123'] } }), 'resource'));
  assert.ok(
    parse(
      { Version: '1', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: ['fc.aliyuncs.com'] } }] },
      'trust',
    ),
  );
  refuses(statement({ Principal: ['*'] }), /has no Principal/);
  refuses(statement({}), /must have Principal or NotPrincipal/, 'resource');
  refuses(statement({ Principal: ['*'], NotPrincipal: ['1'] }), /not both/, 'resource');
  refuses(statement({ Principal: ['*'] }), /has no Resource/, 'trust');
  refuses(statement({ Principal: { Federated: ['x'] } }), /"Federated"/, 'resource');
  refuses(statement({ Principal: {} }), /must not be empty/, 'resource');
});

test('says which element is wrong', () => {
  refuses('{', /not valid JSON/);
  refuses('[]', /JSON object/);
  refuses({ Version: '2012-10-17', Statement: [good] }, /Version must be "1"/);
  refuses({ Version: '1', Statement: [] }, /at least one statement/);
  refuses({ Version: '1', Statement: good }, /must be a list/);
  refuses({ Version: '1', Statement: [good], Id: 'x' }, /"Id" is not an element/);
  refuses({ Version: '1', Statement: [good, 5] }, /statement 2 must be an object/);
  refuses(statement({ Effect: 'allow' }), /statement 1: Effect/);
  refuses(statement({ Sid: 5 }), /Sid must be a string/);
  refuses(statement({ Actions: 'x' }), /"Actions" is not an element of a statement/);
  refuses(statement({ Action: undefined }), /Action or NotAction/);
  refuses(statement({ NotAction: 'x' }), /not both/);
  refuses(statement({ Resource: undefined }), /Resource or NotResource/);
  refuses(statement({ Action: [] }), /Action must not be empty/);
  refuses(statement({ Action: [''] }), /none of them empty/);
  refuses(statement({ Action: [7] }), /list of strings/);
  refuses(statement({ Resource: 'photos/*' }), /"photos\/\*" must be "\*" or acs:/);
  refuses(statement({ Resource: 'acs:oss:*:photos' }), /must be/);
  refuses(statement({ Resource: 'acs:oss:*:*:photos/\u0024{acs:username}/*' }), /variable/);
  refuses(statement({ Condition: [] }), /Condition must be an object/);
  refuses(statement({ Condition: { StringEquals: 'x' } }), /Condition.StringEquals must be an object/);
  refuses(statement({ Condition: { StringEquals: { a: {} } } }), /Condition.StringEquals.a must be/);
});

test('limits of size, statements, values and length of a value', () => {
  refuses(`{"Version":"1"}${' '.repeat(policyLimits.bytes)}`, /larger than 16384 bytes/);
  const short = { Effect: 'Deny', Action: '*', Resource: '*' };
  assert.equal(parse({ Version: '1', Statement: Array(policyLimits.statements).fill(short) }).Statement.length, policyLimits.statements);
  refuses({ Version: '1', Statement: Array(policyLimits.statements + 1).fill(short) }, /more than 100 statements/);
  refuses(statement({ Action: Array(policyLimits.values + 1).fill('oss:A') }), /more than 200 values/);
  refuses(statement({ Action: 'a'.repeat(policyLimits.valueLength + 1) }), /longer than 2048/);
});

test('a condition named like a property of objects is kept', () => {
  const document = parse(
    '{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"__proto__":{"a":"b"}}}]}',
  );
  assert.deepEqual(Object.keys(document.Statement[0]?.Condition ?? {}), ['__proto__']);
});
