import type { Readable } from 'node:stream';
import type { ByteSink } from '../kit/index.ts';

/** Largest size that readSmall takes. */
export const smallBytes = 64 * 1024;

/** Size of the pieces in which blobs are read and written; each piece has a checksum of its own. */
export const pieceBytes = 256 * 1024;

/** Byte positions, both inclusive. */
export interface Range {
  start: number;
  end: number;
}

/** Bytes of a blob on their way out. */
export interface BlobStream extends Readable {
  /**
   * Writes everything into `target`, which it does not end, faster and in less memory than piping. Instead of reading, never beside it.
   * Resolves when all was handed to the system or the target closed; rejects when the blob cannot be read.
   */
  sendTo?(target: ByteSink): Promise<void>;
}

/** One blob on its way in. Nobody sees it before commit() resolves. Calls do not overlap: await what each returns. */
export interface BlobWriter {
  /** 32 hex digits, random. */
  readonly id: string;
  /** Adds bytes, which belong to the writer from now on. A promise means: wait for it before writing more. After a failure the blob is gone. */
  write(chunk: Buffer): Promise<void> | void;
  /** Makes the blob durable and visible. After a failure the blob is gone. */
  commit(): Promise<void>;
  /** Drops everything that was written. Harmless after a failure, after commit() and when called twice. */
  abort(): Promise<void>;
}

/** How a blob is kept. */
export interface BlobOptions {
  /** Encrypted on the disk; needs a driver with keys. */
  readonly sealed?: boolean;
}

/** What is known of a blob without reading all of it. */
export interface BlobFacts {
  readonly size: number;
  readonly sealed: boolean;
  /** False for one that an early version wrote, which has no checksums of its own. */
  readonly checked: boolean;
  /** Epoch milliseconds. */
  readonly modifiedAt: number;
}

/** The blob port. Blobs never change once committed. What is read is what was written, or reading fails with DamagedBlob. */
export interface Blobs {
  create(options?: BlobOptions): Promise<BlobWriter>;
  /** The first `size` bytes (at most 64 KiB) at once; blocks for one small file. Throws MissingBlob, DamagedBlob, LockedBlob. */
  readSmall(id: string, size: number): Buffer;
  /**
   * A stream of `range` in pieces of 256 KiB. The blob is opened before this returns, so that a later remove() does not hurt the reader.
   * Throws MissingBlob, DamagedBlob, LockedBlob; the stream fails when the blob is shorter than the range, and before a byte that is not what was written.
   */
  read(id: string, range: Range): BlobStream;
  /**
   * Makes a second blob of the same bytes, durable when it resolves; it costs no room where the driver can share them, and lives on when the
   * first is removed. `begun` hears its id before there is anything. Throws MissingBlob.
   */
  copy(id: string, begun: (copy: string) => void): Promise<string>;
  /** Removes a blob; harmless when there is none. */
  remove(id: string): Promise<void>;
  /**
   * Removes blobs that are older than `olderThanMs` and not `known`, and leftovers of writers that a crash ended. Blobs being written are
   * left alone; those committed but not yet recorded must be `known`. Resolves to the number removed.
   */
  sweep(known: (id: string) => boolean, olderThanMs: number): Promise<number>;
  /** Throws MissingBlob, DamagedBlob. */
  facts(id: string): Promise<BlobFacts>;
  /** Every blob there is, in no order. */
  list(): AsyncIterable<string>;
  /** False while somebody copies all blobs for a backup: those that were visible must not be removed until he is done. */
  removable(): boolean;
  /** To be told of damage that shows outside, as when a blob is sound but not the one that its record describes. */
  damaged(error: DamagedBlob): void;
  /** Writers that neither committed nor ended, for the metrics. */
  writers(): number;
  close(): Promise<void>;
}

/** There is no blob of that id. */
export class MissingBlob extends Error {
  readonly blob: string;

  constructor(blob: string, options?: ErrorOptions) {
    super(`There is no blob ${blob}.`, options);
    this.name = 'MissingBlob';
    this.blob = blob;
  }
}

/** The bytes on the disk are not those that were written. */
export class DamagedBlob extends Error {
  readonly blob: string;

  constructor(blob: string, what: string, options?: ErrorOptions) {
    super(`The blob ${blob} is damaged: ${what}. Restore it from a backup.`, options);
    this.name = 'DamagedBlob';
    this.blob = blob;
  }
}

/** A blob is encrypted with a key that is not in the key file. */
export class LockedBlob extends Error {
  readonly blob: string;

  constructor(blob: string, key: string) {
    super(`The blob ${blob} is encrypted with the key ${key}, which is not in the file of encryption keys. Put it back there.`);
    this.name = 'LockedBlob';
    this.blob = blob;
  }
}

/** A blob ends before the range that was asked for. */
export function shortBlob(id: string): DamagedBlob {
  return new DamagedBlob(id, 'it is shorter than its record says');
}
