import type { Socket } from 'node:net';
import { after, monotonic, type Timer } from '../../kit/index.ts';

/** A longer line is given on in pieces. Bytes. */
const lineLimit = 8 * 1024;
/** Held back behind the cut of an overlong line, so that no secret is cut in two. Bytes. */
const overlap = 4 * 1024;
/** What an instance may print: bytes a second, and bytes at once. Beyond that it waits in its own write(). */
const rate = 4 * 1024 * 1024;
const burst = 1024 * 1024;
/** A line costs no less than this, so that short lines cannot keep the server busy. Bytes. */
const lineCost = 256;
const tailLimit = 4 * 1024;
/** How long a result waits for output that was asked for, milliseconds. */
const tailPatienceMs = 1_000;
const newline = 10;

/** One invocation, as its output is concerned. */
export interface Passage {
  readonly requestId: string;
  readonly secrets: readonly string[];
  readonly wantsTail: boolean;
  lines: string[];
  bytes: number;
  /** Nothing more will come. */
  ended: boolean;
  onEnd: (() => void) | undefined;
}

/** What an instance prints: cut into lines, secrets removed, assigned to the invocation that was running, and never more than a bounded amount. */
export class Output {
  readonly #marker: Buffer;
  readonly #secrets: readonly string[];
  readonly #onLine: (requestId: string, line: string) => void;
  readonly #passages: Passage[] = [];
  #socket: Socket | undefined;
  #held: Buffer = Buffer.alloc(0);
  #budget = burst;
  #filledAt = monotonic();
  #pause: Timer | undefined;
  #ending = false;
  #finished = false;
  #done: () => void = () => {};
  /** Resolves when the stream has ended and everything in it was read. */
  readonly done: Promise<void>;

  /**
   * @param marker what the host writes at the end of an invocation, without the newline
   * @param secrets cut out of every line
   */
  constructor(marker: string, secrets: readonly string[], onLine: (requestId: string, line: string) => void) {
    this.#marker = Buffer.from(`\0${marker}`);
    this.#secrets = secrets;
    this.#onLine = onLine;
    this.done = new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  attach(socket: Socket, rest: Buffer): void {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#feed(chunk));
    socket.on('end', () => this.#end());
    socket.on('close', () => this.#end());
    if (rest.length > 0) this.#feed(rest);
  }

  /** From here on lines belong to `requestId`, as soon as all that was printed before is read. */
  begin(requestId: string, wantsTail: boolean, secrets: readonly string[]): Passage {
    const passage: Passage = { requestId, wantsTail, secrets, lines: [], bytes: 0, ended: this.#finished, onEnd: undefined };
    if (!this.#finished) this.#passages.push(passage);
    return passage;
  }

  /** The invocation is over; `marked` says that its end is marked in the output, which may still have to be read. */
  finish(passage: Passage, marked: boolean): void {
    if (marked || passage.ended) return;
    if (this.#passages[0] === passage) this.#shift();
    else passage.ended = true;
  }

  /** The last 4 KB of what the invocation printed; waits up to a second for what is still on its way. */
  tail(passage: Passage): Promise<string> {
    const text = () => passage.lines.join('\n');
    if (passage.ended) return Promise.resolve(text());
    return new Promise((resolve) => {
      const timer = after(tailPatienceMs, () => resolve(text()));
      passage.onEnd = () => {
        timer.cancel();
        resolve(text());
      };
    });
  }

  /** Ends the connection, whether or not all was read. */
  close(): void {
    this.#pause?.cancel();
    this.#pause = undefined;
    this.#finish();
    this.#socket?.destroy();
  }

  #feed(chunk: Buffer): void {
    if (this.#finished) return;
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    if (!this.#pause) this.#work();
  }

  #work(): void {
    const time = monotonic();
    this.#budget = Math.min(burst, this.#budget + ((time - this.#filledAt) * rate) / 1000);
    this.#filledAt = time;
    let at = 0;
    let bytes = this.#held;
    while (at < bytes.length && this.#budget > 0) {
      const end = bytes.indexOf(newline, at);
      const length = (end < 0 ? bytes.length : end) - at;
      if (length > lineLimit + overlap) {
        const [piece, rest] = this.#cut(bytes.subarray(at));
        this.#line(piece);
        this.#budget -= lineLimit;
        bytes = rest;
        at = 0;
      } else if (end < 0) {
        break;
      } else {
        this.#whole(bytes.subarray(at, end));
        this.#budget -= Math.max(length, lineCost);
        at = end + 1;
      }
    }
    // A copy, because a few left bytes would keep the whole chunk alive.
    this.#held = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
    if (this.#budget <= 0) this.#rest();
  }

  /** Too much at once: the socket fills, and the function waits. */
  #rest(): void {
    this.#socket?.pause();
    this.#pause = after((-this.#budget * 1000) / rate + 50, () => {
      this.#pause = undefined;
      this.#work();
      if (this.#pause) return;
      if (this.#ending) this.#finish();
      else this.#socket?.resume();
    });
  }

  /** The first piece of an overlong line, clean, and the bytes behind it. */
  #cut(bytes: Buffer): [string, Buffer] {
    const newlineAt = bytes.indexOf(newline);
    const end = newlineAt < 0 ? bytes.length : newlineAt;
    // latin1 keeps one character a byte, so the cut stays exact while secrets are removed.
    const clean = this.#clean(bytes.toString('latin1', 0, end));
    const piece = Buffer.from(clean.slice(0, lineLimit), 'latin1');
    return [piece.toString('utf8'), Buffer.concat([Buffer.from(clean.slice(lineLimit), 'latin1'), bytes.subarray(end)])];
  }

  /** A complete line, at whose end the marker may stand. */
  #whole(bytes: Buffer): void {
    const marker = this.#marker;
    const at = bytes.length - marker.length;
    const isMarked = at >= 0 && marker.compare(bytes, at) === 0;
    if (!isMarked || at > 0) this.#line(this.#clean(bytes.toString('utf8', 0, isMarked ? at : bytes.length)));
    if (isMarked) this.#shift();
  }

  #clean(text: string): string {
    let clean = text;
    for (const secret of this.#secrets) if (clean.includes(secret)) clean = clean.replaceAll(secret, '***');
    for (const passage of this.#passages) {
      for (const secret of passage.secrets) if (clean.includes(secret)) clean = clean.replaceAll(secret, '***');
    }
    return clean;
  }

  #line(text: string): void {
    const passage = this.#passages[0];
    if (passage?.wantsTail) {
      passage.lines.push(text);
      passage.bytes += text.length + 1;
      while (passage.bytes > 2 * tailLimit && passage.lines.length > 1) passage.bytes -= passage.lines.shift()!.length + 1;
    }
    this.#onLine(passage?.requestId ?? '', text);
  }

  /** The first passage is over, and those behind it that ended without a mark. */
  #shift(): void {
    do {
      const passage = this.#passages.shift();
      if (!passage) return;
      passage.ended = true;
      passage.onEnd?.();
    } while (this.#passages[0]?.ended);
  }

  #end(): void {
    this.#ending = true;
    if (!this.#pause) this.#finish();
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    if (this.#held.length > 0) this.#line(this.#clean(this.#held.toString('utf8')));
    this.#held = Buffer.alloc(0);
    while (this.#passages.length > 0) this.#shift();
    this.#done();
  }
}

/** The log of one invocation as Function Compute shows it: framed by its start and end, at most the last 4 KB. */
export function logTail(
  passage: Passage,
  printed: string,
  about: { failed: boolean; durationMs: number; memoryMb: number; maxMemoryMb: number },
): string {
  const { requestId } = passage;
  const end = `FC Invoke End RequestId: ${requestId}${about.failed ? ', Error: Unhandled function error' : ''}`;
  const bill = `RequestId: ${requestId} \t Billed Duration: ${Math.ceil(about.durationMs)} ms \t Memory Size: ${about.memoryMb} MB \t Max Memory Used: ${about.maxMemoryMb} MB`;
  const body = printed === '' ? '' : `${printed}\n`;
  const bytes = Buffer.from(`FC Invoke Start RequestId: ${requestId}\n${body}${end}\n\n${bill}\n`);
  if (bytes.length <= tailLimit) return bytes.toString('utf8');
  let from = bytes.length - tailLimit;
  // Never begin inside a character.
  while (((bytes[from] as number) & 0xc0) === 0x80) from++;
  return bytes.toString('utf8', from);
}
