import { monotonic, now } from '../../kit/index.ts';
import { Catalog, type Entry, type InvocationFilter } from './catalog.ts';
import { type InvocationDetail, type InvocationSummary, parseDetail } from './record.ts';
import { Segments } from './segments.ts';
import { addition, storedEntries } from './stored.ts';

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

/** A record as it goes into a file: its line, in pieces. */
export interface Line {
  readonly summary: InvocationSummary;
  readonly pieces: readonly Buffer[];
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
    const old: Omit<Entry, 'number'>[] = [];
    for (const [chain, segments] of this.#chains.entries()) old.push(...(await storedEntries(segments, chain)));
    this.#catalog.addOld(old);
    await this.#sweep();
  }

  async write(chain: number, lines: readonly Line[]): Promise<void> {
    const pieces = lines.flatMap((line) => line.pieces);
    const { segment, offset: first } = await (this.#chains[chain] as Segments).append(Buffer.concat(pieces), lines.length);
    let offset = first;
    for (const line of lines) {
      const length = line.pieces.reduce((sum, piece) => sum + piece.length, 0);
      this.#catalog.add(line.summary, chain, { segment, offset, length: length - 1 });
      offset += length;
    }
  }

  /** Adds an attempt to a record that was written, unless it has many. @param answer request id of the attempt */
  async add({ id, text, answer }: { id: string; text: string; answer: string }): Promise<void> {
    const entry = this.#catalog.get(id);
    if (!entry || (entry.more?.length ?? 0) >= mostAdditions) return;
    const line = Buffer.from(`${JSON.stringify({ add: id })}\t${text}\n`);
    const place = await (this.#chains[entry.chain] as Segments).append(line, 1);
    entry.more ??= [];
    entry.more.push({ ...place, length: line.length - 1 });
    if (answer !== '') this.#catalog.alias(answer, entry);
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
    const entry = this.#catalog.get(id);
    const chain = entry && this.#chains[entry.chain];
    const line = chain && (await chain.read(entry.place));
    if (!line) return undefined;
    const detail = parseDetail(line.toString());
    const added: InvocationDetail['attempts'][number][] = [];
    for (const place of entry.more ?? []) {
      const more = await chain.read(place);
      if (more) added.push(addition(more, detail.at));
    }
    return added.length === 0 ? detail : { ...detail, attempts: [...detail.attempts, ...added] };
  }

  summaryOf(id: string): InvocationSummary | undefined {
    return this.#catalog.get(id)?.summary;
  }

  /** Newest first. @param before where the page before ended */
  list(filter: InvocationFilter, limit: number, before?: number): { found: Entry[]; more: boolean } {
    return this.#catalog.list(filter, limit, before);
  }
}
