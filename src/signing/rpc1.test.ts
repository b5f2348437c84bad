import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { parseQuery, type QueryParam, readRpc1Claim, signRpc1, verifyRpc1 } from './index.ts';

const now = Date.UTC(2026, 10, 22, 5, 2, 41);
const key = { accessKeyId: 'testid', accessKeySecret: 'testsecret' };
const mismatch = { code: 'SignatureDoesNotMatch' };

function list(params: Record<string, string>): QueryParam[] {
  return Object.entries(params).map(([name, value]) => ({ name, value, bare: false }));
}

function verify(params: QueryParam[], method = 'GET', secret = key.accessKeySecret, at = now): void {
  const claim = readRpc1Claim(params);
  assert.ok(claim);
  verifyRpc1(claim, method, params, secret, at);
}

/** The published rule, by other means: java.net.URLEncoder's form changed as the reference says. */
function independent(method: string, params: Record<string, string>, secret: string, hash = 'sha1'): string {
  const encode = (text: string) =>
    new URLSearchParams([['', text]]).toString().slice(1).replaceAll('+', '%20').replaceAll('*', '%2A').replaceAll('%7E', '~');
  const query = Object.keys(params)
    .sort()
    .map((name) => `${encode(name)}=${encode(params[name] as string)}`)
    .join('&');
  return createHmac(hash, `${secret}&`)
    .update(`${method}&${encode('/')}&${encode(query)}`)
    .digest('base64');
}

test('the example of the vendor documentation', () => {
  const query =
    'Timestamp=2016-02-23T12%3A46%3A24Z&Format=XML&AccessKeyId=testid&Action=DescribeRegions&SignatureMethod=HMAC-SHA1' +
    '&SignatureNonce=3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf&Version=2014-05-26&SignatureVersion=1.0&Signature=OLeaidS1JvxuMvnyHOwuJ%2BuX5qY%3D';
  verify(parseQuery(query), 'GET', 'testsecret', Date.UTC(2016, 1, 23, 12, 46, 24));
});

test('signs as an independent computation does, whatever the parameters hold', () => {
  for (const method of ['GET', 'POST']) {
    const given = { Action: 'AssumeRole', Policy: '{"Version":"1","a":"~*+ /&=%ü🦊!\'()"}', RoleArn: 'acs:ram::1:role/r', Empty: '' };
    const { Signature, ...signed } = signRpc1(method, given, { ...key, securityToken: 'tok+/=' }, { nonce: 'n', now });
    assert.equal(Signature, independent(method, signed, key.accessKeySecret));
    const params = list({ ...signed, Signature: Signature as string });
    verify(params, method);
    assert.equal(readRpc1Claim(params)?.securityToken, 'tok+/=');
    assert.equal(readRpc1Claim(params)?.time, now);
  }
});

test('HMAC-SHA256 is taken as well', () => {
  const { Signature: _, ...plain } = signRpc1('GET', { Action: 'A' }, key, { nonce: 'n', now });
  const params = { ...plain, SignatureMethod: 'HMAC-SHA256' };
  verify(list({ ...params, Signature: independent('GET', params, key.accessKeySecret, 'sha256') }));
  assert.throws(() => verify(list({ ...params, Signature: independent('GET', params, key.accessKeySecret) })), mismatch);
});

test('any change, another method, another secret and another time are refused', () => {
  const signed = signRpc1('GET', { Action: 'AssumeRole', RoleArn: 'acs:ram::1:role/r' }, key, { nonce: 'n', now });
  const params = list(signed);
  verify(params);
  for (const name of Object.keys(signed)) {
    if (['Signature', 'SignatureMethod', 'SignatureVersion', 'Timestamp'].includes(name)) continue;
    assert.throws(() => verify(list({ ...signed, [name]: `${signed[name]}x` })), mismatch, name);
  }
  assert.throws(() => verify(list({ ...signed, Timestamp: '2026-11-22T05:02:42Z' })), mismatch);
  assert.throws(() => verify([...params, { name: 'DurationSeconds', value: '43200', bare: false }]), mismatch);
  assert.throws(() => verify(params, 'POST'), mismatch);
  assert.throws(() => verify(params, 'GET', 'other'), mismatch);
  verify(params, 'GET', key.accessKeySecret, now + 900_000);
  assert.throws(() => verify(params, 'GET', key.accessKeySecret, now + 901_000), { code: 'RequestTimeTooSkewed' });
  assert.throws(() => verify(params, 'GET', key.accessKeySecret, now - 901_000), { code: 'RequestTimeTooSkewed' });
});

test('claims that are none, lack a part, or could be read in two ways', () => {
  assert.equal(readRpc1Claim(parseQuery('Action=AssumeRole')), undefined);
  const signed = signRpc1('GET', { Action: 'A' }, key, { nonce: 'n', now });
  for (const name of ['AccessKeyId', 'Signature', 'SignatureMethod', 'SignatureVersion', 'SignatureNonce', 'Timestamp']) {
    const { [name]: _, ...rest } = signed;
    assert.throws(() => readRpc1Claim(list(rest)), { code: 'MissingParameter' }, name);
  }
  assert.throws(() => readRpc1Claim([...list(signed), { name: 'Action', value: 'B', bare: false }]), { code: 'InvalidArgument' });
  assert.throws(() => readRpc1Claim(list({ ...signed, SignatureMethod: 'MD5' })), { code: 'InvalidArgument' });
  assert.throws(() => readRpc1Claim(list({ ...signed, SignatureVersion: '2.0' })), { code: 'InvalidArgument' });
  assert.throws(() => readRpc1Claim(list({ ...signed, Timestamp: 'Sun, 22 Nov 2026 05:02:41 GMT' })), { code: 'InvalidTimeStamp.Format' });
});
