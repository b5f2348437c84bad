import { monotonic } from '../kit/index.ts';

/** What a function is given it keeps at least for this time, milliseconds, also where others wait. */
export const turnMs = 250;

/** What the share sees of the pool of one function revision. */
export interface Claimant {
  /** Instances, without those on their way out. */
  readonly holding: number;
  /** Instances on their way out, or told to go when their work is done. */
  readonly leaving: number;
  /** Instances that its waiting calls lack. */
  readonly missing: number;
  /** Instances that it is to keep warm. */
  readonly kept: number;
  /** Monotonic milliseconds since when the longest idle instance that it may lose has been idle. */
  readonly oldestIdle: number | undefined;
  /** Ends the instance that has been idle longest. */
  evict(): void;
  /** Ends the next instance that has done its work. */
  yieldOne(): void;
  /** Starts what its waiting calls lack, as far as the limits allow. */
  grow(): void;
}

/**
 * The limit on instances of all functions together. When it is reached, the function that has been idle longest gives way; where none is idle,
 * a function that has more than the asker gives one up as soon as it has done its work, so that a busy function never starves another. A freed
 * place goes to the function that holds least, and among equals to the one whose turn was longest ago.
 */
export class Share {
  readonly max: number;
  readonly #claimants: () => Iterable<Claimant>;
  readonly #turns = new WeakMap<Claimant, number>();
  #used = 0;

  constructor(max: number, claimants: () => Iterable<Claimant>) {
    this.max = max;
    this.#claimants = claimants;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes one place; false when none is free, and then makes somebody give way. */
  take(asker: Claimant): boolean {
    if (this.#used >= this.max) {
      this.#makeRoom(asker);
      return false;
    }
    this.#used++;
    this.#turns.set(asker, monotonic());
    return true;
  }

  /** Gives one place back; whoever needs it most may take it at once. */
  give(): void {
    this.#used--;
    const hungry = [...this.#claimants()].filter((it) => it.missing > 0);
    hungry.sort((a, b) => a.holding - b.holding || this.#turn(a) - this.#turn(b));
    for (const claimant of hungry) claimant.grow();
  }

  /** Monotonic milliseconds at which it took its last place. */
  #turn(claimant: Claimant): number {
    return this.#turns.get(claimant) ?? 0;
  }

  #makeRoom(asker: Claimant): void {
    let [leaving, missing] = [0, 0];
    let idlest: Claimant | undefined;
    let largest: Claimant | undefined;
    for (const it of this.#claimants()) {
      leaving += it.leaving;
      missing += it.missing;
      if (it === asker) continue;
      if (it.oldestIdle !== undefined && it.oldestIdle < (idlest?.oldestIdle ?? Number.POSITIVE_INFINITY)) idlest = it;
      if (it.holding > it.kept && this.#isAhead(it, largest)) largest = it;
    }
    if (leaving >= Math.max(1, missing)) return;
    if (idlest) idlest.evict();
    else if (largest && asker.missing > 0 && this.#mustYield(largest, asker)) largest.yieldOne();
  }

  #isAhead(it: Claimant, other: Claimant | undefined): boolean {
    return other === undefined || it.holding > other.holding || (it.holding === other.holding && this.#turn(it) < this.#turn(other));
  }

  #mustYield(largest: Claimant, asker: Claimant): boolean {
    if (largest.holding > asker.holding + 1) return true;
    return asker.holding === 0 && largest.holding > 0 && monotonic() - this.#turn(largest) >= turnMs;
  }
}
