import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { Fault } from '../../faults/index.ts';
import { json, openStage, type Stage, until } from '../fixture.ts';
import type { DirectAnswer, InvocationResult } from '../invocation.ts';

const runtime = 'nodejs24';
const handler = 'index.fetch';

let store: Server;
let inputOssUrl = '';
const seen: Record<string, unknown>[] = [];

before(async () => {
  store = createServer((req, res) => {
    seen.push({ ...req.headers, url: req.url });
    const body = Buffer.from('the original');
    if (req.headers['if-none-match'] === '"e"') return res.writeHead(304, { ETag: '"e"' }).end();
    if (req.headers.range === 'bytes=4-6') return res.writeHead(206, { 'Content-Range': 'bytes 4-6/12' }).end(body.subarray(4, 7));
    if (req.url?.startsWith('/broken')) {
      res.writeHead(200, { 'Content-Length': '100' });
      res.write('part', () => res.socket?.resetAndDestroy());
      return undefined;
    }
    return res.writeHead(200, { 'Content-Type': 'text/plain', 'x-oss-meta-a': 'b', 'Content-Length': body.length }).end(body);
  });
  store.listen(0, '127.0.0.1');
  await once(store, 'listening');
  inputOssUrl = `http://127.0.0.1:${(store.address() as AddressInfo).port}/ap/a%2E%2E/../k?Signature=a%2Bb`;
});
after(() => {
  store.closeAllConnections();
  store.close();
});

interface Got {
  result: InvocationResult;
  status?: number;
  headers?: Record<string, string>;
  body?: Buffer;
  error?: Error;
}

/** Runs a GetObject and takes its answer as the transforms room does. */
async function ask(stage: Stage, event: Record<string, unknown> = {}, take?: (answer: DirectAnswer) => Promise<void>): Promise<Got> {
  const got: Partial<Got> = {};
  const userRequest = {
    method: 'GET',
    url: 'http://ap.example/k.txt?w=%20x',
    headers: { 'X-Own': 'grün', Range: 'bytes=0-1', 'bad name': 'x' },
  };
  const whole = { getObjectContext: { outputRoute: 'http://x', outputToken: 't', inputOssUrl }, userRequest, ...event };
  const answer = async (given: DirectAnswer) => {
    Object.assign(got, { status: given.status, headers: given.headers });
    try {
      if (take) await take(given);
      else got.body = await buffer(given.body);
    } catch (error) {
      got.error = error as Error;
      throw error;
    }
  };
  const call = stage.call({ event: Buffer.from(JSON.stringify(whole)), answer });
  const result = await stage.instances.invoke(stage.fn({ runtime, handler, instanceConcurrency: 10, memoryMb: 512 }), call);
  return { ...got, result };
}

function serve(t: Parameters<typeof openStage>[0], code: string): Promise<Stage> {
  return openStage(t, { 'index.mjs': code });
}

describe('export default { fetch(request, context) }', () => {
  test('the request is the client’s, the original a Response, the answer what is returned', async (t) => {
    const stage = await serve(
      t,
      `export default {
        async fetch(request, context) {
          const original = await context.original();
          const about = [request.method, request.url, request.headers.get('x-own'), original.status, original.headers.get('x-oss-meta-a'), context.requestId];
          return new Response((await original.text()).toUpperCase(), { status: 206, headers: { 'X-About': encodeURI(JSON.stringify(about)) } });
        },
      };`,
    );
    const got = await ask(stage);
    assert.equal(got.result.failure, undefined, got.result.payload.toString());
    assert.deepEqual([got.status, got.body?.toString()], [206, 'THE ORIGINAL']);
    assert.equal(got.headers?.['content-length'], '12', 'a whole body has a length');
    const about = JSON.parse(decodeURI(got.headers?.['x-about'] ?? '')) as unknown[];
    assert.deepEqual(about.slice(0, 5), ['GET', 'http://ap.example/k.txt?w=%20x', 'grün', 200, 'b']);
    assert.match(String(about[5]), /^REQUEST-/);
    assert.equal(seen.at(-1)?.url, '/ap/a%2E%2E/../k?Signature=a%2Bb', 'a signed path stays as it is');
    assert.deepEqual([stage.lines, got.result.payload.length], [[], 0]);
  });

  for (const [name, files, own] of [
    [
      'TypeScript',
      { 'index.ts': 'export default { async fetch(request: Request): Promise<Response> { return new Response(request.method); } };' },
      'index',
    ],
    ['CommonJS', { 'index.cjs': 'module.exports = { fetch: () => new Response("GET") };' }, 'index.fetch'],
    ['any other handler name', { 'index.mjs': 'export default { fetch: () => new Response("GET") };' }, 'index.handler'],
    [
      'an instance of a class',
      { 'index.mjs': 'class A { #m = "GET"; fetch() { return new Response(this.#m); } }; export default new A();' },
      'index.default',
    ],
    ['a named export', { 'index.mjs': 'export function fetch(request) { return new Response(request.method); }' }, 'index.fetch'],
  ] as const) {
    test(`found in ${name}`, async (t) => {
      const stage = await openStage(t, files as Record<string, string>);
      let text = '';
      const answer = async (given: DirectAnswer) => {
        text = (await buffer(given.body)).toString();
      };
      const event = Buffer.from(JSON.stringify({ getObjectContext: { inputOssUrl }, userRequest: { url: 'http://a/b', headers: {} } }));
      const result = await stage.instances.invoke(stage.fn({ runtime, handler: own }), stage.call({ event, answer }));
      assert.equal(result.failure, undefined, result.payload.toString());
      assert.equal(text, 'GET');
    });
  }

  test('headers go along to the original: ranges, conditions; 304 and errors are Responses too', async (t) => {
    const stage = await serve(
      t,
      `export default { async fetch(request, context) {
        const part = await context.original({ headers: { Range: 'bytes=4-6' } });
        const same = await context.original({ headers: new Headers({ 'If-None-Match': '"e"' }) });
        const list = [part.status, await part.text(), part.headers.get('content-range'), same.status, await same.text(), same.body];
        return Response.json(list);
      } };`,
    );
    const got = await ask(stage);
    assert.deepEqual(JSON.parse(got.body?.toString() ?? ''), [206, 'ori', 'bytes 4-6/12', 304, '', null]);
    assert.equal(got.headers?.['content-type'], 'application/json');
  });

  test('a body streams through as it comes, and a slow reader slows it', async (t) => {
    const stage = await serve(
      t,
      `let made = 0;
      export default { fetch(request) {
        if (request.url.endsWith('made')) return new Response(String(made));
        made = 0;
        return new Response(new ReadableStream({ pull(controller) {
          made += 65536;
          if (made > 64 * 1024 * 1024) controller.close(); else controller.enqueue(new Uint8Array(65536).fill(made / 65536));
        } }));
      } };`,
    );
    let bytes = 0;
    let madeEarly = 0;
    const got = await ask(stage, {}, async ({ body }) => {
      for await (const chunk of body) {
        if (bytes === 0) {
          await new Promise((resolve) => setTimeout(resolve, 100));
          const early = await ask(stage, { userRequest: { url: 'http://a/made', headers: {} } });
          madeEarly = Number(early.body?.toString());
        }
        bytes += (chunk as Buffer).length;
      }
    });
    assert.equal(got.result.failure, undefined, got.result.payload.toString());
    assert.equal(bytes, 64 * 1024 * 1024);
    assert.ok(madeEarly > 0 && madeEarly < 2 * 1024 * 1024, `the function was ${madeEarly} bytes ahead`);
    assert.equal(got.headers?.['content-length'], undefined);
  });

  test('a stream that pauses after its first chunk is sent at once', async (t) => {
    const stage = await serve(
      t,
      `export default { fetch() {
        return new Response(new ReadableStream({ async start(controller) {
          controller.enqueue(new TextEncoder().encode('first'));
          await new Promise((done) => setTimeout(done, 200));
          controller.enqueue(new TextEncoder().encode(' second'));
          controller.close();
        } }));
      } };`,
    );
    const times: number[] = [];
    await ask(stage, {}, async ({ body }) => {
      for await (const _ of body) times.push(performance.now());
    });
    assert.ok((times[1] ?? 0) - (times[0] ?? 0) > 100, 'two chunks, one at a time');
  });

  test('HEAD: the length without the body, read or given', async (t) => {
    const stage = await serve(
      t,
      `export default { fetch(request) {
        const given = request.url.endsWith('given') ? { 'Content-Length': '99' } : {};
        return new Response(request.method.repeat(10), { headers: given });
      } };`,
    );
    const userRequest = { method: 'HEAD', url: 'http://a/b', headers: {} };
    const read = await ask(stage, { userRequest });
    assert.deepEqual([read.headers?.['content-length'], read.body?.length], ['40', 0]);
    const given = await ask(stage, { userRequest: { ...userRequest, url: 'http://a/given' } });
    assert.deepEqual([given.headers?.['content-length'], given.body?.length], ['99', 0]);
  });

  test('what is no Response, and what throws, before and after the head', async (t) => {
    const stage = await serve(
      t,
      `const stream = (chunks) => new ReadableStream({ async pull(controller) {
        const next = chunks.shift();
        if (next instanceof Error) throw next;
        controller.enqueue(next);
        await new Promise((done) => setTimeout(done, 10));
      } });
      const bytes = new Uint8Array([65]);
      export default { async fetch(request, context) {
        const kind = request.url.split('/').pop();
        if (kind === 'text') return 'text';
        if (kind === 'nothing') return;
        if (kind === 'error') return Response.error();
        if (kind === 'used') { const it = new Response('x'); await it.text(); return it; }
        if (kind === 'throws') throw new RangeError('before');
        if (kind === 'early') return new Response(stream([new Error('no byte yet')]));
        if (kind === 'midway') return new Response(stream([bytes, bytes, new Error('midway')]));
        if (kind === 'strings') return new Response(stream(['text']));
        if (kind === 'large') return new Response('x', { headers: { a: 'y'.repeat(50_000) } });
        return new Response('well');
      } };`,
    );
    const to = (kind: string) => ask(stage, { userRequest: { url: `http://a/${kind}`, headers: {} } });
    const messages: Record<string, RegExp> = {
      text: /^fetch\(request, context\) returned text instead of a Response$/,
      nothing: /returned undefined instead of a Response/,
      error: /returned Response\.error\(\)/,
      used: /whose body was already read/,
      throws: /^before$/,
      early: /^no byte yet$/,
      strings: /string instead of bytes|Received non-Uint8Array/,
      large: /headers of the Response are larger/,
    };
    for (const [kind, message] of Object.entries(messages)) {
      const got = await to(kind);
      assert.equal(got.result.failure?.kind, 'raised', kind);
      assert.match(String(json(got.result).errorMessage), message, kind);
      assert.equal(got.body, undefined, `${kind}: nothing was answered`);
    }
    const midway = await to('midway');
    assert.equal(midway.error?.message, 'midway');
    assert.equal(json(midway.result).errorMessage, 'midway');
    assert.equal((await to('well')).body?.toString(), 'well', 'the instance serves on');
  });

  test('an original that breaks off breaks the answer', async (t) => {
    const stage = await serve(
      t,
      'export default { async fetch(request, context) { return new Response((await context.original()).body); } };',
    );
    const getObjectContext = { inputOssUrl: inputOssUrl.replace(/\/ap.*/, '/broken') };
    const got = await ask(stage, { getObjectContext });
    assert.equal(got.result.failure?.kind, 'raised');
    assert.ok(got.error);
  });

  test('a refusal reaches the function’s result; when the client left, the function stops without an error', async (t) => {
    const stage = await serve(
      t,
      `let cancelled = 0, aborted = 0;
      export default { fetch(request) {
        if (request.url.endsWith('count')) return Response.json([cancelled, aborted]);
        request.signal.addEventListener('abort', () => aborted++);
        return new Response(new ReadableStream({ pull(controller) { controller.enqueue(new Uint8Array(65536)); }, cancel() { cancelled++; } }));
      } };`,
    );
    const refused = await ask(stage, {}, async () => {
      throw new Fault('InvalidArgument', 'not so');
    });
    assert.deepEqual([refused.result.failure?.kind, json(refused.result).errorMessage], ['raised', 'not so']);
    const left = await ask(stage, {}, async ({ body }) => {
      await new Promise((resolve) => body.on('data', resolve).resume());
      body.destroy();
    });
    assert.equal(left.result.failure, undefined, left.result.payload.toString());
    const counts = await ask(stage, { userRequest: { url: 'http://a/count', headers: {} } });
    assert.deepEqual(JSON.parse(counts.body?.toString() ?? ''), [2, 2]);
  });

  test('a function that works on its answer hears that the client left', async (t) => {
    const stage = await serve(
      t,
      `export default { async fetch(request) {
        await new Promise((left) => request.signal.addEventListener('abort', left));
        console.log('heard:', request.signal.reason.message);
        return new Response('for nobody');
      } };`,
    );
    const leaving = new AbortController();
    const event = Buffer.from(
      JSON.stringify({ getObjectContext: { inputOssUrl }, userRequest: { method: 'GET', url: 'http://a/k', headers: {} } }),
    );
    const call = stage.call({
      event,
      signal: leaving.signal,
      // As an exchange does whose client left.
      answer: async ({ body }) => void body.destroy(),
      onStart: () => setTimeout(() => leaving.abort(new Error('the client is gone')), 50),
    });
    const result = await stage.instances.invoke(stage.fn({ runtime, handler, memoryMb: 512 }), call);
    assert.equal(result.failure, undefined, result.payload.toString());
    await until(() => stage.lines.some(({ line }) => line.includes('heard: The client left.')), 'the function heard of it');
  });

  test('while an answer flows the function outlives its timeout, and no longer', async (t) => {
    const stage = await serve(
      t,
      `export default { fetch() {
        let left = 8;
        return new Response(new ReadableStream({ async pull(controller) {
          await new Promise((done) => setTimeout(done, 200));
          if (left-- === 0) controller.close();
          else controller.enqueue(new Uint8Array(10));
        } }));
      } };`,
    );
    const body = async (spareMs: number) => {
      const got: { bytes?: number; error?: Error } = {};
      const answer = async (given: DirectAnswer) => {
        try {
          got.bytes = (await buffer(given.body)).length;
        } catch (error) {
          got.error = error as Error;
          throw error;
        }
      };
      const event = Buffer.from(
        JSON.stringify({ getObjectContext: { inputOssUrl }, userRequest: { method: 'GET', url: 'http://a/k', headers: {} } }),
      );
      const result = await stage.instances.invoke(
        stage.fn({ runtime, handler, memoryMb: 512, timeoutMs: 700 }),
        stage.call({ event, answer, spareMs: () => spareMs }),
      );
      return { ...got, kind: result.failure?.kind };
    };
    assert.deepEqual(await body(1_000), { bytes: 80, kind: undefined });
    const cut = await body(0);
    assert.equal(cut.kind, 'timeout');
    assert.match(cut.error?.message ?? '', /ended before its answer did/);
  });

  test('work behind the answer keeps the invocation open', async (t) => {
    const stage = await serve(
      t,
      `export default { fetch(request, context) {
        context.waitUntil(new Promise((done) => setTimeout(() => { console.log('late work'); done(); }, 50)));
        context.waitUntil(Promise.reject(new Error('late trouble')));
        return new Response('at once');
      } };`,
    );
    const got = await ask(stage);
    assert.equal(got.result.failure, undefined);
    assert.ok(got.result.durationMs >= 45);
    await until(() => stage.lines.length >= 2, 'both lines');
    assert.ok(stage.lines.every(({ request }) => request.startsWith('REQUEST-')));
    const text = stage.lines.map(({ line }) => line).join('\n');
    assert.match(text, /\[INFO\] late work/);
    assert.match(text, /\[ERROR\] Error: late trouble/);
  });

  test('an event that is no GetObject comes as a POST, and the body of the Response is the result', async (t) => {
    const stage = await serve(
      t,
      `export default { async fetch(request, context) {
        const reason = await context.original().catch((error) => error.message);
        return Response.json([request.method, await request.text(), reason]);
      } };`,
    );
    const result = await stage.run(handler, '{"a":1}', { runtime });
    assert.deepEqual(JSON.parse(result.payload.toString()), [
      'POST',
      '{"a":1}',
      'There is no original: the event is not that of a GetObject.',
    ]);
  });
});
