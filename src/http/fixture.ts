import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Fault } from '../faults/index.ts';
import type { Telemetry } from '../telemetry/index.ts';
import type { RequestContext } from './context.ts';
import { createListener, type Dialect, type Listener, type ListenerOptions } from './index.ts';

export type Handler = (ctx: RequestContext) => Promise<void> | void;

/** A dialect of the test: the first segment of the path names the handler. */
export function dialectOf(handlers: Record<string, Handler>): Dialect {
  return {
    name: 'toy',
    async handle(ctx) {
      const name = ctx.path.split('/')[1] ?? '';
      ctx.operation = name;
      const handler = handlers[name];
      if (!handler) throw new Fault('NoSuchKey');
      await handler(ctx);
    },
    fault: (_ctx, fault) => ({ status: fault.status, headers: { 'X-Code': fault.code }, body: fault.code }),
  };
}

export function ok(ctx: RequestContext, text = 'fine'): void {
  ctx.res.writeHead(200, ['Content-Length', String(text.length)]);
  ctx.res.end(text);
}

/** Starts a listener, runs `use`, drains. */
export async function withListener(
  telemetry: Telemetry,
  handlers: Record<string, Handler>,
  options: Partial<ListenerOptions>,
  use: (listener: Listener) => Promise<void>,
) {
  const listener = createListener({ name: 'toy', host: '127.0.0.1', port: 0, dialect: dialectOf(handlers), telemetry, ...options });
  await listener.start();
  try {
    await use(listener);
  } finally {
    await listener.drain(0);
  }
  assert.equal(listener.connections(), 0);
}

/** A client that sees every byte. */
export class Raw {
  readonly socket: Socket;
  text = '';
  error: NodeJS.ErrnoException | undefined;
  readonly closed: Promise<void>;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('latin1');
    this.socket.on('data', (piece) => {
      this.text += piece;
    });
    this.socket.on('error', (error) => {
      this.error = error;
    });
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
  }

  send(text: string | Buffer): void {
    this.socket.write(text);
  }

  /** Waits until what came matches. */
  async sees(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.text)) {
      const more = await Promise.race([once(this.socket, 'data').then(() => true), this.closed.then(() => false)]);
      if (!more) return assert.match(this.text, pattern);
    }
  }
}

export const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`;
