import { constants, type NodeGCPerformanceDetail, PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Both halves. The requests at work fit into one: with less they are copied and kept too long, with more what waits outside the heap piles up. */
const youngBytes = 8 * 2 ** 20;
/** Where many requests wait, most of them outlive two collections and are kept for long. Then it may grow up to this. */
const mostBytes = 64 * 2 ** 20;
/** It is too small when more than this share of what was allocated is kept for long, over so many collections. */
const keptShare = 1 / 20;
const keptRounds = 8;
/** It has this size after a few rounds, or V8 does not do what it is told. */
const mostRounds = 100;
const objectsARound = 20_000;

/** A collection, as it is observed. */
interface Collection {
  readonly detail: NodeGCPerformanceDetail;
}

/** Bytes that it has now, both halves, and bytes of what is kept for long. */
function sizes(): { young: number; old: number } {
  const spaces = getHeapSpaceStatistics();
  const young = spaces.find(({ space_name }) => space_name === 'new_space')?.space_size ?? youngBytes;
  return { young, old: spaces.find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0 };
}

function letGrow(grows: boolean): void {
  setFlagsFromString(`--semi-space-growth-factor=${grows ? 2 : 1}`);
}

/** Of both halves. How much may wait outside the heap until it is collected goes by this, too. */
function letGrowTo(bytes: number): void {
  setFlagsFromString(`--scavenger-max-new-space-capacity-mb=${bytes / 2 ** 21}`);
}

/**
 * Gives V8's young generation the size that it keeps while there is work. A running V8 takes no size: it is made to grow by use, and held there. In a
 * server with nothing to do V8 takes it back; then it may grow again with the next work.
 * @returns ends the watch
 */
export function keepYoungGeneration(): () => void {
  letGrow(true);
  for (let round = 0; round < mostRounds && sizes().young < youngBytes; round++) fill();
  letGrow(false);
  const kept = new Kept(sizes().old);
  let size = sizes().young;
  let wanted = youngBytes;
  let grows = false;
  const watch = new PerformanceObserver((list) => {
    const { young, old } = sizes();
    const collections = list.getEntries() as unknown as Collection[];
    const wasFull = collections.some(({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR);
    const [before, wasYoung] = [wanted, size];
    size = young;
    // Only a full collection makes it smaller, by half or more; a page more or less is nothing.
    if (wasFull && young < (3 / 4) * wasYoung) wanted = Math.max(youngBytes, 2 ** Math.round(Math.log2(young)));
    const share = kept.add(old, wasFull, (collections.length * young) / 2);
    if (share > keptShare && young >= wanted && wanted < mostBytes) wanted *= 2;
    if (wanted !== before) letGrowTo(wanted);
    const isSmall = young < wanted;
    if (isSmall !== grows) letGrow(isSmall);
    grows = isSmall;
  });
  watch.observe({ entryTypes: ['gc'] });
  return () => watch.disconnect();
}

/** How much of what is allocated is kept for long. */
class Kept {
  #old: number;
  #kept = 0;
  #allocated = 0;
  #rounds = 0;

  /** @param old bytes of what was kept so far */
  constructor(old: number) {
    this.#old = old;
  }

  /**
   * @param old bytes of what is kept for long
   * @param wasFull some of that went
   * @param allocated bytes since the last time
   * @returns the share, after enough rounds; else 0
   */
  add(old: number, wasFull: boolean, allocated: number): number {
    if (!wasFull) {
      this.#kept += old - this.#old;
      this.#allocated += allocated;
      this.#rounds += 1;
    }
    this.#old = old;
    if (this.#rounds < keptRounds) return 0;
    const share = this.#kept / this.#allocated;
    this.#kept = this.#allocated = this.#rounds = 0;
    return share;
  }
}

/** Allocates what lives long enough to be worth a larger space. */
function fill(): { at: number }[] {
  const kept = [];
  for (let at = 0; at < objectsARound; at++) kept.push({ at });
  return kept;
}
