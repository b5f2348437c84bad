import { Readable } from 'node:stream';
import { type BlobStream, type Blobs, DamagedBlob, LockedBlob, MissingBlob, smallBytes } from '../../blobs/index.ts';
import { Fault } from '../../faults/index.ts';
import { Crc64, Lru } from '../../kit/index.ts';
import type { Metadata } from '../../metadata/index.ts';
import type { ByteRange } from '../range.ts';
import type { FoundObject, ObjectHead } from '../store.ts';
import type { DeleteMarker, FoundVersion } from '../versions.ts';
import { openPieces, type Piece } from './pieces.ts';
import type { Pins } from './pins.ts';
import { headOf, type ObjectRow, selectObject, selectPieces } from './rows.ts';
import { markerOf, selectByBlob, selectNewest, selectVersion, type VersionRow } from './version-rows.ts';

const maxBytes = 32 * 1024 * 1024;
// What a head costs in memory besides its texts, roughly.
const entryBytes = 600;
const pieceBytes = 160;
/** Reads of an object and its pieces that did not fit together. */
const maxAttempts = 20;

interface Entry extends FoundObject {
  small: Buffer | undefined;
  pieces: readonly Piece[] | undefined;
}

/**
 * Heads and small bodies of objects read lately, 32 MiB of them. Reading the database and remembering the answer happen in one turn, and a write
 * calls forget() in the turn in which it is acknowledged, so that nothing older than an acknowledged write is ever returned.
 */
export class ObjectCache {
  readonly #metadata: Metadata;
  readonly #blobs: Blobs;
  readonly #pins: Pins;
  readonly #entries = new Lru<Entry>({ maxWeight: maxBytes, weigh });

  constructor(metadata: Metadata, blobs: Blobs, pins: Pins) {
    this.#metadata = metadata;
    this.#blobs = blobs;
    this.#pins = pins;
  }

  head(bucket: string, key: string): ObjectHead | undefined {
    return this.#find(bucket, key)?.head;
  }

  /** As head(), past the cache. */
  freshHead(bucket: string, key: string): ObjectHead | undefined {
    const row = this.#metadata.get<ObjectRow>(selectObject, [bucket, key]);
    return row && headOf(row);
  }

  /** The version of a key that has that content, current or not. */
  withBlob(bucket: string, key: string, blob: string): ObjectHead | undefined {
    const head = this.freshHead(bucket, key);
    if (head?.blob === blob) return head;
    const row = this.#metadata.get<VersionRow>(selectByBlob, [bucket, key, blob]);
    return row && headOf(row);
  }

  get(bucket: string, key: string): FoundObject | undefined {
    const found = this.#find(bucket, key);
    if (!found || found.small) return found;
    const entry = found.head.pieces === 0 || found.pieces ? found : this.#withPieces(found);
    if (!entry || entry.head.size > smallBytes) return entry;
    entry.small = this.#readSmall(entry);
    // Once more, as it weighs more now.
    this.#entries.set(nameOf(bucket, key), entry);
    return entry;
  }

  /** A small body, which has the checksum of its record; checked when it enters the cache, not when it is given out of it. */
  #readSmall({ head, pieces }: Entry): Buffer {
    if (head.size === 0) return Buffer.alloc(0);
    try {
      const body = pieces
        ? Buffer.concat(pieces.map(({ blob, size }) => this.#blobs.readSmall(blob, size)))
        : this.#blobs.readSmall(head.blob, head.size);
      if (Crc64.of(body).toString() === head.crc64) return body;
      const damage = new DamagedBlob(head.blob, 'its CRC-64 is not that of the record');
      this.#blobs.damaged(damage);
      throw damage;
    } catch (error) {
      throw unreadable(error);
    }
  }

  /** Reads the list of blobs as well. The object may change between the two reads, which then do not fit. */
  #withPieces(found: Entry): Entry | undefined {
    const { bucket, key } = found.head;
    let entry: Entry | undefined = found;
    for (let attempt = 0; attempt < maxAttempts && entry; attempt++) {
      if (entry.head.pieces === 0) return entry;
      const pieces = this.#metadata.all<Piece>(selectPieces, [entry.head.blob]);
      if (pieces.length === entry.head.pieces) {
        entry.pieces = pieces;
        this.#entries.set(nameOf(bucket, key), entry);
        return entry;
      }
      this.forget(bucket, key);
      entry = this.#find(bucket, key);
    }
    if (entry) throw new Fault('ServiceUnavailable', 'The object is being changed too often to be read. Try again.');
    return undefined;
  }

  /** One version by its id, past the cache. */
  version(bucket: string, key: string, version: string): FoundVersion | undefined {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const row = this.#versionRow(bucket, key, version);
      if (!row) return undefined;
      if (row.marker === 1) return markerOf(row);
      const entry = this.#entryOf(headOf(row));
      if (row.pieces > 0) entry.pieces = this.#metadata.all<Piece>(selectPieces, [row.blob]);
      if ((entry.pieces?.length ?? 0) === row.pieces) return entry;
    }
    throw new Fault('ServiceUnavailable', 'The object is being changed too often to be read. Try again.');
  }

  /** An object may become noncurrent between two reads, but never current again without another version being deleted. */
  #versionRow(bucket: string, key: string, version: string): VersionRow | undefined {
    for (const table of ['objects', 'versions', 'objects'] as const) {
      const { sql, params } = selectVersion(table, version);
      const row = this.#metadata.get<VersionRow>(sql, [bucket, key, ...params]);
      if (row) return row;
    }
    return undefined;
  }

  /** The delete marker in the place of an object. */
  marker(bucket: string, key: string): DeleteMarker | undefined {
    const row = this.#metadata.get<VersionRow>(selectNewest, [bucket, key]);
    return row?.latest === 1 ? markerOf(row) : undefined;
  }

  forget(bucket: string, key: string): void {
    this.#entries.delete(nameOf(bucket, key));
  }

  #find(bucket: string, key: string): Entry | undefined {
    const name = nameOf(bucket, key);
    const known = this.#entries.get(name);
    if (known) return known;
    const head = this.freshHead(bucket, key);
    if (!head) return undefined;
    const entry = this.#entryOf(head);
    this.#entries.set(name, entry);
    return entry;
  }

  #entryOf(head: ObjectHead): Entry {
    const entry: Entry = { head, small: undefined, pieces: undefined, open: (range) => this.#open(entry, range) };
    return entry;
  }

  #open({ head, small, pieces }: Entry, range: ByteRange = { start: 0, end: head.size - 1 }): BlobStream {
    if (small || head.size === 0) return Readable.from(small?.subarray(range.start, range.end + 1) ?? [], { objectMode: false });
    try {
      return pieces ? openPieces(this.#blobs, pieces, range, this.#pins) : this.#blobs.read(head.blob, range);
    } catch (error) {
      if (!(error instanceof MissingBlob)) throw unreadable(error);
      throw new Fault('ServiceUnavailable', 'The object changed while it was about to be read. Try again.', { cause: error });
    }
  }
}

/** What a client hears of bytes that cannot be read; the log says more. */
function unreadable(error: unknown): unknown {
  if (error instanceof LockedBlob) return new Fault('EncryptionKeyNotFound', undefined, { cause: error });
  return error instanceof DamagedBlob || error instanceof MissingBlob ? new Fault('ObjectDamaged', undefined, { cause: error }) : error;
}

/** A bucket name holds no slash, so this is unique. */
function nameOf(bucket: string, key: string): string {
  return `${bucket}/${key}`;
}

function weigh({ head, small, pieces }: Entry): number {
  return entryBytes + 2 * head.key.length + metadataBytes(head) + (small?.length ?? 0) + pieceBytes * (pieces?.length ?? 0);
}

function metadataBytes({ headers, meta, tags }: ObjectHead): number {
  let bytes = 0;
  for (const record of [headers, meta, tags]) for (const name in record) bytes += 64 + name.length + (record[name] as string).length;
  return bytes;
}
