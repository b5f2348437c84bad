/** What is used of an AbortSignal. An AbortSignal is one; an Abort costs a tenth where every request brings one. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason: unknown;
  /** @throws the reason once it is aborted */
  throwIfAborted(): void;
  addEventListener(type: 'abort', listener: () => void, options?: { once: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** A signal together with its controller. Each listener is called once, in the order in which they came, within `abort`. */
export class Abort implements Signal {
  aborted = false;
  reason: unknown;
  #listeners: (() => void)[] = [];

  /** Tells every listener; only the first call counts. */
  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (let listener = this.#listeners.shift(); listener; listener = this.#listeners.shift()) listener();
  }

  /** @inheritdoc */
  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** @inheritdoc */
  addEventListener(_type: 'abort', listener: () => void): void {
    if (!this.aborted) this.#listeners.push(listener);
  }

  /** @inheritdoc */
  removeEventListener(_type: 'abort', listener: () => void): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }
}
