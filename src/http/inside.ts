import { EventEmitter } from 'node:events';
import type { AnswerTaker, Asked, BodyStream } from '../kit/index.ts';
import type { Rendered } from './answer.ts';
import type { Reply } from './context.ts';
import { emptyBody, OwnContext } from './own-context.ts';
import { dateHeader, type HeaderInput } from './wire/answer.ts';

/** A request that comes from inside of the server, for somebody who has no connection of HTTP. */
export interface InsideRequest {
  readonly method: string;
  /** Path and query, percent-encoded. */
  readonly target: string;
  /** By name in lower case, values as latin1. */
  readonly headers: Readonly<Record<string, string>>;
}

const nothing = Buffer.alloc(0);

type Written = (error?: Error | null) => void;

/** An answer that goes to its taker instead of a socket; what Answer promises of false endings holds here too. */
class InsideAnswer extends EventEmitter<{ drain: []; finish: []; close: []; error: [] }> implements Reply {
  statusCode = 0;
  headersSent = false;
  writableEnded = false;
  writableFinished = false;
  destroyed = false;
  /** Bytes of the body so far. */
  bytes = 0;
  /** Not known here: the taker holds them. */
  readonly writableLength = 0;
  readonly #taker: AnswerTaker;
  readonly #settled: (complete: boolean) => void;
  readonly #isHead: boolean;
  #headers: string[] | undefined;
  #bodiless = false;
  #declared: number | undefined;

  constructor(taker: AnswerTaker, isHead: boolean, settled: (complete: boolean) => void) {
    super();
    this.#taker = taker;
    this.#settled = settled;
    this.#isHead = isHead;
  }

  writeHead(status: number, headers: HeaderInput = []): void {
    if (this.headersSent) throw new Error('The head of this answer was sent already.');
    const list = Array.isArray(headers) ? [...headers] : Object.entries(headers).flat();
    this.#bodiless = this.#isHead || status === 204 || status === 304;
    const at = this.#bodiless
      ? -1
      : list.findIndex((name, i) => i % 2 === 0 && name.length === 14 && name.toLowerCase() === 'content-length');
    if (at >= 0) this.#declared = Number(list[at + 1]);
    list.push('Date', dateHeader());
    this.statusCode = status;
    this.headersSent = true;
    this.#headers = list;
  }

  write(chunk: Buffer | string, written: Written = () => {}): boolean {
    if (this.destroyed || this.writableEnded) {
      process.nextTick(written, new Error('The answer has ended.'));
      return false;
    }
    if (!this.headersSent) this.writeHead(200);
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (this.#bodiless || bytes.length === 0) {
      process.nextTick(written);
      return true;
    }
    this.#begin(undefined);
    this.bytes += bytes.length;
    return this.#taker.write(bytes, written);
  }

  end(chunk: Buffer | string = ''): void {
    if (this.writableEnded || this.destroyed) return;
    if (!this.headersSent) this.writeHead(200);
    const bytes = this.#bodiless ? nothing : typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    const hasBegun = this.#headers === undefined;
    this.bytes += bytes.length;
    if (this.#declared !== undefined && this.bytes !== this.#declared) {
      this.breakOff();
      return;
    }
    this.writableEnded = true;
    if (hasBegun) {
      if (bytes.length > 0) this.#taker.write(bytes, () => {});
      this.#taker.end();
    } else this.#begin(bytes);
    this.writableFinished = true;
    this.#close(true);
  }

  /** Ends it so that its taker cannot take it for whole. */
  breakOff(): void {
    if (this.destroyed || this.writableFinished) return;
    this.#taker.broken();
    this.lost();
  }

  /** Nobody takes it any more. */
  lost(): void {
    if (this.destroyed || this.writableFinished) return;
    this.destroyed = true;
    this.#close(false);
  }

  #begin(whole: Buffer | undefined): void {
    const headers = this.#headers;
    if (headers === undefined) return;
    this.#headers = undefined;
    this.#taker.head(this.statusCode, headers, whole);
  }

  #close(complete: boolean): void {
    this.#settled(complete);
    if (complete) this.emit('finish');
    this.emit('close');
  }
}

/** A request from inside; its client is this machine. */
export class InsideContext extends OwnContext implements Asked {
  readonly res: InsideAnswer;

  constructor(listener: string, { method, target, headers }: InsideRequest, taker: AnswerTaker, settled: InsideSettled) {
    super(listener, { method, target, headers, rawHeaders: Object.entries(headers).flat() });
    this.res = new InsideAnswer(taker, method === 'HEAD', (complete) => settled(this, complete));
  }

  abandon(): void {
    this.res.lost();
  }

  drained(): void {
    if (!this.res.writableEnded) this.res.emit('drain');
  }

  get remoteAddress(): string {
    return '127.0.0.1';
  }

  get localPort(): number {
    return 0;
  }

  get encrypted(): boolean {
    return false;
  }

  get lost(): boolean {
    return this.res.destroyed;
  }

  body(): BodyStream {
    return emptyBody();
  }

  reset(): void {
    this.res.breakOff();
  }

  /** The limits of a listener are for strangers. */
  charge(): void {}

  sendFault({ status, headers, body }: Rendered): void {
    const bytes = Buffer.from(body);
    this.res.writeHead(status, { ...headers, 'Content-Length': String(bytes.length) });
    this.res.end(bytes);
  }

  bytesSent(): number {
    return this.res.bytes;
  }

  bodyBytes(): number {
    return this.res.bytes;
  }
}

export type InsideSettled = (ctx: InsideContext, complete: boolean) => void;
