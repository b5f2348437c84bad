import type { Socket } from 'node:net';
import { monotonic } from '../../kit/index.ts';
import { closeLater } from '../answer.ts';
import type { DoorContext } from '../own-context.ts';
import { Answer } from './answer.ts';
import { Body } from './body.ts';
import { BadRequest, parseHead, type RequestHead } from './head.ts';

export interface ConnectionOptions {
  /** Most bytes of a request head. */
  headerBytes: number;
  /** Header lines that a kept connection states. */
  keepAlive: string;
  /** Bytes of a body held for a slow reader. */
  bodyBytes: number;
  /** A request came; its body is undefined when it has none. */
  onRequest: (connection: Connection, head: RequestHead, answer: Answer, body: Body | undefined) => void;
  /** An answer is out, or lost with the connection. */
  onSettled: (connection: Connection, answer: Answer) => void;
  /** Bytes that are not HTTP came; the connection is to be refused or cut. */
  onBad: (connection: Connection, error: BadRequest) => void;
  onClosed: (connection: Connection) => void;
}

/** Requests sent ahead are held up to this many bytes; then the client waits. */
const aheadBytes = 64 * 1024;
const headEnd = Buffer.from('\r\n\r\n');
const cr = 0x0d;
const lf = 0x0a;

/** One connection: requests and answers in turn (RFC 9112), one at a time. */
export class Connection {
  readonly socket: Socket;
  /** Monotonic milliseconds since when it has been waiting for a whole head, or undefined while a request is at work. */
  waitingSince: number | undefined = monotonic();
  /** The request at work, as the listener knows it. */
  request: DoorContext | undefined;
  /** Whether a part of a head has come. */
  headBegun = false;
  readonly #options: ConnectionOptions;
  #answer: Answer | undefined;
  #body: Body | undefined;
  /** Bytes of a head that is not whole, or sent ahead of their turn. */
  #held: Buffer | undefined;
  #paused = false;
  /** It takes no request any more. */
  #closing = false;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.socket = socket;
    this.#options = options;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.#ended());
    socket.on('drain', () => this.#answer?.drained());
    socket.on('error', ignore);
    socket.on('close', () => this.#closed());
  }

  /** The answer at work. */
  get answer(): Answer | undefined {
    return this.#answer;
  }

  /** Closes it now when it is idle, else behind the answer at work. */
  retire(): void {
    this.#closing = true;
    if (this.#answer) this.#answer.shouldKeepAlive = false;
    else if (!this.headBegun) this.socket.destroy();
  }

  /** Reads no request any more; whatever comes is thrown away. */
  abandon(): void {
    this.#closing = true;
    this.#held = undefined;
    this.headBegun = false;
    this.waitingSince = undefined;
  }

  /** Ends our side; what the client still sends is thrown away, so that it can read its answer before anything is reset. */
  linger(): void {
    this.#closing = true;
    this.#body = undefined;
    this.socket.end();
    closeLater(this.socket);
    this.#resume();
  }

  #read(chunk: Buffer): void {
    try {
      let rest: Buffer | undefined = chunk;
      if (this.#body) {
        rest = this.#body.receive(chunk);
        if (rest === undefined) {
          if (!this.#answer && this.#body.isLong) this.linger();
          return;
        }
        this.#body = undefined;
        if (!this.#answer) this.#turn();
      }
      if (rest.length > 0) this.#heads(rest);
    } catch (error) {
      if (!(error instanceof BadRequest)) throw error;
      this.abandon();
      this.#body?.destroy(error);
      this.#body = undefined;
      this.#options.onBad(this, error);
    }
  }

  /** Takes bytes that begin a request, or lie ahead of their turn. */
  #heads(data: Buffer): void {
    if (this.#closing && !this.headBegun) return;
    const bytes = this.#held ? Buffer.concat([this.#held, data]) : data;
    this.#held = undefined;
    if (this.#answer) {
      this.#held = bytes;
      if (bytes.length > aheadBytes) this.#pause();
      return;
    }
    // An empty line before a request is left over from a careless client (RFC 9112 section 2.2).
    const from = bytes[0] === cr && bytes[1] === lf ? 2 : 0;
    const end = bytes.indexOf(headEnd, from);
    if (end < 0 || end - from > this.#options.headerBytes) {
      if (bytes.length - from > this.#options.headerBytes) {
        throw new BadRequest('431 Request Header Fields Too Large', `The head is longer than ${this.#options.headerBytes} bytes.`);
      }
      this.headBegun = bytes.length > from;
      this.#held = bytes;
      return;
    }
    const head = parseHead(bytes.toString('latin1', from, end));
    this.#serve(head, bytes.length === end + 4 ? undefined : bytes.subarray(end + 4));
  }

  #serve(head: RequestHead, rest: Buffer | undefined): void {
    const { keepAlive, bodyBytes } = this.#options;
    this.waitingSince = undefined;
    this.headBegun = false;
    const answer = new Answer(this.socket, head, keepAlive, (it) => this.#settled(it));
    if (this.#closing) answer.shouldKeepAlive = false;
    const body = head.framing.kind === 'none' ? undefined : new Body(head.framing, this.#flow, bodyBytes);
    this.#answer = answer;
    this.#body = body;
    this.#options.onRequest(this, head, answer, body);
    if (rest) this.#read(rest);
  }

  readonly #flow = { resume: () => this.#resume(), pause: () => this.#pause() };

  #settled(answer: Answer): void {
    this.#answer = undefined;
    const body = this.#body;
    this.#options.onSettled(this, answer);
    if (answer.destroyed) return;
    if (body && !body.complete && body.isLong) answer.shouldKeepAlive = false;
    if (!answer.shouldKeepAlive) {
      if (body && !body.complete) body.destroy();
      this.linger();
    } else if (body && !body.complete) {
      // The rest is thrown away, unless it gets long; then it is the next request's turn.
      body.destroy();
    } else {
      this.#turn();
    }
  }

  /** It is the next request's turn. */
  #turn(): void {
    this.#body = undefined;
    this.waitingSince = monotonic();
    this.#resume();
    const held = this.#held;
    if (!held) return;
    this.#held = undefined;
    // Not from within the last answer's end: a long line of requests would become a deep stack.
    process.nextTick(() => this.#read(held));
  }

  #ended(): void {
    const answer = this.#answer;
    this.#closing = true;
    if (!answer) this.socket.end();
    else if (answer.writableEnded) answer.shouldKeepAlive = false;
    else this.socket.destroy();
  }

  #closed(): void {
    this.#closing = true;
    this.#held = undefined;
    const body = this.#body;
    this.#body = undefined;
    if (body && !body.complete) body.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
    this.#answer?.lost();
    this.#options.onClosed(this);
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.socket.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.socket.resume();
  }
}

function ignore(): void {}
