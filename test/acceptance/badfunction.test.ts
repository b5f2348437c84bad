/**
 * Functions that misbehave, and answers that are wrong. The function hands its event and its credentials to the test, which answers in its place: each
 * wrong answer has its named error, the client never takes half an answer for a whole one, and nothing is left open.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { Collector, type Report } from './harness/collector.ts';
import { createAccessPoint, createBucket, createObjectFc, deleteFunction, deployFunction, filesOf } from './harness/deploy.ts';
import { openCall, type Reply, send, start } from './harness/http.ts';
import { type Key, pathOf, queryOf, signHeaderV1, signHeaderV4 } from './harness/sign.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { python, root } from './harness/toolchain.ts';

const bucket = 'acc-bad-function';
const answerPath = '/?x-oss-write-get-object-response';

let sluice: Sluice;
let collector: Collector;
const aliases: Record<string, string> = {};

before(async () => {
  sluice = await startSluice();
  collector = await new Collector().start();
  if (python.skip) return;
  await createBucket(sluice, bucket);
  await createAccessPoint(sluice, bucket, 'ap-bad');
  for (const [name, timeout] of [
    ['first', 20],
    ['second', 20],
    ['short', 2],
  ] as const) {
    await deployFunction(sluice, name, filesOf(join(root, 'test', 'acceptance', 'functions', 'remote')), { timeout });
    aliases[name] = await createObjectFc(sluice, { bucket, accessPoint: 'ap-bad', name, functionName: name });
  }
});
afterEach(() => sluice.quiet());
after(() =>
  sluice.finish(async () => {
    await collector.close();
    for (const name of Object.keys(aliases)) await deleteFunction(sluice, name);
  }),
);

interface Exchange {
  /** The waiting client's answer, or the error that its connection broke with. */
  client: Promise<Reply | Error>;
  report: Report;
}

const request = (name: string, report: string) => ({ method: 'GET', bucket: aliases[name] as string, key: 'any', query: { report } });

/** A client asks; resolves when the function has reported. */
async function open(name = 'first'): Promise<Exchange> {
  const expected = collector.expect();
  const call = request(name, expected.url);
  const client = send(sluice.data, { path: pathOf(call) + queryOf(call.query), headers: signHeaderV4(call, sluice.key) }).catch(
    (cause: Error) => cause,
  );
  const report = await Promise.race([
    expected.report,
    client.then((reply) =>
      assert.fail(
        `the client was answered before the function ran: ${reply instanceof Error ? reply.message : `${reply.status} ${reply.body}`}`,
      ),
    ),
  ]);
  return { client, report };
}

interface Answer {
  token?: string | null;
  route?: string | null;
  status?: string | null;
  headers?: Record<string, string>;
  body?: string;
  key?: Key;
  origin?: string;
}

function keyOf(report: Report): Key {
  const { accessKeyId, accessKeySecret, securityToken } = report.credentials;
  return { id: accessKeyId, secret: accessKeySecret, token: securityToken };
}

function answerHeaders(report: Report, answer: Answer): Record<string, string> {
  const { outputRoute, outputToken } = report.event.getObjectContext;
  const head = {
    'x-oss-request-route': answer.route === undefined ? outputRoute : answer.route,
    'x-oss-request-token': answer.token === undefined ? outputToken : answer.token,
    'x-oss-fwd-status': answer.status === undefined ? '200' : answer.status,
    ...answer.headers,
  };
  const headers = Object.fromEntries(Object.entries(head).filter((entry): entry is [string, string] => entry[1] !== null));
  const unsigned = { method: 'POST', query: { 'x-oss-write-get-object-response': '' }, headers };
  return signHeaderV4(unsigned, answer.key ?? keyOf(report));
}

/** WriteGetObjectResponse by the test's own hand. */
function answer(report: Report, how: Answer = {}): Promise<Reply> {
  return send(how.origin ?? sluice.functions, {
    method: 'POST',
    path: answerPath,
    headers: answerHeaders(report, how),
    body: Buffer.from(how.body ?? 'the right answer'),
  });
}

function assertFault(reply: Reply | Error, status: number, code: string): void {
  assert.ok(!(reply instanceof Error), String(reply));
  assert.deepEqual([reply.status, reply.code], [status, code], reply.body.toString().slice(0, 600));
  assert.match(reply.headers['x-oss-request-id'] ?? '', /^[0-9A-F]{24}$/);
}

async function assertAnswered({ client, report }: Exchange, body = 'the right answer'): Promise<void> {
  const reply = await client;
  assert.ok(!(reply instanceof Error), String(reply));
  assert.deepEqual([reply.status, reply.body.toString()], [200, body]);
  report.release('return');
}

/** The right answer still goes through after a wrong one. */
async function stillAnswers(exchange: Exchange): Promise<void> {
  assert.equal((await answer(exchange.report)).status, 200);
  await assertAnswered(exchange);
}

describe('tokens', { skip: python.skip }, () => {
  test('forged ones are refused, and the real one still works', async () => {
    const exchange = await open();
    const real = exchange.report.event.getObjectContext.outputToken;
    const flipped = real.replace(/.$/, (c) => (c === 'A' ? 'B' : 'A'));
    for (const token of ['forged', flipped, `${real}x`, real.slice(0, -1), 'x'.repeat(4000)]) {
      assertFault(await answer(exchange.report, { token }), 403, 'AccessDenied');
    }
    await stillAnswers(exchange);
  });

  test('a used one is refused', async () => {
    const exchange = await open();
    assert.equal((await answer(exchange.report)).status, 200);
    assertFault(await answer(exchange.report, { body: 'a second answer' }), 403, 'AccessDenied');
    await assertAnswered(exchange);
    assertFault(await answer(exchange.report), 403, 'AccessDenied');
  });

  test('of two answers at once exactly one reaches the client', async () => {
    const exchange = await open();
    const bodies = ['one'.repeat(50_000), 'two'.repeat(50_000)];
    const replies = await Promise.all(bodies.map((body) => answer(exchange.report, { body }).catch(() => undefined)));
    const won = replies.findIndex((reply) => reply?.status === 200);
    assert.equal(replies.filter((reply) => reply?.status === 200).length, 1);
    await assertAnswered(exchange, bodies[won]);
  });

  test('another function’s is refused', async () => {
    const [first, second] = [await open('first'), await open('second')];
    assertFault(await answer(first.report, { key: keyOf(second.report) }), 403, 'AccessDenied');
    assertFault(await answer(second.report, { token: first.report.event.getObjectContext.outputToken }), 403, 'AccessDenied');
    await stillAnswers(first);
    await stillAnswers(second);
  });

  test('one without the function’s session is refused: the root key, no key, a wrong secret', async () => {
    const exchange = await open();
    assertFault(await answer(exchange.report, { key: sluice.key }), 403, 'AccessDenied');
    assertFault(await answer(exchange.report, { key: { ...keyOf(exchange.report), secret: 'wrong' } }), 403, 'SignatureDoesNotMatch');
    const { authorization: _, 'x-oss-security-token': __, ...unsigned } = answerHeaders(exchange.report, {});
    const anonymous = await send(sluice.functions, { method: 'POST', path: answerPath, headers: unsigned, body: Buffer.from('x') });
    assertFault(anonymous, 403, 'AccessDenied');
    await stillAnswers(exchange);
  });

  test('one whose function ended is refused', async () => {
    const exchange = await open();
    exchange.report.release('return');
    assertFault(await exchange.client, 500, 'FunctionResponseMissing');
    await sluice.quiet();
    assertFault(await answer(exchange.report), 403, 'AccessDenied');
    const input = new URL(exchange.report.event.getObjectContext.inputOssUrl);
    const original = await send(sluice.functions, { path: input.pathname + input.search });
    assert.equal(original.status, 403, 'inputOssUrl dies with its exchange');
  });

  test('is matched on any listener and Host, signed by V1 too', async () => {
    const exchange = await open();
    assertFault(await answer(exchange.report, { token: 'forged', origin: sluice.data }), 403, 'AccessDenied');
    const { outputRoute, outputToken } = exchange.report.event.getObjectContext;
    const headers = { 'x-oss-request-route': outputRoute, 'x-oss-request-token': outputToken, 'x-oss-fwd-status': '200' };
    const unsigned = { method: 'POST', query: { 'x-oss-write-get-object-response': '' }, headers };
    const signed = { ...signHeaderV1(unsigned, keyOf(exchange.report)), host: 'oss-cn-qingdao.aliyuncs.com' };
    const reply = await send(sluice.data, { method: 'POST', path: answerPath, headers: signed, body: Buffer.from('the right answer') });
    assert.equal(reply.status, 200, reply.body.toString());
    await assertAnswered(exchange);
  });
});

describe('the session of a function', { skip: python.skip }, () => {
  test('reads originals and answers, and does nothing else', async () => {
    const exchange = await open();
    const by = keyOf(exchange.report);
    const refused: { method: string; bucket?: string; key?: string; query?: Record<string, string> }[] = [
      { method: 'PUT', bucket, key: 'written-by-function' },
      { method: 'DELETE', bucket, key: 'any' },
      { method: 'GET', bucket, query: { 'list-type': '2' } },
      { method: 'GET' },
      { method: 'PUT', bucket: 'bucket-of-function' },
    ];
    for (const call of refused) {
      const path = pathOf(call) + queryOf(call.query);
      assertFault(await send(sluice.data, { method: call.method, path, headers: signHeaderV4(call, by) }), 403, 'AccessDenied');
    }
    await stillAnswers(exchange);
  });

  test('inputOssUrl reads its own key only', async () => {
    const exchange = await open();
    const input = new URL(exchange.report.event.getObjectContext.inputOssUrl);
    const own = await send(sluice.functions, { path: input.pathname + input.search });
    assert.deepEqual([own.status, own.code], [404, 'NoSuchKey']);
    const other = await send(sluice.functions, { path: input.pathname.replace('any', 'other') + input.search });
    assertFault(other, 403, 'SignatureDoesNotMatch');
    await stillAnswers(exchange);
  });

  test('may not read through the alias that it serves', async () => {
    const exchange = await open();
    const call = request('first', collector.open);
    const path = pathOf(call) + queryOf(call.query);
    assertFault(await send(sluice.data, { path, headers: signHeaderV4(call, keyOf(exchange.report)) }), 400, 'RecursiveInvocation');
    await stillAnswers(exchange);
  });

  test('knows nothing of the server: no key, no environment, no root', async () => {
    const exchange = await open();
    const seen = exchange.report.seen as { uid: number; environment: string[] };
    if (process.getuid?.() === 0) assert.notEqual(seen.uid, 0, 'a root server runs functions as another user');
    assert.deepEqual(
      seen.environment.filter((name) => /^(SLUICE_(ACCESS|ACCOUNT|PYTHON)|NODE_)/.test(name)),
      [],
    );
    await stillAnswers(exchange);
  });
});

describe('heads of WriteGetObjectResponse', { skip: python.skip }, () => {
  test('a status that is not one of the documented', async () => {
    const exchange = await open();
    for (const status of ['999', '100', '204', '2000', 'abc', '-1', '20O', '200 OK']) {
      assertFault(await answer(exchange.report, { status }), 400, 'InvalidArgument');
    }
    await stillAnswers(exchange);
  });

  test('a header that is missing', async () => {
    const exchange = await open();
    for (const missing of [{ status: null }, { token: null }, { route: null }]) {
      assertFault(await answer(exchange.report, missing), 400, 'MissingArgument');
    }
    await stillAnswers(exchange);
  });

  test('a Content-MD5 that is not the body’s: no byte of it reaches the client as a whole answer', async () => {
    const exchange = await open();
    const md5 = createHash('md5').update('another body').digest('base64');
    assertFault(await answer(exchange.report, { headers: { 'content-md5': md5 } }), 400, 'InvalidDigest');
    await stillAnswers(exchange);
  });

  test('forwarded headers that would break the client’s head', async () => {
    const exchange = await open();
    const headers = {
      'x-oss-fwd-header-content-length': '3',
      'x-oss-fwd-header-transfer-encoding': 'chunked',
      'x-oss-fwd-header-upgrade': 'x',
      'x-oss-fwd-header-x-oss-request-id': 'forged',
    };
    assert.equal((await answer(exchange.report, { headers })).status, 200);
    await assertAnswered(exchange);
  });
});

/** Begins an answer, sends some of its body and breaks the connection. */
async function breakOff(report: Report, options: { declared?: number; sent: number }): Promise<void> {
  const headers = {
    ...answerHeaders(report, {}),
    ...(options.declared === undefined ? {} : { 'content-length': String(options.declared) }),
  };
  const call = openCall(sluice.functions, { method: 'POST', path: answerPath, headers });
  call.on('error', () => {});
  call.flushHeaders();
  if (options.sent > 0)
    await new Promise<void>((resolve, reject) =>
      call.write(Buffer.alloc(options.sent, 120), (cause) => (cause ? reject(cause) : resolve())),
    );
  else
    await new Promise<void>((resolve) =>
      call.once('socket', (socket) => (socket.connecting ? socket.once('connect', () => resolve()) : resolve())),
    );
  await new Promise((resolve) => setTimeout(resolve, 100));
  call.destroy();
}

/** The client waiting for a body that will break: resolves when it has the head. */
async function openStreaming(): Promise<{ head: Promise<IncomingMessage>; report: Report }> {
  const expected = collector.expect();
  const call = request('first', expected.url);
  const head = start(sluice.data, { path: pathOf(call) + queryOf(call.query), headers: signHeaderV4(call, sluice.key) });
  head.catch(() => {});
  return { head, report: await expected.report };
}

async function readBroken(response: IncomingMessage): Promise<number> {
  let bytes = 0;
  await assert.rejects(async () => {
    for await (const chunk of response) bytes += (chunk as Buffer).length;
  }, /aborted|ECONNRESET|terminated/);
  return bytes;
}

describe('half answers', { skip: python.skip }, () => {
  for (const [name, declared] of [
    ['with a length', 1_000_000],
    ['chunked', undefined],
  ] as const) {
    test(`${name}: the client’s connection breaks, it never ends cleanly`, async () => {
      const { head, report } = await openStreaming();
      const broken = breakOff(report, { ...(declared === undefined ? {} : { declared }), sent: 1000 });
      const response = await head;
      assert.equal(response.statusCode, 200);
      assert.equal(await readBroken(response), 1000);
      await broken;
      report.release('return');
    });
  }

  test('broken off before the first byte: an error if nothing else comes, the right answer if it does', async () => {
    const nothing = await open();
    await breakOff(nothing.report, { declared: 1000, sent: 0 });
    nothing.report.release('return');
    assertFault(await nothing.client, 500, 'FunctionResponseMissing');
    const again = await open();
    await breakOff(again.report, { declared: 1000, sent: 0 });
    await stillAnswers(again);
  });

  test('half, then the function dies', async () => {
    const { head, report } = await openStreaming();
    const headers = { ...answerHeaders(report, {}), 'content-length': '1000' };
    const call = openCall(sluice.functions, { method: 'POST', path: answerPath, headers });
    call.on('error', () => {});
    call.write('half');
    const response = await head;
    report.release('exit');
    call.destroy();
    assert.equal(await readBroken(response), 4);
  });
});

describe('functions that do not answer', { skip: python.skip }, () => {
  test('returns', async () => {
    const exchange = await open();
    exchange.report.release('return');
    assertFault(await exchange.client, 500, 'FunctionResponseMissing');
  });

  test('raises', async () => {
    const exchange = await open();
    exchange.report.release('raise');
    const reply = await exchange.client;
    assertFault(reply, 500, 'FunctionInvocationError');
    assert.match((reply as Reply).body.toString(), /raised by order|RuntimeError/);
  });

  test('exits', async () => {
    const exchange = await open();
    exchange.report.release('exit');
    assertFault(await exchange.client, 500, 'FunctionInvocationError');
  });

  test('hangs', async () => {
    const begin = performance.now();
    const exchange = await open('short');
    exchange.report.release('hang');
    assertFault(await exchange.client, 504, 'FunctionTimeout');
    assert.ok(performance.now() - begin < 6000, 'the timeout of 2 s holds');
  });

  test('needs more memory than it has: that is named', async () => {
    const exchange = await open();
    exchange.report.release('hoard');
    const reply = await exchange.client;
    assertFault(reply, 500, 'FunctionInvocationError');
    assert.match((reply as Reply).body.toString(), /MemoryError|out of memory: its limit is 512 MB/);
  });

  test('cannot even start: its initializer fails, its module is missing', async () => {
    const settings = { instanceLifecycleConfig: { initializer: { handler: 'index.initialize', timeout: 5 } } };
    const raises = 'def initialize(context):\n    raise ConnectionError("no database")\ndef handler(event, context):\n    return "never"\n';
    const broken = [
      ['uninitialised', raises, settings, /ConnectionError: no database/],
      [
        'unimportable',
        'import not_there\ndef handler(event, context):\n    pass\n',
        {},
        /ImportModuleError: Unable to import module 'index'/,
      ],
    ] as const;
    for (const [name, code, more, message] of broken) {
      await deployFunction(sluice, name, [{ name: 'index.py', data: Buffer.from(code) }], { timeout: 10, settings: more });
      aliases[name] = await createObjectFc(sluice, { bucket, accessPoint: 'ap-bad', name, functionName: name });
      const call = request(name, collector.open);
      const reply = await send(sluice.data, { path: pathOf(call) + queryOf(call.query), headers: signHeaderV4(call, sluice.key) });
      assertFault(reply, 500, 'FunctionInvocationError');
      assert.match(reply.body.toString(), message);
    }
  });

  test('and the next call works, on a new instance where the old one died', async () => {
    for (const name of ['first', 'short']) {
      const exchange = await open(name);
      assert.equal((await answer(exchange.report)).status, 200);
      await assertAnswered(exchange);
    }
  });
});

describe('clients that leave', { skip: python.skip }, () => {
  test('while the function runs: its answer is taken and thrown away', async () => {
    const expected = collector.expect();
    const call = request('first', expected.url);
    const waiting = openCall(sluice.data, { path: pathOf(call) + queryOf(call.query), headers: signHeaderV4(call, sluice.key) });
    waiting.on('error', () => {});
    waiting.end();
    const report = await expected.report;
    waiting.destroy();
    const reply = await answer(report, { body: 'for nobody'.repeat(10_000) }).catch(() => undefined);
    assert.ok(reply === undefined || reply.status === 200 || reply.code === 'AccessDenied', String(reply?.status));
    report.release('return');
  });

  test('before the function was started, many at once', async () => {
    const call = request('first', collector.open);
    for (let index = 0; index < 20; index++) {
      const hasty = openCall(sluice.data, { path: pathOf(call) + queryOf(call.query), headers: signHeaderV4(call, sluice.key) });
      hasty.on('error', () => {});
      hasty.end();
      await new Promise<void>((resolve) => hasty.once('finish', () => resolve()));
      hasty.destroy();
    }
    await sluice.quiet();
  });

  test('in the middle of the body', async () => {
    const { head, report } = await openStreaming();
    const call = openCall(sluice.functions, { method: 'POST', path: answerPath, headers: answerHeaders(report, {}) });
    const ended = new Promise<void>((resolve) => {
      call.on('error', () => resolve());
      call.on('response', (response) => {
        response.resume();
        resolve();
      });
    });
    call.write(Buffer.alloc(100_000, 1));
    const response = await head;
    await new Promise((resolve) => response.once('data', resolve));
    response.destroy();
    for (let piece = 0; piece < 50 && !call.destroyed; piece++) {
      if (!call.write(Buffer.alloc(200_000, 2))) await Promise.race([ended, new Promise((resolve) => call.once('drain', resolve))]);
    }
    call.end();
    await ended;
    report.release('return');
  });

  test('a slow one still gets all of a body far larger than the buffers', async () => {
    const { head, report } = await openStreaming();
    const size = 24 << 20;
    const answered = answer(report, { body: 'z'.repeat(size) });
    const response = await head;
    let bytes = 0;
    let pauses = 0;
    for await (const chunk of response) {
      bytes += (chunk as Buffer).length;
      if (bytes > pauses * (4 << 20)) {
        pauses++;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    assert.equal(bytes, size);
    assert.equal((await answered).status, 200);
    report.release('return');
  });
});
