import assert from 'node:assert/strict';
import { get, type IncomingMessage } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Fault } from '../faults/index.ts';
import type { DirectAnswer, Invocation } from '../instances/index.ts';
import { Bench } from './fixture.ts';

let bench: Bench;
beforeEach(async () => {
  bench = new Bench();
  await bench.start();
});
afterEach(() => bench.close());

/** Answers over the connection of the instance; resolves with the fault that refused it, if one did. */
async function give(call: Invocation, answer: Partial<DirectAnswer> = {}): Promise<Fault | undefined> {
  try {
    await call.answer?.({ status: 200, headers: {}, body: Readable.from([]), ...answer });
    return undefined;
  } catch (error) {
    return error as Fault;
  }
}

describe('an answer over the connection of the instance', () => {
  test('status, allowed headers and bytes reach the client; a declared length is its Content-Length', async () => {
    bench.fn = async (_event, call) => {
      const headers = {
        'content-type': 'text/plain',
        etag: '"e"',
        'x-oss-meta-a': 'b',
        'set-cookie': 'no',
        connection: 'close',
        'content-length': '5',
      };
      assert.equal(await give(call, { status: 206, headers, body: Readable.from([Buffer.from('HELLO')]) }), undefined);
      return {};
    };
    const res = await fetch(bench.url);
    assert.deepEqual([res.status, await res.text()], [206, 'HELLO']);
    assert.deepEqual(
      ['content-type', 'etag', 'x-oss-meta-a', 'set-cookie', 'content-length'].map((name) => res.headers.get(name)),
      ['text/plain', '"e"', 'b', null, '5'],
    );
    await bench.settled();
  });

  test('without a length the body is chunked; an empty one has length 0; 304 has none', async () => {
    bench.fn = async (_event, call) => {
      await give(call, { body: Readable.from([Buffer.from('a'), Buffer.from('b')]) });
      return {};
    };
    const chunked = await fetch(bench.url);
    assert.deepEqual([await chunked.text(), chunked.headers.get('content-length')], ['ab', null]);
    bench.fn = async (_event, call) => {
      await give(call);
      return {};
    };
    const empty = await fetch(bench.url);
    assert.deepEqual([empty.status, await empty.text(), empty.headers.get('content-length')], [200, '', '0']);
    bench.fn = async (_event, call) => {
      await give(call, { status: 304, headers: { etag: '"e"', 'content-length': '9' } });
      return {};
    };
    const same = await fetch(bench.url);
    assert.deepEqual([same.status, same.headers.get('etag')], [304, '"e"']);
    await bench.settled();
  });

  test('for a head alone the event says HEAD, and a declared length needs no bytes', async () => {
    bench.headOnly = true;
    let method = '';
    bench.fn = async (event, call) => {
      method = event.userRequest.method;
      await give(call, { headers: { 'content-length': '1234' } });
      return {};
    };
    const res = await fetch(bench.url, { method: 'HEAD' });
    assert.deepEqual([res.status, res.headers.get('content-length'), method], [200, '1234', 'HEAD']);
    await bench.settled();
  });

  test('a status that OSS does not forward is refused by name, and the client learns why', async () => {
    bench.fn = async (_event, call) => {
      const fault = await give(call, { status: 204 });
      assert.match(fault?.message ?? '', /^The status of the Response must be one of 200, 206/);
      return {};
    };
    const res = await fetch(bench.url);
    assert.deepEqual([res.status, res.headers.get('x-code')], [500, 'FunctionResponseMissing']);
    assert.match(await res.text(), /An attempt to answer failed: The status of the Response must be/);
    await bench.settled();
  });
});

describe('one answer only', () => {
  test('after a direct answer the token is used, and the other way round', async () => {
    let second: { status: number; text: string } | undefined;
    bench.fn = async (event, call) => {
      await give(call, { body: Readable.from([Buffer.from('direct')]) });
      second = await bench.write(event, Buffer.from('by HTTP'));
      return {};
    };
    assert.equal(await (await fetch(bench.url)).text(), 'direct');
    await bench.settled();
    assert.equal(second?.status, 403);
    assert.match(second?.text ?? '', /already used/);

    let refusal: Fault | undefined;
    bench.fn = async (event, call) => {
      await bench.write(event, Buffer.from('by HTTP'));
      refusal = await give(call, { body: Readable.from([Buffer.from('direct')]) });
      return {};
    };
    assert.equal(await (await fetch(bench.url)).text(), 'by HTTP');
    await bench.settled();
    assert.equal(refusal?.code, 'AccessDenied');
    assert.match(refusal?.message ?? '', /already used/);
  });

  test('while one flows, the other is refused', async () => {
    let second: { status: number } | undefined;
    bench.fn = async (event, call) => {
      const body = new PassThrough();
      const given = give(call, { body });
      body.write('slow');
      second = await bench.write(event, Buffer.from('by HTTP'));
      body.end();
      await given;
      return {};
    };
    assert.equal(await (await fetch(bench.url)).text(), 'slow');
    await bench.settled();
    assert.equal(second?.status, 403);
  });

  test('an answer that broke before its first byte may be given again', async () => {
    bench.fn = async (event, call) => {
      const body = new PassThrough();
      const given = give(call, { body });
      body.destroy(new Error('no'));
      assert.equal((await given)?.code, 'IncompleteBody');
      assert.equal((await bench.write(event, Buffer.from('after all'))).status, 200);
      return {};
    };
    assert.equal(await (await fetch(bench.url)).text(), 'after all');
    await bench.settled();
  });
});

describe('an answer that goes wrong', () => {
  for (const [name, length, pieces] of [
    ['more', '3', ['ab', 'cd']],
    ['fewer', '9', ['ab', 'cd']],
  ] as const) {
    test(`with ${name} bytes than declared never looks whole`, async () => {
      let fault: Fault | undefined;
      bench.fn = async (_event, call) => {
        const body = Readable.from(pieces.map((piece) => Buffer.from(piece)));
        fault = await give(call, { headers: { 'content-length': length }, body });
        return {};
      };
      await assert.rejects(async () => void (await (await fetch(bench.url)).text()));
      await bench.settled();
      assert.equal(fault?.code, 'IncompleteBody');
    });
  }

  test('that breaks after the head resets the client', async () => {
    bench.fn = async (_event, call) => {
      const body = new PassThrough();
      const given = give(call, { body });
      body.write('first');
      await new Promise((resolve) => setTimeout(resolve, 20));
      body.destroy(new Error('broke'));
      assert.equal((await given)?.code, 'IncompleteBody');
      return {};
    };
    const res = await fetch(bench.url);
    assert.equal(res.status, 200);
    await assert.rejects(res.text());
    await bench.settled();
  });

  test('when the client leaves, the function is told to stop', async () => {
    const body = new PassThrough();
    let given: Fault | undefined | 'waiting' = 'waiting';
    bench.fn = async (_event, call) => {
      body.write('first');
      given = await give(call, { body });
      return {};
    };
    const res = await new Promise<IncomingMessage>((resolve) => get(bench.url, { agent: false }, resolve));
    res.once('error', () => {});
    res.destroy();
    while (!body.destroyed) {
      body.write(Buffer.alloc(1024));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await bench.settled();
    assert.equal(given, undefined, 'that is no fault of the function');
  });
});
