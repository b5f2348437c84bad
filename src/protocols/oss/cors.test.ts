import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { signOssHeader } from '../../signing/index.ts';
import { type Answer, codeOf, fetchUrl, type Harness, openHarness, openPhotos, signing } from './fixture.ts';

let oss: Harness;
let aliases: { apAlias: string; fcAlias: string };
const cors = { cors: '' };
const rules = `<CORSConfiguration>
  <CORSRule><AllowedOrigin>https://*.example.com</AllowedOrigin><AllowedOrigin>http://one.test</AllowedOrigin><AllowedMethod>GET</AllowedMethod>
    <AllowedMethod>PUT</AllowedMethod><AllowedHeader>x-oss-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>100</MaxAgeSeconds></CORSRule>
  <CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>HEAD</AllowedMethod></CORSRule>
  <ResponseVary>true</ResponseVary></CORSConfiguration>`;

before(async () => {
  oss = await openHarness();
  aliases = await openPhotos(oss);
  const put = await oss.send('PUT', 'photos', '', { query: cors, body: rules });
  assert.equal(put.status, 200, put.text);
  await oss.send('PUT', 'plain', '');
});
after(() => oss.close());

const url = (path: string) => `http://127.0.0.1:${oss.port}/${path}`;
const preflight = (path: string, origin: string, method: string, headers?: string): Promise<Answer> =>
  fetchUrl(url(path), {
    method: 'OPTIONS',
    headers: {
      ...{ origin, 'access-control-request-method': method },
      ...(headers === undefined ? {} : { 'access-control-request-headers': headers }),
    },
  });
const allowed = ({ headers }: Answer) => headers['access-control-allow-origin'];

describe('the rules of a bucket', () => {
  test('are given back, and removed', async () => {
    const got = await oss.send('GET', 'photos', '', { query: cors });
    for (const piece of [
      '<AllowedOrigin>http://one.test</AllowedOrigin>',
      '<AllowedHeader>x-oss-*</AllowedHeader>',
      '<MaxAgeSeconds>100<',
      '<ResponseVary>true<',
    ]) {
      assert.ok(got.text.includes(piece), `${piece} in ${got.text}`);
    }
    await oss.send('PUT', 'plain', '', { query: cors, body: rules });
    assert.equal((await oss.send('DELETE', 'plain', '', { query: cors })).status, 204);
    assert.equal(codeOf(await oss.send('GET', 'plain', '', { query: cors })), 'NoSuchCORSConfiguration');
  });

  const rule = (inner: string) => `<CORSConfiguration><CORSRule>${inner}</CORSRule></CORSConfiguration>`;
  for (const [why, body, code] of [
    ['no rule', '<CORSConfiguration/>', 'MalformedXML'],
    ['a rule without a method', rule('<AllowedOrigin>*</AllowedOrigin>'), 'MalformedXML'],
    ['an unknown method', rule('<AllowedOrigin>*</AllowedOrigin><AllowedMethod>PATCH</AllowedMethod>'), 'InvalidArgument'],
    ['two stars', rule('<AllowedOrigin>*.*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>'), 'InvalidArgument'],
    [
      'a line break in a header',
      rule('<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod><ExposeHeader>a&#10;b</ExposeHeader>'),
      'InvalidArgument',
    ],
    [
      'too many rules',
      `<CORSConfiguration>${'<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>'.repeat(21)}</CORSConfiguration>`,
      'MalformedXML',
    ],
  ] as const) {
    test(`are refused with ${why}`, async () => {
      const answer = await oss.send('PUT', 'plain', '', { query: cors, body });
      assert.deepEqual([answer.status, codeOf(answer)], [400, code], answer.text);
    });
  }
});

describe('a preflight request', () => {
  test('is answered without a signature, for objects that are not there and through aliases', async () => {
    for (const path of ['photos/none', 'photos/', `${aliases.apAlias}/x`, `${aliases.fcAlias}/x`]) {
      const answer = await preflight(path, 'https://a.example.com', 'PUT', 'X-Oss-Meta-A, x-oss-date');
      const { status, headers } = answer;
      assert.deepEqual([status, allowed(answer)], [200, 'https://a.example.com'], path);
      assert.deepEqual(
        [headers['access-control-allow-methods'], headers['access-control-allow-headers'], headers['access-control-max-age'], headers.vary],
        ['GET, PUT', 'X-Oss-Meta-A, x-oss-date', '100', 'Origin'],
      );
      assert.equal(headers['access-control-expose-headers'], 'ETag');
    }
    assert.equal(allowed(await preflight('photos/x', 'https://any.where', 'HEAD')), '*');
  });

  test('is refused where no rule allows it', async () => {
    for (const [path, origin, method, headers] of [
      ['photos/x', 'https://example.org', 'GET', undefined],
      ['photos/x', 'https://a.example.com', 'DELETE', undefined],
      ['photos/x', 'https://a.example.com', 'GET', 'authorization'],
      ['plain/x', 'https://a.example.com', 'GET', undefined],
      ['nowhere/x', 'https://a.example.com', 'GET', undefined],
    ] as const) {
      const answer = await preflight(path, origin, method, headers);
      assert.deepEqual(
        [answer.status, codeOf(answer), allowed(answer)],
        [403, 'AccessForbidden', undefined],
        `${path} ${origin} ${method}`,
      );
    }
    const bare = await fetchUrl(url('photos/x'), { method: 'OPTIONS' });
    assert.deepEqual([bare.status, codeOf(bare)], [400, 'InvalidArgument']);
  });
});

describe('answers to pages of other origins', () => {
  const ask = async (name: string, key: string, origin: string) =>
    fetchUrl(url(`${name}/${key}`), { headers: { ...signOssHeader(signing('GET', name, key)), origin } });

  test('carry the headers where a rule allows it, refusals too', async () => {
    for (const key of ['dir/cat.png', 'none']) {
      const answer = await ask('photos', key, 'http://one.test');
      assert.deepEqual([allowed(answer), answer.headers.vary], ['http://one.test', 'Origin'], key);
    }
    const other = await ask('photos', 'dir/cat.png', 'http://two.test');
    assert.deepEqual([other.status, allowed(other), other.headers.vary], [200, undefined, 'Origin']);
    assert.equal(allowed(await ask('plain', 'none', 'http://one.test')), undefined);
  });

  test('carry them when a function made the answer', async () => {
    oss.setFunction(async ({ getObjectContext: { outputToken, outputRoute } }, credentials) => {
      const headers = { 'x-oss-request-route': outputRoute, 'x-oss-request-token': outputToken, 'x-oss-fwd-status': '200' };
      const key = { id: credentials.accessKeyId, secret: credentials.accessKeySecret, token: credentials.securityToken };
      const query = { 'x-oss-write-get-object-response': '' };
      assert.equal((await oss.send('POST', '', '', { query, headers, key, body: 'made', port: oss.functionsPort })).status, 200);
    });
    const answer = await ask(aliases.fcAlias, 'dir/cat.png', 'http://one.test');
    assert.deepEqual([answer.text, allowed(answer)], ['made', 'http://one.test']);
  });
});
