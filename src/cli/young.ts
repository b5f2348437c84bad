import { constants, type NodeGCPerformanceDetail, PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Both halves. The requests at work fit into one: with less they are copied and kept too long, with more what waits outside the heap piles up. */
const youngBytes = 8 * 2 ** 20;
/** It has this size after a few rounds, or V8 does not do what it is told. */
const mostRounds = 100;
const objectsARound = 20_000;

/** A collection, as it is observed. */
interface Collection {
  readonly detail: NodeGCPerformanceDetail;
}

/** Bytes that it has now. */
function youngGeneration(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? youngBytes;
}

function letGrow(grows: boolean): void {
  setFlagsFromString(`--semi-space-growth-factor=${grows ? 2 : 1}`);
}

/**
 * Gives V8's young generation the size that it keeps while there is work. A running V8 takes no size: it is made to grow by use, and held there. In a
 * server with nothing to do V8 takes it back; then it may grow again with the next work.
 * @returns ends the watch
 */
export function keepYoungGeneration(): () => void {
  letGrow(true);
  for (let round = 0; round < mostRounds && youngGeneration() < youngBytes; round++) fill();
  letGrow(false);
  let grows = false;
  const watch = new PerformanceObserver((list) => {
    // Only a full collection makes it smaller.
    const wasFull = (list.getEntries() as unknown as Collection[]).some(
      ({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR,
    );
    if (!wasFull && !grows) return;
    const isSmall = youngGeneration() < youngBytes;
    if (isSmall !== grows) letGrow(isSmall);
    grows = isSmall;
  });
  watch.observe({ entryTypes: ['gc'] });
  return () => watch.disconnect();
}

/** Allocates what lives long enough to be worth a larger space. */
function fill(): { at: number }[] {
  const kept = [];
  for (let at = 0; at < objectsARound; at++) kept.push({ at });
  return kept;
}
