export interface LruOptions<V> {
  /** Most weight held at once, in whatever unit `weigh` counts. */
  maxWeight: number;
  /** Weight of a value; 1 when left out, so that maxWeight counts entries. */
  weigh?: (value: V) => number;
}

/** A cache that forgets the least recently used entries when it gets too heavy. */
export class Lru<V> {
  readonly #maxWeight: number;
  readonly #weigh: (value: V) => number;
  readonly #entries = new Map<string, { value: V; weight: number }>();
  #weight = 0;

  constructor({ maxWeight, weigh = () => 1 }: LruOptions<V>) {
    this.#maxWeight = maxWeight;
    this.#weigh = weigh;
  }

  /** The value, which thereby becomes the most recently used. */
  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    // A Map iterates in insertion order: moved to the end means used last.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Stores a value. One heavier than the whole cache is not kept, and the older value of its key goes. */
  set(key: string, value: V): void {
    this.delete(key);
    const weight = this.#weigh(value);
    if (weight > this.#maxWeight) return;
    this.#entries.set(key, { value, weight });
    this.#weight += weight;
    for (const [oldest] of this.#entries) {
      if (this.#weight <= this.#maxWeight) break;
      this.delete(oldest);
    }
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
}
