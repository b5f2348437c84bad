import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { signOssHeader } from '../../signing/index.ts';
import { codeOf, fetchUrl, type Harness, openHarness, rootKey, sessionOf, signing } from './fixture.ts';
import { selectors } from './subresources.ts';

let oss: Harness;

before(async () => {
  oss = await openHarness();
  await oss.send('PUT', 'photos', '');
  for (const key of ['fox.txt', 'large']) await oss.send('PUT', 'photos', key, { body: key });
});

after(() => oss.close());

describe('refused requests', () => {
  const url = (path = '/photos/fox.txt') => `http://127.0.0.1:${oss.port}${path}`;

  test('anonymous', async () => {
    const answer = await fetchUrl(url());
    assert.deepEqual([answer.status, codeOf(answer), answer.headers['content-type']], [403, 'AccessDenied', 'application/xml']);
  });

  test('tampered signature, unknown key, wrong secret', async () => {
    const headers = signOssHeader(signing('GET', 'photos', 'fox.txt'));
    const tampered = { ...headers, authorization: `${headers.authorization?.slice(0, -4)}0000` };
    assert.equal(codeOf(await fetchUrl(url(), { headers: tampered })), 'SignatureDoesNotMatch');
    const unknown = await oss.send('GET', 'photos', 'fox.txt', { key: { id: 'nobody', secret: 'x' } });
    assert.deepEqual([unknown.status, codeOf(unknown)], [403, 'InvalidAccessKeyId']);
    const wrong = await oss.send('GET', 'photos', 'fox.txt', { key: { id: rootKey.id, secret: 'wrong' }, scheme: 'OSS1' });
    assert.equal(codeOf(wrong), 'SignatureDoesNotMatch');
    assert.match(wrong.text, /<StringToSign>GET\n/);
    assert.doesNotMatch(wrong.text, /rootkeysecret/);
    const token = await oss.send('GET', 'photos', 'fox.txt', { key: { id: 'STS.x', secret: 'x', token: 'forged' } });
    assert.equal(codeOf(token), 'InvalidSecurityToken');
  });

  test('stale date and expired URL', async () => {
    for (const scheme of ['OSS1', 'OSS4'] as const) {
      const headers = signOssHeader({ ...signing('GET', 'photos', 'fox.txt'), scheme, now: Date.now() - 3_600_000 });
      const stale = await fetchUrl(url(), { headers });
      assert.equal(codeOf(stale), 'RequestTimeTooSkewed');
      assert.match(stale.text, /<ServerTime>\d{4}-\d\d-\d\dT/);
      const expired = await fetchUrl(oss.presign('photos', 'fox.txt', { scheme, now: Date.now() - 120_000, expiresIn: 60 }));
      assert.equal(codeOf(expired), 'AccessDenied');
      assert.match(expired.text, /Request has expired/);
    }
  });

  test('every subresource appended to a signed URL, in both signatures', async () => {
    for (const scheme of ['OSS1', 'OSS4'] as const) {
      const signedUrl = oss.presign('photos', 'fox.txt', { scheme });
      assert.equal((await fetchUrl(signedUrl)).status, 200);
      for (const selector of [
        ...selectors,
        'versionId',
        'partNumber',
        'position',
        'callback',
        'security-token',
        'x-oss-access-point-name',
      ]) {
        for (const form of [selector, `${selector}=`, `${selector}=1`]) {
          const answer = await fetchUrl(`${signedUrl}&${form}`);
          // x-oss-process in a GET shapes GetObject; it is signed as well.
          assert.equal(answer.status >= 400, true, `${scheme} ${form}: ${answer.status}`);
        }
      }
    }
  });

  test('another key, bucket or method than the signed one', async () => {
    for (const scheme of ['OSS1', 'OSS4'] as const) {
      const signedUrl = oss.presign('photos', 'fox.txt', { scheme });
      assert.equal(codeOf(await fetchUrl(signedUrl.replace('fox.txt', 'large'))), 'SignatureDoesNotMatch');
      assert.equal(codeOf(await fetchUrl(signedUrl, { method: 'DELETE' })), 'SignatureDoesNotMatch');
    }
  });

  test('paths that are not UTF-8, and headers beyond the limit', async () => {
    const headers = signOssHeader(signing('GET', 'photos', 'x'));
    assert.equal(codeOf(await fetchUrl(url('/photos/%FF'), { headers })), 'InvalidURI');
    assert.equal(codeOf(await fetchUrl(url('/photos/x?a=%zz'), { headers })), 'InvalidURI');
    const big = await fetchUrl(url(), { headers: { x: 'x'.repeat(20_000) } });
    assert.equal(big.status, 431);
  });

  test('missing and forbidden names', async () => {
    const bucket = await oss.send('GET', 'nobucket', 'k');
    assert.deepEqual([bucket.status, codeOf(bucket), bucket.headers['x-oss-ec']], [404, 'NoSuchBucket', '0015-00000101']);
    assert.match(bucket.text, /<BucketName>nobucket<\/BucketName>/);
    assert.equal(codeOf(await oss.send('GET', 'photos', 'none')), 'NoSuchKey');
    assert.equal(codeOf(await oss.send('PUT', 'photos', '/leading', { body: 'x' })), 'InvalidObjectName');
    assert.equal(codeOf(await oss.send('PUT', 'photos', 'k'.repeat(1024), { body: 'x' })), 'InvalidObjectName');
  });
});

describe('permissions', () => {
  const allow = (action: string, resource: string) => ({ Effect: 'Allow', Action: action, Resource: resource });
  const deny = (action: string, resource: string) => ({ Effect: 'Deny', Action: action, Resource: resource });

  test('a session does what its role allows and no more', async () => {
    const key = await sessionOf(oss, 'reader', [allow('oss:GetObject', 'acs:oss:*:*:photos/fox*')]);
    assert.equal((await oss.send('GET', 'photos', 'fox.txt', { key })).status, 200);
    const other = await oss.send('GET', 'photos', 'large', { key });
    assert.deepEqual([other.status, codeOf(other)], [403, 'AccessDenied']);
    assert.match(other.text, /oss:GetObject on acs:oss:cn-qingdao:1234567890123456:photos\/large/);
    assert.equal(codeOf(await oss.send('PUT', 'photos', 'fox.txt', { key, body: 'x' })), 'AccessDenied');
    assert.equal(codeOf(await oss.send('GET', 'photos', '', { key })), 'AccessDenied');
    assert.equal(codeOf(await oss.send('GET', 'nobucket', 'k', { key })), 'AccessDenied');
  });

  test('DeleteMultipleObjects asks for every key and deletes nothing when one is denied', async () => {
    const key = await sessionOf(oss, 'cleaner', [
      allow('oss:DeleteObject', 'acs:oss:*:*:photos/*'),
      deny('oss:*', 'acs:oss:*:*:photos/keep/*'),
    ]);
    for (const name of ['tmp/1', 'keep/1']) await oss.send('PUT', 'photos', name, { body: 'x' });
    const xml = '<Delete><Object><Key>tmp/1</Key></Object><Object><Key>keep/1</Key></Object></Delete>';
    const answer = await oss.send('POST', 'photos', '', {
      key,
      query: { delete: '' },
      body: xml,
      headers: { 'content-md5': createHash('md5').update(xml).digest('base64') },
    });
    assert.equal(codeOf(answer), 'AccessDenied');
    assert.equal((await oss.send('GET', 'photos', 'tmp/1')).status, 200);
  });

  test('a session for one object reads that object alone, while its exchange is open', async () => {
    const all = [allow('oss:*', '*')];
    const key = await sessionOf(oss, 'narrow', all, { read: { names: ['photos'], key: 'fox.txt' } });
    assert.equal((await oss.send('GET', 'photos', 'fox.txt', { key })).status, 200);
    for (const [method, name] of [
      ['GET', 'large'],
      ['PUT', 'fox.txt'],
      ['DELETE', 'fox.txt'],
      ['GET', ''],
    ] as const) {
      assert.equal(codeOf(await oss.send(method, 'photos', name, { key })), 'AccessDenied', `${method} ${name}`);
    }
    const over = await sessionOf(oss, 'over', all, { exchange: 'ended' });
    assert.match((await oss.send('GET', 'photos', 'fox.txt', { key: over })).text, /AccessDenied[\s\S]*has ended/);
  });
});
