import type { Readable } from 'node:stream';
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
const colon = 58;
/** Secrets of past invocations that are still looked for, besides those of the running ones: a thread may print late. */
const keptSecrets = 16;

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

/**
 * What an instance prints: cut into lines, secrets removed, assigned to the invocation that was running, and never more than a bounded amount.
 *
 * One invocation at a time: the host writes `\0<marker>\n` where the output of an invocation ends, and every line before it is that invocation's.
 * Several at a time (`concurrent`): the host begins a line that belongs to one of them with `\0<marker>:<request id>\0`, by one write for the
 * whole line, and ends the output of one with `\0<marker>=<request id>\n`; a line without such a beginning belongs to none.
 */
export class Output {
  readonly #marker: Buffer;
  readonly #secrets: readonly string[];
  readonly #onLine: (requestId: string, line: string) => void;
  readonly #concurrent: boolean;
  readonly #passages: Passage[] = [];
  /** Secrets of invocations, with the number of those that run. */
  readonly #passing = new Map<string, number>();
  #socket: Readable | undefined;
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
   * @param marker a word that only the host knows
   * @param secrets cut out of every line
   * @param concurrent whether invocations may overlap
   */
  constructor(marker: string, secrets: readonly string[], onLine: (requestId: string, line: string) => void, concurrent = false) {
    this.#marker = Buffer.from(`\0${marker}`);
    this.#secrets = secrets;
    this.#onLine = onLine;
    this.#concurrent = concurrent;
    this.done = new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  attach(socket: Readable, rest: Buffer): void {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#feed(chunk));
    socket.on('end', () => this.#end());
    socket.on('close', () => this.#end());
    if (rest.length > 0) this.#feed(rest);
  }

  /** From here on lines belong to `requestId`, as soon as all that was printed before is read. */
  begin(requestId: string, wantsTail: boolean, secrets: readonly string[]): Passage {
    const passage: Passage = { requestId, wantsTail, secrets, lines: [], bytes: 0, ended: this.#finished, onEnd: undefined };
    if (this.#finished) return passage;
    this.#passages.push(passage);
    for (const secret of secrets) this.#passing.set(secret, (this.#passing.get(secret) ?? 0) + 1);
    return passage;
  }

  /** The invocation is over; `marked` says that its end is marked in the output, which may still have to be read. */
  finish(passage: Passage, marked: boolean): void {
    if (marked || passage.ended) return;
    if (this.#concurrent) this.#close(passage);
    else if (this.#passages[0] === passage) this.#shift();
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
        const { passage, piece, rest } = this.#cut(bytes.subarray(at));
        this.#line(passage, piece);
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
  #cut(bytes: Buffer): { passage: Passage | undefined; piece: string; rest: Buffer } {
    const newlineAt = bytes.indexOf(newline);
    const end = newlineAt < 0 ? bytes.length : newlineAt;
    const { passage, from } = this.#ownerOf(bytes.subarray(0, lineLimit));
    // latin1 keeps one character a byte, so the cut stays exact while secrets are removed.
    const clean = this.#clean(bytes.toString('latin1', from, end));
    const piece = Buffer.from(clean.slice(0, lineLimit), 'latin1').toString('utf8');
    const rest = Buffer.concat([bytes.subarray(0, from), Buffer.from(clean.slice(lineLimit), 'latin1'), bytes.subarray(end)]);
    return { passage, piece, rest };
  }

  /** A complete line, at whose end a marker may stand. */
  #whole(bytes: Buffer): void {
    const marker = this.#marker;
    const at = bytes.includes(0) ? bytes.lastIndexOf(marker) : -1;
    const behind = at < 0 ? '' : bytes.toString('utf8', at + marker.length);
    const ended = at < 0 ? undefined : this.#endedBy(behind);
    const text = ended ? bytes.subarray(0, at) : bytes;
    if (!ended || at > 0) {
      const { passage, from } = this.#ownerOf(text);
      this.#line(passage, this.#clean(text.toString('utf8', from)));
    }
    if (!ended) return;
    if (this.#concurrent) this.#close(ended);
    else this.#shift();
  }

  /** The passage that a marker with these bytes behind it ends. */
  #endedBy(behind: string): Passage | undefined {
    if (!this.#concurrent) return behind === '' ? this.#passages[0] : undefined;
    return behind.startsWith('=') ? this.#running(behind.slice(1)) : undefined;
  }

  /** Whose a line is, and where its text begins. */
  #ownerOf(line: Buffer): { passage: Passage | undefined; from: number } {
    if (!this.#concurrent) return { passage: this.#passages[0], from: 0 };
    const { length } = this.#marker;
    const isTagged = line[0] === 0 && line[length] === colon && this.#marker.compare(line, 0, length) === 0;
    const end = isTagged ? line.indexOf(0, length + 1) : -1;
    if (end < 0) return { passage: undefined, from: 0 };
    return { passage: this.#running(line.toString('utf8', length + 1, end)), from: end + 1 };
  }

  #running(requestId: string): Passage | undefined {
    return this.#passages.find((passage) => passage.requestId === requestId);
  }

  #clean(text: string): string {
    let clean = text;
    for (const secret of this.#secrets) if (clean.includes(secret)) clean = clean.replaceAll(secret, '***');
    for (const secret of this.#passing.keys()) if (clean.includes(secret)) clean = clean.replaceAll(secret, '***');
    return clean;
  }

  #line(passage: Passage | undefined, text: string): void {
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
      const passage = this.#passages[0];
      if (!passage) return;
      this.#close(passage);
    } while (this.#passages[0]?.ended);
  }

  #close(passage: Passage): void {
    const at = this.#passages.indexOf(passage);
    if (at < 0) return;
    this.#passages.splice(at, 1);
    for (const secret of passage.secrets) this.#forget(secret);
    passage.ended = true;
    passage.onEnd?.();
  }

  /** One invocation less has this secret; it is looked for until too many newer ones have come. */
  #forget(secret: string): void {
    this.#passing.set(secret, (this.#passing.get(secret) ?? 1) - 1);
    for (const [old, users] of this.#passing) {
      if (this.#passing.size <= keptSecrets) return;
      if (users === 0) this.#passing.delete(old);
    }
  }

  #end(): void {
    this.#ending = true;
    if (!this.#pause) this.#finish();
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    if (this.#held.length > 0) this.#whole(this.#held);
    this.#held = Buffer.alloc(0);
    while (this.#passages.length > 0) this.#shift();
    this.#done();
  }
}

/** The log of one invocation as Function Compute shows it: framed by its start and end, at most the last 4 KB. */
export function logTail(
  passage: Pick<Passage, 'requestId'>,
  printed: string,
  about: { failed: boolean; handled?: boolean; durationMs: number; memoryMb: number; maxMemoryMb: number },
): string {
  const { requestId } = passage;
  const error = about.failed ? `, Error: ${about.handled ? 'Handled' : 'Unhandled'} function error` : '';
  const end = `FC Invoke End RequestId: ${requestId}${error}`;
  const bill = `RequestId: ${requestId} \t Billed Duration: ${Math.ceil(about.durationMs)} ms \t Memory Size: ${about.memoryMb} MB \t Max Memory Used: ${about.maxMemoryMb} MB`;
  const body = printed === '' ? '' : `${printed}\n`;
  const bytes = Buffer.from(`FC Invoke Start RequestId: ${requestId}\n${body}${end}\n\n${bill}\n`);
  if (bytes.length <= tailLimit) return bytes.toString('utf8');
  let from = bytes.length - tailLimit;
  // Never begin inside a character.
  while (((bytes[from] as number) & 0xc0) === 0x80) from++;
  return bytes.toString('utf8', from);
}
