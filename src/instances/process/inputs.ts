import type { Readable } from 'node:stream';
import { type AnswerTaker, type Asked, FrameError } from '../../kit/index.ts';
import type { Invocation } from '../invocation.ts';
import { frame } from './wire.ts';

/** Sends a frame of one invocation; a body with `written` is sent as it is, and must not change before that is called. */
export type SendInput = (type: number, head: object, body?: Buffer, written?: Written) => void;
type Written = (error?: Error | null) => void;

/** What of its session a host may read at once. */
const mostReads = 256;
const mostHeaders = 100;
/** A host is sent no more ahead than this, whatever it says that it can take. Bytes. */
const mostCredit = 1024 * 1024;

/** An input that is being sent. */
interface Open {
  wanted(bytes: number): void;
  close(): void;
}

/** What one invocation may read besides its event: opened when its host first asks for it, and never much further ahead than the host allows. */
export class Inputs {
  readonly #sources: readonly (() => Readable)[];
  readonly #original: Invocation['original'];
  readonly #send: SendInput;
  readonly #open = new Map<number, Open>();

  /** @param send the head is given without the id of the invocation */
  constructor({ inputs = [], original }: Pick<Invocation, 'inputs' | 'original'>, send: SendInput) {
    this.#sources = inputs;
    this.#original = original;
    this.#send = send;
  }

  /** The host can take more of an input. What the head holds is the word of the host. @throws FrameError for an input that there is not */
  wanted(head: Record<string, unknown>): void {
    const number = Number(head.input);
    const bytes = bytesOf(head);
    let open = this.#open.get(number);
    // The end of a read may be on its way to the host.
    if (!open && this.#original && number >= this.#sources.length) return;
    open ??= this.#begin(number);
    open.wanted(bytes);
  }

  /** The host reads the original. @throws FrameError where there is none, and for a number that is taken */
  read(head: Record<string, unknown>): void {
    const number = Number(head.input);
    if (!this.#original) throw new FrameError('An invocation without an original.');
    if (!Number.isSafeInteger(number) || number < this.#sources.length || this.#open.has(number)) {
      throw new FrameError('The number of an input is taken.');
    }
    if (this.#open.size >= mostReads) {
      this.#send(frame.inputEnd, { input: number, message: `More than ${mostReads} reads of the original at once.` });
      return;
    }
    const read = new OriginalRead(number, bytesOf(head), this.#send, () => this.#open.delete(number));
    this.#open.set(number, read);
    read.ask(this.#original, headersOf(head));
  }

  /** The host wants no more of what it reads. */
  dropped(head: Record<string, unknown>): void {
    this.#open.get(Number(head.input))?.close();
  }

  /** The invocation is over. */
  close(): void {
    for (const open of this.#open.values()) open.close();
  }

  #begin(number: number): Open {
    const source = this.#sources[number];
    if (!source) throw new FrameError('A host wants an input that there is not.');
    const open = new StreamInput(number, source(), this.#send);
    this.#open.set(number, open);
    return open;
  }
}

/** An input that the server holds ready as a stream. */
class StreamInput implements Open {
  readonly #stream: Readable;
  #credit = 0;

  constructor(input: number, stream: Readable, send: SendInput) {
    this.#stream = stream;
    stream.pause();
    stream.on('data', (chunk: Buffer) => {
      this.#credit -= chunk.length;
      if (this.#credit <= 0) stream.pause();
      send(frame.input, { input }, chunk);
    });
    stream.on('end', () => send(frame.inputEnd, { input }));
    stream.on('error', () => send(frame.inputEnd, { input, message: 'The input could not be read to its end.' }));
  }

  wanted(bytes: number): void {
    this.#credit += bytes;
    if (this.#credit > 0) this.#stream.resume();
  }

  close(): void {
    this.#stream.destroy();
  }
}

/** A read of the original, which is answered as GetObject is. */
class OriginalRead implements Open, AnswerTaker {
  readonly #input: number;
  readonly #send: SendInput;
  readonly #over: () => void;
  /** Parts that are out, but behind which the host wants nothing yet. */
  readonly #held: Written[] = [];
  #credit: number;
  #asked: Asked | undefined;
  #ended = false;

  constructor(input: number, credit: number, send: SendInput, over: () => void) {
    this.#input = input;
    this.#credit = credit;
    this.#send = send;
    this.#over = over;
  }

  ask(original: NonNullable<Invocation['original']>, headers: Record<string, string>): void {
    this.#asked = original(headers, this);
  }

  head(status: number, headers: readonly string[], whole?: Buffer): void {
    const about = { input: this.#input, status, headers };
    if (whole === undefined) this.#send(frame.inputHead, about);
    else {
      this.#end();
      this.#send(frame.inputHead, { ...about, whole: true }, whole);
    }
  }

  write(chunk: Buffer, written: Written): boolean {
    this.#credit -= chunk.length;
    this.#send(frame.input, { input: this.#input }, chunk, (error) => {
      if (error || this.#credit > 0) written(error);
      else this.#held.push(written);
    });
    return this.#credit > 0;
  }

  end(): void {
    if (this.#end()) this.#send(frame.inputEnd, { input: this.#input });
  }

  broken(): void {
    if (this.#end()) this.#send(frame.inputEnd, { input: this.#input, message: 'The original broke off before its end.' });
  }

  wanted(bytes: number): void {
    this.#credit = Math.min(mostCredit, this.#credit + bytes);
    if (this.#credit <= 0) return;
    for (const written of this.#held.splice(0)) written();
    this.#asked?.drained();
  }

  close(): void {
    if (this.#end()) this.#asked?.abandon();
  }

  /** False when it had ended. */
  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#over();
    return true;
  }
}

function bytesOf({ bytes }: Record<string, unknown>): number {
  if (!(Number(bytes) > 0)) throw new FrameError('A host wants no bytes of an input.');
  return Math.min(mostCredit, Number(bytes));
}

/** The headers that a host reads with, in lower case. What it sends is the word of user code. @throws FrameError when they are none */
function headersOf({ headers = {} }: Record<string, unknown>): Record<string, string> {
  const list = Object.entries(headers as object);
  if (list.length > mostHeaders) throw new FrameError('A host reads with too many headers.');
  const read: Record<string, string> = {};
  for (const [name, value] of list) {
    if (typeof value !== 'string') throw new FrameError('A header of a read is not a text.');
    read[name.toLowerCase()] = value;
  }
  return read;
}
