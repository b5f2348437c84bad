import { type Kept, monotonic, now } from '../../kit/index.ts';
import { Catalog, type Entry, type InvocationFilter, numberOf } from './catalog.ts';
import type { Indexed, LinePlace } from './page.ts';
import { type InvocationDetail, type InvocationSummary, parseDetail } from './record.ts';
import { type Place, Segments } from './segments.ts';
import { addition, storedEntries, summaryIn } from './stored.ts';

export interface ArchiveLimits {
  /** Bytes of all files together; half of it is for failures. */
  readonly maxBytes: number;
  readonly maxRecords: number;
  /** A file whose newest record is older is removed, milliseconds. */
  readonly maxAgeMs: number;
}

/** Failures have files of their own. */
export const failedChain = 0;
export const plainChain = 1;
/** What is added to one record after it was written. */
const mostAdditions = 20;
const sweepMs = 60_000;
const largestSegment = 8 * 1024 * 1024;

/** A record as it goes into a file: its line, in two parts, and how many bytes of it are the summary. */
export interface Line extends Indexed {
  readonly summaryBytes: number;
  readonly parts: { text: Kept; end: Buffer | undefined };
}

/** The records on disk: two chains of files, what memory knows of them, and their bounds. One call of open, write, add and tidy at a time. */
export class Archive {
  readonly #limits: ArchiveLimits;
  readonly #chains: readonly [Segments, Segments];
  readonly #catalog = new Catalog(2);
  #sweptAt = 0;

  constructor(folder: string, limits: ArchiveLimits) {
    this.#limits = limits;
    const ofFile = {
      bytes: Math.min(largestSegment, Math.floor(limits.maxBytes / 16)),
      lines: Math.max(1, Math.floor(limits.maxRecords / 16)),
    };
    const chain = (name: string) => new Segments(folder, name, ofFile);
    this.#chains = [chain('failed'), chain('plain')];
  }

  /** Bytes of all files. */
  get bytes(): number {
    return this.#chains.reduce((sum, chain) => sum + chain.bytes, 0);
  }

  /** Finds what is there, and removes what is too much or too old. */
  async open(): Promise<void> {
    const [failed, plain] = this.#chains;
    this.#catalog.addOld([await storedEntries(failed), await storedEntries(plain)]);
    await this.#sweep();
  }

  async write(chain: number, lines: readonly Line[]): Promise<void> {
    const parts = lines.map((line) => line.parts);
    const lengths = parts.map(({ text, end }) => text.end - text.start + (end?.length ?? 0));
    const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + length, 0));
    let filled = 0;
    for (const { text, end } of parts) {
      filled += text.piece.copy(bytes, filled, text.start, text.end);
      if (end) filled += end.copy(bytes, filled);
    }
    const place = await (this.#chains[chain] as Segments).append(bytes, lines.length);
    let offset = place.offset;
    for (const [i, line] of lines.entries()) {
      const length = lengths[i] as number;
      this.#catalog.add(line, chain, { segment: place.segment, offset, length: length - 1, summary: line.summaryBytes });
      offset += length;
    }
  }

  /** Adds an attempt to a record that was written, unless it has many. @param answer request id of the attempt */
  async add({ id, text, answer }: { id: string; text: string; answer: string }): Promise<void> {
    const entry = this.#catalog.find(id);
    if (!entry || entry.page.more(entry.row).length >= mostAdditions) return;
    const line = Buffer.from(`${JSON.stringify({ add: id })}\t${text}\n`);
    const place = await (this.#chains[entry.chain] as Segments).append(line, 1);
    entry.page.addMore(entry.row, { ...place, length: line.length - 1 });
    if (answer !== '') entry.page.name(answer, entry.row);
  }

  /** Removes what is too much, and now and then what is too old. */
  async tidy(): Promise<void> {
    if (monotonic() - this.#sweptAt > sweepMs || this.#isFull()) await this.#sweep();
  }

  #isFull(): boolean {
    const { maxBytes, maxRecords } = this.#limits;
    return this.#chains.some((chain, number) => chain.bytes > maxBytes / 2 || this.#catalog.countOf(number) > maxRecords / 2);
  }

  /** Removes the oldest files until all bounds hold. */
  async #sweep(): Promise<void> {
    const { maxBytes, maxRecords, maxAgeMs } = this.#limits;
    this.#sweptAt = monotonic();
    for (const [number, chain] of this.#chains.entries()) {
      for (;;) {
        const [oldest] = chain.numbers;
        if (oldest === undefined) break;
        const newest = this.#catalog.newestOfOldest(number, oldest);
        const isOld = newest === undefined ? chain.numbers.length > 1 : newest < now() - maxAgeMs;
        const isWithin = chain.bytes <= maxBytes / 2 && this.#catalog.countOf(number) <= maxRecords / 2;
        if (!isOld && (isWithin || chain.numbers.length === 1)) break;
        await chain.removeOldest();
        this.#catalog.forgetOldest(number, oldest);
      }
    }
  }

  /** A record by any of its ids; undefined when none is kept. */
  async get(id: string): Promise<InvocationDetail | undefined> {
    const entry = this.#catalog.find(id);
    const chain = entry && this.#chains[entry.chain];
    const line = chain && (await chain.read(entry.page.place(entry.row)));
    if (!line) return undefined;
    const detail = parseDetail(line.toString());
    const added: InvocationDetail['attempts'][number][] = [];
    for (const place of entry.page.more(entry.row)) {
      const more = await chain.read(place);
      if (more) added.push(addition(more, detail.at));
    }
    // The catalog knows ids by their hashes.
    if (detail.id !== id && !detail.answers.includes(id) && !added.some(({ requestId }) => requestId === id)) return undefined;
    return added.length === 0 ? detail : { ...detail, attempts: [...detail.attempts, ...added] };
  }

  /** Name of the function that the record of an id is of; undefined when none is kept. */
  functionOf(id: string): string | undefined {
    const entry = this.#catalog.find(id);
    return entry?.page.traits(entry.row).function;
  }

  /** Summaries, newest first. @param before where the page before ended @returns with `next`, where this one did, when there are more */
  async list(filter: InvocationFilter, limit: number, before?: number): Promise<{ summaries: InvocationSummary[]; next?: number }> {
    const { found, more } = this.#catalog.list(filter, limit, before);
    const last = found.at(-1);
    const next = more && last ? { next: numberOf(last) } : {};
    const heads = new Map<Entry, Buffer | undefined>();
    for (const [chain, segments] of this.#chains.entries()) {
      const own = found.filter((entry) => entry.chain === chain);
      const lines = await segments.readAll(own.map(({ page, row }) => headPlace(page.place(row))));
      for (const [i, entry] of own.entries()) heads.set(entry, lines[i]);
    }
    const summaries = found.flatMap((entry) => {
      const summary = summaryIn(heads.get(entry)?.toString() ?? '');
      return summary && 'id' in summary ? summary : [];
    });
    return { summaries, ...next };
  }
}

function headPlace({ segment, offset, summary }: LinePlace): Place {
  return { segment, offset, length: summary };
}
