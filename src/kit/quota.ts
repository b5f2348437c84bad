import { monotonic } from './clock.ts';

/** What one name may have; 0, or left out, is no limit. */
export interface QuotaLimits {
  /** Requests at work at once. */
  readonly inFlight?: number | undefined;
  readonly requestsPerSecond?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
}

/** Why something is not admitted, and when to come again. */
export interface QuotaRefusal {
  readonly limit: keyof QuotaLimits;
  readonly value: number;
  /** Whole seconds, at least one. */
  readonly retryAfter: number;
}

/** Names that are remembered before those at rest are forgotten. */
const remembered = 10_000;
const none: QuotaLimits = Object.freeze({});
/** When a place at work becomes free nobody knows: come again soon. Seconds. */
const soon = 1;

/** A bucket that fills by `perSecond` tokens a second up to one second's worth. It may go into debt; nothing is admitted until that is paid. */
class Tokens {
  readonly #perSecond: number;
  #tokens: number;
  #at: number = monotonic();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = Math.max(1, perSecond);
  }

  get perSecond(): number {
    return this.#perSecond;
  }

  take(count: number): void {
    this.#fill();
    this.#tokens -= count;
  }

  /** Milliseconds until `least` tokens are there. */
  waitMs(least: number): number {
    this.#fill();
    return this.#tokens >= least ? 0 : ((least - this.#tokens) * 1000) / this.#perSecond;
  }

  get isFull(): boolean {
    this.#fill();
    return this.#tokens >= Math.max(1, this.#perSecond);
  }

  #fill(): void {
    const now = monotonic();
    this.#tokens = Math.min(Math.max(1, this.#perSecond), this.#tokens + ((now - this.#at) * this.#perSecond) / 1000);
    this.#at = now;
  }
}

interface Usage {
  inFlight: number;
  requests: Tokens | undefined;
  bytes: Tokens | undefined;
}

/** Counts what each name of one kind uses: requests at work, requests and bytes a second. No timers; a name at rest costs nothing. */
export class Quota {
  readonly #limits: QuotaLimits;
  readonly #usages = new Map<string, Usage>();

  constructor(limits: QuotaLimits = {}) {
    this.#limits = limits;
  }

  /** Whether any limit is set for names without limits of their own. */
  get isSet(): boolean {
    const { inFlight, requestsPerSecond, bytesPerSecond } = this.#limits;
    return Boolean(inFlight || requestsPerSecond || bytesPerSecond);
  }

  /** Why one more request under this name may not begin; undefined when it may. @param own limits of this name, where they are narrower than the common ones */
  refusal(name: string, own: QuotaLimits = none): QuotaRefusal | undefined {
    const { inFlight, requestsPerSecond, bytesPerSecond } = this.#of(own);
    const usage = this.#usages.get(name);
    if (!usage) return undefined;
    if (inFlight && usage.inFlight >= inFlight) return { limit: 'inFlight', value: inFlight, retryAfter: soon };
    const requests = requestsPerSecond ? tokensOf(usage.requests, requestsPerSecond)?.waitMs(1) : 0;
    if (requestsPerSecond && requests) return { limit: 'requestsPerSecond', value: requestsPerSecond, retryAfter: seconds(requests) };
    const bytes = bytesPerSecond ? tokensOf(usage.bytes, bytesPerSecond)?.waitMs(0) : 0;
    if (bytesPerSecond && bytes) return { limit: 'bytesPerSecond', value: bytesPerSecond, retryAfter: seconds(bytes) };
    return undefined;
  }

  /** Counts a request that begins; each needs its `leave`. */
  enter(name: string, own: QuotaLimits = none): void {
    const { requestsPerSecond, bytesPerSecond } = this.#of(own);
    let usage = this.#usages.get(name);
    if (!usage) {
      if (this.#usages.size >= remembered) this.#forgetRested();
      usage = { inFlight: 0, requests: undefined, bytes: undefined };
      this.#usages.set(name, usage);
    }
    usage.inFlight++;
    usage.requests = requestsPerSecond ? (tokensOf(usage.requests, requestsPerSecond) ?? new Tokens(requestsPerSecond)) : undefined;
    usage.bytes = bytesPerSecond ? (tokensOf(usage.bytes, bytesPerSecond) ?? new Tokens(bytesPerSecond)) : undefined;
    usage.requests?.take(1);
  }

  leave(name: string): void {
    const usage = this.#usages.get(name);
    if (!usage) return;
    usage.inFlight--;
    if (usage.inFlight <= 0 && !usage.requests && !usage.bytes) this.#usages.delete(name);
  }

  /** Counts bytes that were sent. @returns milliseconds until they are paid for; 0 without a limit */
  spend(name: string, bytes: number): number {
    const tokens = this.#usages.get(name)?.bytes;
    if (!tokens) return 0;
    tokens.take(bytes);
    return tokens.waitMs(0);
  }

  /** Names that are known. */
  get size(): number {
    return this.#usages.size;
  }

  #of(own: QuotaLimits): QuotaLimits {
    const common = this.#limits;
    if (own === none) return common;
    return {
      inFlight: narrower(own.inFlight, common.inFlight),
      requestsPerSecond: narrower(own.requestsPerSecond, common.requestsPerSecond),
      bytesPerSecond: narrower(own.bytesPerSecond, common.bytesPerSecond),
    };
  }

  #forgetRested(): void {
    for (const [name, { inFlight, requests, bytes }] of this.#usages) {
      if (inFlight <= 0 && requests?.isFull !== false && bytes?.isFull !== false) this.#usages.delete(name);
    }
  }
}

function narrower(own: number | undefined, common: number | undefined): number | undefined {
  return own && common ? Math.min(own, common) : own || common;
}

/** The bucket as long as its limit is still the same. */
function tokensOf(tokens: Tokens | undefined, perSecond: number): Tokens | undefined {
  return tokens?.perSecond === perSecond ? tokens : undefined;
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
