import { monotonic } from '../kit/index.ts';

/** Starts that may fail one after another before the next one has to wait. */
const free = 3;
const firstWaitMs = 200;
const longestWaitMs = 30_000;

/** Starts that failed one after another: from the third on, the next one waits, each time twice as long, up to half a minute. */
export class CrashLoop {
  #failures = 0;
  #until = 0;
  #last: unknown;

  failed(error: unknown): void {
    this.#failures++;
    this.#last = error;
    if (this.#failures >= free) this.#until = monotonic() + Math.min(longestWaitMs, firstWaitMs * 2 ** (this.#failures - free));
  }

  /** An instance did its work: what failed before is forgotten. */
  worked(): void {
    this.#failures = 0;
    this.#until = 0;
    this.#last = undefined;
  }

  /** Milliseconds until a start may be tried; 0 when it may be tried now. */
  get waitMs(): number {
    return this.#failures < free ? 0 : Math.max(0, this.#until - monotonic());
  }

  /** Why the last start failed. */
  get last(): unknown {
    return this.#last;
  }
}
