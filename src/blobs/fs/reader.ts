import { close as closeFile, closeSync, openSync, read, readSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { ByteSink } from '../../kit/index.ts';
import { type BlobStream, MissingBlob, pieceBytes, type Range, shortBlob } from '../port.ts';
import { hasCode } from './files.ts';
import type { Frames } from './frames.ts';
import { footerBytes, type Opener, smallTrailerBytes } from './trailer.ts';

export function openBlob(id: string, path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new MissingBlob(id, { cause: error });
    throw error;
  }
}

/** Fills the buffer from that position as far as the file goes. */
function fill(fd: number, buffer: Buffer, position: number): number {
  let done = 0;
  while (done < buffer.length) {
    const count = readSync(fd, buffer, done, buffer.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** The first `size` bytes of a blob, read at once: a tenth of the cost of the thread pool. */
export function readWhole(id: string, path: string, size: number, frames: Frames): Buffer {
  const fd = openBlob(id, path);
  try {
    // One read brings a small blob and what follows it; one byte more would tell that there is more.
    const buffer = Buffer.allocUnsafeSlow(size + smallTrailerBytes + 1);
    const count = fill(fd, buffer, 0);
    const whole = count < buffer.length ? buffer.subarray(0, count) : undefined;
    const opener = whole && count >= footerBytes ? frames.within(id, whole) : frames.behind(id, fd);
    if (!opener) {
      frames.bare(id);
      if (count < size) throw shortBlob(id);
      return buffer.subarray(0, size);
    }
    if (opener.size < size) throw shortBlob(id);
    if (size === 0) return buffer.subarray(0, 0);
    if (whole) return opener.open(0, whole.subarray(0, opener.size)).subarray(0, size);
    const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, opener.size));
    if (fill(fd, piece, 0) < piece.length) throw shortBlob(id);
    return opener.open(0, piece).subarray(0, size);
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
  readonly #start: number;
  readonly #end: number;
  readonly #opener: Opener | undefined;
  readonly #found: (error: unknown) => void;
  /** Always where a piece begins, but for a blob without checksums. */
  #position: number;
  #reading = false;
  #whenIdle: (() => void) | undefined;

  /** @param found told of what is wrong with the file */
  constructor(id: string, path: string, { start, end }: Range, frames: Frames, found: (error: unknown) => void) {
    super({ highWaterMark: pieceBytes });
    this.#id = id;
    this.#start = start;
    this.#end = end;
    this.#found = found;
    this.#fd = openBlob(id, path);
    try {
      this.#opener = frames.behind(id, this.#fd);
      if (!this.#opener) frames.bare(id);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
    this.#position = this.#opener ? start - (start % pieceBytes) : start;
  }

  /** Bytes of the file that the next piece takes; 0 after the last. */
  #wanted(): number {
    if (this.#position > this.#end) return 0;
    const last = this.#opener ? this.#opener.size - 1 : this.#end;
    // Too short a file is noticed by reading beyond its end.
    return Math.max(1, Math.min(pieceBytes, last + 1 - this.#position));
  }

  /** Reads one piece whole, checks it and cuts it to the range. */
  #next(buffer: Buffer, wanted: number, done: (error: Error | undefined, piece: Buffer) => void): void {
    const from = this.#position;
    let filled = 0;
    const more = () =>
      read(this.#fd, buffer, filled, wanted - filled, from + filled, (error, count) => {
        if (error || count === 0) return finish(error ?? shortBlob(this.#id));
        filled += count;
        if (filled < wanted && !this.#whenIdle) return more();
        finish();
      });
    const finish = (error?: Error) => {
      this.#reading = false;
      if (this.#whenIdle) return this.#whenIdle();
      let piece = filled === buffer.length ? buffer : buffer.subarray(0, filled);
      try {
        if (error) throw error;
        if (this.#opener) piece = this.#checked(this.#opener, from, piece);
      } catch (failure) {
        this.#found(failure);
        return done(failure as Error, piece);
      }
      this.#position = from + wanted;
      done(undefined, piece);
    };
    this.#reading = true;
    more();
  }

  #checked(opener: Opener, from: number, piece: Buffer): Buffer {
    if (from >= opener.size) throw shortBlob(this.#id);
    const plain = opener.open(from / pieceBytes, piece);
    const first = Math.max(0, this.#start - from);
    const beyond = Math.min(plain.length, this.#end + 1 - from);
    return first === 0 && beyond === plain.length ? plain : plain.subarray(first, beyond);
  }

  override _read(): void {
    const wanted = this.#wanted();
    if (wanted === 0) {
      this.push(null);
      return;
    }
    this.#next(Buffer.allocUnsafeSlow(wanted), wanted, (error, piece) => {
      if (error) this.destroy(error);
      else this.push(piece);
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
      const send = (buffer: Buffer, piece: Buffer) =>
        target.write(piece, (error) => {
          // After a failure the system may still hold the piece.
          if (!error && spare.length < mostSpare) spare.push(buffer);
          out -= 1;
          next();
        });
      const next = () => {
        if (this.destroyed || this.#reading || out >= depth) return;
        const wanted = this.#wanted();
        if (wanted === 0) {
          if (out === 0) finish();
          return;
        }
        const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(pieceBytes);
        out += 1;
        this.#next(buffer, wanted, (error, piece) => {
          if (error) return finish(error);
          send(buffer, piece);
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
