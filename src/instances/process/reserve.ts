import { after, now, type Timer } from '../../kit/index.ts';

/** The next process is made warm when the last one has served for so long, milliseconds: the first request has the machine to itself. */
const quietMs = 100;
/** A warm process whose credentials end sooner is not used, milliseconds. */
const leastLifeMs = 3_600_000;

/** A process that can wait to become an instance. */
export interface Warm {
  /** Epoch milliseconds at which the credentials in its environment end. */
  readonly goodUntil: number;
  kill(): void;
}

/** Bounds the warm processes that wait at once, over all functions: the one that has waited longest gives way. */
export class Waiting {
  readonly #limit: number;
  readonly #reserves = new Set<{ cool(): void }>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(reserve: { cool(): void }): void {
    this.#reserves.add(reserve);
    const [oldest] = this.#reserves;
    if (this.#reserves.size > this.#limit) oldest?.cool();
  }

  delete(reserve: { cool(): void }): void {
    this.#reserves.delete(reserve);
  }
}

export interface ReserveOptions<P extends Warm> {
  waiting: Waiting;
  spawn: () => P;
  /** Whether another process may be started at all. */
  mayGrow: () => boolean;
  /** The longest that a call may last, milliseconds: the credentials must outlive it. */
  timeoutMs: number;
  /** What must be there before a process is started for later. */
  before?: (() => Promise<void>) | undefined;
  /** Hears that one waits now. */
  filled?: (() => void) | undefined;
}

/** The one process of a function revision that waits, warm, to become its next instance. */
export class Reserve<P extends Warm> {
  readonly #options: ReserveOptions<P>;
  #spare: P | undefined;
  #refill: Timer | undefined;
  #closed = false;

  constructor(options: ReserveOptions<P>) {
    this.#options = options;
  }

  get spare(): P | undefined {
    return this.#spare;
  }

  /** The process that waits, if its credentials last long enough. */
  take(): P | undefined {
    const spare = this.#spare;
    if (!spare) return undefined;
    if (spare.goodUntil < now() + this.#options.timeoutMs + leastLifeMs) {
      this.cool();
      return undefined;
    }
    this.#leave();
    return spare;
  }

  /** Starts the process that will wait, unless there is one. */
  fill(): void {
    if (this.#closed || this.#spare || !this.#options.mayGrow()) return;
    this.#spare = this.#options.spawn();
    this.#options.waiting.add(this);
    this.#options.filled?.();
  }

  /** The same, a moment later. */
  fillSoon(): void {
    if (this.#closed || this.#spare) return;
    this.#refill?.cancel();
    this.#refill = after(quietMs, () => {
      const { before } = this.#options;
      if (before) void before().then(() => this.fill());
      else this.fill();
    });
  }

  /** Is told that a process has ended; whether it was the one that waited. */
  lost(process: P): boolean {
    if (this.#spare !== process) return false;
    this.#leave();
    return true;
  }

  /** Gives up the process that waits. */
  cool(): void {
    const spare = this.#spare;
    this.#leave();
    spare?.kill();
  }

  /** Gives it up for good. */
  close(): void {
    this.#closed = true;
    this.#refill?.cancel();
    this.cool();
  }

  get closed(): boolean {
    return this.#closed;
  }

  #leave(): void {
    this.#options.waiting.delete(this);
    this.#spare = undefined;
  }
}
