import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePolicy } from '../../identity/index.ts';
import { countingPolicies, isPublicPolicy } from './statements.ts';

type Statement = Record<string, unknown>;
const grant = { Effect: 'Allow', Action: ['oss:GetObject'], Resource: ['acs:oss:*:*:photos/*'] };
const policy = (...Statement: Statement[]) => parsePolicy(JSON.stringify({ Version: '1', Statement }), 'resource');

describe('what is public', () => {
  for (const [what, statement, expected] of [
    ['everybody', { ...grant, Principal: ['*'] }, true],
    ['everybody, written as a string', { ...grant, Principal: '*' }, true],
    ['everybody among others', { ...grant, Principal: ['20', '*'] }, true],
    ['everybody but one', { ...grant, NotPrincipal: ['20'] }, true],
    ['everybody, by kind', { ...grant, Principal: { RAM: ['*'] } }, true],
    ['a user', { ...grant, Principal: ['20'] }, false],
    ['the users of an account', { ...grant, Principal: ['acs:ram::20:*'] }, false],
    ['a service', { ...grant, Principal: { Service: ['*'] } }, false],
    ['a denial', { ...grant, Effect: 'Deny', Principal: ['*'] }, false],
    ['an address', { ...grant, Principal: ['*'], Condition: { IpAddress: { 'acs:SourceIp': ['10.0.0.1'] } } }, false],
    ['a network', { ...grant, Principal: ['*'], Condition: { IpAddress: { 'acs:SourceIp': ['10.0.0.0/8', '2001:db8::/32'] } } }, false],
    ['all addresses', { ...grant, Principal: ['*'], Condition: { IpAddress: { 'acs:SourceIp': ['0.0.0.0/0'] } } }, true],
    ['a network and all', { ...grant, Principal: ['*'], Condition: { IpAddress: { 'acs:SourceIp': ['10.0.0.0/8', '::/0'] } } }, true],
    ['an access point', { ...grant, Principal: ['*'], Condition: { StringEquals: { 'oss:DataAccessPointArn': ['acs:x'] } } }, false],
    ['any access point', { ...grant, Principal: ['*'], Condition: { StringLike: { 'oss:DataAccessPointArn': ['*'] } } }, true],
    ['all but an access point', { ...grant, Principal: ['*'], Condition: { StringNotEquals: { 'oss:DataAccessPointArn': ['a'] } } }, true],
    [
      'points of the internet',
      { ...grant, Principal: ['*'], Condition: { StringEquals: { 'oss:AccessPointNetworkOrigin': ['internet'] } } },
      true,
    ],
    ['something that everybody can say', { ...grant, Principal: ['*'], Condition: { StringEquals: { 'acs:UserAgent': ['me'] } } }, true],
  ] as [string, Statement, boolean][]) {
    test(`a grant to ${what}: ${expected}`, () => assert.equal(isPublicPolicy(policy(statement)), expected));
  }
});

describe('what counts', () => {
  const one = { ...grant, Principal: ['20'] };
  const open = { ...grant, Principal: ['*'] };
  const shut = { ...grant, Effect: 'Deny', Principal: ['*'] };
  const narrow = { ...shut, Condition: { Bool: { 'acs:SecureTransport': 'false' } } };
  const policies = [{ name: 'p', attachedTo: 'bucket b', document: policy(one, open, shut, narrow) }];
  const actions = (caller: { owner: boolean; blocked: boolean }) =>
    countingPolicies(policies, caller).map(({ name, attachedTo, document }) => [
      ...[name, attachedTo],
      document.Statement.map(({ Action }) => String(Action)),
    ]);

  test('for others everything, at its own number', () => {
    assert.equal(countingPolicies(policies, { owner: false, blocked: false }), policies);
  });
  test('for the account nothing about * without a condition', () => {
    assert.deepEqual(actions({ owner: true, blocked: false }), [['p', 'bucket b', ['oss:GetObject', 'none', 'none', 'oss:GetObject']]]);
  });
  test('while public access is blocked no public grant', () => {
    const expected = [['p', 'bucket b', ['oss:GetObject', 'none', 'oss:GetObject', 'oss:GetObject']]];
    assert.deepEqual(actions({ owner: false, blocked: true }), expected);
    assert.equal(countingPolicies(policies, { owner: false, blocked: true }), countingPolicies(policies, { owner: false, blocked: true }));
  });
});
