import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { presignOss, signOssHeader } from '../../signing/index.ts';
import {
  type Answer,
  accountId,
  codeOf,
  type FunctionEvent,
  type FunctionUnderTest,
  fetchUrl,
  type Harness,
  headerLines,
  openHarness,
  openPhotos,
  original,
  rawClient,
  region,
  sessionOf,
  signing,
} from './fixture.ts';

let oss: Harness;
let fcAlias: string;

before(async () => {
  oss = await openHarness();
  ({ fcAlias } = await openPhotos(oss));
});

after(() => oss.close());

/** Sends WriteGetObjectResponse the way a function does. */
async function answer(
  event: FunctionEvent,
  credentials: { accessKeyId: string; accessKeySecret: string; securityToken: string },
  body: string,
  headers: Record<string, string> = {},
  { query = 'x-oss-write-get-object-response', unsigned = false, chunked = false } = {},
): Promise<Answer> {
  const { outputRoute, outputToken } = event.getObjectContext;
  const sent: Record<string, string> = {
    'x-oss-request-route': outputRoute,
    'x-oss-request-token': outputToken,
    'x-oss-fwd-status': '200',
    ...headers,
  };
  const lower = Object.fromEntries(Object.entries(sent).map(([name, value]) => [name.toLowerCase(), value]));
  const signed = signOssHeader({
    ...{ scheme: 'OSS1', method: 'POST', headers: lower, now: Date.now(), ...credentials },
    query: unsigned ? {} : { 'x-oss-write-get-object-response': '' },
  });
  const framing: Record<string, string> = chunked ? { 'transfer-encoding': 'chunked' } : {};
  return await fetchUrl(`${outputRoute}/?${query}`, { method: 'POST', headers: { ...sent, ...signed, ...framing }, body });
}

const shout: FunctionUnderTest = async (event, credentials) => {
  const source = await fetchUrl(event.getObjectContext.inputOssUrl);
  const width = new URL(event.userRequest.url).searchParams.get('w');
  const done = await answer(event, credentials, `${source.text.toUpperCase()} ${width}`, {
    'X-Oss-Fwd-Header-Content-Type': 'text/plain',
    'x-oss-fwd-header-ETag': '"mine"',
  });
  assert.deepEqual([done.status, done.text, done.headers['content-length']], [200, '', '0']);
};

describe('GetObject through an Object FC access point', () => {
  test('by alias, signed in the header and in the URL, V1 and V4', async () => {
    oss.setFunction(shout);
    for (const scheme of ['OSS1', 'OSS4'] as const) {
      const signed = await oss.send('GET', fcAlias, 'dir/cat.png', { scheme, query: { w: '7' } });
      assert.deepEqual([signed.status, signed.text], [200, 'THE ORIGINAL 7']);
      assert.equal(signed.headers['content-type'], 'text/plain');
      assert.equal(signed.headers.etag, '"mine"');
      assert.equal(signed.headers['content-length'], '14');
      assert.match(String(signed.headers['x-oss-request-id']), /^[0-9A-F]{24}$/);
      assert.equal(signed.headers['x-oss-hash-crc64ecma'], undefined);
      const byUrl = await fetchUrl(oss.presign(fcAlias, 'dir/cat.png', { scheme, query: { w: '8' } }));
      assert.equal(byUrl.text, 'THE ORIGINAL 8');
    }
    // The function may have a moment of its life left.
    while (oss.transforms.open > 0) await setImmediate();
  });

  test('by the host of its endpoint, whichever name was signed', async () => {
    oss.setFunction(shout);
    const host = `fc-ap-01-${accountId}.oss-${region}.oss-object-process.aliyuncs.com`;
    for (const bucket of [fcAlias, 'fc-ap-01', 'photos']) {
      const headers = { ...signOssHeader(signing('GET', bucket, 'dir/cat.png')), host };
      const seen = await fetchUrl(`http://127.0.0.1:${oss.port}/dir/cat.png`, { headers });
      assert.equal(seen.text, 'THE ORIGINAL null', bucket);
    }
  });

  test('the event holds the URL and headers of the client without credentials', async () => {
    let seen: FunctionEvent | undefined;
    oss.setFunction(async (event, credentials) => {
      seen = event;
      await answer(event, credentials, 'x');
    });
    const url = `${oss.presign(fcAlias, 'dir/cat.png', { scheme: 'OSS1', query: { w: '1' } })}&free=a%2Fb`;
    await fetchUrl(url, { headers: { cookie: 'c', 'X-Tint': 'red' } });
    assert.equal(seen?.userRequest.url, `http://127.0.0.1:${oss.port}/${fcAlias}/dir/cat.png?w=1&free=a%2Fb`);
    assert.equal(seen?.userRequest.headers['X-Tint'], 'red');
    assert.deepEqual(
      Object.keys(seen?.userRequest.headers ?? {}).filter((name) => /cookie|auth/i.test(name)),
      [],
    );
  });

  test('HEAD and objectMeta run the function and send its head without a body', async () => {
    oss.setFunction(shout);
    const head = await oss.send('HEAD', fcAlias, 'dir/cat.png');
    assert.deepEqual([head.status, head.headers.etag, head.headers['content-length'], head.text], [200, '"mine"', '17', '']);
    const meta = await oss.send('GET', fcAlias, 'dir/cat.png', { query: { objectMeta: '' } });
    assert.deepEqual([meta.status, meta.headers.etag, meta.headers['content-length'], meta.text], [200, '"mine"', '0', '']);
  });

  test('response-* parameters win over forwarded headers', async () => {
    oss.setFunction(shout);
    const seen = await oss.send('GET', fcAlias, 'dir/cat.png', { query: { 'response-content-type': 'image/gif' } });
    assert.deepEqual([seen.headers['content-type'], seen.headers.etag], ['image/gif', '"mine"']);
  });

  test('a missing original is the function to see', async () => {
    oss.setFunction(async (event, credentials) => {
      const source = await fetchUrl(event.getObjectContext.inputOssUrl);
      await answer(event, credentials, `${source.status}`, { 'x-oss-fwd-status': '404' });
    });
    const seen = await oss.send('GET', fcAlias, 'none');
    assert.deepEqual([seen.status, seen.text], [404, '404']);
  });

  test('everything else is refused, so that the original cannot leak', async () => {
    for (const [method, key, query] of [
      ['PUT', 'dir/cat.png', {}],
      ['DELETE', 'dir/cat.png', {}],
      ['GET', '', {}],
      ['GET', '', { bucketInfo: '' }],
      ['DELETE', '', {}],
      ['POST', '', { delete: '' }],
    ] as const) {
      const refused = await oss.send(method, fcAlias, key, { query });
      assert.deepEqual([refused.status, codeOf(refused)], [403, 'AccessDenied'], `${method} ${key}`);
    }
    assert.equal((await oss.send('GET', 'photos', 'dir/cat.png')).text, original);
  });

  test('the caller needs the Object FC access point and its supporting access point', async () => {
    oss.setFunction(shout);
    const grant = (...names: string[]) =>
      names.map((name) => ({ Effect: 'Allow', Action: 'oss:GetObject', Resource: `acs:oss:*:*:${name}/object/dir/*` }));
    const [fc, ap] = ['accesspointforobjectprocess/fc-ap-01', 'accesspoint/ap-01'];
    for (const [name, statement, status] of [
      ['both', grant(fc, ap), 200],
      ['one', grant(fc), 403],
      ['other', grant(ap), 403],
    ] as const) {
      const key = await sessionOf(oss, name, statement);
      assert.equal((await oss.send('GET', fcAlias, 'dir/cat.png', { key })).status, status, name);
    }
  });

  test('a function that fails is an error of its own', async () => {
    oss.setFunction(async () => {
      throw new Error('no such pixel');
    });
    const failed = await oss.send('GET', fcAlias, 'dir/cat.png');
    assert.deepEqual([failed.status, codeOf(failed)], [500, 'FunctionInvocationError']);
    oss.setFunction(async () => {});
    assert.equal(codeOf(await oss.send('GET', fcAlias, 'dir/cat.png')), 'FunctionResponseMissing');
  });
});

describe('WriteGetObjectResponse', () => {
  /** Runs one transform whose function makes the given calls; gives their answers and the client's. */
  async function calls(
    run: (event: FunctionEvent, credentials: Parameters<FunctionUnderTest>[1]) => Promise<Answer[]>,
  ): Promise<[Answer[], Answer]> {
    const made = Promise.withResolvers<Answer[]>();
    oss.setFunction(async (event, credentials) => {
      await run(event, credentials).then(made.resolve, made.reject);
    });
    const client = await oss.send('GET', fcAlias, 'dir/cat.png');
    return [await made.promise, client];
  }

  test('with = and without, signed without its parameter by an old client, chunked, on the data listener', async () => {
    for (const options of [{ query: 'x-oss-write-get-object-response=' }, { unsigned: true }, { chunked: true }]) {
      const [[done], client] = await calls(async (event, credentials) => [await answer(event, credentials, 'fine', {}, options)]);
      assert.deepEqual([done?.status, client.text], [200, 'fine'], JSON.stringify(options));
    }
    const [[done], client] = await calls(async (event, credentials) => {
      event.getObjectContext.outputRoute = `http://127.0.0.1:${oss.port}`;
      return [await answer(event, credentials, 'fine')];
    });
    assert.deepEqual([done?.status, client.text], [200, 'fine']);
  });

  test('on any Host', async () => {
    for (const host of [
      'oss-cn-qingdao.aliyuncs.com',
      'undefined.oss-cn-qingdao.aliyuncs.com',
      'fc-ap-01-1-opap.oss-cn-x-internal.oss-object-process.aliyuncs.com',
      'sluice',
    ]) {
      const [[done], client] = await calls(async (event, credentials) => [await answer(event, credentials, 'fine', { host })]);
      assert.deepEqual([done?.status, client.text], [200, 'fine'], host);
    }
  });

  test('bytes of forwarded headers are kept', async () => {
    const [[done], client] = await calls(async (event, credentials) => [
      await answer(event, credentials, 'x', { 'x-oss-fwd-header-x-oss-meta-name': '\u00c3\u00a4' }),
    ]);
    assert.equal(done?.status, 200, done?.text);
    assert.equal(client.headers['x-oss-meta-name'], '\u00c3\u00a4');
  });

  test('a token answers once; a bad one is told from missing parts', async () => {
    const [answers, client] = await calls(async (event, credentials) => [
      await answer(event, credentials, 'bad', { 'x-oss-request-token': 'forged' }),
      await answer(event, credentials, 'bad', { 'x-oss-request-token': '' }),
      await answer(event, credentials, 'bad', { 'x-oss-fwd-status': '299' }),
      await answer(event, credentials, 'bad', { 'content-md5': createHash('md5').update('other').digest('base64') }),
      await answer(event, credentials, 'good'),
      await answer(event, credentials, 'again'),
    ]);
    assert.deepEqual(
      answers.map((each) => `${each.status} ${codeOf(each)}`),
      ['403 AccessDenied', '400 MissingArgument', '400 InvalidArgument', '400 InvalidDigest', '200 ', '403 AccessDenied'],
    );
    assert.equal(client.text, 'good');
  });

  test('is refused unsigned, presigned, and to a role without the permission', async () => {
    const url = `http://127.0.0.1:${oss.port}/?x-oss-write-get-object-response`;
    assert.equal(codeOf(await fetchUrl(url, { method: 'POST', body: 'x' })), 'AccessDenied');
    const session = await sessionOf(oss, 'nowriter', [{ Effect: 'Allow', Action: 'oss:GetObject', Resource: '*' }]);
    const denied = await oss.send('POST', '', '', { query: { 'x-oss-write-get-object-response': '' }, key: session, body: 'x' });
    assert.match(denied.text, /AccessDenied[\s\S]*oss:WriteGetObjectResponse/);
    const presigned = presignOss({
      ...signing('POST', '', ''),
      ...{ bucket: undefined, key: undefined, endpoint: `http://127.0.0.1:${oss.port}`, expiresIn: 60 },
      query: { 'x-oss-write-get-object-response': '' },
    });
    const refused = await fetchUrl(presigned, { method: 'POST', body: 'x' });
    assert.match(refused.text, /AccessDenied[\s\S]*Authorization header/);
  });

  test('a client that waits for 100 Continue is not told to send for a bad token', async () => {
    const headers = signOssHeader({
      ...signing('POST', '', ''),
      ...{ bucket: undefined, key: undefined, query: { 'x-oss-write-get-object-response': '' } },
      headers: { 'x-oss-request-route': 'r', 'x-oss-request-token': 'forged', 'x-oss-fwd-status': '200' },
    });
    const raw = await rawClient(oss.functionsPort);
    raw.socket.write(
      `POST /?x-oss-write-get-object-response HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\nx-oss-request-route: r\r\nx-oss-request-token: forged\r\nx-oss-fwd-status: 200\r\n${headerLines(headers)}\r\n\r\n`,
    );
    const seen = await raw.closed;
    assert.match(seen, /^HTTP\/1\.1 403 [\s\S]*x-oss-request-token/);
    assert.doesNotMatch(seen, /100 Continue/);
  });
});
