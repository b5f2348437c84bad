import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Fault, toFault } from '../faults/index.ts';
import { type AnswerTaker, type Asked, after, every, monotonic, type Timer } from '../kit/index.ts';
import type { Audit, Telemetry } from '../telemetry/index.ts';
import { accessLog } from './access-log.ts';
import { type Rendered, refuseRaw } from './answer.ts';
import { auditRequest } from './audit.ts';
import { Charges } from './charges.ts';
import type { RequestContext } from './context.ts';
import { InsideContext, type InsideRequest } from './inside.ts';
import { defaultLimits, type ListenerLimits } from './limits.ts';
import { DoorContext, type DoorPart, type OwnContext } from './own-context.ts';
import { type Answer, breakOff } from './wire/answer.ts';
import type { Body } from './wire/body.ts';
import { Connection, type ConnectionOptions } from './wire/connection.ts';
import type { BadRequest, RequestHead } from './wire/head.ts';

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
  /** PEM certificate chain and key: the listener then speaks TLS only. */
  tls?: { cert: string; key: string } | undefined;
  /** Told of every state change and every denied request. */
  audit?: Pick<Audit, 'write'> | undefined;
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
  /**
   * Carries out a request that comes from inside of the server as one that came over a connection: with the log, the metrics, the audit and the
   * errors of this listener. What it asks for may be answered before this returns.
   */
  inside(request: InsideRequest, taker: AnswerTaker, run: (ctx: RequestContext) => Promise<void> | undefined): Asked;
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
  readonly #wire: ConnectionOptions;
  readonly #part: DoorPart;
  /** Sockets below TLS, where a handshake may be under way. */
  readonly #sockets = new Set<Socket>();
  readonly #addresses = new Map<string, number>();
  readonly #charges: Charges;
  readonly #open = new Set<Connection>();
  readonly #record: (ctx: OwnContext, complete: boolean) => void;
  #watch: Timer | undefined;
  #draining = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: ListenerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#charges = new Charges(this.#limits);
    this.#record = accessLog(options.name, options.telemetry);
    this.#wire = {
      headerBytes: this.#limits.headerBytes,
      keepAlive: `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(this.#limits.keepAliveMs / 1000)}\r\n`,
      bodyBytes: chunkBytes,
      onRequest: (connection, head, answer, body) => this.#serve(connection, head, answer, body),
      onSettled: (connection, answer) => this.#settled(connection, answer),
      onBad: (connection, error) => this.#notHttp(connection, error),
      onClosed: (connection) => this.#closed(connection),
    };
    this.#server = this.#createServer();
    this.#server.maxConnections = this.#limits.connections;
    this.#part = { name: options.name, charge: (ctx, accessKeyId) => this.#charges.enter(ctx, accessKeyId) };
  }

  #createServer(): Server {
    const { tls } = this.#options;
    // Half open: a client that has ended its side is told apart from one whose connection is gone by Connection itself.
    const common = { noDelay: true, allowHalfOpen: true, highWaterMark: chunkBytes };
    if (!tls) return createServer(common, (socket) => this.#admit(socket) && this.#connected(socket));
    const server = createTlsServer(
      { ...common, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: this.#limits.handshakeMs, ALPNProtocols: ['http/1.1'] },
      (socket) => this.#connected(socket),
    );
    server.on('connection', (socket: Socket) => this.#admit(socket));
    server.on('tlsClientError', (error: Error, socket) => {
      this.#options.telemetry.log.debug({ listener: this.name, reason: error.message, remote: socket.remoteAddress }, 'bad TLS');
      socket.destroy();
    });
    return server;
  }

  /** Counts a connection against its address; false when it was closed for there being too many. */
  #admit(socket: Socket): boolean {
    const address = socket.remoteAddress ?? '';
    const count = (this.#addresses.get(address) ?? 0) + 1;
    if (count > this.#limits.connectionsPerAddress) {
      this.#options.telemetry.log.warn(
        { listener: this.name, remote: address, connections: count - 1 },
        'too many connections from one address',
      );
      socket.destroy();
      return false;
    }
    this.#addresses.set(address, count);
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      const left = (this.#addresses.get(address) ?? 1) - 1;
      if (left > 0) this.#addresses.set(address, left);
      else this.#addresses.delete(address);
    });
    return true;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? this.#options.port;
  }

  connections(): number {
    return this.#open.size;
  }

  start(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      const refused = (error: NodeJS.ErrnoException) => reject(this.#explain(error));
      this.#server.once('error', refused);
      this.#server.listen({ host, port, backlog: 1024 }, () => {
        this.#server.off('error', refused);
        this.#server.on('error', (error) => this.#options.telemetry.log.error({ err: error, listener: this.name }, 'listener failed'));
        const { headersTimeoutMs, keepAliveMs } = this.#limits;
        this.#watch = every(Math.min(1_000, headersTimeoutMs, keepAliveMs), () => this.#dismissWaiting());
        resolve();
      });
    });
  }

  async drain(deadlineMs: number): Promise<void> {
    if (!this.#server.listening) return;
    this.#draining = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#open) connection.retire();
    const timer = after(deadlineMs, () => {
      for (const { request } of this.#open) request?.abort(new Fault('ServiceUnavailable', 'The server is shutting down.'));
      for (const socket of this.#sockets) socket.destroy();
    });
    await closed;
    timer.cancel();
    this.#watch?.cancel();
    // The server counts a connection as ended before the connection says so itself.
    if (this.#open.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
  }

  #connected(socket: Socket): void {
    const connection = new Connection(socket, this.#wire);
    this.#open.add(connection);
    socket.setTimeout(this.#limits.idleMs);
    socket.on('timeout', () => this.#silent(connection));
    this.#options.telemetry.metrics.connections.set({ listener: this.name }, this.#open.size);
    if (this.#draining) connection.retire();
  }

  #closed(connection: Connection): void {
    this.#open.delete(connection);
    this.#options.telemetry.metrics.connections.set({ listener: this.name }, this.#open.size);
    if (this.#open.size === 0) this.#onEmpty?.();
  }

  /** Ends connections that wait for a request for too long, or for the rest of a head. */
  #dismissWaiting(): void {
    const { headersTimeoutMs, keepAliveMs } = this.#limits;
    const time = monotonic();
    for (const connection of this.#open) {
      const { waitingSince, headBegun, socket } = connection;
      if (waitingSince === undefined) continue;
      if (headBegun && time - waitingSince > headersTimeoutMs) {
        connection.abandon();
        refuseRaw(socket, '408 Request Timeout');
      }
      if (!headBegun && time - waitingSince > keepAliveMs) socket.destroy();
    }
  }

  #serve(connection: Connection, head: RequestHead, answer: Answer, body: Body | undefined): void {
    const ctx = new DoorContext(this.#part, connection.socket, head, answer, body);
    connection.request = ctx;
    if (this.#draining) answer.shouldKeepAlive = false;
    this.#carryOut(ctx, () => {
      const { allowedHosts, dialect } = this.#options;
      if (allowedHosts && !allowedHosts(ctx.host)) throw new Fault('MisdirectedRequest');
      return dialect.handle(ctx);
    });
  }

  inside(request: InsideRequest, taker: AnswerTaker, run: (ctx: RequestContext) => Promise<void> | undefined): Asked {
    const ctx = new InsideContext(this.name, request, taker, (settled, complete) => this.#over(settled, complete));
    this.#carryOut(ctx, () => run(ctx));
    return ctx;
  }

  #carryOut(ctx: OwnContext, run: () => Promise<void> | undefined): void {
    try {
      const pending = run();
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

  #answered(ctx: OwnContext): void {
    if (ctx.res.writableEnded || ctx.aborted) return;
    this.#failed(ctx, new Error(`${ctx.operation || 'the operation'} ended without an answer`));
  }

  #settled(connection: Connection, answer: Answer): void {
    const ctx = connection.request;
    if (!ctx) return;
    connection.request = undefined;
    if (ctx.charged !== undefined) this.#charges.leave(ctx.charged, ctx);
    this.#over(ctx, answer.writableFinished);
  }

  /** An answer is out, or nobody takes it. */
  #over(ctx: OwnContext, complete: boolean): void {
    if (!complete) ctx.abort(new Error('the client is gone'));
    this.#record(ctx, complete);
    if (ctx.onSettled) ctx.tellSettled(complete);
    if (this.#options.audit) auditRequest(this.#options.audit, ctx);
  }

  #failed(ctx: OwnContext, error: unknown): void {
    const fault = toFault(error);
    const { res } = ctx;
    ctx.note.code = fault.code;
    // Whatever an operation throws after its client left, or after its answer ended, has nobody to go to.
    if (ctx.aborted || res.writableEnded || ctx.lost) return;
    // What is shed was meant to be, and must cost little; the access log has its code.
    if (fault.status >= 500 && fault.status !== 503) {
      this.#options.telemetry.log.error(
        { err: fault.cause ?? fault, id: ctx.id, operation: ctx.operation, code: fault.code },
        'request failed',
      );
    }
    if (res.headersSent) ctx.reset();
    else ctx.sendFault(this.#options.dialect.fault(ctx, fault));
  }

  /** Nothing moved on a connection for idleMs: whose turn was it? */
  #silent(connection: Connection): void {
    const { socket, waitingSince, request: ctx } = connection;
    if (socket.writableLength > 0) {
      if (ctx) ctx.note.code = 'ClientStalled';
      breakOff(socket);
    } else if (!ctx) {
      // While it waits for a request, the watch over waiting connections decides; an unread body that never ends is given up.
      if (waitingSince === undefined) socket.destroy();
      else socket.setTimeout(this.#limits.idleMs);
    } else if (ctx.bodyAsked && ctx.incoming && !ctx.incoming.complete && ctx.incoming.readableLength === 0) {
      ctx.note.code = 'RequestTimeout';
      const { incoming } = ctx;
      if (ctx.res.headersSent) ctx.reset();
      else this.#failed(ctx, new Fault('RequestTimeout'));
      ctx.abort(new Fault('RequestTimeout'));
      incoming.destroy(new Fault('RequestTimeout'));
    } else {
      // The operation is at work; the watch starts again.
      socket.setTimeout(this.#limits.idleMs);
    }
  }

  #notHttp(connection: Connection, error: BadRequest): void {
    const { socket, request: ctx } = connection;
    ctx?.abort(error);
    this.#options.telemetry.log.debug({ listener: this.name, reason: error.message, remote: socket.remoteAddress }, 'bad HTTP');
    if (ctx?.res.headersSent) ctx.reset();
    else refuseRaw(socket, error.status);
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
