import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Both halves. The requests at work fit into one: with less they are copied and kept too long, with more what waits outside the heap piles up. */
const youngBytes = 8 * 2 ** 20;
/** It has this size after a few rounds, or V8 does not do what it is told. */
const mostRounds = 100;
const objectsARound = 20_000;

/** Bytes that it has now. */
function youngGeneration(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? youngBytes;
}

/** Gives V8's young generation the size that it keeps. A running V8 takes no size: it is made to grow by use, and held there. */
export function sizeYoungGeneration(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
  for (let round = 0; round < mostRounds && youngGeneration() < youngBytes; round++) fill();
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** Allocates what lives long enough to be worth a larger space. */
function fill(): { at: number }[] {
  const kept = [];
  for (let at = 0; at < objectsARound; at++) kept.push({ at });
  return kept;
}
