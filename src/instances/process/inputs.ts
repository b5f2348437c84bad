import type { Readable } from 'node:stream';
import { FrameError } from '../../kit/index.ts';
import { frame } from './wire.ts';

/** What one invocation may read besides its event: opened when its host first asks for it, and never much further ahead than the host allows. */
export class Inputs {
  readonly #sources: readonly (() => Readable)[];
  readonly #send: (type: number, head: object, body?: Buffer) => void;
  readonly #open = new Map<number, { stream: Readable; credit: number }>();

  /** @param send sends a frame of this invocation; the head is given without its id */
  constructor(sources: readonly (() => Readable)[], send: (type: number, head: object, body?: Buffer) => void) {
    this.#sources = sources;
    this.#send = send;
  }

  /** The host can take more of an input. What the head holds is the word of the host. @throws FrameError for an input that there is not */
  wanted(head: Record<string, unknown>): void {
    const number = Number(head.input);
    const bytes = Number(head.bytes);
    if (!(bytes > 0)) throw new FrameError('A host wants no bytes of an input.');
    const open = this.#open.get(number) ?? this.#begin(number);
    open.credit += bytes;
    if (open.credit > 0) open.stream.resume();
  }

  /** The invocation is over. */
  close(): void {
    for (const { stream } of this.#open.values()) stream.destroy();
  }

  #begin(number: number): { stream: Readable; credit: number } {
    const source = this.#sources[number];
    if (!source) throw new FrameError('A host wants an input that there is not.');
    const open = { stream: source(), credit: 0 };
    this.#open.set(number, open);
    open.stream.pause();
    open.stream.on('data', (chunk: Buffer) => {
      open.credit -= chunk.length;
      if (open.credit <= 0) open.stream.pause();
      this.#send(frame.input, { input: number }, chunk);
    });
    open.stream.on('end', () => this.#send(frame.inputEnd, { input: number }));
    open.stream.on('error', () => this.#send(frame.inputEnd, { input: number, message: 'The input could not be read to its end.' }));
    return open;
  }
}
