import { Readable } from 'node:stream';
import { type Blobs, MissingBlob, smallBytes } from '../../blobs/index.ts';
import { Fault } from '../../faults/index.ts';
import { Lru } from '../../kit/index.ts';
import type { Metadata } from '../../metadata/index.ts';
import type { ByteRange } from '../range.ts';
import type { FoundObject, ObjectHead } from '../store.ts';
import { headOf, type ObjectRow, selectObject } from './rows.ts';

const maxBytes = 32 * 1024 * 1024;
// What a head costs in memory besides its texts, roughly.
const entryBytes = 600;

interface Entry extends FoundObject {
  small: Buffer | undefined;
}

/**
 * Heads and small bodies of objects read lately, 32 MiB of them. Reading the database and remembering the answer happen in one turn, and a write
 * calls forget() in the turn in which it is acknowledged, so that nothing older than an acknowledged write is ever returned.
 */
export class ObjectCache {
  readonly #metadata: Metadata;
  readonly #blobs: Blobs;
  readonly #entries = new Lru<Entry>({ maxWeight: maxBytes, weigh });

  constructor(metadata: Metadata, blobs: Blobs) {
    this.#metadata = metadata;
    this.#blobs = blobs;
  }

  head(bucket: string, key: string): ObjectHead | undefined {
    return this.#find(bucket, key)?.head;
  }

  /** As head(), past the cache. */
  freshHead(bucket: string, key: string): ObjectHead | undefined {
    const row = this.#metadata.get<ObjectRow>(selectObject, [bucket, key]);
    return row && headOf(row);
  }

  get(bucket: string, key: string): FoundObject | undefined {
    const entry = this.#find(bucket, key);
    if (!entry || entry.small || entry.head.size > smallBytes) return entry;
    entry.small = this.#blobs.readSmall(entry.head.blob, entry.head.size);
    // Once more, as it weighs more now.
    this.#entries.set(nameOf(bucket, key), entry);
    return entry;
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
    const entry: Entry = { head, small: undefined, open: (range) => this.#open(entry, range) };
    this.#entries.set(name, entry);
    return entry;
  }

  #open({ head, small }: Entry, range: ByteRange = { start: 0, end: head.size - 1 }): Readable {
    if (small || head.size === 0) return Readable.from(small?.subarray(range.start, range.end + 1) ?? [], { objectMode: false });
    try {
      return this.#blobs.read(head.blob, range);
    } catch (error) {
      if (!(error instanceof MissingBlob)) throw error;
      throw new Fault('ServiceUnavailable', 'The object changed while it was about to be read. Try again.', { cause: error });
    }
  }
}

/** A bucket name holds no slash, so this is unique. */
function nameOf(bucket: string, key: string): string {
  return `${bucket}/${key}`;
}

function weigh({ head, small }: Entry): number {
  return entryBytes + 2 * head.key.length + metadataBytes(head) + (small?.length ?? 0);
}

function metadataBytes({ headers, meta }: ObjectHead): number {
  let bytes = 0;
  for (const record of [headers, meta]) for (const name in record) bytes += 64 + name.length + (record[name] as string).length;
  return bytes;
}
