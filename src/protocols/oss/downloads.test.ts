import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fetchUrl, type Harness, openHarness, openPhotos } from './fixture.ts';

let oss: Harness;
let fcAlias: string;
let made: Record<string, string> = {};

before(async () => {
  oss = await openHarness();
  ({ fcAlias } = await openPhotos(oss));
  for (const [key, type, disposition] of [
    ['page', 'text/html; charset=utf-8', undefined],
    ['feed', 'application/atom+xml', undefined],
    ['picture.svg', 'image/svg+xml', 'inline; filename=x.svg'],
    ['script', 'Text/JavaScript', undefined],
    ['named', 'text/html', 'attachment; filename=page.html'],
    ['image', 'image/png', undefined],
    ['text', 'text/plain', undefined],
  ] as const) {
    const headers = { 'content-type': type, ...(disposition && { 'content-disposition': disposition }) };
    assert.equal((await oss.send('PUT', 'photos', key, { body: '<script>', headers })).status, 200);
  }
  oss.setFunction(async ({ getObjectContext: { outputRoute, outputToken, inputOssUrl } }, credentials) => {
    const source = await fetchUrl(inputOssUrl);
    assert.equal(source.headers['content-disposition'], undefined, 'a function reads the original as it is');
    await oss.send('POST', '', '', {
      port: Number(new URL(outputRoute).port),
      query: { 'x-oss-write-get-object-response': '' },
      headers: { 'x-oss-request-route': outputRoute, 'x-oss-request-token': outputToken, 'x-oss-fwd-status': '200', ...made },
      body: source.body,
      key: { id: credentials.accessKeyId, secret: credentials.accessKeySecret, token: credentials.securityToken },
    });
  });
});
after(() => oss.close());

const shown = ({ headers }: Awaited<ReturnType<typeof fetchUrl>>) => [headers['content-disposition'], headers['x-oss-force-download']];

describe('content that a browser would run', () => {
  test('is saved when it comes by a signed URL', async () => {
    for (const key of ['page', 'feed', 'picture.svg', 'script']) {
      assert.deepEqual(shown(await fetchUrl(oss.presign('photos', key))), ['attachment', 'true'], key);
      assert.deepEqual(
        shown(await fetchUrl(oss.presign('photos', key, { method: 'HEAD' }), { method: 'HEAD' })),
        ['attachment', 'true'],
        key,
      );
    }
    assert.deepEqual(shown(await fetchUrl(oss.presign('photos', 'named'))), ['attachment; filename=page.html', undefined]);
    for (const key of ['image', 'text']) assert.deepEqual(shown(await fetchUrl(oss.presign('photos', key))), [undefined, undefined], key);
    const retyped = oss.presign('photos', 'image', {
      query: { 'response-content-type': 'text/html', 'response-content-disposition': 'inline' },
    });
    assert.deepEqual(shown(await fetchUrl(retyped)), ['attachment', 'true']);
    const part = await fetchUrl(oss.presign('photos', 'page'), { headers: { range: 'bytes=1-3' } });
    assert.deepEqual([part.status, part.text, ...shown(part)], [206, 'scr', 'attachment', 'true']);
  });

  test('is shown to whoever signs the request, and on the domains of the server', async () => {
    assert.deepEqual(shown(await oss.send('GET', 'photos', 'page')), [undefined, undefined]);
    await oss.store.setBucketAcl('photos', 'public-read');
    const at = async (host: string) => shown(await fetchUrl(`http://127.0.0.1:${oss.port}/page`, { headers: { host } }));
    assert.deepEqual(shown(await fetchUrl(`http://127.0.0.1:${oss.port}/photos/page`)), ['attachment', 'true']);
    assert.deepEqual(await at('photos.oss.test'), [undefined, undefined]);
    assert.deepEqual(await at('photos.localhost'), ['attachment', 'true']);
    assert.deepEqual(await at('photos.oss-cn-qingdao.aliyuncs.com'), ['attachment', 'true']);
    await oss.store.setBucketAcl('photos', 'private');
  });

  test('is saved when a function made it', async () => {
    made = { 'x-oss-fwd-header-content-type': 'text/html', 'x-oss-fwd-header-content-disposition': 'inline' };
    assert.deepEqual(shown(await fetchUrl(oss.presign(fcAlias, 'page'))), ['attachment', 'true']);
    assert.deepEqual(shown(await oss.send('GET', fcAlias, 'page')), ['inline', undefined]);
    made = { 'x-oss-fwd-header-content-type': 'image/png' };
    assert.deepEqual(shown(await fetchUrl(oss.presign(fcAlias, 'page'))), [undefined, undefined]);
  });
});

test('no browser guesses a type: every answer says nosniff, once', async () => {
  made = {};
  for (const answer of [
    await oss.send('GET', 'photos', 'page'),
    await oss.send('HEAD', 'photos', 'page'),
    await oss.send('GET', 'photos', ''),
    await oss.send('GET', 'photos', 'none'),
    await oss.send('GET', fcAlias, 'page'),
    await fetchUrl(`http://127.0.0.1:${oss.port}/photos/page`),
  ]) {
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  }
});
