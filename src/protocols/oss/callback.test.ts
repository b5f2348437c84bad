import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type Outgoing, openOutgoing, readAll } from '../../kit/index.ts';
import { fillTemplate } from './callback-body.ts';
import { openCallbackSigning } from './callback-signing.ts';
import { accountId, codeOf, fetchUrl, type Harness, openHarness, rootKey } from './fixture.ts';
import { encodePolicy, formOf, signatureFields } from './form.fixture.ts';

interface Told {
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What the application answers; undefined for never. */
let reply: ((url: string) => { status?: number; body?: string | Buffer } | undefined) | undefined;
let told: Told[] = [];
let app: Server;
let oss: Harness;
let callbacks: Outgoing;
const pem = { type: 'pkcs8', format: 'pem' } as const;
const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: pem,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
let base = '';

before(async () => {
  app = createServer(async (req, res) => {
    const body = (await readAll(req, 1e6)).toString();
    told.push({ url: req.url ?? '', headers: req.headers, body });
    const answer = reply?.(req.url ?? '');
    if (answer) res.writeHead(answer.status ?? 200, { 'content-type': 'application/json' }).end(answer.body ?? '{"Status":"OK"}');
  }).listen(0, '127.0.0.1');
  await once(app, 'listening');
  const { port } = app.address() as AddressInfo;
  base = `http://127.0.0.1:${port}`;
  callbacks = openOutgoing({ allow: [`127.0.0.1:${port}`, '127.0.0.1:1'], setting: 'outgoing.callbacks' });
  oss = await openHarness({ callbacks, callbackSigning: openCallbackSigning(privateKey, 'http://keys.test/callback_pub_key_v1.pem?v=1') });
  await oss.send('PUT', 'photos', '');
});
after(async () => {
  await callbacks.close();
  app.closeAllConnections();
  app.close();
  await oss.close();
});
beforeEach(() => {
  told = [];
  reply = () => ({});
});

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
const every = 'bucket object etag size mimeType imageInfo.width crc64 contentMd5 vpcId clientIp reqId operation x:who'.split(' ');
const form = every.map((name) => `${name.replace(':', '.')}=\${${name}}`).join('&');
const json = `{${every.map((name) => `"${name}":\${${name}}`).join(',')}}`;
const callback = (more: Record<string, unknown> = {}) => encode({ callbackUrl: `${base}/told?a=b`, callbackBody: form, ...more });
const variables = encode({ 'x:who': 'jörg & co' });
const md5 = createHash('md5').update('hello').digest('base64');
const crc = '13892216501000205796';

function put(key: string, headers: Record<string, string>) {
  return oss.send('PUT', 'photos', key, { body: 'hello', headers: { 'content-type': 'text/plain', ...headers } });
}

describe('an application is told', () => {
  test('of PutObject, in a form, and its answer is the client’s', async () => {
    const answer = await put('dir/a b.txt', { 'x-oss-callback': callback(), 'x-oss-callback-var': variables });
    assert.deepEqual([answer.status, answer.text, answer.headers['content-type']], [200, '{"Status":"OK"}', 'application/json']);
    assert.deepEqual([answer.headers.etag, answer.headers['content-md5']], ['"5D41402ABC4B2A76B9719D911017C592"', undefined]);
    const [call] = told;
    assert.equal(call?.url, '/told?a=b');
    assert.equal(call.headers['content-type'], 'application/x-www-form-urlencoded');
    assert.equal(call.headers['content-md5'], createHash('md5').update(call.body).digest('base64'));
    assert.deepEqual(
      [call.headers['x-oss-bucket'], call.headers['x-oss-requester'], call.headers['x-oss-tag']],
      ['photos', accountId, 'CALLBACK'],
    );
    assert.deepEqual(Object.fromEntries(new URLSearchParams(call.body)), {
      ...{ bucket: 'photos', object: 'dir/a b.txt', etag: '5D41402ABC4B2A76B9719D911017C592', size: '5', mimeType: 'text/plain' },
      ...{
        'imageInfo.width': '',
        crc64: String(answer.headers['x-oss-hash-crc64ecma']),
        contentMd5: md5,
        vpcId: '',
        clientIp: '127.0.0.1',
      },
      ...{ reqId: String(answer.headers['x-oss-request-id']), operation: 'PutObject', 'x.who': 'jörg & co' },
    });
    assert.match(String(answer.headers['x-oss-hash-crc64ecma']), /^\d+$/);
  });

  test('with a signature that the vendor’s samples verify, by the key that the server gives', async () => {
    await put('signed.txt', { 'x-oss-callback': callback({ callbackUrl: `${base}/a%20b/%E7%8C%AB?x=%20y` }) });
    const [call] = told;
    const keyUrl = new URL(Buffer.from(String(call?.headers['x-oss-pub-key-url']), 'base64').toString());
    assert.equal(keyUrl.href, 'http://keys.test/callback_pub_key_v1.pem?v=1');
    const key = await fetchUrl(`http://127.0.0.1:${oss.port}${keyUrl.pathname}`, { headers: { host: keyUrl.host } });
    assert.match(key.text, /^-----BEGIN PUBLIC KEY-----/);
    const signature = Buffer.from(String(call?.headers.authorization), 'base64');
    assert.ok(verify('RSA-MD5', Buffer.from(`/a b/猫?x=%20y\n${call?.body}`), key.text, signature));
    assert.ok(!verify('RSA-MD5', Buffer.from(`/a b/猫?x=%20y\n${call?.body} `), key.text, signature));
    // It is an object like any other where the host names a bucket.
    const object = await fetchUrl(`http://127.0.0.1:${oss.port}${keyUrl.pathname}`, { headers: { host: 'photos.oss.test' } });
    assert.equal(codeOf(object), 'AccessDenied');
  });

  test('in JSON, with its own Host', async () => {
    const asked = callback({ callbackBody: json, callbackBodyType: 'application/json', callbackHost: 'app.test:81', callbackSNI: true });
    assert.equal((await put('"quoted".txt', { 'x-oss-callback': asked })).status, 200);
    assert.deepEqual([told[0]?.headers.host, told[0]?.headers['content-type']], ['app.test:81', 'application/json']);
    const body = JSON.parse(told[0]?.body ?? '');
    assert.deepEqual([body.object, body.size, body['imageInfo.width'], body['x:who']], ['"quoted".txt', 5, '', '']);
  });

  test('by the parameters of a signed URL', async () => {
    for (const scheme of ['OSS1', 'OSS4'] as const) {
      const url = oss.presign('photos', 'signed', { scheme, method: 'PUT', query: { callback: callback(), 'callback-var': variables } });
      assert.equal((await fetchUrl(url, { method: 'PUT', body: 'hello' })).text, '{"Status":"OK"}', scheme);
      assert.match(told.at(-1)?.body ?? '', /object=signed&.*x\.who=j%C3%B6rg%20%26%20co$/);
      // Nobody can add one to a URL that was signed without.
      const plain = oss.presign('photos', 'signed', { scheme, method: 'PUT' });
      assert.equal((await fetchUrl(`${plain}&callback=${encodeURIComponent(callback())}`, { method: 'PUT', body: 'x' })).status, 403);
    }
    assert.equal(told.length, 2);
  });

  test('of CompleteMultipartUpload', async () => {
    const begun = await oss.send('POST', 'photos', 'parts', { query: { uploads: '' }, body: '' });
    const uploadId = /<UploadId>(.*)<\/UploadId>/.exec(begun.text)?.[1] ?? '';
    const part = await oss.send('PUT', 'photos', 'parts', { query: { uploadId, partNumber: '1' }, body: 'hello' });
    const xml = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${part.headers.etag}</ETag></Part></CompleteMultipartUpload>`;
    const headers = { 'x-oss-callback': callback() };
    const answer = await oss.send('POST', 'photos', 'parts', { query: { uploadId }, body: xml, headers });
    assert.deepEqual([answer.status, answer.text], [200, '{"Status":"OK"}']);
    assert.match(told[0]?.body ?? '', /etag=[0-9A-F]{32}-1&size=5&.*contentMd5=&.*operation=CompleteMultipartUpload/);
  });

  test('of a form, with variables from its fields', async () => {
    const fields = {
      ...signatureFields(encodePolicy([]), rootKey),
      key: 'form',
      callback: callback(),
      'x:who': 'me',
      success_action_status: '201',
    };
    const answer = await fetchUrl(`http://127.0.0.1:${oss.port}/photos`, { method: 'POST', ...formOf(fields, { body: 'hello' }) });
    assert.deepEqual([answer.status, answer.text], [200, '{"Status":"OK"}']);
    assert.match(told[0]?.body ?? '', /operation=PostObject&x\.who=me$/);
    const without = await fetchUrl(`http://127.0.0.1:${oss.port}/photos`, { method: 'POST', ...formOf({ ...fields, callback: '' }, {}) });
    assert.deepEqual([without.status, told.length], [201, 1]);
    // A policy that pins the field would not see it by another name.
    const renamed = await fetchUrl(`http://127.0.0.1:${oss.port}/photos`, {
      ...{ method: 'POST', ...formOf({ ...fields, callback: '', 'x-oss-callback': callback() }, {}) },
    });
    assert.deepEqual([codeOf(renamed), told.length], ['NotImplemented', 1]);
  });

  test('at the first of its addresses that answers well', async () => {
    reply = (url) => ({ status: url === '/bad' ? 500 : 200 });
    const { host } = new URL(base);
    const answer = await put('several', {
      'x-oss-callback': callback({ callbackUrl: `http://127.0.0.1:1/;${base}/bad; ${host}/good;${base}/late` }),
    });
    assert.deepEqual([answer.status, told.map(({ url }) => url)], [200, ['/bad', '/good']]);
  });
});

describe('a callback that fails leaves the object, and says why', () => {
  for (const [name, answer, why] of [
    ['another status', { status: 404 }, /Error status : 404/],
    ['a redirect', { status: 302 }, /Error status : 302/],
    ['an answer that is no JSON', { body: 'OK' }, /not valid json/],
    ['no answer', { body: '' }, /not valid json/],
    ['too long an answer', { body: `"${'x'.repeat(1024 * 1024)}"` }, /more than 1048576 bytes/],
  ] as const) {
    test(name, async () => {
      reply = () => answer;
      const failed = await put(name, { 'x-oss-callback': callback() });
      assert.deepEqual([failed.status, codeOf(failed)], [203, 'CallbackFailed']);
      assert.match(failed.text, why);
      assert.equal((await oss.send('GET', 'photos', name)).text, 'hello');
    });
  }

  test('nobody there', async () => {
    const failed = await put('nobody', { 'x-oss-callback': callback({ callbackUrl: 'http://127.0.0.1:1/' }) });
    assert.deepEqual([failed.status, codeOf(failed)], [203, 'CallbackFailed']);
    assert.match(failed.text, /Error status : -1/);
  });

  test('an application that takes too long', async () => {
    reply = undefined;
    const failed = await put('late', { 'x-oss-callback': callback() });
    assert.deepEqual([failed.status, codeOf(failed)], [203, 'CallbackFailed']);
    assert.match(failed.text, /Cost too long time/);
    assert.equal((await oss.send('GET', 'photos', 'late')).text, 'hello');
  });
});

describe('a callback is refused before anything is stored', () => {
  for (const [name, headers, code, why] of [
    [
      'an address that is not allowed',
      { 'x-oss-callback': encode({ callbackUrl: 'http://192.0.2.1/', callbackBody: 'a' }) },
      'AccessDenied',
      /192\.0\.2\.1:80 to the setting outgoing\.callbacks/,
    ],
    [
      'one of several that is not',
      { 'x-oss-callback': encode({ callbackUrl: 'http://127.0.0.1:1/;file:///etc', callbackBody: 'a' }) },
      'AccessDenied',
      /outgoing\.callbacks/,
    ],
    [
      'an address that is none',
      { 'x-oss-callback': encode({ callbackUrl: 'app.test:port/', callbackBody: 'a' }) },
      'InvalidArgument',
      /no URL/,
    ],
    ['six addresses', { 'x-oss-callback': encode({ callbackUrl: 'a;b;c;d;e;f', callbackBody: 'a' }) }, 'InvalidArgument', /at most 5/],
    ['no body', { 'x-oss-callback': encode({ callbackUrl: 'http://127.0.0.1:1/', callbackBody: '' }) }, 'InvalidArgument', /callbackBody/],
    [
      'another type',
      { 'x-oss-callback': encode({ callbackUrl: 'http://127.0.0.1:1/', callbackBody: 'a', callbackBodyType: 'text/xml' }) },
      'InvalidArgument',
      /callbackBodyType/,
    ],
    [
      'a host that is none',
      { 'x-oss-callback': encode({ callbackUrl: 'http://127.0.0.1:1/', callbackBody: 'a', callbackHost: 'a\r\nb' }) },
      'InvalidArgument',
      /callbackHost/,
    ],
    ['no JSON', { 'x-oss-callback': 'e30x' }, 'InvalidArgument', /JSON object in base64/],
    [
      'variables that are no object',
      { 'x-oss-callback': encode({ callbackUrl: 'http://127.0.0.1:1/', callbackBody: 'a' }), 'x-oss-callback-var': encode([1]) },
      'InvalidArgument',
      /callback-var/,
    ],
    [
      'too many variables',
      {
        'x-oss-callback': encode({ callbackUrl: 'http://127.0.0.1:1/', callbackBody: 'a' }),
        'x-oss-callback-var': encode({ 'x:a': 'a'.repeat(5000) }),
      },
      'InvalidArgument',
      /at most 5120/,
    ],
  ] as const) {
    test(name, async () => {
      const refused = await put('refused', headers);
      assert.deepEqual([refused.status, codeOf(refused)], [code === 'AccessDenied' ? 403 : 400, code], refused.text);
      assert.match(refused.text, why);
      assert.equal((await oss.send('HEAD', 'photos', 'refused')).status, 404);
    });
  }

  test('with operations that have none', async () => {
    const headers = { 'x-oss-callback': callback() };
    const append = await oss.send('POST', 'photos', 'appended', { query: { append: '', position: '0' }, body: 'x', headers });
    assert.equal(codeOf(append), 'NotImplemented');
    assert.equal((await put('empty', { 'x-oss-callback': encode({ callbackUrl: '', callbackBody: 'a' }) })).text, '');
  });
});

test('a template costs no more time than its length', () => {
  const facts = {
    ...{ bucket: '', object: '', etag: '', size: 0, mimeType: '', crc64: crc, contentMd5: '', vpcId: '', clientIp: '' },
    reqId: '',
    operation: '',
    image: undefined,
    variables: new Map(),
  };
  assert.equal(fillTemplate('${'.repeat(100_000), 'application/json', facts).length, 200_000);
  assert.equal(fillTemplate(`\${variables}\${constructor}\${crc64}$\${size}}`, 'application/x-www-form-urlencoded', facts), `${crc}$0}`);
});

test('callbacks are not signed with what cannot be verified', () => {
  const { privateKey: curve } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: pem,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  assert.throws(() => openCallbackSigning(curve, 'http://keys.test/a_key.pem'), /RSA/);
  assert.throws(() => openCallbackSigning('no key', 'http://keys.test/a_key.pem'));
  for (const path of ['', '/', '/photos', '/photos/key.pem'])
    assert.throws(() => openCallbackSigning(privateKey, `http://keys.test${path}`), /bucket/);
});
