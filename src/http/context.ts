import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { monotonic, now, requestId } from '../kit/index.ts';
import { parseQuery, type QueryParam } from '../signing/index.ts';
import { type Answer, breakOff } from './wire/answer.ts';
import type { Body } from './wire/body.ts';
import type { RequestHead } from './wire/head.ts';

/** One request as a dialect sees it. Nothing is parsed, and no body read, before it is asked for. */
export interface RequestContext {
  /** Request id: 24 upper-case hex digits. */
  readonly id: string;
  /** Name of the listener that accepted it. */
  readonly listener: string;
  readonly method: string;
  /** Path as sent, percent-encoded, without the query. */
  readonly path: string;
  /** Query as sent, without the question mark. */
  readonly rawQuery: string;
  /** Parsed when first read. @throws Fault InvalidURI */
  readonly query: readonly QueryParam[];
  /** Lower-case names, values as latin1. */
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as sent. */
  readonly rawHeaders: readonly string[];
  /** Host header in lower case with its port, or ''. */
  readonly host: string;
  readonly remoteAddress: string;
  /** It came over TLS. */
  readonly encrypted: boolean;
  /** Port of the listener; 0 when the connection is gone. */
  readonly localPort: number;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Whole milliseconds since the request came in. */
  elapsedMs(): number;
  /** Aborts when the client is gone before its answer ended, or at the drain deadline. */
  readonly signal: AbortSignal;
  readonly res: Answer;
  /** The request body; a client that waits for 100 Continue gets it at the first call. */
  body(): Readable;
  /** Breaks the connection so that the client cannot take what it has for a whole answer. */
  reset(): void;
  /** Set by the dialect, for log and metrics; from a closed set of names. */
  operation: string;
  /** More fields for the access log. */
  note: Record<string, unknown>;
  /** Set by the dialect, for the audit log: who asks for what, and whether it changes anything. */
  audited: Audited;
  /** Set by whoever must know how the answer went, when it is out or lost. */
  onSettled?: ((answer: SettledAnswer) => void) | undefined;
  /**
   * Counts this request against an access key until it ends.
   * @throws Fault SlowDown when the key has too many requests at work
   */
  charge(accessKeyId: string): void;
}

/** How an answer went. */
export interface SettledAnswer {
  /** 499 when the client left before the head. */
  readonly status: number;
  /** Of the body, as it was framed. */
  readonly bytes: number;
  /** Milliseconds since the request came in. */
  readonly ms: number;
  readonly complete: boolean;
  /** Error code, when the answer is one. */
  readonly code?: string | undefined;
}

/** What the audit log says of a request. */
export interface Audited {
  /** ARN of the caller once it is proved. */
  actor?: string;
  accessKeyId?: string;
  resource?: string;
  /** The operation changes what is stored or configured. */
  changes?: boolean;
}

/** Splits a request target into path and query; the authority of an absolute-form target is dropped. */
export function splitTarget(target: string): { path: string; rawQuery: string } {
  let from = 0;
  if (target.charCodeAt(0) !== 0x2f) {
    const scheme = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i.exec(target);
    if (scheme) from = scheme[0].length;
  }
  const mark = target.indexOf('?', from);
  if (mark < 0) return { path: from ? target.slice(from) : target, rawQuery: '' };
  return { path: target.slice(from, mark), rawQuery: target.slice(mark + 1) };
}

/** What a request needs of its listener. */
export interface DoorPart {
  readonly name: string;
  readonly charge: (ctx: DoorContext, accessKeyId: string) => void;
}

/** The door's own RequestContext: what the listener needs besides. */
export class DoorContext implements RequestContext {
  readonly id = requestId();
  readonly listener: string;
  readonly method: string;
  readonly path: string;
  readonly rawQuery: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly host: string;
  readonly startedAt = now();
  readonly res: Answer;
  readonly socket: Socket;
  operation = '';
  note: Record<string, unknown> = {};
  audited: Audited = {};
  onSettled: ((answer: SettledAnswer) => void) | undefined;
  /** The key that this request is charged to. */
  charged: string | undefined;
  readonly #charge: (ctx: DoorContext, accessKeyId: string) => void;
  readonly #start = monotonic();
  readonly #bytesBefore: number;
  readonly #body: Body | undefined;
  #query: QueryParam[] | undefined;
  #abort: AbortController | undefined;
  #gone: Error | undefined;
  #waitsForContinue: boolean;
  #bodyAsked = false;

  constructor(door: DoorPart, socket: Socket, head: RequestHead, res: Answer, body: Body | undefined) {
    this.listener = door.name;
    this.res = res;
    this.socket = socket;
    this.#charge = door.charge;
    this.#body = body;
    this.#waitsForContinue = head.expectsContinue && body !== undefined;
    this.#bytesBefore = socket.bytesWritten;
    const { path, rawQuery } = splitTarget(head.target);
    this.path = path;
    this.rawQuery = rawQuery;
    this.method = head.method;
    this.headers = head.headers;
    this.rawHeaders = head.rawHeaders;
    this.host = head.headers.host?.toLowerCase() ?? '';
  }

  get query(): readonly QueryParam[] {
    this.#query ??= this.rawQuery === '' ? [] : parseQuery(this.rawQuery);
    return this.#query;
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

  get signal(): AbortSignal {
    // Made on demand: most requests end before anyone asks.
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#gone) this.#abort.abort(this.#gone);
    }
    return this.#abort.signal;
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

  body(): Readable {
    if (this.#waitsForContinue) {
      this.#waitsForContinue = false;
      this.res.writeContinue();
    }
    this.#bodyAsked = true;
    return this.#body ?? Readable.from([]);
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
      bytes: Math.max(0, this.bytesSent() - res.headBytes),
      ms: this.elapsedExactly(),
      complete,
      ...(typeof note.code === 'string' ? { code: note.code } : {}),
    });
  }

  /** Bytes put on the connection for this request, head included. */
  bytesSent(): number {
    return this.socket.bytesWritten - this.#bytesBefore;
  }
}
