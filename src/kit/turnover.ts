/** Where a value stands while it is there. */
interface Box<V> {
  value: V | undefined;
}

/**
 * A map for what comes and goes all the time, in the order in which it came. V8 makes the table of a Map anew when enough was deleted, and the old table
 * names the new one: once an old one is in the old generation, all that ever stood in a later one lives until the next full collection. Here tables hold boxes, which are
 * emptied.
 */
export class Turnover<K extends string | number, V extends object> {
  readonly #boxes = new Map<K, Box<V>>();

  get size(): number {
    return this.#boxes.size;
  }

  /** The value that came first of those that are there. */
  get first(): V | undefined {
    return this.#boxes.values().next().value?.value;
  }

  has(key: K): boolean {
    return this.#boxes.has(key);
  }

  get(key: K): V | undefined {
    return this.#boxes.get(key)?.value;
  }

  /** Puts a value in the place of an older one, or behind all others. */
  set(key: K, value: V): void {
    const box = this.#boxes.get(key);
    if (box) box.value = value;
    else this.#boxes.set(key, { value });
  }

  delete(key: K): boolean {
    const box = this.#boxes.get(key);
    if (!box) return false;
    box.value = undefined;
    return this.#boxes.delete(key);
  }

  clear(): void {
    for (const key of this.#boxes.keys()) this.delete(key);
  }

  *values(): Generator<V> {
    for (const { value } of this.#boxes.values()) if (value !== undefined) yield value;
  }
}
