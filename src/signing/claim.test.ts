import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkOssTime, claimedPayloadHash, parseQuery, readOssClaim, type SignedRequest } from './index.ts';

function request(query: string, headers: Record<string, string> = {}): SignedRequest {
  return { method: 'GET', path: '/b/k', query: parseQuery(query), headers };
}

test('parameters are decoded once; a plus is a space; wire order and bare names are kept', () => {
  assert.deepEqual(parseQuery(''), []);
  assert.deepEqual(parseQuery('b=1+1&a%2Bb=%25%32%35&acl&x=&&=v&c=d=e'), [
    { name: 'b', value: '1 1', bare: false },
    { name: 'a+b', value: '%25', bare: false },
    { name: 'acl', value: '', bare: true },
    { name: 'x', value: '', bare: false },
    { name: '', value: 'v', bare: false },
    { name: 'c', value: 'd=e', bare: false },
  ]);
  for (const raw of ['a=%', 'a=%2', '%zz', 'a=%ff', 'a=%C3%28']) assert.throws(() => parseQuery(raw), { code: 'InvalidURI' }, raw);
});

test('a request without a signature is anonymous', () => {
  assert.equal(readOssClaim(request('w=1&Expires=5&security-token=x')), undefined);
});

test('a V4 header reads the same in the usual form and in any other', () => {
  const token = { 'x-oss-security-token': 'tok' };
  for (const region of ['', 'cn-qingdao']) {
    for (const product of ['oss', 'oss-cloudbox']) {
      const credential = `Credential=STS.ak/20261122/${region}/${product}/aliyun_v4_request`;
      const read = (fields: string) => readOssClaim(request('', { authorization: `OSS4-HMAC-SHA256 ${fields}`, ...token }));
      const other = read(`Signature=0a1b, ${credential}`);
      assert.equal(other?.scheme, 'OSS4');
      for (const usual of [`${credential},Signature=0a1b`, `${credential}, Signature=0a1b`]) assert.deepEqual(read(usual), other);
    }
  }
});

test('a V1 header may bring its token without the prefix, as the SDKs v2 for Python and Java do', () => {
  const bare = { 'security-token': 'bare' };
  const four = 'OSS4-HMAC-SHA256 Credential=ak/20261122//oss/aliyun_v4_request,Signature=ab';
  assert.equal(readOssClaim(request('', { authorization: 'OSS ak:c2ln', ...bare }))?.securityToken, 'bare');
  assert.equal(readOssClaim(request('', { authorization: 'OSS ak:c2ln', ...bare, 'x-oss-security-token': 'tok' }))?.securityToken, 'tok');
  assert.equal(readOssClaim(request('', { authorization: four, ...bare }))?.securityToken, undefined);
});

test('reads all four forms', () => {
  assert.deepEqual(readOssClaim(request('', { authorization: 'OSS ak:c2ln', 'x-oss-security-token': 'tok' })), {
    scheme: 'OSS1',
    place: 'header',
    accessKeyId: 'ak',
    signature: 'c2ln',
    securityToken: 'tok',
  });
  const four = { scheme: 'OSS4', accessKeyId: 'ak', date: '20261122', region: '', product: 'oss', signature: 'ab' };
  const authorization = 'OSS4-HMAC-SHA256  Credential=ak/20261122//oss/aliyun_v4_request , Signature=ab,AdditionalHeaders=Host; abc';
  assert.deepEqual(readOssClaim(request('', { authorization })), {
    ...four,
    place: 'header',
    securityToken: undefined,
    additionalHeaders: ['abc', 'host'],
  });
  assert.deepEqual(readOssClaim(request('OSSAccessKeyId=ak&Expires=7&Signature=a%2Bb&security-token=tok')), {
    scheme: 'OSS1',
    place: 'query',
    accessKeyId: 'ak',
    signature: 'a+b',
    expires: '7',
    securityToken: 'tok',
  });
  const query =
    'x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-credential=ak%2F20261122%2F%2Foss%2Faliyun_v4_request&x-oss-date=T&x-oss-expires=9' +
    '&x-oss-signature=ab&x-oss-additional-headers=host&x-oss-security-token=tok';
  assert.deepEqual(readOssClaim(request(query)), {
    ...four,
    place: 'query',
    time: 'T',
    expires: '9',
    securityToken: 'tok',
    additionalHeaders: ['host'],
  });
});

test('malformed Authorization headers', () => {
  for (const authorization of [
    '',
    'Bearer x',
    'OSS',
    'OSS ak',
    'OSS :x',
    'OSS ak:',
    'OSS a b:c',
    'OSS2 AccessKeyId:ak,Signature:x',
    'OSS4-HMAC-SHA256',
    'OSS4-HMAC-SHA256 Signature=ab',
    'OSS4-HMAC-SHA256 Credential=ak/20261122/r/oss/aliyun_v4_request',
    'OSS4-HMAC-SHA256 Credential=ak/20261122/r/oss/aliyun_v4_request,Signature=',
    'OSS4-HMAC-SHA256 Credential=ak/20261122/r/oss/aliyun_v4_request,Signature=a,Signature=b',
    'OSS4-HMAC-SHA256 Credential=ak/20261122/r/oss/aliyun_v4_request,Signature=a,More=b',
    'OSS4-HMAC-SHA256 Credential=ak/2026112/r/oss/aliyun_v4_request,Signature=a',
    'OSS4-HMAC-SHA256 Credential=ak/20261122/r/ecs/aliyun_v4_request,Signature=a',
    'OSS4-HMAC-SHA256 Credential=ak/20261122/r/oss/aws4_request,Signature=a',
    'OSS4-HMAC-SHA256 Credential=/20261122/r/oss/aliyun_v4_request,Signature=a',
    'OSS4-HMAC-SHA256 Credential=ak/20261122/r/oss/aliyun_v4_request/more,Signature=a',
  ]) {
    assert.throws(() => readOssClaim(request('', { authorization })), { code: 'AuthorizationHeaderMalformed' }, authorization);
  }
});

test('query signatures that are incomplete, doubled or sent twice over', () => {
  const one = 'OSSAccessKeyId=ak&Expires=7&Signature=x';
  const credential = 'x-oss-credential=ak%2F20261122%2Fr%2Foss%2Faliyun_v4_request';
  const four = `x-oss-signature-version=OSS4-HMAC-SHA256&${credential}&x-oss-date=T&x-oss-expires=9&x-oss-signature=ab`;
  for (const query of [
    'OSSAccessKeyId=ak&Expires=7',
    'Signature=x&Expires=7',
    'OSSAccessKeyId=ak&Signature=x',
    `${one}&Signature=y`,
    `${one}&security-token=a&security-token=b`,
    `${one}&${four}`,
    four.replace('OSS4-HMAC-SHA256', 'OSS2'),
    four.replace('x-oss-signature-version=OSS4-HMAC-SHA256&', ''),
    four.replace(`${credential}&`, ''),
    four.replace('x-oss-date=T&', ''),
    four.replace('x-oss-expires=9&', ''),
    four.replace('&x-oss-signature=ab', ''),
    `${four}&x-oss-date=T`,
  ]) {
    assert.throws(() => readOssClaim(request(query)), { code: 'InvalidArgument' }, query);
  }
  assert.throws(() => readOssClaim(request(one, { authorization: 'OSS ak:x' })), { code: 'InvalidArgument' });
});

const noon = Date.UTC(2026, 10, 22, 12);
const quarter = 15 * 60 * 1000;

function checked(query: string, headers: Record<string, string>, now: number, skewMs?: number): void {
  const signed = request(query, headers);
  const claim = readOssClaim(signed);
  assert.ok(claim);
  checkOssTime(claim, signed, now, { skewMs });
}

test('header signatures hold 15 minutes either way', () => {
  const four = { authorization: 'OSS4-HMAC-SHA256 Credential=ak/20261122/r/oss/aliyun_v4_request,Signature=ab' };
  const dated = { date: 'Sun, 22 Nov 2026 12:00:00 GMT' };
  const signed: Record<string, string>[] = [
    { authorization: 'OSS ak:x', ...dated },
    { authorization: 'OSS ak:x', 'x-oss-date': dated.date, date: 'nonsense' },
    { ...four, ...dated },
    { ...four, 'x-oss-date': '20261122T120000Z' },
  ];
  for (const headers of signed) {
    checked('', headers, noon + quarter);
    checked('', headers, noon - quarter);
    assert.throws(() => checked('', headers, noon - quarter - 1), { code: 'RequestTimeTooSkewed' });
    assert.throws(
      () => checked('', headers, noon + quarter + 1),
      (error: { code: string; extra: Record<string, string> }) => {
        assert.equal(error.code, 'RequestTimeTooSkewed');
        assert.deepEqual(error.extra, {
          MaxAllowedSkewMilliseconds: '900000',
          RequestTime: '2026-11-22T12:00:00.000Z',
          ServerTime: '2026-11-22T12:15:00.001Z',
        });
        return true;
      },
    );
    checked('', headers, 0, Number.POSITIVE_INFINITY);
  }
  assert.throws(() => checked('', { ...four, 'x-oss-date': '20261123T000500Z' }, noon + 12 * 3600_000), {
    code: 'AuthorizationHeaderMalformed',
  });
  for (const date of ['', 'yesterday', '2026-11-22', '20261322T120000Z', 'Sun, 42 Nov 2026 12:00:00 GMT']) {
    assert.throws(() => checked('', { authorization: 'OSS ak:x', date }, noon), { code: 'AccessDenied' }, date);
  }
  assert.throws(() => checked('', { authorization: 'OSS ak:x' }, noon), { code: 'AccessDenied' });
});

test('V1 URLs hold until Expires', () => {
  const url = (expires: string) => `OSSAccessKeyId=ak&Expires=${expires}&Signature=x`;
  const at = String(noon / 1000);
  checked(url(at), {}, noon);
  assert.throws(
    () => checked(url(at), {}, noon + 1),
    (error: { code: string; message: string; extra: Record<string, string> }) => {
      assert.equal(error.code, 'AccessDenied');
      assert.equal(error.message, 'Request has expired.');
      assert.deepEqual(error.extra, { Expires: '2026-11-22T12:00:00.000Z', ServerTime: '2026-11-22T12:00:00.001Z' });
      return true;
    },
  );
  for (const expires of ['soon', '-1', '1e12', '1.5', '999999999999']) {
    assert.throws(() => checked(url(expires), {}, noon), { code: 'InvalidArgument' }, expires);
  }
});

test('V4 URLs hold for x-oss-expires from x-oss-date, and not before it', () => {
  const url = (expires: string, time = '20261122T120000Z') =>
    `x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-credential=ak%2F20261122%2Fr%2Foss%2Faliyun_v4_request&x-oss-date=${time}&x-oss-expires=${expires}&x-oss-signature=ab`;
  checked(url('1'), {}, noon + 1000);
  checked(url('604800'), {}, noon + 604_800_000);
  checked(url('60'), {}, noon - quarter);
  assert.throws(() => checked(url('1'), {}, noon + 1001), { code: 'AccessDenied' });
  assert.throws(() => checked(url('60'), {}, noon - quarter - 1), { code: 'RequestTimeTooSkewed' });
  for (const expires of ['0', '604801', '-5', 'x', '1.5'])
    assert.throws(() => checked(url(expires), {}, noon), { code: 'InvalidArgument' }, expires);
  assert.throws(() => checked(url('60', '20261123T000000Z'), {}, noon + 12 * 3600_000), { code: 'InvalidArgument' });
  assert.throws(() => checked(url('60', 'today'), {}, noon), { code: 'InvalidArgument' });
});

test('the body hash that a V4 signature vouches for', () => {
  const hash = 'AB'.repeat(32);
  const four = 'OSS4-HMAC-SHA256 Credential=ak/20261122/r/oss/aliyun_v4_request,Signature=ab';
  const of = (authorization: string, value: string) => {
    const signed = request('', { authorization, 'x-oss-content-sha256': value });
    return claimedPayloadHash(readOssClaim(signed)!, signed);
  };
  assert.equal(of(four, hash), 'ab'.repeat(32));
  assert.equal(of(four, 'UNSIGNED-PAYLOAD'), undefined);
  assert.equal(of('OSS ak:x', hash), undefined);
});
