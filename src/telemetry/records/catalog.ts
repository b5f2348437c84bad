import type { InvocationSummary } from './record.ts';
import type { Place } from './segments.ts';

/** Which records are wanted; all parts must fit. */
export interface InvocationFilter {
  /** An outcome, an HTTP status, or `failed` for all that were not answered. */
  readonly status?: string | undefined;
  readonly function?: string | undefined;
  readonly accessPoint?: string | undefined;
  /** Epoch milliseconds. */
  readonly since?: number | undefined;
}

/** A record that is kept, as memory knows it. */
export interface Entry {
  readonly summary: InvocationSummary;
  /** Which chain of files holds it. */
  readonly chain: number;
  readonly place: Place;
  /** What was learned after it was written. */
  more: Place[] | undefined;
  /** Counts records; negative for those from before the start. */
  readonly number: number;
}

/** Whether a record is one of those that are wanted. */
export function fits(summary: InvocationSummary, filter: InvocationFilter): boolean {
  const { status } = filter;
  if (status !== undefined) {
    const fitting = status === 'failed' && !['answered', 'running'].includes(summary.outcome);
    if (!fitting && status !== summary.outcome && status !== String(summary.status)) return false;
  }
  if (filter.function !== undefined && filter.function !== summary.function) return false;
  if (filter.accessPoint !== undefined && filter.accessPoint !== summary.accessPoint) return false;
  return filter.since === undefined || summary.at >= filter.since;
}

/** The records that are kept, by any of their request ids and by age. */
export class Catalog {
  /** Of each chain, oldest first. */
  readonly #chains: Entry[][];
  readonly #byId = new Map<string, Entry>();
  #next = 1;

  constructor(chains: number) {
    this.#chains = Array.from({ length: chains }, () => []);
  }

  add(summary: InvocationSummary, chain: number, place: Place): void {
    this.#keep({ summary, chain, place, more: undefined, number: this.#next++ });
  }

  #keep(entry: Entry): void {
    this.#chains[entry.chain]?.push(entry);
    this.#byId.set(entry.summary.id, entry);
    for (const id of entry.summary.answers) this.#byId.set(id, entry);
  }

  /** Puts records from before the start behind all others. */
  addOld(old: readonly Omit<Entry, 'number'>[]): void {
    const sorted = old.toSorted((a, b) => a.summary.at + a.summary.totalMs - (b.summary.at + b.summary.totalMs));
    const newer = this.#chains.map((entries) => entries.splice(0));
    for (const [i, entry] of sorted.entries()) this.#keep({ ...entry, number: i - sorted.length });
    for (const entries of newer) for (const entry of entries) this.#keep(entry);
  }

  get(id: string): Entry | undefined {
    return this.#byId.get(id);
  }

  /** Names a record by one more id. */
  alias(id: string, entry: Entry): void {
    this.#byId.set(id, entry);
  }

  /** Newest first. @param before number of the record to go on behind */
  list(filter: InvocationFilter, limit: number, before = Number.POSITIVE_INFINITY): { found: Entry[]; more: boolean } {
    const found: Entry[] = [];
    const at = this.#chains.map((entries) => entries.length - 1);
    for (;;) {
      let newest: Entry | undefined;
      for (const [chain, entries] of this.#chains.entries()) {
        const entry = entries[at[chain] ?? -1];
        if (entry && (newest === undefined || entry.number > newest.number)) newest = entry;
      }
      if (!newest) return { found, more: false };
      at[newest.chain] = (at[newest.chain] ?? 0) - 1;
      if (newest.number >= before || !fits(newest.summary, filter)) continue;
      if (found.length === limit) return { found, more: true };
      found.push(newest);
    }
  }

  /** The oldest records of a chain, as far as this file holds them. */
  #oldest(chain: number, segment: number): Entry[] {
    const entries = this.#chains[chain] ?? [];
    const end = entries.findIndex(({ place }) => place.segment !== segment);
    return entries.slice(0, end < 0 ? entries.length : end);
  }

  /** Forgets what the oldest file of a chain held. */
  forgetOldest(chain: number, segment: number): void {
    const gone = this.#oldest(chain, segment);
    this.#chains[chain]?.splice(0, gone.length);
    for (const entry of gone) {
      for (const id of [entry.summary.id, ...entry.summary.answers]) if (this.#byId.get(id) === entry) this.#byId.delete(id);
    }
  }

  /** Time of the newest record in the oldest file of a chain; undefined when it holds none. */
  newestOfOldest(chain: number, segment: number): number | undefined {
    let newest: number | undefined;
    for (const { summary } of this.#oldest(chain, segment)) newest = Math.max(newest ?? 0, summary.at);
    return newest;
  }

  countOf(chain: number): number {
    return this.#chains[chain]?.length ?? 0;
  }
}
