import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Fault } from '../faults/index.ts';
import { createTelemetry, type Telemetry } from '../telemetry/index.ts';
import { dialectOf, get, type Handler, ok, Raw, withListener } from './fixture.ts';
import { createListener } from './index.ts';

let folder: string;
let telemetry: Telemetry;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-http-'));
  telemetry = createTelemetry({ level: 'info', file: join(folder, 'log') });
});

after(async () => {
  telemetry.flush();
  await rm(folder, { recursive: true });
});

describe('silence', () => {
  const limits = { idleMs: 150 };

  test('a client that stops sending its body gets RequestTimeout', async () => {
    const failed = Promise.withResolvers<unknown>();
    const read: Handler = async (ctx) => {
      try {
        for await (const _ of ctx.body());
      } catch (error) {
        failed.resolve(error);
        throw error;
      }
    };
    await withListener(telemetry, { read }, { limits }, async ({ port }) => {
      const client = new Raw(port);
      client.send('PUT /read HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\n123');
      await client.sees(/RequestTimeout$/);
      assert.ok((await failed.promise) instanceof Fault);
      client.socket.destroy();
    });
  });

  test('a client that stops reading is cut off', async () => {
    const cut = Promise.withResolvers<boolean>();
    const flood: Handler = async (ctx) => {
      ctx.res.on('close', () => cut.resolve(ctx.res.writableFinished));
      ctx.res.writeHead(200, ['Content-Length', '50000000']);
      ctx.res.end(Buffer.alloc(50_000_000));
    };
    await withListener(telemetry, { flood }, { limits }, async ({ port }) => {
      const client = new Raw(port);
      client.socket.pause();
      client.send(get('/flood'));
      assert.equal(await cut.promise, false);
      client.socket.resume();
      await client.closed;
      assert.ok(client.text.length < 50_000_000);
    });
  });

  test('an operation that takes its time is left alone', async () => {
    const slow: Handler = async (ctx) => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      ok(ctx);
    };
    await withListener(telemetry, { slow }, { limits }, async ({ port }) => {
      const client = new Raw(port);
      client.send(get('/slow'));
      await client.sees(/fine$/);
      client.text = '';
      // The watch goes on behind it: a second silence is noticed as the first one was.
      client.send('PUT /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n');
      await client.sees(/fine$/);
      await client.closed;
    });
  });
});

describe('drain', () => {
  test('answers what is in flight, closes its connections, refuses new ones', async () => {
    const started = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const slow: Handler = async (ctx) => {
      started.resolve();
      await release.promise;
      ok(ctx);
    };
    const listener = createListener({ name: 'toy', host: '127.0.0.1', port: 0, dialect: dialectOf({ slow }), telemetry });
    await listener.start();
    const { port } = listener;
    const idle = new Raw(port);
    await once(idle.socket, 'connect');
    const busy = new Raw(port);
    busy.send(get('/slow'));
    await started.promise;
    const drained = listener.drain(5_000);
    const late = new Raw(port);
    await late.closed;
    assert.equal(late.error?.code, 'ECONNREFUSED');
    release.resolve();
    await busy.closed;
    assert.match(busy.text, /Connection: close[\s\S]*fine$/);
    idle.socket.destroy();
    await drained;
    assert.equal(listener.connections(), 0);
  });

  test('after the deadline the signal aborts and connections are cut', async () => {
    const started = Promise.withResolvers<void>();
    let reason: unknown;
    const hang: Handler = (ctx) =>
      new Promise((resolve) => {
        started.resolve();
        ctx.signal.addEventListener('abort', () => {
          reason = ctx.signal.reason;
          resolve();
        });
      });
    const listener = createListener({ name: 'toy', host: '127.0.0.1', port: 0, dialect: dialectOf({ hang }), telemetry });
    await listener.start();
    const client = new Raw(listener.port);
    client.send(get('/hang'));
    await started.promise;
    await listener.drain(50);
    await client.closed;
    assert.ok(reason instanceof Fault && reason.code === 'ServiceUnavailable');
  });
});
