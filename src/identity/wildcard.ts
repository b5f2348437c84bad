/** Says whether the whole text fits a pattern. */
export type Matcher = (text: string) => boolean;

/** Counts the elementary steps of a matcher, so that its growth can be measured without a clock. */
export interface Meter {
  steps: number;
}

const anyOne = -1;

/** A run of characters between two stars; `?` is `anyOne`. */
type Chunk = readonly number[];

/** Finds the first place at or after `from`, ending at or before `to`, where its chunk fits; answers the place behind it, or -1. */
type Search = (text: readonly number[], from: number, to: number) => number;

/**
 * Compiles a wildcard pattern: `*` stands for any run of characters (also none), `?` for exactly one character (a code point).
 * Every other character stands for itself; there is no escape.
 *
 * A match takes one pass over the text: each character costs one step for every 32 characters of the chunk that is being
 * looked for (Shift-And), whatever the text holds, so no text can make it backtrack.
 */
export function compileWildcard(pattern: string, meter?: Meter): Matcher {
  if (!pattern.includes('?') && meter === undefined) {
    const simple = compileSimple(pattern);
    if (simple) return simple;
  }
  const chunks = pattern.split('*').map((chunk) => Array.from(chunk, (c) => (c === '?' ? anyOne : (c.codePointAt(0) as number))));
  const head = chunks[0] as Chunk;
  if (chunks.length === 1) {
    return (text) => {
      const points = codePoints(text);
      return points.length === head.length && fits(head, points, 0, meter);
    };
  }
  const tail = chunks[chunks.length - 1] as Chunk;
  const middle = chunks.slice(1, -1).filter((chunk) => chunk.length > 0);
  const searches = middle.map((chunk) => compileSearch(chunk, meter));
  const least = head.length + tail.length + middle.reduce((sum, chunk) => sum + chunk.length, 0);
  return (text) => {
    const points = codePoints(text);
    if (points.length < least) return false;
    const end = points.length - tail.length;
    if (!fits(head, points, 0, meter) || !fits(tail, points, end, meter)) return false;
    let at = head.length;
    for (const search of searches) {
      at = search(points, at, end);
      if (at < 0) return false;
    }
    return true;
  };
}

/** Patterns with at most one star need no more than the string's own comparisons. */
function compileSimple(pattern: string): Matcher | undefined {
  const star = pattern.indexOf('*');
  if (star < 0) return (text) => text === pattern;
  if (pattern.indexOf('*', star + 1) >= 0) return undefined;
  if (pattern.length === 1) return () => true;
  const head = pattern.slice(0, star);
  const tail = pattern.slice(star + 1);
  if (tail === '') return (text) => text.startsWith(head);
  return (text) => text.length >= head.length + tail.length && text.startsWith(head) && text.endsWith(tail);
}

function codePoints(text: string): number[] {
  return Array.from(text, (c) => c.codePointAt(0) as number);
}

function fits(chunk: Chunk, text: readonly number[], at: number, meter: Meter | undefined): boolean {
  for (let i = 0; i < chunk.length; i++) {
    if (meter) meter.steps++;
    if (chunk[i] !== anyOne && chunk[i] !== text[at + i]) return false;
  }
  return true;
}

/** Shift-And (Baeza-Yates and Gonnet, 1992): bit i of the state says that the chunk's first i+1 characters end here. */
function compileSearch(chunk: Chunk, meter: Meter | undefined): Search {
  const words = Math.ceil(chunk.length / 32);
  const anywhere = new Uint32Array(words);
  const masks = new Map<number, Uint32Array>();
  for (const point of chunk) if (point !== anyOne) masks.set(point, new Uint32Array(words));
  chunk.forEach((point, i) => {
    const bit = 1 << (i & 31);
    if (point === anyOne) {
      anywhere[i >> 5]! |= bit;
      for (const mask of masks.values()) mask[i >> 5]! |= bit;
    } else {
      masks.get(point)![i >> 5]! |= bit;
    }
  });
  const done = 1 << ((chunk.length - 1) & 31);
  return (text, from, to) => {
    const state = new Uint32Array(words);
    for (let at = from; at < to; at++) {
      const mask = masks.get(text[at] as number) ?? anywhere;
      let carry = 1;
      for (let w = 0; w < words; w++) {
        if (meter) meter.steps++;
        const old = state[w] as number;
        state[w] = ((old << 1) | carry) & (mask[w] as number);
        carry = old >>> 31;
      }
      if (((state[words - 1] as number) & done) !== 0) return at + 1;
    }
    return -1;
  };
}
