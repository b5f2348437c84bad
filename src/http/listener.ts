import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Fault, toFault } from '../faults/index.ts';
import { after } from '../kit/index.ts';
import type { Telemetry } from '../telemetry/index.ts';
import { accessLog } from './access-log.ts';
import { type Rendered, refuseRaw, reset, sendRendered } from './answer.ts';
import { failReader } from './body.ts';
import { DoorContext, type RequestContext } from './context.ts';
import { defaultLimits, type ListenerLimits } from './limits.ts';

export type { Rendered } from './answer.ts';

/** A wire dialect: it answers requests, and knows how an error looks. */
export interface Dialect {
  name: string;
  /** Answers through ctx.res, at once or by the end of the promise. A throw before the head becomes `fault`'s answer; after it, the connection is reset. */
  handle(ctx: RequestContext): Promise<void> | undefined;
  fault(ctx: RequestContext, fault: Fault): Rendered;
}

export interface ListenerOptions {
  /** For the log and the metrics. */
  name: string;
  host: string;
  /** 0 lets the system choose. */
  port: number;
  dialect: Dialect;
  telemetry: Telemetry;
  /** Says which Host headers (lower case, with port) are answered; others get MisdirectedRequest. All, when left out. */
  allowedHosts?: (host: string) => boolean;
  limits?: Partial<ListenerLimits>;
  /** The setting that moves this listener to another port, for the error message, e.g. `--port`. */
  portSetting?: string;
}

export interface Listener {
  readonly name: string;
  /** Listens. @throws Error that says which port and which setting to change */
  start(): Promise<void>;
  /** The port listened on, once started. */
  readonly port: number;
  /** Stops accepting, lets requests in flight end, and after `deadlineMs` aborts them. */
  drain(deadlineMs: number): Promise<void>;
  /** Connections open now. */
  connections(): number;
}

/** A listener of one port speaking one dialect; it does nothing before start(). */
export function createListener(options: ListenerOptions): Listener {
  return new Door(options);
}

const chunkBytes = 256 * 1024;

class Door implements Listener {
  readonly name: string;
  readonly #options: ListenerOptions;
  readonly #limits: ListenerLimits;
  readonly #server: Server;
  readonly #active = new Set<DoorContext>();
  readonly #record: (ctx: DoorContext, complete: boolean) => void;
  #connections = 0;
  #draining = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: ListenerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#record = accessLog(options.name, options.telemetry);
    this.#server = this.#createServer();
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? this.#options.port;
  }

  connections(): number {
    return this.#connections;
  }

  start(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      const refused = (error: NodeJS.ErrnoException) => reject(this.#explain(error));
      this.#server.once('error', refused);
      this.#server.listen({ host, port, backlog: 1024 }, () => {
        this.#server.off('error', refused);
        this.#server.on('error', (error) => this.#options.telemetry.log.error({ err: error, listener: this.name }, 'listener failed'));
        resolve();
      });
    });
  }

  async drain(deadlineMs: number): Promise<void> {
    if (!this.#server.listening) return;
    this.#draining = true;
    for (const { res } of this.#active) if (!res.headersSent) res.shouldKeepAlive = false;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const timer = after(deadlineMs, () => {
      for (const ctx of this.#active) ctx.abort(new Fault('ServiceUnavailable', 'The server is shutting down.'));
      this.#server.closeAllConnections();
    });
    await closed;
    timer.cancel();
    // The server counts a connection as ended before the connection says so itself.
    if (this.#connections > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
  }

  #createServer(): Server {
    const limits = this.#limits;
    const server = createServer({
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
      // Long bodies are welcome; silence is not, and is watched per connection below.
      requestTimeout: 0,
      keepAliveTimeout: limits.keepAliveMs,
      highWaterMark: chunkBytes,
      noDelay: true,
      insecureHTTPParser: false,
      requireHostHeader: true,
    });
    server.maxConnections = limits.connections;
    server.timeout = limits.idleMs;
    server.on('connection', (socket) => this.#connected(socket));
    server.on('request', (req, res) => this.#serve(req, res, false));
    server.on('checkContinue', (req, res) => this.#serve(req, res, true));
    server.on('timeout', (socket) => this.#silent(socket));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#notHttp(error, socket as Socket));
    return server;
  }

  #connected(socket: Socket): void {
    const gauge = this.#options.telemetry.metrics.connections;
    this.#connections += 1;
    gauge.set({ listener: this.name }, this.#connections);
    socket.once('close', () => {
      this.#connections -= 1;
      gauge.set({ listener: this.name }, this.#connections);
      if (this.#connections === 0) this.#onEmpty?.();
    });
  }

  #serve(req: IncomingMessage, res: ServerResponse, waitsForContinue: boolean): void {
    const ctx = new DoorContext(this.name, req, res, waitsForContinue);
    this.#active.add(ctx);
    if (this.#draining) res.shouldKeepAlive = false;
    res.on('error', ignore);
    res.on('close', () => this.#ended(ctx));
    try {
      const { allowedHosts, dialect } = this.#options;
      if (allowedHosts && !allowedHosts(ctx.host)) throw new Fault('MisdirectedRequest');
      const pending = dialect.handle(ctx);
      if (pending === undefined) this.#answered(ctx);
      else
        pending.then(
          () => this.#answered(ctx),
          (error: unknown) => this.#failed(ctx, error),
        );
    } catch (error) {
      this.#failed(ctx, error);
    }
  }

  #answered(ctx: DoorContext): void {
    if (ctx.res.writableEnded || ctx.aborted) return;
    this.#failed(ctx, new Error(`${ctx.operation || 'the operation'} ended without an answer`));
  }

  #ended(ctx: DoorContext): void {
    this.#active.delete(ctx);
    const complete = ctx.res.writableFinished;
    if (!complete) ctx.abort(new Error('the client is gone'));
    this.#record(ctx, complete);
    if (this.#draining) setImmediate(() => this.#server.closeIdleConnections());
  }

  #failed(ctx: DoorContext, error: unknown): void {
    const fault = toFault(error);
    const { res } = ctx;
    ctx.note.code = fault.code;
    // Whatever an operation throws after its client left, or after its answer ended, has nobody to go to.
    if (ctx.aborted || res.writableEnded || ctx.socket.destroyed) return;
    if (fault.status >= 500) {
      this.#options.telemetry.log.error(
        { err: fault.cause ?? fault, id: ctx.id, operation: ctx.operation, code: fault.code },
        'request failed',
      );
    }
    if (res.headersSent) reset(ctx.socket);
    else sendRendered(ctx, this.#options.dialect.fault(ctx, fault));
  }

  /** Nothing moved on a connection for idleMs: whose turn was it? */
  #silent(socket: Socket): void {
    const ctx = this.#contextOf(socket);
    if (!ctx) {
      socket.destroy();
    } else if (socket.writableLength > 0 || ctx.res.writableLength > 0) {
      ctx.note.code = 'ClientStalled';
      reset(socket);
    } else if (ctx.bodyAsked && !ctx.req.complete && ctx.req.readableLength === 0) {
      ctx.note.code = 'RequestTimeout';
      if (ctx.res.headersSent) reset(socket);
      else this.#failed(ctx, new Fault('RequestTimeout'));
      ctx.abort(new Fault('RequestTimeout'));
      failReader(ctx.req, new Fault('RequestTimeout'));
    } else {
      // The operation is at work; the watch starts again.
      socket.setTimeout(this.#limits.idleMs);
    }
  }

  #notHttp(error: NodeJS.ErrnoException, socket: Socket): void {
    const ctx = this.#contextOf(socket);
    ctx?.abort(error);
    this.#options.telemetry.log.debug({ listener: this.name, code: error.code, remote: socket.remoteAddress }, 'bad HTTP');
    if (error.code === 'ECONNRESET') socket.destroy();
    else if (ctx?.res.headersSent) reset(socket);
    else refuseRaw(socket, rawStatus(error.code));
  }

  #contextOf(socket: Socket): DoorContext | undefined {
    for (const ctx of this.#active) if (ctx.socket === socket) return ctx;
    return undefined;
  }

  #explain(error: NodeJS.ErrnoException): Error {
    const { host, port, portSetting = '--port' } = this.#options;
    const texts: Record<string, string> = {
      EADDRINUSE: `port ${port} on ${host} is in use by another program; stop it or choose another port with ${portSetting}`,
      EACCES: `this user may not listen on port ${port}; choose a port above 1023 with ${portSetting}`,
      EADDRNOTAVAIL: `${host} is not an address of this machine; choose another with --host`,
      ENOTFOUND: `the host name ${host} is not known; choose another with --host`,
    };
    const text = texts[error.code ?? ''] ?? error.message;
    return new Error(`The ${this.name} listener cannot start: ${text}.`, { cause: error });
  }
}

function rawStatus(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return '408 Request Timeout';
  return '400 Bad Request';
}

function ignore(): void {}
