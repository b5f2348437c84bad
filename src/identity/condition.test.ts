import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileCondition, Facts, type RequestContext, type Verdict } from './condition.ts';

const now = Date.parse('2026-08-12T09:00:00Z');

function verdict(operator: string, key: string, expected: string | string[], context: RequestContext): Verdict {
  return compileCondition({ [operator]: { [key]: expected } })(new Facts(context, () => now));
}

test('every operator, both ways', () => {
  const cases: [operator: string, expected: string | string[], met: string, unmet: string][] = [
    ['StringEquals', ['a', 'b'], 'b', 'B'],
    ['StringNotEquals', ['a', 'b'], 'B', 'b'],
    ['StringEqualsIgnoreCase', ['a', 'b'], 'B', 'c'],
    ['StringNotEqualsIgnoreCase', ['a', 'b'], 'c', 'B'],
    ['StringLike', ['a*z', 'q?'], 'abz', 'abz1'],
    ['StringNotLike', ['a*z', 'q?'], 'abz1', 'qq'],
    ['NumericEquals', '10', '10.0', '11'],
    ['NumericNotEquals', '10', '11', '10'],
    ['NumericLessThan', '10', '-9.5', '10'],
    ['NumericLessThanEquals', '10', '10', '10.5'],
    ['NumericGreaterThan', '10', '11', '10'],
    ['NumericGreaterThanEquals', '10', '10', '9'],
    ['DateEquals', '2026-08-12T17:00:00+08:00', '2026-08-12T09:00:00Z', '2026-08-12T09:00:01Z'],
    ['DateNotEquals', '2026-08-12T17:00:00+08:00', '2026-08-12T09:00:01Z', '2026-08-12T09:00:00Z'],
    ['DateLessThan', '2026-08-12T09:00:00Z', '2026-08-12T08:59:59.999Z', '2026-08-12T09:00:00Z'],
    ['DateLessThanEquals', '2026-08-12T09:00:00Z', '2026-08-12T09:00:00Z', '2026-08-12T09:00:01Z'],
    ['DateGreaterThan', '2026-08-12T09:00:00Z', '2026-08-12T09:00:01Z', '2026-08-12T09:00:00Z'],
    ['DateGreaterThanEquals', '2026-08-12T09:00:00Z', '2026-08-12T09:00:00Z', '2026-08-12T08:59:59Z'],
    ['Bool', 'true', 'True', 'false'],
    ['IpAddress', ['10.0.0.0/8', '2001:db8::/32'], '10.1.2.3', '11.1.2.3'],
    ['IpAddress', ['10.0.0.0/8', '2001:db8::/32'], '2001:db8::5', '2001:db9::5'],
    ['IpAddress', '10.0.0.1', '::ffff:10.0.0.1', '10.0.0.2'],
    ['IpAddressIncludeBorder', '10.0.0.0/8', '10.255.255.255', '11.0.0.0'],
    ['NotIpAddress', '10.0.0.0/8', '192.168.0.1', '10.1.2.3'],
  ];
  for (const [operator, expected, met, unmet] of cases) {
    assert.equal(verdict(operator, 'oss:K', expected, { 'oss:k': met }), 'met', `${operator} ${met}`);
    assert.equal(verdict(operator, 'oss:K', expected, { 'oss:k': unmet }), 'unmet', `${operator} ${unmet}`);
  }
});

test('what cannot be judged is unknown: operator, key, value of the policy, value of the request', () => {
  assert.equal(verdict('StringEqualsIfExists', 'oss:Prefix', 'a', { 'oss:Prefix': 'a' }), 'unknown');
  assert.equal(verdict('__proto__', 'oss:Prefix', 'a', { 'oss:Prefix': 'a' }), 'unknown');
  assert.equal(verdict('StringEquals', 'oss:Prefix', 'a', {}), 'unknown');
  for (const bad of ['10.0.0.0/33', '10.0.0/8', '10.0.0.0/8/1', '10.0.0.0/', 'x']) {
    assert.equal(verdict('IpAddress', 'acs:SourceIp', bad, { 'acs:SourceIp': '10.0.0.1' }), 'unknown', bad);
  }
  assert.equal(verdict('NotIpAddress', 'acs:SourceIp', '10.0.0.0/8', { 'acs:SourceIp': 'x' }), 'unknown');
  assert.equal(verdict('NumericEquals', 'k', '1e3', { k: '1000' }), 'unknown');
  assert.equal(verdict('NumericNotEquals', 'k', '5', { k: 'five' }), 'unknown');
  assert.equal(verdict('DateLessThan', 'acs:CurrentTime', 'tomorrow', {}), 'unknown');
  assert.equal(verdict('DateLessThan', 'acs:CurrentTime', '2026-13-45T00:00:00Z', {}), 'unknown');
  assert.equal(verdict('Bool', 'k', 'yes', { k: true }), 'unknown');
});

test('a key known to be absent meets only the Not operators', () => {
  assert.equal(verdict('StringEquals', 'oss:Prefix', 'a', { 'oss:Prefix': undefined }), 'unmet');
  assert.equal(verdict('StringNotEquals', 'oss:Prefix', 'a', { 'oss:Prefix': undefined }), 'met');
});

test('several values: one that fits is enough, for the Not operators one that fits is too much', () => {
  const context = { k: ['a', 'b'] };
  assert.equal(verdict('StringEquals', 'k', ['b', 'c'], context), 'met');
  assert.equal(verdict('StringNotEquals', 'k', ['b', 'c'], context), 'unmet');
  assert.equal(verdict('StringNotEquals', 'k', ['c', 'd'], context), 'met');
});

test('the clock is acs:CurrentTime', () => {
  assert.equal(verdict('DateLessThan', 'acs:CurrentTime', '2026-08-12T09:00:01Z', {}), 'met');
  assert.equal(verdict('DateGreaterThan', 'acs:CurrentTime', '2026-08-12T09:00:01Z', {}), 'unmet');
});

test('all operators and keys must be met; surely unmet outweighs unknown', () => {
  const both = compileCondition({ Bool: { 'acs:SecureTransport': 'true' }, StringEquals: { a: '1', b: '2' } });
  const of = (context: RequestContext) => both(new Facts(context, () => now));
  assert.equal(of({ 'acs:SecureTransport': true, a: '1', b: 2 }), 'met');
  assert.equal(of({ 'acs:SecureTransport': true, a: '1', b: '3' }), 'unmet');
  assert.equal(of({ 'acs:SecureTransport': true, a: '1' }), 'unknown');
  assert.equal(of({ 'acs:SecureTransport': false }), 'unmet');
});
