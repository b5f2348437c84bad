export interface LruOptions<V> {
  /** Most weight held at once, in whatever unit `weigh` counts. */
  maxWeight: number;
  /** Weight of a value; 1 when left out, so that maxWeight counts entries. */
  weigh?: (value: V) => number;
}

interface Entry<V> {
  value: V;
  weight: number;
  /** Read since it was last looked at for eviction. */
  used: boolean;
}

/** This part of what a full cache may hold goes at once: whoever looks for the oldest entry of a Map passes by all that were deleted before it. */
const evictedShare = 1 / 64;

/**
 * A cache that forgets what was not used for long when it gets too heavy (second chance: an entry that was read since its last turn gets another
 * one). A read only marks its entry, because reads are many and evictions few.
 */
export class Lru<V> {
  readonly #maxWeight: number;
  readonly #weigh: (value: V) => number;
  readonly #entries = new Map<string, Entry<V>>();
  #weight = 0;

  constructor({ maxWeight, weigh = () => 1 }: LruOptions<V>) {
    this.#maxWeight = maxWeight;
    this.#weigh = weigh;
  }

  /** The value, which thereby counts as used. */
  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    entry.used = true;
    return entry.value;
  }

  /** Stores a value. One heavier than the whole cache is not kept, and the older value of its key goes. */
  set(key: string, value: V): void {
    this.delete(key);
    const weight = this.#weigh(value);
    if (weight > this.#maxWeight) return;
    this.#entries.set(key, { value, weight, used: false });
    this.#weight += weight;
    if (this.#weight > this.#maxWeight) this.#evict(key);
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#weight -= entry.weight;
  }

  clear(): void {
    this.#entries.clear();
    this.#weight = 0;
  }

  /** A Map iterates in insertion order: an entry with a second chance goes to the end, and is met again when all others were. */
  #evict(newest: string): void {
    const most = this.#maxWeight - Math.floor(this.#maxWeight * evictedShare);
    for (const [key, entry] of this.#entries) {
      // The newest may be as heavy as all that may be held.
      if (this.#weight <= most || this.#entries.size === 1) return;
      if (!entry.used && key !== newest) {
        this.delete(key);
        continue;
      }
      entry.used = false;
      this.#entries.delete(key);
      this.#entries.set(key, entry);
    }
  }
}
