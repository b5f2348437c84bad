import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import { Fault } from '../faults/index.ts';
import type { AnswerTaker, Asked, Signal } from '../kit/index.ts';
import { type Audit, createTelemetry } from '../telemetry/index.ts';
import type { RequestContext, SettledAnswer } from './context.ts';
import { withListener } from './fixture.ts';
import type { Listener } from './listener.ts';

const telemetry = createTelemetry({ level: 'silent' });
after(() => telemetry.flush());

/** Takes an answer as a connection of frames does, with room for `credit` bytes. */
class Taker implements AnswerTaker {
  told: string[] = [];
  status = 0;
  headers: Record<string, string> = {};
  body = '';
  asked: Asked | undefined;
  credit = Number.POSITIVE_INFINITY;
  #held: (() => void)[] = [];

  head(status: number, headers: readonly string[], whole?: Buffer): void {
    this.told.push(whole === undefined ? 'head' : 'all');
    this.status = status;
    for (let i = 0; i + 1 < headers.length; i += 2) this.headers[(headers[i] as string).toLowerCase()] = headers[i + 1] as string;
    this.body += whole ?? '';
  }

  write(chunk: Buffer, written: () => void): boolean {
    this.told.push('part');
    this.body += chunk;
    this.credit -= chunk.length;
    if (this.credit > 0) setImmediate(written);
    else this.#held.push(written);
    return this.credit > 0;
  }

  grant(bytes: number): void {
    this.credit += bytes;
    for (const written of this.#held.splice(0)) written();
    this.asked?.drained();
  }

  end(): void {
    this.told.push('end');
  }

  broken(): void {
    this.told.push('broken');
  }
}

const turns = async () => {
  for (let i = 0; i < 10; i++) await new Promise(setImmediate);
};

async function ask(listener: Listener, run: (ctx: RequestContext) => Promise<void> | undefined, taker = new Taker()) {
  const settled: SettledAnswer[] = [];
  const request = { method: 'GET', target: '/b/k?versionId=1', headers: { host: 'h:1', range: 'bytes=0-1' } };
  taker.asked = listener.inside(request, taker, (ctx) => {
    ctx.operation = 'inside';
    ctx.onSettled = (answer) => settled.push(answer);
    return run(ctx);
  });
  await turns();
  return { taker, settled };
}

const pour = (ctx: RequestContext, source: Readable) =>
  new Promise<void>((resolve, reject) => {
    source.on('data', (chunk: Buffer) => ctx.res.write(chunk) || source.pause());
    source.on('end', () => ctx.res.end());
    source.on('error', reject);
    ctx.res.on('drain', () => source.resume());
    ctx.res.on('close', () => {
      source.destroy();
      resolve();
    });
  });

describe('a request from inside', () => {
  test('is like one that came over a connection, and is answered at once where all is there', async () => {
    await withListener(telemetry, {}, {}, async (listener) => {
      let seen: unknown;
      const { taker, settled } = await ask(listener, (ctx) => {
        seen = [ctx.method, ctx.path, ctx.rawQuery, ctx.headers.range, ctx.host, ctx.listener, ctx.remoteAddress];
        ctx.res.writeHead(206, ['Content-Length', '2', 'X-Odd', 'ü']);
        ctx.res.end('ab');
        return undefined;
      });
      assert.deepEqual(seen, ['GET', '/b/k', 'versionId=1', 'bytes=0-1', 'h:1', 'toy', '127.0.0.1']);
      assert.deepEqual([taker.told, taker.status, taker.headers['x-odd'], taker.body], [['all'], 206, 'ü', 'ab']);
      assert.match(taker.headers.date ?? '', /GMT$/);
      assert.deepEqual(
        settled.map(({ status, bytes, complete }) => [status, bytes, complete]),
        [[206, 2, true]],
      );
    });
  });

  test('streams no faster than its taker', async () => {
    await withListener(telemetry, {}, {}, async (listener) => {
      const source = Readable.from(Array.from({ length: 10 }, () => Buffer.from('0123456789')));
      const taker = new Taker();
      taker.credit = 25;
      const { settled } = await ask(listener, (ctx) => pour(ctx, source), taker);
      assert.deepEqual(taker.told, ['head', 'part', 'part', 'part']);
      taker.grant(1000);
      await turns();
      assert.deepEqual([taker.body.length, taker.told.at(-1), settled[0]?.bytes, settled[0]?.complete], [100, 'end', 100, true]);
    });
  });

  test('a fault is an answer before the head, and a break behind it; an ending is never false', async () => {
    await withListener(telemetry, {}, {}, async (listener) => {
      const refused = await ask(listener, () => {
        throw new Fault('AccessDenied');
      });
      assert.deepEqual([refused.taker.told, refused.taker.status, refused.taker.body], [['all'], 403, 'AccessDenied']);
      assert.equal(refused.settled[0]?.code, 'AccessDenied');
      const midway = await ask(listener, async (ctx) => {
        ctx.res.writeHead(200, ['Content-Length', '10']);
        ctx.res.write('half');
        throw new Error('the disk');
      });
      assert.deepEqual(midway.taker.told, ['head', 'part', 'broken']);
      assert.equal(midway.settled[0]?.complete, false);
      for (const body of ['short', 'much too long']) {
        const false_ = await ask(listener, (ctx) => {
          ctx.res.writeHead(200, ['Content-Length', '10']);
          ctx.res.end(body);
          return undefined;
        });
        assert.deepEqual(false_.taker.told, ['broken'], body);
      }
      const silent = await ask(listener, () => undefined);
      assert.deepEqual([silent.taker.told, silent.taker.status], [['all'], 500]);
    });
  });

  test('a taker that leaves ends the work', async () => {
    await withListener(telemetry, {}, {}, async (listener) => {
      const source = new Readable({ read: () => {} });
      let signal: Signal | undefined;
      const { taker, settled } = await ask(listener, (ctx) => {
        signal = ctx.signal;
        return pour(ctx, source);
      });
      source.push('first');
      await turns();
      taker.asked?.abandon();
      await turns();
      assert.deepEqual([source.destroyed, signal?.aborted, taker.told], [true, true, ['head', 'part']]);
      assert.deepEqual([settled.length, settled[0]?.complete], [1, false]);
    });
  });

  test('is counted, and a denial is in the audit log', async () => {
    const lines: unknown[] = [];
    const audit: Pick<Audit, 'write'> = { write: ({ operation, outcome, listener }) => lines.push([listener, operation, outcome]) };
    await withListener(telemetry, {}, { audit, name: 'counted' }, async (listener) => {
      await ask(listener, () => {
        throw new Fault('AccessDenied');
      });
      assert.deepEqual(lines, [['counted', 'inside', 'denied']]);
      assert.match(
        await telemetry.metrics.registry.metrics(),
        /sluice_requests_total\{[^}]*listener="counted"[^}]*operation="inside"[^}]*\} 1/,
      );
    });
  });
});
