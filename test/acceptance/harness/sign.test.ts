/** The tests' own signatures against requests that vendor SDKs really sent or publish as test vectors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { presignV1, signHeaderV1, signHeaderV4 } from './sign.ts';

const key = { id: 'ak', secret: 'sk' };

test('V1 presigned, as in the Go v2 SDK’s signer tests', () => {
  const path = presignV1({ method: 'GET', bucket: 'bucket', key: 'key', query: { versionId: 'versionId' } }, key, 1_699_807_420);
  assert.equal(new URLSearchParams(path.split('?')[1]).get('Signature'), 'dcLTea+Yh9ApirQ8o8dOPqtvJXQ=');
  const token = presignV1(
    { method: 'GET', bucket: 'bucket', key: 'key+123', query: { versionId: 'versionId' } },
    { ...key, token: 'token' },
    1_699_808_204,
  );
  assert.equal(new URLSearchParams(token.split('?')[1]).get('Signature'), 'jzKYRrM5y6Br0dRFPaTGOsbrDhY=');
});

test('V1 WriteGetObjectResponse, as oss2 sent it', () => {
  const headers = { 'x-oss-request-route': 'http://127.0.0.1:9000', 'x-oss-request-token': 'OSSV1#abc', 'x-oss-fwd-status': '200' };
  const request = { method: 'POST', query: { 'x-oss-write-get-object-response': '' }, headers, now: new Date('2026-11-22T05:02:01Z') };
  assert.equal(
    signHeaderV1(request, { id: 'STS.ak', secret: 'sk', token: 'tok' }).authorization,
    'OSS STS.ak:qXkORmvYtbki2Q+ZDhlBYI94Zn0=',
  );
});

test('V4 WriteGetObjectResponse, as the Go v2 SDK sent it', () => {
  const headers = {
    'content-md5': 'XUFAKrxLKna5cZ2REBfFkg==',
    'content-type': 'application/xml',
    'x-oss-request-route': 'http://127.0.0.1:9000',
    'x-oss-request-token': 'OSSV1#abc',
    'x-oss-fwd-status': '200',
    'x-oss-fwd-header-content-type': 'image/png',
  };
  const request = { method: 'POST', query: { 'x-oss-write-get-object-response': '' }, headers, now: new Date('2026-11-22T05:02:41Z') };
  assert.match(
    signHeaderV4(request, { ...key, token: 'tok' }).authorization ?? '',
    /Signature=ab6fbe3abf5b217aae382843dceac2b08bcf083d2053b70ce98c891f5f3d3677$/,
  );
});
