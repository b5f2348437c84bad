import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { Abort, type BodyStream, ByteStream, monotonic, now, requestId, type Signal } from '../kit/index.ts';
import { parseQuery, type QueryParam } from '../signing/index.ts';
import type { Rendered } from './answer.ts';
import { type Audited, type Reply, type RequestContext, type SettledAnswer, splitTarget } from './context.ts';
import { type Answer, breakOff } from './wire/answer.ts';
import type { Body } from './wire/body.ts';
import type { RequestHead } from './wire/head.ts';

/** What a request needs of its listener. */
export interface DoorPart {
  readonly name: string;
  readonly charge: (ctx: DoorContext, accessKeyId: string) => void;
}

/** The door's own RequestContext, wherever the request came from: what the listener needs besides. */
export abstract class OwnContext implements RequestContext {
  readonly id = requestId();
  readonly listener: string;
  readonly method: string;
  readonly path: string;
  readonly rawQuery: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly host: string;
  readonly startedAt = now();
  abstract readonly res: Reply;
  operation = '';
  note: Record<string, unknown> = {};
  audited: Audited = {};
  onSettled: ((answer: SettledAnswer) => void) | undefined;
  readonly #start = monotonic();
  #query: QueryParam[] | undefined;
  #abort: Abort | undefined;
  #gone: Error | undefined;

  constructor(listener: string, head: Pick<RequestHead, 'method' | 'target' | 'headers' | 'rawHeaders'>) {
    this.listener = listener;
    const { path, rawQuery } = splitTarget(head.target);
    this.path = path;
    this.rawQuery = rawQuery;
    this.method = head.method;
    this.headers = head.headers;
    this.rawHeaders = head.rawHeaders;
    this.host = head.headers.host?.toLowerCase() ?? '';
  }

  abstract get remoteAddress(): string;
  abstract get localPort(): number;
  abstract get encrypted(): boolean;
  /** Nothing can be told to whoever asked. */
  abstract get lost(): boolean;
  abstract body(): BodyStream;
  abstract reset(): void;
  abstract charge(accessKeyId: string): void;
  /** Sends a whole error answer. */
  abstract sendFault(rendered: Rendered): void;
  /** Bytes of the answer so far, head included where it has bytes. */
  abstract bytesSent(): number;
  /** Of those, the body's. */
  abstract bodyBytes(): number;

  get query(): readonly QueryParam[] {
    this.#query ??= this.rawQuery === '' ? [] : parseQuery(this.rawQuery);
    return this.#query;
  }

  get signal(): Signal {
    // Made on demand: most requests end before anyone asks.
    if (!this.#abort) {
      this.#abort = new Abort();
      if (this.#gone) this.#abort.abort(this.#gone);
    }
    return this.#abort;
  }

  /** True once the client is gone or the drain deadline has passed. */
  get aborted(): boolean {
    return this.#gone !== undefined;
  }

  elapsedMs(): number {
    return Math.floor(monotonic() - this.#start);
  }

  /** Milliseconds with fractions, for the metrics. */
  elapsedExactly(): number {
    return monotonic() - this.#start;
  }

  abort(reason: Error): void {
    if (this.#gone) return;
    this.#gone = reason;
    this.#abort?.abort(reason);
  }

  /** Tells whoever asked how the answer went. */
  tellSettled(complete: boolean): void {
    const { res, note } = this;
    this.onSettled?.({
      status: res.headersSent ? res.statusCode : 499,
      bytes: this.bodyBytes(),
      ms: this.elapsedExactly(),
      complete,
      ...(typeof note.code === 'string' ? { code: note.code } : {}),
    });
  }
}

/** The body of a request that has none. */
export function emptyBody(): BodyStream {
  const body = new ByteStream();
  body.end();
  return body;
}

/** A request that came over a connection. */
export class DoorContext extends OwnContext {
  readonly res: Answer;
  readonly socket: Socket;
  /** The key that this request is charged to. */
  charged: string | undefined;
  readonly #charge: (ctx: DoorContext, accessKeyId: string) => void;
  readonly #bytesBefore: number;
  readonly #body: Body | undefined;
  #waitsForContinue: boolean;
  #bodyAsked = false;

  constructor(door: DoorPart, socket: Socket, head: RequestHead, res: Answer, body: Body | undefined) {
    super(door.name, head);
    this.res = res;
    this.socket = socket;
    this.#charge = door.charge;
    this.#body = body;
    this.#waitsForContinue = head.expectsContinue && body !== undefined;
    this.#bytesBefore = socket.bytesWritten;
  }

  get remoteAddress(): string {
    return this.socket.remoteAddress ?? '';
  }

  get localPort(): number {
    return this.socket.localPort ?? 0;
  }

  get encrypted(): boolean {
    return 'encrypted' in this.socket;
  }

  get lost(): boolean {
    return this.socket.destroyed;
  }

  body(): BodyStream {
    if (this.#waitsForContinue) {
      this.#waitsForContinue = false;
      this.res.writeContinue();
    }
    this.#bodyAsked = true;
    return this.#body ?? emptyBody();
  }

  reset(): void {
    breakOff(this.socket);
  }

  charge(accessKeyId: string): void {
    if (this.charged === undefined) this.#charge(this, accessKeyId);
  }

  /** The body as it comes in; undefined when the request has none. */
  get incoming(): Body | undefined {
    return this.#body;
  }

  /** True once an operation has begun to read the body. */
  get bodyAsked(): boolean {
    return this.#bodyAsked;
  }

  /** The connection stays open only if the rest of the request body is short. */
  sendFault({ status, headers, body }: Rendered): void {
    const bytes = Buffer.from(body);
    const { incoming, res } = this;
    if (incoming && !incoming.complete && !incoming.isShort) res.shouldKeepAlive = false;
    res.writeHead(status, { ...headers, 'Content-Length': String(bytes.length) });
    res.end(bytes);
  }

  bytesSent(): number {
    return this.socket.bytesWritten - this.#bytesBefore;
  }

  bodyBytes(): number {
    return Math.max(0, this.bytesSent() - this.res.headBytes);
  }
}
