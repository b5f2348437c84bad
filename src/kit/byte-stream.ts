import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';

/** What whoever relays a body needs of it. A Readable is one; a ByteStream costs less where every request brings one. */
export interface BodyStream extends AsyncIterable<Buffer> {
  readonly destroyed: boolean;
  readonly errored: Error | null;
  /** `end` was told. */
  readonly readableEnded: boolean;
  on(event: 'data', listener: (chunk: Buffer) => void): this;
  on(event: 'end' | 'close', listener: () => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
  off(event: 'data', listener: (chunk: Buffer) => void): this;
  off(event: 'end' | 'close', listener: () => void): this;
  off(event: 'error', listener: (error: Error) => void): this;
  /** Nothing flows before it. */
  resume(): this;
  pause(): this;
  isPaused(): boolean;
  /** Ends it early; with an error its reader is told that. */
  destroy(error?: Error): this;
}

/**
 * Bytes for one reader, in the words of node:stream. They are told as they come, within the call that brings them, and held while it is paused; how much
 * may be held is for whoever brings them to say.
 */
export class ByteStream extends EventEmitter<{ data: [Buffer]; end: []; error: [Error]; close: [] }> implements BodyStream {
  destroyed = false;
  errored: Error | null = null;
  readableEnded = false;
  /** Undefined before anyone reads. */
  #flowing: boolean | undefined;
  #waiting: Buffer[] = nothing;
  /** Bytes that wait for the reader. */
  #held = 0;
  #whole = false;

  /** Bytes that wait for the reader. */
  get readableLength(): number {
    return this.#held;
  }

  /** Brings bytes; those of a stream that was destroyed are dropped. */
  push(chunk: Buffer): void {
    if (this.destroyed || chunk.length === 0) return;
    if (this.#flowing && this.#waiting.length === 0) {
      this.emit('data', chunk);
      return;
    }
    if (this.#waiting === nothing) this.#waiting = [];
    this.#waiting.push(chunk);
    this.#held += chunk.length;
  }

  /** No more bytes come. */
  end(): void {
    this.#whole = true;
    this.#tellEnd();
  }

  /** @inheritdoc */
  resume(): this {
    this.#flowing = true;
    const before = this.#held;
    while (this.#flowing && this.#waiting.length > 0) {
      const chunk = this.#waiting.shift() as Buffer;
      this.#held -= chunk.length;
      this.emit('data', chunk);
    }
    if (this.#held < before) this.taken();
    this.#tellEnd();
    return this;
  }

  /** @inheritdoc */
  pause(): this {
    this.#flowing = false;
    return this;
  }

  /** @inheritdoc */
  isPaused(): boolean {
    return this.#flowing === false;
  }

  /** @inheritdoc */
  destroy(error?: Error): this {
    if (this.destroyed) return this;
    this.destroyed = true;
    this.errored = error ?? null;
    this.#waiting = nothing;
    this.#held = 0;
    this.left();
    if (error && this.listenerCount('error') > 0) this.emit('error', error);
    this.emit('close');
    return this;
  }

  /** @inheritdoc */
  [Symbol.asyncIterator](): AsyncIterator<Buffer> {
    return readableOf(this)[Symbol.asyncIterator]();
  }

  /** Called when bytes that waited were taken. */
  protected taken(): void {}

  /** Called when it is destroyed. */
  protected left(): void {}

  /** A reader that is paused at the last bytes hears of the end all the same. */
  #tellEnd(): void {
    if (!this.#whole || this.readableEnded || this.destroyed || this.#flowing === undefined || this.#waiting.length > 0) return;
    this.readableEnded = true;
    this.emit('end');
  }
}

/** Stands for an empty list in every stream that has none. */
const nothing: Buffer[] = [];

/** Bytes that an iteration is ahead of its reader. */
const aheadBytes = 256 * 1024;

/** The same bytes as a Readable; ends, errors and early ends are told either way. */
function readableOf(stream: BodyStream): Readable {
  const readable = new Readable({
    highWaterMark: aheadBytes,
    read: () => void stream.resume(),
    destroy: (error, done) => {
      stream.destroy();
      done(error);
    },
  });
  if (stream.destroyed) return readable.destroy(stream.errored ?? undefined);
  stream
    .on('data', (chunk) => {
      if (!readable.push(chunk)) stream.pause();
    })
    .on('end', () => readable.push(null))
    .on('error', (error) => readable.destroy(error))
    .on('close', () => readable.destroy());
  return readable;
}
