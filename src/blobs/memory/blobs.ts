import { Readable } from 'node:stream';
import { now, randomHex } from '../../kit/index.ts';
import { type BlobFacts, type Blobs, type BlobWriter, MissingBlob, pieceBytes, type Range, shortBlob } from '../port.ts';

interface Held {
  bytes: Buffer;
  since: number;
}

/** Blobs in this process's memory: for tests and throw-away servers. Nothing survives the process. */
export function memoryBlobs(): Blobs {
  return new MemoryBlobs();
}

class MemoryBlobs implements Blobs {
  readonly #held = new Map<string, Held>();
  readonly #writing = new Set<string>();

  create(): Promise<BlobWriter> {
    const id = randomHex(16);
    this.#writing.add(id);
    const ended = (bytes?: Buffer) => {
      this.#writing.delete(id);
      if (bytes) this.#held.set(id, { bytes, since: now() });
    };
    return Promise.resolve(new MemoryWriter(id, ended));
  }

  #bytes(id: string): Buffer {
    const held = this.#held.get(id);
    if (!held) throw new MissingBlob(id);
    return held.bytes;
  }

  readSmall(id: string, size: number): Buffer {
    const bytes = this.#bytes(id);
    if (bytes.length < size) throw shortBlob(id);
    return bytes.subarray(0, size);
  }

  read(id: string, range: Range): Readable {
    return Readable.from(pieces(id, this.#bytes(id), range), { objectMode: false, highWaterMark: pieceBytes });
  }

  async copy(id: string, begun: (copy: string) => void): Promise<string> {
    const made = randomHex(16);
    begun(made);
    this.#held.set(made, { bytes: this.#bytes(id), since: now() });
    return made;
  }

  remove(id: string): Promise<void> {
    this.#held.delete(id);
    return Promise.resolve();
  }

  sweep(known: (id: string) => boolean, olderThanMs: number): Promise<number> {
    const before = now() - olderThanMs;
    const lost = [...this.#held].filter(([id, { since }]) => since <= before && !known(id));
    for (const [id] of lost) this.#held.delete(id);
    return Promise.resolve(lost.length);
  }

  facts(id: string): Promise<BlobFacts> {
    const held = this.#held.get(id);
    if (!held) return Promise.reject(new MissingBlob(id));
    return Promise.resolve({ size: held.bytes.length, sealed: false, checked: true, modifiedAt: held.since });
  }

  async *list(): AsyncGenerator<string> {
    yield* [...this.#held.keys()];
  }

  removable(): boolean {
    return true;
  }

  damaged(): void {}

  writers(): number {
    return this.#writing.size;
  }

  close(): Promise<void> {
    this.#held.clear();
    return Promise.resolve();
  }
}

function* pieces(id: string, bytes: Buffer, { start, end }: Range): Generator<Buffer> {
  for (let at = start; at <= end; at += pieceBytes) {
    const piece = bytes.subarray(at, Math.min(at + pieceBytes, end + 1));
    if (piece.length > 0) yield piece;
    if (at + piece.length < Math.min(at + pieceBytes, end + 1)) throw shortBlob(id);
  }
}

class MemoryWriter implements BlobWriter {
  readonly id: string;
  readonly #ended: (bytes?: Buffer) => void;
  #chunks: Buffer[] | undefined = [];

  /** @param ended called with the blob's bytes when it is committed, with none when it is dropped */
  constructor(id: string, ended: (bytes?: Buffer) => void) {
    this.id = id;
    this.#ended = ended;
  }

  write(chunk: Buffer): Promise<void> | void {
    if (!this.#chunks) return Promise.reject(new Error(`The blob ${this.id} is ended; nothing can be added.`));
    this.#chunks.push(chunk);
  }

  commit(): Promise<void> {
    if (!this.#chunks) return Promise.reject(new Error(`The blob ${this.id} is ended; it cannot be committed.`));
    this.#ended(Buffer.concat(this.#chunks));
    this.#chunks = undefined;
    return Promise.resolve();
  }

  abort(): Promise<void> {
    if (this.#chunks) this.#ended();
    this.#chunks = undefined;
    return Promise.resolve();
  }
}
