/** Blobs that somebody reads who has not opened them yet: they are not removed before he is done. */
export class Pins {
  readonly #counts = new Map<string, number>();
  #released: () => void = () => {};

  /** Called whenever something may be removed again. */
  onRelease(released: () => void): void {
    this.#released = released;
  }

  /** Holds blobs until the returned function is called. */
  hold(blobs: readonly string[]): () => void {
    for (const blob of blobs) this.#counts.set(blob, (this.#counts.get(blob) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      for (const blob of blobs) this.#drop(blob);
      this.#released();
    };
  }

  #drop(blob: string): void {
    const count = (this.#counts.get(blob) ?? 0) - 1;
    if (count > 0) this.#counts.set(blob, count);
    else this.#counts.delete(blob);
  }

  held(blob: string): boolean {
    return this.#counts.has(blob);
  }
}
