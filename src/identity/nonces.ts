import { createHash } from 'node:crypto';
import { Fault } from '../faults/index.ts';

/** Requests are accepted 15 minutes before and after their date. */
const skewMs = 15 * 60_000;
const bucketMs = 10_000;

/**
 * Remembers every accepted nonce while its request's date could still be accepted. Memory is bounded: under pressure the oldest dates are
 * forgotten, and requests as old as those are refused from then on instead of being accepted twice.
 */
export class Nonces {
  readonly #capacity: number;
  /** By date, in steps of ten seconds. */
  readonly #buckets = new Map<number, Set<string>>();
  #size = 0;
  #forgottenUpTo = 0;

  constructor(capacity = 500_000) {
    this.#capacity = capacity;
  }

  /**
   * Accepts a verified request once.
   * @param date of the request, epoch milliseconds
   * @throws Fault SignatureNonceUsed, InvalidArgument (nonce too long), RequestTimeTooSkewed (as old as what was forgotten)
   */
  accept(accessKeyId: string, nonce: string, date: number, now: number): void {
    if (nonce.length > 256) throw new Fault('InvalidArgument', 'x-acs-signature-nonce may have at most 256 characters.');
    const at = Math.floor(date / bucketMs);
    if (at <= this.#forgottenUpTo)
      throw new Fault('RequestTimeTooSkewed', 'The request is too old to be told from a repeated one. Sign it again.');
    const bucket = this.#buckets.get(at) ?? new Set<string>();
    // Half a digest in one-byte characters takes the least memory that is still unforgeable.
    const id = createHash('sha256').update(`${accessKeyId}\n${nonce}`).digest().toString('latin1', 0, 16);
    if (bucket.has(id)) throw new Fault('SignatureNonceUsed');
    if (bucket.size === 0) {
      this.#buckets.set(at, bucket);
      this.#forgetExpired(Math.floor((now - skewMs) / bucketMs));
    }
    bucket.add(id);
    this.#size += 1;
    if (this.#size > this.#capacity) this.#forgetOldest();
  }

  /** Nonces remembered now. */
  get size(): number {
    return this.#size;
  }

  #forgetExpired(before: number): void {
    for (const [at, bucket] of this.#buckets) {
      if (at >= before) continue;
      this.#buckets.delete(at);
      this.#size -= bucket.size;
    }
  }

  #forgetOldest(): void {
    const oldest = Math.min(...this.#buckets.keys());
    this.#size -= this.#buckets.get(oldest)?.size ?? 0;
    this.#buckets.delete(oldest);
    this.#forgottenUpTo = Math.max(this.#forgottenUpTo, oldest);
  }
}
