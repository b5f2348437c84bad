import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Fault } from '../faults/index.ts';
import { createTelemetry, type Telemetry } from '../telemetry/index.ts';
import { maskQuery } from './access-log.ts';
import { type RequestContext, splitTarget } from './context.ts';
import { dialectOf, get, type Handler, ok, Raw, withListener } from './fixture.ts';
import { createListener } from './index.ts';

let folder: string;
let logFile: string;
let telemetry: Telemetry;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-http-'));
  logFile = join(folder, 'log');
  telemetry = createTelemetry({ level: 'info', file: logFile });
});

after(async () => {
  telemetry.flush();
  await rm(folder, { recursive: true });
});

describe('listener', () => {
  test('answers with keep-alive and writes one log line without secrets', async () => {
    await withListener(telemetry, { hi: (ctx) => ok(ctx) }, {}, async ({ port }) => {
      const client = new Raw(port);
      client.send(get('/hi/x?w=1&Signature=abc&x-oss-security-token=t%2F&%53ignature=z'));
      await client.sees(/\r\n\r\nfine$/);
      assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(client.text, /Connection: keep-alive/i);
      client.text = '';
      client.send(get('/hi'));
      await client.sees(/fine$/);
      client.socket.destroy();
      let line: string | undefined;
      // The file is opened in the background.
      for (let tries = 0; tries < 200 && !line; tries += 1) {
        telemetry.flush();
        line = (await readFile(logFile, 'utf8').catch(() => '')).split('\n').find((each) => each.includes('/hi/x'));
        if (!line) await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.ok(line);
      const entry = JSON.parse(line);
      assert.match(entry.id, /^[0-9A-F]{24}$/);
      assert.equal(entry.query, 'w=1&Signature=***&x-oss-security-token=***&%53ignature=***');
      assert.deepEqual([entry.method, entry.path, entry.operation, entry.status, entry.remote], ['GET', '/hi/x', 'hi', 200, '127.0.0.1']);
      assert.ok(entry.bytes > 4 && entry.ms >= 0);
      const metric = await telemetry.metrics.registry.getSingleMetricAsString('sluice_requests_total');
      assert.match(metric, /listener="toy",operation="hi",status="2xx"\} [12]/);
    });
  });

  test('a fault is rendered by the dialect; anything else is InternalError', async () => {
    const handlers = {
      boom: () => {
        throw new TypeError('secret detail');
      },
      silent: () => {},
    };
    await withListener(telemetry, handlers, {}, async ({ port }) => {
      const client = new Raw(port);
      client.send(get('/none') + get('/boom') + get('/silent'));
      await client.sees(/404[\s\S]*NoSuchKey[\s\S]*500[\s\S]*InternalError[\s\S]*500[\s\S]*InternalError$/);
      assert.doesNotMatch(client.text, /secret detail/);
      client.socket.destroy();
    });
  });

  test('a throw after the head resets the connection', async () => {
    const half: Handler = async (ctx) => {
      ctx.res.writeHead(200, ['Content-Length', '10']);
      ctx.res.write('half');
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw new Error('source broke');
    };
    await withListener(telemetry, { half }, {}, async ({ port }) => {
      const client = new Raw(port);
      client.send(get('/half'));
      await client.closed;
      assert.equal(client.error?.code, 'ECONNRESET');
    });
  });

  test('Expect: 100 Continue comes only when the body is asked for', async () => {
    const read: Handler = async (ctx) => {
      let size = 0;
      for await (const chunk of ctx.body()) size += chunk.length;
      ok(ctx, `read ${size}`);
    };
    await withListener(telemetry, { read }, {}, async ({ port }) => {
      const head = (path: string) => `PUT ${path} HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`;
      const accepted = new Raw(port);
      accepted.send(head('/read'));
      await accepted.sees(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
      accepted.send('12345');
      await accepted.sees(/read 5$/);
      assert.match(accepted.text, /keep-alive/i);
      accepted.socket.destroy();
      const refused = new Raw(port);
      refused.send(head('/none'));
      await refused.closed;
      assert.match(refused.text, /^HTTP\/1\.1 404 [\s\S]*Connection: close[\s\S]*NoSuchKey$/);
    });
  });

  test('a refused request keeps its connection when the unread body is short', async () => {
    await withListener(telemetry, { hi: (ctx) => ok(ctx) }, {}, async ({ port }) => {
      const client = new Raw(port);
      client.send('PUT /none HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n');
      await client.sees(/NoSuchKey$/);
      client.send(`12345${get('/hi')}`);
      await client.sees(/fine$/);
      client.socket.destroy();
    });
  });

  test('an answer that does not wait for a chunked body keeps the connection that it promised to keep', async () => {
    await withListener(telemetry, { hi: (ctx) => ok(ctx) }, {}, async ({ port }) => {
      const client = new Raw(port);
      client.send('POST /hi HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n');
      await client.sees(/keep-alive[\s\S]*fine$/i);
      client.send(`3\r\nabc\r\n0\r\n\r\n${get('/hi')}`);
      await client.sees(/fine[\s\S]*fine$/);
      client.socket.destroy();
      const endless = new Raw(port);
      endless.send('POST /hi HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n');
      await endless.sees(/fine$/);
      for (let i = 0; i < 40; i++) endless.send(`4000\r\n${'x'.repeat(0x4000)}\r\n`);
      await endless.closed;
    });
  });

  test('a refused long upload gets its answer although the client sends on', async () => {
    await withListener(telemetry, {}, {}, async ({ port }) => {
      const client = new Raw(port);
      client.send('PUT /none HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n');
      for (let i = 0; i < 8; i++) client.send(Buffer.alloc(100_000));
      await client.sees(/NoSuchKey$/);
      assert.match(client.text, /Connection: close/);
      client.socket.end();
      await client.closed;
      assert.equal(client.error, undefined);
    });
  });

  for (const [name, giveUp] of Object.entries({
    'by throwing inside for await': async (ctx: RequestContext) => {
      for await (const _ of ctx.body()) throw new Fault('EntityTooLarge');
    },
    'by destroying it': async (ctx: RequestContext) => {
      const body = ctx.body();
      const reading = (async () => {
        for await (const _ of body);
      })();
      body.destroy(new Fault('EntityTooLarge'));
      await reading;
    },
  })) {
    test(`a body that is given up half-way ${name} still gets an answer`, async () => {
      await withListener(telemetry, { up: giveUp, hi: (ctx) => ok(ctx) }, {}, async ({ port }) => {
        const long = new Raw(port);
        long.send('PUT /up HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n');
        for (let i = 0; i < 20; i++) long.send(Buffer.alloc(100_000));
        await long.sees(/EntityTooLarge$/);
        assert.match(long.text, /^HTTP\/1\.1 400/);
        long.socket.destroy();
        const short = new Raw(port);
        short.send(`PUT /up HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n123`);
        await short.sees(/EntityTooLarge$/);
        short.send(`456${get('/hi')}`);
        await short.sees(/fine$/);
        short.socket.destroy();
      });
    });
  }

  test('a client that leaves aborts the signal, and an upload that breaks off fails its reader', async () => {
    const left = Promise.withResolvers<string>();
    const broken = Promise.withResolvers<unknown>();
    const wait: Handler = (ctx) =>
      new Promise((resolve) => {
        ctx.signal.addEventListener('abort', () => {
          left.resolve(String(ctx.signal.reason));
          resolve();
        });
      });
    const read: Handler = async (ctx) => {
      try {
        for await (const _ of ctx.body());
      } catch (error) {
        broken.resolve(error);
        throw error;
      }
    };
    await withListener(telemetry, { wait, read }, {}, async ({ port }) => {
      const waiting = new Raw(port);
      waiting.send(get('/wait'));
      await once(waiting.socket, 'connect');
      setTimeout(() => waiting.socket.destroy(), 20);
      assert.match(await left.promise, /client is gone/);
      const sending = new Raw(port);
      sending.send('PUT /read HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\n123');
      await once(sending.socket, 'connect');
      setTimeout(() => sending.socket.destroy(), 20);
      assert.equal(((await broken.promise) as NodeJS.ErrnoException).code, 'ECONNRESET');
    });
  });

  test('bad HTTP gets 400 or 431 and the connection is closed', async () => {
    await withListener(telemetry, { hi: (ctx) => ok(ctx) }, { limits: { headerBytes: 2_000 } }, async ({ port }) => {
      for (const [request, status] of [
        ['NONSENSE\r\n\r\n', 400],
        ['GET / HTTP/1.1\r\n\r\n', 400],
        [`GET /hi HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(3_000)}\r\n\r\n`, 431],
        ['PUT /hi HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
      ] as const) {
        const client = new Raw(port);
        client.send(request);
        await client.closed;
        assert.match(client.text, new RegExp(`^HTTP/1\\.1 ${status} `), request.slice(0, 40));
      }
      const after = new Raw(port);
      after.send(get('/hi'));
      await after.sees(/fine$/);
      after.socket.destroy();
    });
  });

  test('a Host that is not allowed is misdirected', async () => {
    await withListener(telemetry, { hi: (ctx) => ok(ctx) }, { allowedHosts: (host) => host === 'h' }, async ({ port }) => {
      const client = new Raw(port);
      client.send(`GET /hi HTTP/1.1\r\nHost: evil\r\n\r\n${get('/hi')}`);
      await client.sees(/^HTTP\/1\.1 421[\s\S]*MisdirectedRequest[\s\S]*fine$/);
      client.socket.destroy();
    });
  });
});

test('a port in use is named together with the setting that moves it', async () => {
  await withListener(telemetry, {}, {}, async ({ port }) => {
    const second = createListener({ name: 'data', host: '127.0.0.1', port, dialect: dialectOf({}), telemetry, portSetting: '--port' });
    await assert.rejects(second.start(), new RegExp(`data listener.*port ${port} .*--port`));
  });
});

test('splitTarget', () => {
  for (const [target, path, rawQuery] of [
    ['/a/b?c=d', '/a/b', 'c=d'],
    ['/a', '/a', ''],
    ['/?x?y', '/', 'x?y'],
    ['http://h:1/a?b', '/a', 'b'],
    ['http://h', '', ''],
    ['http://h?x', '', 'x'],
    ['*', '*', ''],
    ['//h/a', '//h/a', ''],
  ] as const) {
    assert.deepEqual(splitTarget(target), { path, rawQuery }, target);
  }
});

test('maskQuery', () => {
  assert.equal(maskQuery(''), '');
  assert.equal(maskQuery('a=1&OSSAccessKeyId=x&bare&%zz=1'), 'a=1&OSSAccessKeyId=***&bare&%zz=1');
});
