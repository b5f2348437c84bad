import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuery, presignOss, type ResourceCandidate, readOssClaim, type SignedRequest, signOssHeader, verifyOss } from './index.ts';
import { checkOssTime } from './oss-time.ts';

// Vectors published in the vendor's SDK tests (alibabacloud-oss-go-sdk-v2 oss/signer, aliyun-oss-go-sdk oss/conn_test.go), and requests that unchanged
// SDKs sent to a capture server. Access key id `ak` unless said otherwise, secret `sk`.

interface Vector {
  method?: string;
  query?: string;
  headers: Record<string, string>;
  resource: ResourceCandidate;
  signature: string;
}

function request({ method = 'GET', query = '', headers }: Partial<Vector>): SignedRequest {
  return { method, path: '/', query: parseQuery(query), headers: headers ?? {} };
}

function verified(vector: Vector, options = { selectors: [] as string[] }, secret = 'sk'): number {
  const signed = request(vector);
  const claim = readOssClaim(signed);
  assert.ok(claim);
  return verifyOss(claim, signed, secret, [vector.resource], options);
}

function accepted(vector: Vector, options = { selectors: [] as string[] }): void {
  assert.equal(verified(vector, options), 0);
  assert.throws(() => verified(vector, options, 'other'), { code: 'SignatureDoesNotMatch' });
}

const wireDate = 'Wed, 28 Dec 2022 10:27:41 GMT';
const nelson = {
  'content-md5': 'eB5eJF1ptWaXm4bijSPyxw==',
  'content-type': 'text/html',
  date: wireDate,
  'x-oss-date': wireDate,
  'x-oss-meta-author': 'alice',
  'x-oss-meta-magic': 'abracadabra',
};

for (const { method, query, headers, resource, signature } of [
  {
    method: 'PUT',
    query: '',
    headers: nelson,
    resource: { bucket: 'examplebucket', key: 'nelson' },
    signature: 'kSHKmLxlyEAKtZPkJhG9bZb5k7M=',
  },
  {
    method: 'PUT',
    query: 'acl',
    headers: nelson,
    resource: { bucket: 'examplebucket', key: 'nelson' },
    signature: '/afkugFbmWDQ967j1vr6zygBLQk=',
  },
  {
    method: 'GET',
    query: 'resourceGroup',
    headers: { 'x-oss-date': wireDate },
    resource: { bucket: 'examplebucket' },
    signature: 'vkQmfuUDyi1uDi3bKt67oemssIs=',
  },
  {
    method: 'GET',
    query: 'resourceGroup&acl',
    headers: { 'x-oss-date': wireDate },
    resource: { bucket: 'examplebucket' },
    signature: 'x3E5TgOvl/i7PN618s5mEvpJDYk=',
  },
]) {
  test(`V1 header: ${method} ?${query} -> ${signature}`, () => {
    const authorization = `OSS ak:${signature}`;
    accepted({ method, query, headers: { ...headers, authorization }, resource, signature }, { selectors: query ? query.split('&') : [] });
    const added = signOssHeader({
      scheme: 'OSS1',
      method,
      ...resource,
      query: Object.fromEntries(parseQuery(query).map(({ name, value }) => [name, value])),
      headers,
      accessKeyId: 'ak',
      accessKeySecret: 'sk',
      now: 0,
    });
    assert.deepEqual(added, { authorization });
  });
}

test('V1 query: a versioned object', () => {
  const url = presignOss({
    scheme: 'OSS1',
    method: 'GET',
    endpoint: 'http://127.0.0.1:9000',
    bucket: 'bucket',
    key: 'key',
    query: { versionId: 'versionId' },
    accessKeyId: 'ak',
    accessKeySecret: 'sk',
    now: 1699807000_500,
    expiresAt: 1699807420_999,
  });
  const query = 'versionId=versionId&Expires=1699807420&OSSAccessKeyId=ak&Signature=dcLTea%2BYh9ApirQ8o8dOPqtvJXQ%3D';
  assert.equal(url, `http://127.0.0.1:9000/bucket/key?${query}`);
  accepted({ query, headers: {}, resource: { bucket: 'bucket', key: 'key' }, signature: '' }, { selectors: ['versionId'] });
});

test('V1 query: a key with a plus, and a security token', () => {
  const url = presignOss({
    scheme: 'OSS1',
    method: 'GET',
    endpoint: 'http://127.0.0.1:9000/',
    bucket: 'bucket',
    key: 'key+123',
    query: { versionId: 'versionId' },
    accessKeyId: 'ak',
    accessKeySecret: 'sk',
    securityToken: 'token',
    now: 1699808000_000,
    expiresIn: 204,
    pathStyle: true,
  });
  const query = 'security-token=token&versionId=versionId&Expires=1699808204&OSSAccessKeyId=ak&Signature=jzKYRrM5y6Br0dRFPaTGOsbrDhY%3D';
  assert.equal(url, `http://127.0.0.1:9000/bucket/key%2B123?${query}`);
  const signed = request({ query });
  assert.equal(readOssClaim(signed)?.securityToken, 'token');
  accepted({ query, headers: {}, resource: { bucket: 'bucket', key: 'key+123' }, signature: '' });
});

const params4 = { param1: 'value1', '+param1': 'value3', '|param1': 'value4', '+param2': '', '|param2': '', param2: '' };
const query4 = 'param1=value1&%2Bparam1=value3&%7Cparam1=value4&%2Bparam2=&%7Cparam2=&param2=';
const headers4 = { 'x-oss-head1': 'value', abc: 'value', zabc: 'value', xyz: 'value' };
const resource4 = { bucket: 'bucket', key: '1234+-/123/1.txt' };

for (const { time, token, additional, region, product, signature } of [
  { time: '20231216T162057Z', signature: 'e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe' },
  { time: '20231217T034736Z', token: 'token', signature: 'b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea' },
  { time: '20231216T172512Z', additional: ['ZAbc', 'abc'], signature: '4a4183c187c07c8947db7620deb0a6b38d9fbdd34187b6dbaccb316fa251212f' },
  {
    time: '20231216T162057Z',
    region: 'cb-123',
    product: 'oss-cloudbox' as const,
    signature: '94ce1f12c17d148ea681030275a94449d3357f5b5b21133996eec80af3e08a43',
  },
]) {
  test(`V4 header: ${time} ${token ?? additional ?? product ?? ''} -> ${signature.slice(0, 8)}`, () => {
    const scope = `${time.slice(0, 8)}/${region ?? 'cn-hangzhou'}/${product ?? 'oss'}/aliyun_v4_request`;
    const headers = { ...headers4, 'content-type': 'text/plain', 'x-oss-content-sha256': 'UNSIGNED-PAYLOAD' };
    const now = Date.parse(time.replace(/(....)(..)(..T..)(..)(..Z)/, '$1-$2-$3:$4:$5'));
    const added = signOssHeader({
      scheme: 'OSS4',
      method: 'PUT',
      ...resource4,
      query: params4,
      headers,
      accessKeyId: 'ak',
      accessKeySecret: 'sk',
      securityToken: token,
      region: region ?? 'cn-hangzhou',
      product,
      additionalHeaders: additional,
      now,
    });
    const listed = additional ? ',AdditionalHeaders=abc;zabc' : '';
    const authorization = `OSS4-HMAC-SHA256 Credential=ak/${scope}${listed},Signature=${signature}`;
    assert.deepEqual(added, { ...(token && { 'x-oss-security-token': token }), 'x-oss-date': time, authorization });
    accepted({ method: 'PUT', query: query4, headers: { ...headers, ...added }, resource: resource4, signature });
    // As oss2 and others order and space the fields.
    const spaced = `OSS4-HMAC-SHA256 Credential=ak/${scope}, Signature=${signature}${additional ? ', AdditionalHeaders=zabc;abc' : ''}`;
    accepted({ method: 'PUT', query: query4, headers: { ...headers, ...added, authorization: spaced }, resource: resource4, signature });
  });
}

for (const { time, token, additional, signature } of [
  { time: '20231217T025437Z', signature: 'a39966c61718be0d5b14e668088b3fa07601033f6518ac7b523100014269c0fe' },
  { time: '20231217T035628Z', token: 'token', signature: '3817ac9d206cd6dfc90f1c09c00be45005602e55898f26f5ddb06d7892e1f8b5' },
  { time: '20231217T033009Z', additional: ['abc', 'ZAbc'], signature: '6bd984bfe531afb6db1f7550983a741b103a8c58e5e14f83ea474c2322dfa2b7' },
]) {
  test(`V4 query: ${time} ${token ?? additional ?? ''} -> ${signature.slice(0, 8)}`, () => {
    const headers = { ...headers4, 'content-type': 'application/octet-stream' };
    const url = presignOss({
      scheme: 'OSS4',
      method: 'PUT',
      endpoint: 'http://127.0.0.1:9000',
      ...resource4,
      query: params4,
      headers,
      accessKeyId: 'ak',
      accessKeySecret: 'sk',
      securityToken: token,
      region: 'cn-hangzhou',
      additionalHeaders: additional,
      now: Date.parse(time.replace(/(....)(..)(..T..)(..)(..Z)/, '$1-$2-$3:$4:$5')),
      expiresIn: 599,
    });
    const [address, query = ''] = url.split('?');
    assert.equal(address, 'http://127.0.0.1:9000/bucket/1234%2B-/123/1.txt');
    assert.ok(query.endsWith(`&x-oss-signature=${signature}`), url);
    accepted({ method: 'PUT', query, headers, resource: resource4, signature });
  });
}

// Captured WriteGetObjectResponse calls.
const answer = {
  'x-oss-fwd-status': '200',
  'x-oss-request-route': 'http://127.0.0.1:9000',
  'x-oss-request-token': 'OSSV1#abc',
  'x-oss-security-token': 'tok',
};
const wgor = { selectors: ['x-oss-write-get-object-response'] };
const service: ResourceCandidate = {};

test('oss2 V1 WriteGetObjectResponse', () => {
  const headers = { ...answer, date: 'Sun, 22 Nov 2026 05:02:01 GMT', authorization: 'OSS STS.ak:qXkORmvYtbki2Q+ZDhlBYI94Zn0=' };
  accepted({ method: 'POST', query: 'x-oss-write-get-object-response=', headers, resource: service, signature: '' }, wgor);
});

test('Go v1 V4 WriteGetObjectResponse, with a Date header and no x-oss-date', () => {
  const headers = {
    ...answer,
    date: 'Sun, 22 Nov 2026 05:02:41 GMT',
    'x-oss-content-sha256': 'UNSIGNED-PAYLOAD',
    authorization:
      'OSS4-HMAC-SHA256 Credential=STS.ak/20261122/cn-qingdao/oss/aliyun_v4_request,Signature=dc465b08a8018d572093a15bd29e31eff8a6b51df5446c93663c278c7c3757d9',
  };
  const vector = { method: 'POST', query: 'x-oss-write-get-object-response', headers, resource: service, signature: '' };
  accepted(vector, wgor);
  const signed = request(vector);
  checkOssTime(readOssClaim(signed)!, signed, Date.UTC(2026, 10, 22, 5, 3));
});

test('Go v2 V4 WriteGetObjectResponse', () => {
  const headers = {
    ...answer,
    'content-md5': 'XUFAKrxLKna5cZ2REBfFkg==',
    'content-type': 'application/xml',
    'x-oss-content-sha256': 'UNSIGNED-PAYLOAD',
    'x-oss-date': '20261122T050241Z',
    'x-oss-fwd-header-content-type': 'image/png',
    authorization:
      'OSS4-HMAC-SHA256 Credential=ak/20261122/cn-qingdao/oss/aliyun_v4_request,Signature=ab6fbe3abf5b217aae382843dceac2b08bcf083d2053b70ce98c891f5f3d3677',
  };
  accepted({ method: 'POST', query: 'x-oss-write-get-object-response', headers, resource: service, signature: '' }, wgor);
});

test('V1 WriteGetObjectResponse without its own parameter, as Go v1 signs it, only where allowed', () => {
  const headers = { ...answer, date: 'Sun, 22 Nov 2026 05:02:41 GMT' };
  const { authorization = '' } = signOssHeader({
    scheme: 'OSS1',
    method: 'POST',
    headers,
    accessKeyId: 'ak',
    accessKeySecret: 'sk',
    now: 0,
  });
  const query = 'x-oss-write-get-object-response';
  const vector = { method: 'POST', query, headers: { ...headers, authorization }, resource: service, signature: '' };
  accepted(vector, { ...wgor, allowUnsignedSelector: true } as typeof wgor);
  assert.throws(() => verified(vector, wgor), { code: 'SignatureDoesNotMatch' });
});

test('oss2 presigned GET through an alias, slashes of the key encoded', () => {
  const bucket = 'fc-ap-01-3b00521f653d2b3223680ec39dbbe2aa-opapalias';
  const query = 'OSSAccessKeyId=ak&Expires=1795323781&Signature=xxgq%2BXFcMV5V%2BAdOsBoz5nzL5jY%3D';
  accepted({ query, headers: {}, resource: { bucket, key: 'a/b c.txt' }, signature: '' });
  const input = { scheme: 'OSS1', method: 'GET', endpoint: 'http://127.0.0.1:9000', bucket, key: 'a/b c.txt' } as const;
  const url = presignOss({ ...input, accessKeyId: 'ak', accessKeySecret: 'sk', now: 0, expiresAt: 1795323781_000 });
  assert.equal(
    url,
    `http://127.0.0.1:9000/${bucket}/a/b%20c.txt?Expires=1795323781&OSSAccessKeyId=ak&Signature=xxgq%2BXFcMV5V%2BAdOsBoz5nzL5jY%3D`,
  );
});

test('ali-oss V1 GET', () => {
  const headers = { 'x-oss-date': 'Sun, 22 Nov 2026 05:04:05 GMT', authorization: 'OSS ak:uHB20AYi1FxS+H9PMsT3tA3UUsI=' };
  accepted({ headers, resource: { bucket: 'fc-ap-opapalias', key: 'k' }, signature: '' });
});

test('ali-oss V4 list keeps `prefix=`; other SDKs drop the sign', () => {
  const headers = { 'x-oss-date': '20261122T050405Z', 'x-oss-content-sha256': 'UNSIGNED-PAYLOAD' };
  const resource = { bucket: 'fc-ap-opapalias' };
  const query = 'list-type=2&prefix=&max-keys=2';
  const sign = (signature: string) => `OSS4-HMAC-SHA256 Credential=ak/20261122/cn-qingdao/oss/aliyun_v4_request,Signature=${signature}`;
  const kept = '3350b5a0dff67b4aa299aab084ca151ae7d435a3a47ec61fdaed1c060ef63460';
  accepted({ query, headers: { ...headers, authorization: sign(kept) }, resource, signature: kept });
  const { authorization = '' } = signOssHeader({
    scheme: 'OSS4',
    method: 'GET',
    ...resource,
    query: { 'list-type': '2', prefix: '', 'max-keys': '2' },
    headers,
    accessKeyId: 'ak',
    accessKeySecret: 'sk',
    region: 'cn-qingdao',
    now: Date.UTC(2026, 10, 22, 5, 4, 5),
  });
  assert.match(authorization, /Signature=fb4a291a/);
  accepted({ query, headers: { ...headers, authorization }, resource, signature: '' });
});
