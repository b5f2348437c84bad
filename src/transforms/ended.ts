import type { ExchangeState } from './exchange.ts';

const states: readonly ExchangeState[] = ['waiting', 'answering', 'abandoned', 'done', 'failed', 'timed-out'];
/** A request id has 24. */
const idCharacters = 32;

/** How an exchange ended, and for which request. */
export interface Ended {
  readonly state: ExchangeState;
  readonly requestId: string;
}

/**
 * The tokens whose exchange is over, as many as were the last: so a second use is told from a forged token. They are known by 64 bits of their digest
 * and lie outside the heap, since every transform leaves one (docs/decisions/0023-what-v8-keeps.md).
 */
export class EndedTokens {
  readonly #most: number;
  readonly #keys: Uint32Array;
  /** For each: its state, counted from 1, the length of its request id, and that. */
  readonly #rest: Buffer;
  #next = 0;

  constructor(most: number) {
    this.#most = most;
    this.#keys = new Uint32Array(2 * most);
    this.#rest = Buffer.alloc((2 + idCharacters) * most);
  }

  /** Remembers one in the place of the oldest. @param requestId of latin1 letters; at most 32 of them are kept */
  add(digest: string, state: ExchangeState, requestId: string): void {
    const at = this.#next;
    this.#next = (at + 1) % this.#most;
    this.#keys[2 * at] = half(digest, 0);
    this.#keys[2 * at + 1] = half(digest, halfLetters);
    const start = at * (2 + idCharacters);
    this.#rest[start] = states.indexOf(state) + 1;
    this.#rest[start + 1] = this.#rest.write(requestId, start + 2, idCharacters, 'latin1');
  }

  /** It looks at all of them: whoever asks has used a token that is good for nothing. */
  find(digest: string): Ended | undefined {
    const [low, high] = [half(digest, 0), half(digest, halfLetters)];
    for (let at = 0; at < this.#most; at += 1) {
      if (this.#keys[2 * at] !== low || this.#keys[2 * at + 1] !== high) continue;
      const start = at * (2 + idCharacters);
      const state = states[(this.#rest[start] as number) - 1];
      const end = start + 2 + (this.#rest[start + 1] as number);
      return state && { state, requestId: this.#rest.toString('latin1', start + 2, end) };
    }
    return undefined;
  }
}

/** Six letters of base64 hold 36 bits. */
const halfLetters = 6;

/** 32 bits of the letters from there on. Of a digest no letter can be chosen, so that any way to join them will do. */
function half(digest: string, from: number): number {
  let bits = 0;
  for (let at = from; at < from + halfLetters; at += 1) bits = Math.imul(bits, 61) + digest.charCodeAt(at);
  return bits >>> 0;
}
