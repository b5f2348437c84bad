import type { Blobs } from '../../blobs/index.ts';
import { after, every, type Timer } from '../../kit/index.ts';
import type { Metadata } from '../../metadata/index.ts';
import type { ObjectCache } from './cache.ts';
import type { Piece } from './pieces.ts';
import type { Pins } from './pins.ts';
import { selectBlobUse, selectGarbage, selectPieces } from './rows.ts';

const batch = 64;
const retryMs = 60_000;
/** A backup keeps everything as it is for a while. */
const heldMs = 2_000;
const sweepMs = 24 * 3_600_000;
/** Younger orphans are left alone by the sweep that runs by itself: a second guard, besides the lock on the data, for uploads in flight. */
const orphanMs = 600_000;

interface GarbageRow {
  blob: string;
  bucket: string;
  key: string;
}

/** Removes the bytes of replaced and deleted objects soon after, and those that nobody knows (left by a crash) now and then. */
export class Garbage {
  readonly #metadata: Metadata;
  readonly #blobs: Blobs;
  readonly #cache: ObjectCache;
  readonly #pins: Pins;
  readonly #onError: (error: unknown) => void;
  readonly #timers: Timer[];
  /** Blobs that no row names yet: uploads in flight. */
  readonly #pending = new Set<string>();
  #collecting: Promise<void> | undefined;
  #again = false;
  #held: Timer | undefined;
  /** Something was left because it was being read. */
  #left = false;
  #sweeping: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(metadata: Metadata, blobs: Blobs, cache: ObjectCache, pins: Pins, onError: (error: unknown) => void) {
    this.#metadata = metadata;
    this.#blobs = blobs;
    this.#cache = cache;
    this.#pins = pins;
    pins.onRelease(() => {
      if (this.#left) this.collect();
    });
    this.#onError = onError;
    const sweep = () => void this.sweep(orphanMs).catch(onError);
    this.#timers = [after(0, sweep), every(sweepMs, sweep)];
    this.collect();
  }

  /** An upload has begun: its blob must not be taken for an orphan until settle(). */
  expect(blob: string): void {
    this.#pending.add(blob);
  }

  /** The row of the blob is written, or the blob is gone or given up. */
  settle(blob: string): void {
    this.#pending.delete(blob);
  }

  /** Starts removing what the garbage table lists; returns at once. */
  collect(): void {
    if (this.#closed) return;
    if (this.#collecting) {
      this.#again = true;
      return;
    }
    this.#collecting = this.#collect()
      .catch((error: unknown) => {
        this.#onError(error);
        this.#again = false;
        this.#timers.push(after(retryMs, () => this.collect()));
      })
      .finally(() => {
        this.#collecting = undefined;
        if (this.#again) {
          this.#again = false;
          this.collect();
        }
      });
  }

  async #collect(): Promise<void> {
    this.#left = false;
    let last = '';
    while (!this.#closed) {
      if (!this.#blobs.removable()) {
        this.#held?.cancel();
        this.#held = after(heldMs, () => this.collect());
        return;
      }
      const rows = this.#metadata.all<GarbageRow>(selectGarbage, [last, batch]);
      if (rows.length === 0) return;
      last = (rows.at(-1) as GarbageRow).blob;
      // The write that discarded a blob may not have been acknowledged here yet: readers must not be led to it any more.
      for (const { bucket, key } of rows) this.#cache.forget(bucket, key);
      const removed = await Promise.all(rows.map(({ blob }) => this.#remove(blob)));
      const steps = rows.flatMap(({ blob }, i) => (removed[i] ? [{ sql: 'delete from garbage where blob = ?', params: [blob] }] : []));
      if (steps.length > 0) await this.#metadata.write(steps);
    }
  }

  /** Removes one blob, or all that a list of blobs names; false when some of it is being read. */
  async #remove(blob: string): Promise<boolean> {
    const pieces = this.#metadata.all<Piece>(selectPieces, [blob]);
    if (this.#pins.held(blob) || pieces.some((piece) => this.#pins.held(piece.blob))) {
      this.#left = true;
      return false;
    }
    if (pieces.length === 0) {
      await this.#blobs.remove(blob);
      return true;
    }
    for (let at = 0; at < pieces.length; at += batch) {
      await Promise.all(pieces.slice(at, at + batch).map((piece) => this.#blobs.remove(piece.blob)));
    }
    await this.#metadata.write([{ sql: 'delete from pieces where owner = ?', params: [blob] }]);
    return true;
  }

  /** Resolves when everything discarded so far is removed. */
  async settled(): Promise<void> {
    while (this.#collecting) await this.#collecting;
  }

  /** Removes orphans older than that; one sweep at a time. */
  sweep(olderThanMs: number): Promise<number> {
    const sweep = this.#sweeping.then(() => this.#blobs.sweep((blob) => this.#isKnown(blob), olderThanMs));
    this.#sweeping = sweep.catch(() => undefined);
    return sweep;
  }

  #isKnown(blob: string): boolean {
    if (this.#closed || this.#pending.has(blob)) return true;
    return this.#metadata.get(selectBlobUse, [blob, blob, blob, blob]) !== undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    this.#held?.cancel();
    await this.settled();
    await this.#sweeping;
  }
}
