/** What a function can do with a GetObject, seen from the client. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  createAccessPoint,
  createBucket,
  createObjectFc,
  deleteFunction,
  deployFunction,
  fcClient,
  filesOf,
  ossDo,
} from './harness/deploy.ts';
import { type Reply, send } from './harness/http.ts';
import { pathOf, presignV1, queryOf, signHeaderV1, signHeaderV4 } from './harness/sign.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { go, python, root } from './harness/toolchain.ts';

const bucket = 'acc-transform';
const key = 'notes/größe 1.txt';
const text = 'Grüße aus dem Original, plain text\n';
const functions = join(root, 'test', 'acceptance', 'functions');

let sluice: Sluice;
let alias = '';
let goAlias = '';

before(async () => {
  sluice = await startSluice();
  await createBucket(sluice, bucket);
  await ossDo(sluice, { method: 'PUT', bucket, key, headers: { 'content-type': 'text/plain' }, body: text });
  await createAccessPoint(sluice, bucket, 'ap-transform');
  if (!python.tools) return;
  const files = [...filesOf(join(functions, 'many')), ...filesOf(python.tools.oss2.newest)];
  await deployFunction(sluice, 'many', files, { timeout: 30 });
  alias = await createObjectFc(sluice, { bucket, accessPoint: 'ap-transform', name: 'many', functionName: 'many' });
});
after(() =>
  sluice.finish(async () => {
    if (alias) await deleteFunction(sluice, 'many');
    if (goAlias) await deleteFunction(sluice, 'go-answer');
  }),
);

interface Options {
  method?: string;
  headers?: Record<string, string>;
  key?: string;
}

/** A GetObject through the Object FC access point, signed with V4. */
function through(query: Record<string, string>, options: Options = {}): Promise<Reply> {
  const request = { method: options.method ?? 'GET', bucket: alias, key: options.key ?? key, query, headers: options.headers ?? {} };
  return send(sluice.data, { method: request.method, path: pathOf(request) + queryOf(query), headers: signHeaderV4(request, sluice.key) });
}

function assertReply(reply: Reply, status: number, body: string | Buffer): void {
  assert.equal(reply.status, status, reply.body.toString());
  assert.ok(reply.body.equals(Buffer.from(body)), `the body is ${JSON.stringify(reply.body.toString().slice(0, 300))}`);
  assert.match(reply.headers['x-oss-request-id'] ?? '', /^[0-9A-F]{24}$/);
}

const upper = Buffer.from(text).map((byte) => (byte >= 97 && byte <= 122 ? byte - 32 : byte));

describe('a GetObject through a function', { skip: python.skip }, () => {
  test('the original, read by inputOssUrl, comes back changed; nothing of the original shows', async () => {
    const reply = await through({ do: 'upper' });
    assertReply(reply, 200, Buffer.from(upper));
    assert.equal(reply.headers['content-type'], 'text/plain');
    assert.equal(reply.headers['content-length'], String(upper.length));
    for (const name of ['x-oss-hash-crc64ecma', 'content-md5', 'last-modified', 'x-oss-object-type']) {
      assert.equal(reply.headers[name], undefined, `${name} would speak of other bytes`);
    }
    const original = await ossDo(sluice, { method: 'GET', bucket, key });
    assert.notEqual(reply.headers.etag, original.headers.etag);
  });

  test('signed by V1 header and by presigned V1 URL', async () => {
    const request = { method: 'GET', bucket: alias, key, query: { do: 'upper' } };
    const path = pathOf(request) + queryOf(request.query);
    assertReply(await send(sluice.data, { path, headers: signHeaderV1(request, sluice.key) }), 200, Buffer.from(upper));
    const presigned = presignV1(request, sluice.key, Math.floor(Date.now() / 1000) + 60);
    assertReply(await send(sluice.data, { path: presigned }), 200, Buffer.from(upper));
  });

  test('by virtual host, as the alias or as the endpoint of the Object FC access point', async () => {
    const request = { method: 'GET', bucket: alias, key, query: { do: 'upper' } };
    const path = pathOf({ method: 'GET', bucket: 'x', key }).slice(2) + queryOf(request.query);
    for (const host of [
      `${alias}.oss-cn-qingdao.aliyuncs.com`,
      `many-${sluice.accountId}.oss-cn-qingdao.oss-object-process.aliyuncs.com`,
    ]) {
      const headers = { ...signHeaderV4(request, sluice.key), host };
      assertReply(await send(sluice.data, { path, headers }), 200, Buffer.from(upper));
    }
  });

  test('the original, read by oss2 Bucket with the credentials of the context, V1 and V4', async () => {
    for (const auth of ['v1', 'v4']) assertReply(await through({ do: 'bucket', bucket, key, auth }), 200, text);
  });

  test('the event holds what the contract names and no secret', async () => {
    const headers = { cookie: 'session=secret-cookie', 'x-custom': 'seen', range: 'bytes=0-3' };
    const request = { method: 'GET', bucket: alias, key, query: { do: 'echo', w: '100 px' }, headers };
    const path = presignV1({ ...request, headers: {} }, sluice.key, Math.floor(Date.now() / 1000) + 60);
    const reply = await send(sluice.data, { path, headers });
    assert.equal(reply.status, 200, reply.body.toString());
    const event = JSON.parse(reply.body.toString()) as {
      getObjectContext: Record<string, string>;
      userRequest: { url: string; headers: Record<string, string> };
      configuration: Record<string, string>;
      userIdentity: Record<string, string>;
      xOssRequestId: string;
    };
    const context = event.getObjectContext;
    assert.equal(context.outputRoute, sluice.functions);
    assert.ok((context.outputToken ?? '').length >= 32);
    const input = new URL(context.inputOssUrl ?? '');
    assert.equal(input.origin, sluice.functions);
    assert.deepEqual([...input.searchParams.keys()], ['security-token', 'Expires', 'OSSAccessKeyId', 'Signature']);
    assert.match(input.searchParams.get('OSSAccessKeyId') ?? '', /^STS\./);
    assert.equal(event.xOssRequestId, reply.headers['x-oss-request-id']);
    assert.equal(event.configuration.accessPointArn, `acs:oss:cn-qingdao:${sluice.accountId}:accesspointforobjectprocess/many`);
    assert.equal(event.configuration.supportingAccessPointArn, `acs:oss:cn-qingdao:${sluice.accountId}:accesspoint/ap-transform`);
    assert.equal(event.userIdentity.accessKeyId, sluice.key.id);
    const seen = new URL(event.userRequest.url);
    assert.deepEqual(
      [...seen.searchParams],
      [
        ['do', 'echo'],
        ['w', '100 px'],
      ],
    );
    const names = Object.fromEntries(Object.entries(event.userRequest.headers).map(([name, value]) => [name.toLowerCase(), value]));
    assert.deepEqual([names['x-custom'], names.range, names.cookie, names.authorization], ['seen', 'bytes=0-3', undefined, undefined]);
    const whole = reply.body.toString();
    for (const secret of ['secret-cookie', sluice.key.secret, new URLSearchParams(path.split('?')[1]).get('Signature') ?? 'none']) {
      assert.ok(!whole.includes(secret), 'a secret is in the event');
    }
  });

  test('an answer without a length, sent chunked, arrives whole', async () => {
    const [count, size] = [40, 50_000];
    const reply = await through({ do: 'chunked', count: String(count), size: String(size) });
    const whole = Buffer.concat(Array.from({ length: count }, (_, index) => Buffer.alloc(size, 65 + (index % 26))));
    assertReply(reply, 200, whole);
  });

  test('nothing is kept: each GetObject runs the function anew', async () => {
    const tokens = new Set<string>();
    for (let turn = 0; turn < 3; turn++) {
      const { body } = await through({ do: 'echo' });
      tokens.add((JSON.parse(body.toString()) as { getObjectContext: { outputToken: string } }).getObjectContext.outputToken);
    }
    assert.equal(tokens.size, 3);
  });

  test('Range without the GetObject-Range feature is ignored: 200 and the whole', async () => {
    assertReply(await through({ do: 'upper' }, { headers: { range: 'bytes=2-5' } }), 200, Buffer.from(upper));
  });

  test('HEAD and GET ?objectMeta run the function and send its head without a body', async () => {
    const head = await through({ do: 'upper' }, { method: 'HEAD' });
    assertReply(head, 200, '');
    assert.equal(head.headers['content-length'], String(upper.length));
    assert.equal(head.headers['content-type'], 'text/plain');
    const meta = await through({ objectMeta: '', do: 'upper' });
    assert.equal(meta.status, 200, meta.body.toString());
    assert.equal(meta.body.length, 0);
    await sluice.quiet();
  });

  test('every other operation on the alias is refused', async () => {
    const forbidden: { method: string; key?: string; query?: Record<string, string>; body?: string }[] = [
      { method: 'PUT', key, body: 'overwritten' },
      { method: 'DELETE', key },
      { method: 'GET' },
      { method: 'GET', key, query: { acl: '' } },
      { method: 'GET', query: { 'list-type': '2' } },
    ];
    for (const { body, ...rest } of forbidden) {
      const request = { ...rest, bucket: alias };
      const reply = await send(sluice.data, {
        method: rest.method,
        path: pathOf(request) + queryOf(rest.query),
        headers: signHeaderV4(request, sluice.key),
        ...(body ? { body: Buffer.from(body) } : {}),
      });
      const refusals = ['403 AccessDenied', '501 NotImplemented', '400 NotImplemented', '400 OperationNotSupported'];
      assert.ok(refusals.includes(`${reply.status} ${reply.code}`), `${JSON.stringify(rest)}: ${reply.status} ${reply.body}`);
    }
    assert.equal((await ossDo(sluice, { method: 'GET', bucket, key })).body.toString(), text, 'the original is untouched');
  });

  test('a missing original is the function’s affair', async () => {
    const reply = await through({ do: 'missing' }, { key: 'never/was' });
    assert.deepEqual([reply.status, reply.code], [404, 'NoSuchKey']);
  });

  test('an error after the answer does not reach the client', async () => {
    assertReply(await through({ do: 'late' }), 200, 'answered before the end');
    await sluice.quiet();
  });
});

const forwarded: Record<string, string> = {
  'Accept-Ranges': 'bytes',
  'Cache-Control': 'no-cache',
  'Content-Disposition': 'attachment; filename="picture.png"',
  'Content-Encoding': 'identity',
  'Content-Language': 'de-DE',
  'Content-Range': 'bytes 0-4/100',
  'Content-Type': 'image/x-test; charset=utf-8',
  ETag: '"0123456789ABCDEF"',
  Expires: 'Thu, 01 Dec 2033 16:00:00 GMT',
  'Last-Modified': 'Mon, 30 Oct 2023 03:15:40 GMT',
};

describe('statuses and headers of WriteGetObjectResponse', { skip: python.skip }, () => {
  const body = Buffer.from('hello').toString('base64');

  test('every documented header reaches the client under its own name; framing and hop-by-hop headers do not', async () => {
    const more = {
      Connection: 'close',
      'Transfer-Encoding': 'gzip',
      'Content-Length': '3',
      'Set-Cookie': 'a=b',
      'x-oss-request-id': 'forged',
    };
    const reply = await through({ do: 'forward', status: '206', body, headers: JSON.stringify({ ...forwarded, ...more }) });
    assertReply(reply, 206, 'hello');
    for (const [name, value] of Object.entries(forwarded)) assert.equal(reply.headers[name.toLowerCase()], value, name);
    assert.equal(reply.headers['content-length'], '5');
    assert.equal(reply.headers['set-cookie'], undefined);
    assert.equal(reply.headers['transfer-encoding'], undefined);
  });

  test('a checksum that is not true of the bytes is dropped', async () => {
    const headers = JSON.stringify({ 'x-oss-hash-crc64ecma': '1', 'Content-MD5': 'AAAAAAAAAAAAAAAAAAAAAA==' });
    const reply = await through({ do: 'forward', status: '200', body, headers });
    assertReply(reply, 200, 'hello');
    assert.deepEqual([reply.headers['x-oss-hash-crc64ecma'], reply.headers['content-md5']], [undefined, undefined]);
  });

  for (const status of [200, 206, 301, 302, 303, 400, 401, 403, 404, 405, 409, 411, 412, 416, 500, 503]) {
    test(`status ${status} with a body`, async () => {
      const headers = JSON.stringify({
        'Content-Type': 'text/x-status',
        ...(status < 400 && status > 300 ? { Location: 'https://example.com/there' } : {}),
      });
      const reply = await through({ do: 'forward', status: String(status), body, headers });
      assertReply(reply, status, 'hello');
      assert.equal(reply.headers['content-type'], 'text/x-status');
    });
  }

  test('status 304 has no body', async () => {
    const reply = await through({ do: 'forward', status: '304', headers: JSON.stringify({ ETag: '"abc"' }) });
    assertReply(reply, 304, '');
    assert.equal(reply.headers.etag, '"abc"');
  });

  test('status 404 without a body becomes error XML that SDKs can read', async () => {
    const reply = await through({ do: 'forward', status: '404' });
    assert.deepEqual([reply.status, reply.code, reply.headers['content-type']], [404, 'NoSuchKey', 'application/xml']);
  });

  test('status 200 without a body is an empty object', async () => {
    const reply = await through({ do: 'forward', status: '200' });
    assertReply(reply, 200, '');
    assert.equal(reply.headers['content-length'], '0');
  });
});

describe('functions of other making', { skip: python.skip || go.skip }, () => {
  test('WriteGetObjectResponse as Go v1 and Go v2 send it, V1 and V4', async () => {
    const programs = go.tools?.programs as NonNullable<typeof go.tools>['programs'];
    const binaries = Object.entries(programs).map(([name, path]) => ({ name, data: readFileSync(path), mode: 0o755 }));
    await deployFunction(sluice, 'go-answer', [...filesOf(join(functions, 'go-answer')), ...binaries], { timeout: 30, memorySize: 2048 });
    goAlias = await createObjectFc(sluice, { bucket, accessPoint: 'ap-transform', name: 'go-answer', functionName: 'go-answer' });
    for (const client of Object.keys(programs)) {
      for (const auth of ['v1', 'v4']) {
        const request = { method: 'GET', bucket: goAlias, key, query: { client, auth } };
        const reply = await send(sluice.data, {
          path: pathOf(request) + queryOf(request.query),
          headers: signHeaderV4(request, sluice.key),
        });
        assertReply(reply, 200, `answered by ${client}`);
        // Go v2 labels its own request application/xml; the client must see the forwarded type.
        assert.equal(reply.headers['content-type'], 'text/x-go');
      }
    }
  });
});

describe('the function itself', { skip: python.skip }, () => {
  test('InvokeFunction of the Function Compute SDK returns its result, or its error as data', async () => {
    const client = fcClient(sluice);
    const fc = await import('@alicloud/fc20230330');
    const { Readable } = await import('node:stream');
    const invoked = await client.invokeFunction(
      'many',
      new fc.InvokeFunctionRequest({ body: Readable.from([Buffer.from('{"no":"exchange"}')]) }),
    );
    assert.equal(invoked.statusCode, 200);
    assert.equal(invoked.headers?.['x-fc-error-type'], 'UnhandledInvocationError');
    const chunks: Buffer[] = [];
    for await (const chunk of invoked.body ?? []) chunks.push(Buffer.from(chunk as Buffer));
    const fault = JSON.parse(Buffer.concat(chunks).toString()) as { errorType: string; errorMessage: string };
    assert.equal(fault.errorType, 'KeyError');
    assert.match(fault.errorMessage, /getObjectContext/);
    await sluice.quiet();
  });
});
