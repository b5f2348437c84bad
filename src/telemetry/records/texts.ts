import type { Arena } from '../../kit/index.ts';

/** Text that JSON writes as it is. */
const plain = /^[ !#-[\]-~]*$/;

/** Adds the JSON of a text. */
export function addQuoted(arena: Arena, text: string): Arena {
  return plain.test(text) ? arena.add('"').add(text).add('"') : arena.add(JSON.stringify(text));
}

/** Milliseconds with two digits behind the point. */
export function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
