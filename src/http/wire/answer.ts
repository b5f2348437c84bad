import { EventEmitter } from 'node:events';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { httpDate, now } from '../../kit/index.ts';
import type { RequestHead } from './head.ts';

/** Headers as names and values in turn, or by name. */
export type HeaderInput = readonly string[] | Readonly<Record<string, string>>;

/** A body up to this size travels in one piece with its head, bytes: a copy is cheaper than a second write. */
const joinedBytes = 16 * 1024;
const nameForm = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const badValue = /[^\t\x20-\x7e\x80-\xff]/;
const tail = Buffer.from('\r\n0\r\n\r\n');
const emptyTail = Buffer.from('0\r\n\r\n');
const crlf = Buffer.from('\r\n');

type Written = (error?: Error | null) => void;

/** Called once when the answer is out, or can no longer be. */
export type Settled = (answer: Answer) => void;

let dateSecond = 0;
let dateText = '';

/** The Date header, made once a second. */
export function dateHeader(): string {
  const second = Math.floor(now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = httpDate(second * 1000);
  }
  return dateText;
}

/** Sockets and bytes in turn, to be written when all requests that have come were served. */
let posted: Posted[] = [];

interface Posted {
  readonly socket: Socket;
  readonly bytes: Buffer | string;
  readonly done: Written;
}

/**
 * Writes at the end of this turn of the event loop. Writes one after another wake a sleeping client once; between them, the client would fall
 * asleep again, and to wake it costs more than the write.
 */
function post(item: Posted): void {
  if (posted.push(item) === 1) setImmediate(flush);
}

function flush(): void {
  const items = posted;
  posted = [];
  for (const { socket, bytes, done } of items) {
    if (typeof bytes === 'string') socket.write(bytes, 'latin1', done);
    else socket.write(bytes, done);
  }
}

/**
 * The answer to one request. A Writable in miniature: write() tells whether to go on, `drain` when to; `close` comes when it is out or lost.
 * An answer with a Content-Length that gets fewer bytes breaks the connection: an ending is never false.
 */
export class Answer extends EventEmitter<{ drain: []; finish: []; close: []; error: [] }> {
  statusCode = 0;
  headersSent = false;
  /** Bytes of the head. */
  headBytes = 0;
  /** end() was called. */
  writableEnded = false;
  /** All of it was handed to the system. */
  writableFinished = false;
  /** Nothing can be written any more. */
  destroyed = false;
  /** False closes the connection behind this answer. */
  shouldKeepAlive: boolean;
  readonly #socket: Socket;
  readonly #settled: Settled;
  readonly #isHead: boolean;
  readonly #request: RequestHead;
  readonly #keepAlive: string;
  /** The head, until the first bytes of the body take it along. */
  #head: string | undefined;
  #bodyless = false;
  #chunked = false;
  /** Bytes of the body still to be written; undefined when the length was not declared. */
  #left: number | undefined;
  #pending = 0;

  constructor(socket: Socket, request: RequestHead, keepAlive: string, settled: Settled) {
    super();
    this.#socket = socket;
    this.#settled = settled;
    this.#request = request;
    this.#isHead = request.method === 'HEAD';
    // Whether a client that holds its body back will still send it after another answer than 100, nobody knows.
    this.shouldKeepAlive = request.keepAlive && !(request.expectsContinue && request.framing.kind !== 'none');
    this.#keepAlive = keepAlive;
  }

  /** Bytes written that the system has not taken. */
  get writableLength(): number {
    return this.#socket.writableLength;
  }

  /** Tells a client that holds its body back to send it. */
  writeContinue(): void {
    if (this.headersSent || this.destroyed) return;
    this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
    this.shouldKeepAlive = this.#request.keepAlive;
  }

  /**
   * States status and headers; they leave with the first bytes of the body. Date and Connection are added, and Transfer-Encoding where
   * no length is declared.
   * @throws Error when it was called before, and for a header that cannot be sent
   */
  writeHead(status: number, headers: HeaderInput = []): void {
    if (this.headersSent) throw new Error('The head of this answer was sent already.');
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`;
    const line = (name: string, value: string) => {
      if (badValue.test(value) || !nameForm.test(name)) throw new Error(`The header ${JSON.stringify(name.slice(0, 64))} cannot be sent.`);
      if (name.length === 14 && name.toLowerCase() === 'content-length') this.#left = Number(value);
      text += `${name}: ${value}\r\n`;
    };
    if (Array.isArray(headers)) for (let i = 0; i + 1 < headers.length; i += 2) line(headers[i] as string, headers[i + 1] as string);
    else for (const name in headers) line(name, (headers as Record<string, string>)[name] as string);
    this.statusCode = status;
    this.headersSent = true;
    const noBody = status === 204 || status === 304 || status < 200;
    this.#bodyless = this.#isHead || noBody;
    if (this.#left === undefined && !noBody && !this.#isHead) {
      if (this.#request.minor === 0) this.shouldKeepAlive = false;
      else {
        this.#chunked = true;
        text += 'Transfer-Encoding: chunked\r\n';
      }
    }
    if (this.#bodyless) this.#left = undefined;
    const connection = this.shouldKeepAlive ? this.#keepAlive : 'Connection: close\r\n';
    this.#head = `${text}Date: ${dateHeader()}\r\n${connection}\r\n`;
    this.headBytes = this.#head.length;
  }

  /**
   * Writes a part of the body; false asks for a pause until `drain`.
   * @param written told when the system has taken the bytes, or why it never will
   */
  write(chunk: Buffer | string, written?: Written): boolean {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (this.destroyed || this.writableEnded) {
      const error = new Error(this.destroyed ? 'The connection is closed.' : 'The answer has ended.');
      if (written) process.nextTick(written, error);
      return false;
    }
    if (!this.headersSent) this.writeHead(200);
    if (this.#bodyless || bytes.length === 0) {
      if (written) process.nextTick(written);
      return true;
    }
    if (!this.#counts(bytes.length)) return false;
    return this.#send(bytes, false, written);
  }

  /** Ends the answer, with a last part of the body. */
  end(chunk?: Buffer | string): void {
    if (this.writableEnded || this.destroyed) return;
    if (!this.headersSent) this.writeHead(200, chunk === undefined ? ['Content-Length', '0'] : []);
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    const has = bytes !== undefined && bytes.length > 0 && !this.#bodyless;
    if (has && !this.#counts(bytes.length)) return;
    if (this.#left !== undefined && this.#left > 0) {
      breakOff(this.#socket);
      return;
    }
    this.writableEnded = true;
    this.#send(has ? bytes : undefined, true);
  }

  /** The connection is gone. */
  lost(): void {
    if (this.destroyed || this.writableFinished) return;
    this.destroyed = true;
    this.#settled(this);
    this.emit('close');
  }

  /** Room has come. */
  drained(): void {
    if (!this.writableEnded) this.emit('drain');
  }

  /** Counts bytes against the declared length; an answer that is longer breaks the connection. */
  #counts(bytes: number): boolean {
    if (this.#left === undefined) return true;
    this.#left -= bytes;
    if (this.#left >= 0) return true;
    breakOff(this.#socket);
    return false;
  }

  #send(bytes: Buffer | undefined, last: boolean, written?: Written): boolean {
    const head = this.#head;
    this.#head = undefined;
    this.#pending += 1;
    const done: Written = (error) => {
      this.#pending -= 1;
      written?.(error);
      if (!error) this.#finishIfOut();
    };
    const pieces = this.#framed(head, bytes, last);
    if (typeof pieces !== 'string' && !Buffer.isBuffer(pieces)) return this.#several(pieces, done);
    if (pieces.length === 0) process.nextTick(done);
    else if (last || this.#left === 0) post({ socket: this.#socket, bytes: pieces, done });
    else return this.#socket.write(pieces as Buffer, done);
    return true;
  }

  /** What goes on the wire: in one piece where it is small. */
  #framed(head: string | undefined, bytes: Buffer | undefined, last: boolean): Buffer | string | readonly Buffer[] {
    if (!this.#chunked) {
      if (bytes === undefined) return head ?? '';
      if (head === undefined) return bytes;
      return bytes.length <= joinedBytes ? joined(head, bytes) : [Buffer.from(head, 'latin1'), bytes];
    }
    const pieces: Buffer[] = [];
    const size = bytes === undefined ? '' : `${bytes.length.toString(16)}\r\n`;
    if (head !== undefined || size !== '') pieces.push(Buffer.from(`${head ?? ''}${size}`, 'latin1'));
    if (bytes !== undefined) pieces.push(bytes);
    if (last) pieces.push(bytes === undefined ? emptyTail : tail);
    else pieces.push(crlf);
    return bytes === undefined || bytes.length <= joinedBytes ? Buffer.concat(pieces) : pieces;
  }

  /** One system call for several pieces. */
  #several(pieces: readonly Buffer[], done: Written): boolean {
    this.#socket.cork();
    let more = true;
    for (const [at, piece] of pieces.entries()) more = this.#socket.write(piece, at === pieces.length - 1 ? done : undefined);
    this.#socket.uncork();
    return more;
  }

  #finishIfOut(): void {
    if (!this.writableEnded || this.#pending > 0 || this.destroyed || this.writableFinished) return;
    this.writableFinished = true;
    this.#settled(this);
    this.emit('finish');
    this.emit('close');
  }
}

/** Ends a connection so that the client cannot take the answer for a whole one. */
export function breakOff(socket: Socket): void {
  if (socket.destroyed) return;
  // TLS has no reset of its own: without a close_notify the client knows that the end is missing.
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}

function joined(head: string, bytes: Buffer): Buffer {
  const whole = Buffer.allocUnsafe(head.length + bytes.length);
  whole.write(head, 0, 'latin1');
  whole.set(bytes, head.length);
  return whole;
}
