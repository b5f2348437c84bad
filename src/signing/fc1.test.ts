import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuery, readFc1Claim, type SignedRequest, signFc1, verifyFc1 } from './index.ts';

const mismatch = { code: 'SignatureDoesNotMatch' };

function request(path: string, query = '', headers: Record<string, string> = {}, method = 'GET'): SignedRequest {
  return { method, path, query: parseQuery(query), headers };
}

function verify(signed: SignedRequest, secret: string, now: number): void {
  const claim = readFc1Claim(signed);
  assert.ok(claim);
  verifyFc1(claim, signed, secret, now);
}

// Vectors of fc-go-sdk sign_url_request_test.go.
for (const { query, token } of [
  {
    query:
      'x-fc-access-key-id=akid&x-fc-expires=1583339600&x-fc-security-token=stsToken&x-fc-signature=Yi0jCBQ6cTZc%2BtN8wtYUz9FbYNijx5jDiE3sVNW6XwA%3D',
    token: 'stsToken',
  },
  {
    query: 'x-fc-access-key-id=akid&x-fc-expires=1583339600&x-fc-signature=6Rc4KxEAv3%2BlHpbNQWceIUqWVWq3ewxhadlJBRzZ0XQ%3D',
    token: undefined,
  },
]) {
  test(`signed URL of fc-go-sdk, token ${token}`, () => {
    const signed = request('/2016-08-15/proxy/service/func/', query);
    assert.deepEqual([readFc1Claim(signed)?.securityToken, readFc1Claim(signed)?.accessKeyId], [token, 'akid']);
    verify(signed, 'akSec', 1583339600_000);
    assert.throws(() => verify(signed, 'other', 1583339600_000), mismatch);
    assert.throws(() => verify(signed, 'akSec', 1583339600_001), { code: 'AccessDenied' });
    const more = request('/2016-08-15/proxy/service/func/', `${query}&a=b`);
    assert.throws(() => verify(more, 'akSec', 1583339600_000), mismatch);
  });
}

test('a signed URL covers headers, the decoded path and the sorted query (fc-go-sdk signature_test.go)', () => {
  const headers = { 'x-fc-trace-id': 'trace-id', 'content-type': 'text/json', 'content-md5': 'ef5b43a0fe1d5b401b62c3ba33a7a3d6' };
  const query =
    'x=xyz&x=456&a=123%2045&x-fc-expires=1583221068&x-fc-access-key-id=akID&x-fc-security-token=stsToken' +
    '&x-fc-signature=QFdNhz0Dl%2BonUM/MvpX940WFH3H8OHayZHbby1c01aI%3D';
  const signed = request('/2016-08-15/proxy/service.LATEST/func/abc%20123', query, headers);
  const secret = 'S9MWOBG0AOWHSO9HPASP216QOPHT5YR4NLH3A';
  verify(signed, secret, 0);
  assert.throws(() => verify({ ...signed, query: signed.query.slice(1) }, secret, 0), mismatch);
  assert.throws(() => verify({ ...signed, headers: { ...headers, 'x-fc-more': '1' } }, secret, 0), mismatch);
});

test('a header signature over a proxy call covers the query', () => {
  const now = Date.UTC(2026, 10, 22, 5);
  const bare = request('/2016-08-15/proxy/s/f/a', 'b=2&a=1&c');
  const signed = { ...bare, headers: signFc1(bare, { accessKeyId: 'ak', accessKeySecret: 'sk' }, now) };
  verify(signed, 'sk', now);
  assert.throws(() => verify({ ...signed, query: signed.query.slice(1) }, 'sk', now), mismatch);
  const undated = signFc1({ ...bare, headers: { date: 'soon' } }, { accessKeyId: 'ak', accessKeySecret: 'sk' }, now);
  assert.throws(() => verify({ ...bare, headers: undated }, 'sk', now), { code: 'AccessDenied', message: /valid Date header/ });
});

test('signs and verifies plain calls; 15 minutes either way; query and host are free', () => {
  const now = Date.UTC(2026, 10, 22, 5);
  const headers = { 'content-type': 'application/json', 'content-md5': 'not checked', 'x-fc-account-id': '1', host: 'h' };
  const bare = request('/2016-08-15/services/s%C3%A9/functions', 'limit=5', headers, 'POST');
  const added = signFc1(bare, { accessKeyId: 'ak', accessKeySecret: 'sk', securityToken: 'tok' }, now);
  const signed = { ...bare, headers: { ...headers, ...added } };
  assert.equal(readFc1Claim(signed)?.securityToken, 'tok');
  verify(signed, 'sk', now);
  verify({ ...signed, query: [], headers: { ...signed.headers, host: 'other' } }, 'sk', now);
  for (const changed of [
    { ...signed, method: 'PUT' },
    { ...signed, path: '/2016-08-15/services' },
    { ...signed, headers: { ...signed.headers, 'x-fc-account-id': '2' } },
    { ...signed, headers: { ...signed.headers, 'content-type': 'text/plain' } },
    { ...signed, headers: { ...signed.headers, date: 'Sun, 22 Nov 2026 05:00:01 GMT' } },
  ]) {
    assert.throws(() => verify(changed, 'sk', now), mismatch);
  }
  verify(signed, 'sk', now + 900_000);
  assert.throws(() => verify(signed, 'sk', now + 900_001), { code: 'RequestTimeTooSkewed' });
  assert.throws(() => verify(signed, 'sk', now - 900_001), { code: 'RequestTimeTooSkewed' });
});

test('claims that are none, or are malformed', () => {
  assert.equal(readFc1Claim(request('/')), undefined);
  assert.equal(readFc1Claim(request('/', '', { authorization: 'OSS ak:x' })), undefined);
  for (const authorization of ['FC ak', 'FC ak:', 'FC :x', 'FC a b:c']) {
    assert.throws(() => readFc1Claim(request('/', '', { authorization })), { code: 'AuthorizationHeaderMalformed' }, authorization);
  }
  const query = 'x-fc-access-key-id=a&x-fc-expires=1&x-fc-signature=s';
  for (const raw of ['x-fc-signature=s', query.replace('x-fc-expires=1&', ''), `${query}&x-fc-expires=2`, query.replace('=s', '=')]) {
    assert.throws(() => readFc1Claim(request('/', raw)), { code: 'InvalidArgument' }, raw);
  }
  assert.throws(() => readFc1Claim(request('/', query, { authorization: 'FC a:s' })), { code: 'InvalidArgument' });
  assert.throws(() => verify(request('/', query.replace('expires=1', 'expires=x')), 'k', 0), mismatch);
});
