import { close as closeFile, closeSync, openSync, read, readSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { ByteSink } from '../../kit/index.ts';
import { type BlobStream, MissingBlob, pieceBytes, type Range, shortBlob } from '../port.ts';
import { hasCode } from './files.ts';

function openBlob(id: string, path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new MissingBlob(id, { cause: error });
    throw error;
  }
}

/** The first `size` bytes of a file, read at once: a tenth of the cost of the thread pool. */
export function readWhole(id: string, path: string, size: number): Buffer {
  const fd = openBlob(id, path);
  try {
    const buffer = Buffer.allocUnsafeSlow(size);
    let done = 0;
    while (done < size) {
      const count = readSync(fd, buffer, done, size - done, done);
      if (count === 0) throw shortBlob(id);
      done += count;
    }
    return buffer;
  } finally {
    closeSync(fd);
  }
}

/** Pieces that sendTo() is done with, to be filled again: fresh memory for each piece costs page faults and collections. */
const spare: Buffer[] = [];
const mostSpare = 32;
/** One piece is read while another is written. */
const depth = 2;

/** A part of a file as a stream; the file is opened by the constructor and closed with the stream. */
export class FileStream extends Readable implements BlobStream {
  readonly #id: string;
  readonly #fd: number;
  readonly #end: number;
  #position: number;
  #reading = false;
  #whenIdle: (() => void) | undefined;

  constructor(id: string, path: string, { start, end }: Range) {
    super({ highWaterMark: pieceBytes });
    this.#id = id;
    this.#fd = openBlob(id, path);
    this.#position = start;
    this.#end = end;
  }

  override _read(): void {
    const wanted = Math.min(pieceBytes, this.#end + 1 - this.#position);
    if (wanted <= 0) {
      this.push(null);
      return;
    }
    this.#reading = true;
    read(this.#fd, Buffer.allocUnsafeSlow(wanted), 0, wanted, this.#position, (error, count, buffer) => {
      this.#reading = false;
      if (this.#whenIdle) return this.#whenIdle();
      if (error) return this.destroy(error);
      if (count === 0) return this.destroy(shortBlob(this.#id));
      this.#position += count;
      this.push(count === wanted ? buffer : buffer.subarray(0, count));
    });
  }

  sendTo(target: ByteSink): Promise<void> {
    return new Promise((resolve, reject) => {
      let out = 0;
      const finish = (error?: Error) => {
        target.off('close', finished);
        this.destroy();
        if (error) reject(error);
        else resolve();
      };
      const finished = () => finish();
      const send = (buffer: Buffer, count: number) =>
        target.write(count === buffer.length ? buffer : buffer.subarray(0, count), (error) => {
          // After a failure the system may still hold the piece.
          if (!error && spare.length < mostSpare) spare.push(buffer);
          out -= 1;
          next();
        });
      const next = () => {
        if (this.destroyed || this.#reading || out >= depth) return;
        const wanted = Math.min(pieceBytes, this.#end + 1 - this.#position);
        if (wanted <= 0) {
          if (out === 0) finish();
          return;
        }
        const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(pieceBytes);
        this.#reading = true;
        out += 1;
        read(this.#fd, buffer, 0, wanted, this.#position, (error, count) => {
          this.#reading = false;
          if (this.#whenIdle) return this.#whenIdle();
          if (error || count === 0) return finish(error ?? shortBlob(this.#id));
          this.#position += count;
          send(buffer, count);
          next();
        });
      };
      target.once('close', finished);
      next();
    });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const close = () => closeFile(this.#fd, (closeError) => callback(error ?? closeError));
    // A descriptor closed under a running read could be another file's by the time it runs.
    if (this.#reading) this.#whenIdle = close;
    else close();
  }
}
