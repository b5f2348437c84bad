import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { monotonic, now, requestId } from '../kit/index.ts';
import { parseQuery, type QueryParam } from '../signing/index.ts';
import { keepConnection } from './body.ts';

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
  /** Host header in lower case with its port, or ''. */
  readonly host: string;
  readonly remoteAddress: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Whole milliseconds since the request came in. */
  elapsedMs(): number;
  /** Aborts when the client is gone before its answer ended, or at the drain deadline. */
  readonly signal: AbortSignal;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The request body; a client that waits for 100 Continue gets it at the first call. */
  body(): Readable;
  /** Set by the dialect, for log and metrics; from a closed set of names. */
  operation: string;
  /** More fields for the access log. */
  note: Record<string, unknown>;
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

/** The door's own RequestContext: what the listener needs besides. */
export class DoorContext implements RequestContext {
  readonly id = requestId();
  readonly listener: string;
  readonly method: string;
  readonly path: string;
  readonly rawQuery: string;
  readonly headers: IncomingHttpHeaders;
  readonly host: string;
  readonly startedAt = now();
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly socket: Socket;
  operation = '';
  note: Record<string, unknown> = {};
  readonly #start = monotonic();
  readonly #bytesBefore: number;
  #query: QueryParam[] | undefined;
  #abort: AbortController | undefined;
  #gone: Error | undefined;
  #waitsForContinue: boolean;
  #bodyAsked = false;

  constructor(listener: string, req: IncomingMessage, res: ServerResponse, waitsForContinue: boolean) {
    this.listener = listener;
    this.req = req;
    this.res = res;
    this.socket = req.socket;
    this.#waitsForContinue = waitsForContinue;
    this.#bytesBefore = req.socket.bytesWritten;
    const { path, rawQuery } = splitTarget(req.url ?? '/');
    this.path = path;
    this.rawQuery = rawQuery;
    this.method = req.method ?? 'GET';
    this.headers = req.headers;
    this.host = this.headers.host?.toLowerCase() ?? '';
  }

  get query(): readonly QueryParam[] {
    this.#query ??= this.rawQuery === '' ? [] : parseQuery(this.rawQuery);
    return this.#query;
  }

  get remoteAddress(): string {
    return this.socket.remoteAddress ?? '';
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
    if (!this.#bodyAsked) {
      this.#bodyAsked = true;
      keepConnection(this.req, this.socket);
    }
    return this.req;
  }

  /** True once an operation has begun to read the body. */
  get bodyAsked(): boolean {
    return this.#bodyAsked;
  }

  /** True while the client holds its body back. */
  get waitsForContinue(): boolean {
    return this.#waitsForContinue;
  }

  abort(reason: Error): void {
    if (this.#gone) return;
    this.#gone = reason;
    this.#abort?.abort(reason);
  }

  /** Bytes put on the connection for this request, head included. */
  bytesSent(): number {
    return this.socket.bytesWritten - this.#bytesBefore;
  }
}
