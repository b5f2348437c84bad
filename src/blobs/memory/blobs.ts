import { Readable } from 'node:stream';
import { now, randomHex } from '../../kit/index.ts';
import { type Blobs, type BlobWriter, MissingBlob, pieceBytes, type Range, shortBlob } from '../port.ts';

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

  create(): Promise<BlobWriter> {
    const id = randomHex(16);
    return Promise.resolve(new MemoryWriter(id, (bytes) => this.#held.set(id, { bytes, since: now() })));
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
  readonly #keep: (bytes: Buffer) => void;
  #chunks: Buffer[] | undefined = [];

  constructor(id: string, keep: (bytes: Buffer) => void) {
    this.id = id;
    this.#keep = keep;
  }

  write(chunk: Buffer): Promise<void> | void {
    if (!this.#chunks) return Promise.reject(new Error(`The blob ${this.id} is ended; nothing can be added.`));
    this.#chunks.push(chunk);
  }

  commit(): Promise<void> {
    if (!this.#chunks) return Promise.reject(new Error(`The blob ${this.id} is ended; it cannot be committed.`));
    this.#keep(Buffer.concat(this.#chunks));
    this.#chunks = undefined;
    return Promise.resolve();
  }

  abort(): Promise<void> {
    this.#chunks = undefined;
    return Promise.resolve();
  }
}
