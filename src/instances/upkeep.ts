import { after, monotonic, type Timer } from '../kit/index.ts';
import type { Crew, Instance } from './crew.ts';

/** When to look again whether a provisioned instance can be started, milliseconds. */
const retryMs = 1_000;

export interface UpkeepOptions {
  crew: Crew;
  idleTimeoutMs: number;
  /** Instances that are to be kept warm. */
  kept: () => number;
  /** Instances that there are, without those on their way out. */
  holding: () => number;
  /** Starts one instance; false when the limit of all functions is reached. */
  start: () => boolean;
  /** Milliseconds until a start may be tried. */
  waitMs: () => number;
  discard: (instance: Instance) => void;
}

/** How many instances of a revision there are while nobody calls it: idle ones end after their time, provisioned ones are started and replaced. */
export class Upkeep {
  readonly #options: UpkeepOptions;
  #reaper: Timer | undefined;
  #retry: Timer | undefined;
  #ended = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** Starts what is to be kept warm and is not there; again and again as long as it fails, with pauses. */
  keepWarm(): void {
    const { kept, holding, start, waitMs } = this.#options;
    if (this.#retry || this.#ended) return;
    while (holding() < kept()) {
      const wait = waitMs();
      if (wait === 0 && start()) continue;
      this.#retry = after(wait || retryMs, () => {
        this.#retry = undefined;
        this.keepWarm();
      });
      return;
    }
  }

  /** Sees to it that what is idle now ends when its time is over. */
  reap(): void {
    const { crew, idleTimeoutMs, discard } = this.#options;
    const first = crew.oldestIdle;
    if (this.#reaper || this.#ended || !first || !this.#isSpare()) return;
    this.#reaper = after(Math.max(1, first.idleSince + idleTimeoutMs - monotonic()), () => {
      this.#reaper = undefined;
      const limit = monotonic() - idleTimeoutMs;
      for (let oldest = crew.oldestIdle; oldest && oldest.idleSince <= limit && this.#isSpare(); oldest = crew.oldestIdle) discard(oldest);
      this.reap();
    });
  }

  /** Does nothing any more. */
  end(): void {
    this.#ended = true;
    this.#reaper?.cancel();
    this.#retry?.cancel();
  }

  #isSpare(): boolean {
    return this.#options.holding() > this.#options.kept();
  }
}
