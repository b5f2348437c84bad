import { Readable } from 'node:stream';
import { Crc64 } from '../kit/index.ts';
import type { Watch } from './download.ts';
import { CliFailure } from './failure.ts';

/** The bytes of one attempt on their way, counted and summed. */
export class Sending {
  readonly crc = new Crc64();
  readonly name: string;
  bytes = 0;
  /** Why the source could not be read. */
  failure: CliFailure | undefined;
  readonly #open: () => Readable;
  readonly #watch: Pick<Watch, 'add'>;
  readonly #size: number | undefined;
  #forgotten = false;

  /** @param size bytes that the source must have; undefined when nobody knows */
  constructor(open: () => Readable, name: string, watch: Pick<Watch, 'add'>, size?: number) {
    this.#open = open;
    this.#size = size;
    this.name = name;
    this.#watch = watch;
  }

  /** This attempt came to nothing, though chunks may still be on their way. */
  forget(): void {
    this.#watch.add(-this.bytes);
    this.#forgotten = true;
  }

  stream(): Readable {
    return Readable.from(this.#chunks(), { objectMode: false });
  }

  async *#chunks(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of this.#open() as AsyncIterable<Buffer>) {
        this.crc.update(chunk);
        this.bytes += chunk.length;
        if (!this.#forgotten) this.#watch.add(chunk.length);
        yield chunk;
      }
      // The server waits for as many as were announced.
      if (this.#size !== undefined && this.bytes < this.#size) throw new Error('it became shorter meanwhile');
    } catch (error) {
      this.failure = unreadable(this.name, error as Error);
      throw error;
    }
  }
}

/** A source that cannot be read. */
export function unreadable(name: string, error: Error): CliFailure {
  return new CliFailure(2, `${name} cannot be read: ${error.message}`);
}
