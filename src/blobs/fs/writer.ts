import { type BlobWriter, pieceBytes } from '../port.ts';
import { close, fsync, rename, unlink, writeAll } from './files.ts';
import type { Layout } from './layout.ts';
import type { Framer } from './trailer.ts';

/** Writes one blob: pieces of 256 KiB, one being written while the next fills up. */
export class FsWriter implements BlobWriter {
  readonly id: string;
  readonly #layout: Layout;
  readonly #framer: Framer;
  readonly #durable: boolean;
  readonly #ended: () => void;
  #fd: number | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #flushing: Promise<void> | undefined;
  #failure: unknown;
  #state: 'open' | 'committing' | 'ended' = 'open';

  /** @param ended called once, when the blob is committed or gone */
  constructor(id: string, fd: number, layout: Layout, framer: Framer, durable: boolean, ended: () => void) {
    this.id = id;
    this.#fd = fd;
    this.#layout = layout;
    this.#framer = framer;
    this.#durable = durable;
    this.#ended = ended;
  }

  write(chunk: Buffer): Promise<void> | void {
    if (this.#state !== 'open') return Promise.reject(new Error(`The blob ${this.id} is ${this.#state}; nothing can be added.`));
    if (chunk.length === 0) return;
    for (const part of this.#framer.take(chunk)) this.#chunks.push(part);
    this.#bytes += chunk.length;
    if (this.#bytes < pieceBytes && !this.#failure) return;
    return this.#flushing || this.#failure ? this.#next() : this.#flush();
  }

  #flush(): void {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    this.#flushing = writeAll(this.#fd as number, chunks).then(
      () => {
        this.#flushing = undefined;
      },
      (error: unknown) => {
        this.#failure = error;
        this.#flushing = undefined;
      },
    );
  }

  async #next(): Promise<void> {
    await this.#flushing;
    if (this.#failure) {
      await this.abort();
      throw this.#failure;
    }
    this.#flush();
  }

  async commit(): Promise<void> {
    if (this.#state !== 'open') throw new Error(`The blob ${this.id} is ${this.#state}; it cannot be committed.`);
    this.#state = 'committing';
    try {
      await this.#flushing;
      if (this.#failure) throw this.#failure;
      this.#chunks.push(this.#framer.end());
      await writeAll(this.#fd as number, this.#chunks);
      if (this.#durable) await fsync(this.#fd as number);
      await this.#closeFile();
      await this.#layout.ready(this.id);
      await rename(this.#layout.temporary(this.id), this.#layout.path(this.id));
      await this.#layout.sync(this.id);
    } catch (error) {
      await this.#drop();
      throw error;
    }
    this.#end();
  }

  async abort(): Promise<void> {
    if (this.#state !== 'open') return;
    await this.#flushing;
    await this.#drop();
  }

  // What cannot be removed now is left to the next sweep: the caller needs to hear of the first failure.
  async #drop(): Promise<void> {
    this.#chunks = [];
    await Promise.allSettled([this.#closeFile()]);
    await Promise.allSettled([unlink(this.#layout.temporary(this.id)), unlink(this.#layout.path(this.id))]);
    this.#end();
  }

  async #closeFile(): Promise<void> {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) await close(fd);
  }

  #end(): void {
    this.#state = 'ended';
    this.#ended();
  }
}
