import type { Readable } from 'node:stream';
import type { ByteSink } from '../kit/index.ts';

/** Largest size that readSmall takes. */
export const smallBytes = 64 * 1024;

/** Size of the pieces in which blobs are read and written. */
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

/** The blob port. Blobs never change once committed. */
export interface Blobs {
  create(): Promise<BlobWriter>;
  /** The first `size` bytes (at most 64 KiB) at once; blocks for one small file. Throws MissingBlob. */
  readSmall(id: string, size: number): Buffer;
  /**
   * A stream of `range` in 256 KiB pieces. The blob is opened before this returns, so that a later remove() does not hurt the reader.
   * Throws MissingBlob; the stream fails when the blob is shorter than the range.
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
  /** Writers that neither committed nor ended, for the metrics. */
  writers(): number;
  close(): Promise<void>;
}

/** There is no blob of that id. */
export class MissingBlob extends Error {
  constructor(id: string, options?: ErrorOptions) {
    super(`There is no blob ${id}.`, options);
    this.name = 'MissingBlob';
  }
}

/** A blob ends before the range that was asked for. */
export function shortBlob(id: string): Error {
  return new Error(`The blob ${id} is shorter than its record says. Restore it from a backup.`);
}
