import { randomBytes } from 'node:crypto';
import { fstatSync, readSync } from 'node:fs';
import type { BlobKeys } from '../keys.ts';
import { DamagedBlob } from '../port.ts';
import { Framer, footerBytes, Opener, readTrailer, type Trailer, trailerBytes } from './trailer.ts';

/** Read in one go with the footer: the whole trailer of a blob of up to 250 MB. */
const tailBytes = 4096;

export interface FramesOptions {
  /** What blobs are sealed with; without keys none can be sealed, nor read when it is. */
  readonly keys: BlobKeys | undefined;
  /** Whether blobs without a trailer are accepted: those of data folders that an early version made. */
  readonly bare: boolean;
}

/** Puts blobs into their form on the disk, and finds out of what form one is. */
export class Frames {
  readonly #keys: BlobKeys | undefined;
  readonly #bare: boolean;

  constructor({ keys, bare }: FramesOptions) {
    this.#keys = keys;
    this.#bare = bare;
  }

  /** For a new blob. @throws Error when it is to be sealed and there is no key */
  framer(sealed: boolean): Framer {
    if (!sealed) return new Framer(undefined);
    if (!this.#keys) throw new Error('There is no encryption key, so that no blob can be encrypted.');
    return new Framer({ with: this.#keys.current, key: randomBytes(32), nonce: randomBytes(12) });
  }

  /** What opens a blob whose whole file this is; undefined when it has no trailer. @throws DamagedBlob, LockedBlob */
  within(id: string, file: Buffer): Opener | undefined {
    const bytes = trailerBytes(file.subarray(-footerBytes), file.length);
    return bytes === undefined ? undefined : new Opener(id, readTrailer(id, file.subarray(-bytes)), this.#keys);
  }

  /** As within(), for an open file. */
  behind(id: string, fd: number): Opener | undefined {
    const trailer = this.trailer(id, fd, fstatSync(fd).size);
    return trailer && new Opener(id, trailer, this.#keys);
  }

  /** The trailer of an open file of so many bytes; undefined when it has none. @throws DamagedBlob */
  trailer(id: string, fd: number, fileBytes: number): Trailer | undefined {
    if (fileBytes < footerBytes) return undefined;
    const tail = readAt(id, fd, Math.max(0, fileBytes - tailBytes), Math.min(fileBytes, tailBytes));
    const bytes = trailerBytes(tail.subarray(-footerBytes), fileBytes);
    if (bytes === undefined) return undefined;
    return readTrailer(id, bytes <= tail.length ? tail.subarray(-bytes) : readAt(id, fd, fileBytes - bytes, bytes));
  }

  /** A blob without a trailer was met. @throws DamagedBlob where there can be none */
  bare(id: string): void {
    if (!this.#bare) throw new DamagedBlob(id, 'its end is missing');
  }
}

function readAt(id: string, fd: number, position: number, bytes: number): Buffer {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  for (let done = 0; done < bytes; ) {
    const count = readSync(fd, buffer, done, bytes - done, position + done);
    if (count === 0) throw new DamagedBlob(id, 'its file became shorter');
    done += count;
  }
  return buffer;
}
