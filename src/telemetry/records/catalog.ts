import { type Indexed, type LinePlace, RecordPage, type Traits } from './page.ts';
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
  /** Which chain of files holds it. */
  readonly chain: number;
  readonly page: RecordPage;
  readonly row: number;
}

/** A record that was found in the files. */
export interface OldEntry {
  readonly indexed: Indexed;
  /** Epoch milliseconds. */
  readonly overAt: number;
  readonly place: LinePlace;
  readonly more: readonly Place[];
}

/** Whether a record is one of those that are wanted. */
export function fits(traits: Traits, filter: InvocationFilter): boolean {
  const { status } = filter;
  if (status !== undefined) {
    const fitting = status === 'failed' && !['answered', 'running'].includes(traits.outcome);
    if (!fitting && status !== traits.outcome && status !== String(traits.status)) return false;
  }
  if (filter.function !== undefined && filter.function !== traits.function) return false;
  if (filter.accessPoint !== undefined && filter.accessPoint !== traits.accessPoint) return false;
  return filter.since === undefined || traits.at >= filter.since;
}

/** The records that are kept, by any of their request ids and by age. Of each, memory has what lists are filtered by and where the rest of it lies. */
export class Catalog {
  /** Of each chain, oldest first: a page for each of its files that holds records. */
  readonly #chains: RecordPage[][];
  #next = 1;

  constructor(chains: number) {
    this.#chains = Array.from({ length: chains }, () => []);
  }

  add(indexed: Indexed, chain: number, place: LinePlace): Entry {
    const pages = this.#chains[chain] as RecordPage[];
    let page = pages.at(-1);
    if (page?.segment !== place.segment) {
      page = new RecordPage(place.segment);
      pages.push(page);
    }
    page.add(indexed, place, this.#next++);
    return { chain, page, row: page.count - 1 };
  }

  /** Adds what the files of each chain held at the start, in the order of the files. */
  addOld(chains: readonly (readonly OldEntry[])[]): void {
    const at = chains.map(() => 0);
    for (;;) {
      let [first, of]: [OldEntry | undefined, number] = [undefined, 0];
      for (const [chain, entries] of chains.entries()) {
        const entry = entries[at[chain] as number];
        if (entry && (first === undefined || entry.overAt < first.overAt)) [first, of] = [entry, chain];
      }
      if (!first) return;
      at[of] = (at[of] as number) + 1;
      const { page, row } = this.add(first.indexed, of, first.place);
      for (const place of first.more) page.addMore(row, place);
    }
  }

  /** The record that an id leads to, by a hash of it: who reads the record must look whether it is the one. */
  find(id: string): Entry | undefined {
    for (const [chain, pages] of this.#chains.entries()) {
      for (let i = pages.length - 1; i >= 0; i -= 1) {
        const page = pages[i] as RecordPage;
        const row = page.find(id);
        if (row !== undefined) return { chain, page, row };
      }
    }
    return undefined;
  }

  /** Newest first. @param before number of the record to go on behind */
  list(filter: InvocationFilter, limit: number, before = Number.POSITIVE_INFINITY): { found: Entry[]; more: boolean } {
    const found: Entry[] = [];
    const ends = this.#chains.map((pages, chain) => newestFirst(pages, chain, before));
    const heads = ends.map((end) => end.next().value);
    for (;;) {
      let newest: Entry | undefined;
      for (const entry of heads) if (entry && (!newest || numberOf(entry) > numberOf(newest))) newest = entry;
      if (!newest) return { found, more: false };
      heads[newest.chain] = ends[newest.chain]?.next().value;
      if (!fits(newest.page.traits(newest.row), filter)) continue;
      if (found.length === limit) return { found, more: true };
      found.push(newest);
    }
  }

  /** Forgets what the oldest file of a chain held. */
  forgetOldest(chain: number, segment: number): void {
    const pages = this.#chains[chain];
    if (pages?.[0]?.segment === segment) pages.shift();
  }

  /** Time of the newest record in the oldest file of a chain; undefined when it holds none. */
  newestOfOldest(chain: number, segment: number): number | undefined {
    const first = this.#chains[chain]?.[0];
    return first?.segment === segment ? first.newest : undefined;
  }

  countOf(chain: number): number {
    return (this.#chains[chain] ?? []).reduce((sum, { count }) => sum + count, 0);
  }
}

/** Counts records in the order in which they were kept. */
export function numberOf({ page, row }: Entry): number {
  return page.number(row);
}

function* newestFirst(pages: readonly RecordPage[], chain: number, before: number): Generator<Entry, undefined> {
  for (let i = pages.length - 1; i >= 0; i -= 1) {
    const page = pages[i] as RecordPage;
    if (page.number(0) >= before) continue;
    for (let row = page.count - 1; row >= 0; row -= 1) if (page.number(row) < before) yield { chain, page, row };
  }
  return undefined;
}
