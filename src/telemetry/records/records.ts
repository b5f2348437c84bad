import { Arena, after, monotonic, now, type Timer, Turnover } from '../../kit/index.ts';
import { Archive, type ArchiveLimits, failedChain, plainChain } from './archive.ts';
import { type BuilderOptions, RecordBuilder } from './builder.ts';
import { fits, type InvocationFilter } from './catalog.ts';
import { maskedRaw } from './masks.ts';
import type { AttemptHead, InvocationRecord, InvocationRecords, RecordedRequest, ToldFault } from './port.ts';
import type { InvocationDetail, InvocationSummary } from './record.ts';
import type { WrittenRecord } from './written.ts';

export interface RecordsOptions extends ArchiveLimits {
  folder: string;
  /** all, or failed: only requests that were not answered as they should. */
  keep: 'all' | 'failed';
  /** Records of answered requests with headers and event, a second; those beyond are brief. */
  detailedPerSecond: number;
  /** Bytes of an answer's body that are kept with its record. */
  bodyBytes: number;
  /** Told of each record that is over. */
  onRecord?: (record: RecordBuilder) => void;
  /** Told once of each kind of trouble. */
  onProblem: (error: unknown) => void;
}

/** Counts of what became of records. */
export interface RecordCounts {
  written: number;
  /** Not kept: too many at once, or the disk refused them. */
  dropped: number;
  /** Not kept: further requests of the same second that were sent away for there being too many. */
  shed: number;
}

export interface Follower {
  close(): void;
}

/** How long a record waits for the last lines of its function, milliseconds. */
const patienceMs = 200;
/** Requests that may be written down at once, and those that may wait to be written. */
const mostLive = 8_192;
const mostWaiting = 4_096;
/** Records that are written in one go, and those that are made into text before others have their turn. */
const goRecords = 512;
const turnRecords = 32;
/** So many that went well are made into text at once: one at a time, between requests, each would find the processor's caches filled with other things. */
const textRecords = 32;
const mostFollowers = 16;
/** Records share memory of this size until they are written. */
const arenaBytes = 256 * 1024;
/** Records of requests that were sent away, a second. */
const shedRecords = 20;

/** A record that is over and not yet in a file. */
interface Waiting {
  readonly chain: number;
  /** On the monotonic clock. */
  readonly doneAt: number;
  /** What goes into the file; a record that asks for a look at its rules is turned into text only when the last lines are there. */
  record: RecordBuilder | WrittenRecord;
}

/**
 * The records of requests through Object FC access points: in files that survive a restart, and bounded by bytes, number and age. Failures have
 * files of their own, so that no flood of requests that went well drives them out. Records are written in batches, behind the answers; what is
 * too much is counted and dropped.
 */
export class InvocationStore implements InvocationRecords {
  readonly counts: RecordCounts = { written: 0, dropped: 0, shed: 0 };
  readonly #options: RecordsOptions;
  readonly #archive: Archive;
  readonly #builder: BuilderOptions;
  readonly #live = new Turnover<string, RecordBuilder | WrittenRecord>();
  readonly #followers = new Set<(summary: InvocationSummary) => void>();
  #done: Waiting[] = [];
  /** Of those, the ones that nobody has looked at yet. */
  #fresh: Waiting[] = [];
  #late: { id: string; text: string; answer: string }[] = [];
  #timer: Timer | undefined;
  #work: Promise<void> = Promise.resolve();
  readonly #shed: PerSecond = new PerSecond(shedRecords);
  readonly #detailed: PerSecond;
  #troubled = false;
  #closed = false;

  constructor(options: RecordsOptions) {
    this.#options = options;
    this.#detailed = new PerSecond(options.detailedPerSecond);
    this.#archive = new Archive(options.folder, options);
    this.#builder = { bodyBytes: options.bodyBytes, onDone: (record) => this.#over(record), arena: new Arena(arenaBytes) };
    this.#enqueue(() => this.#archive.open());
  }

  /** Records that requests are being served for now. */
  get live(): number {
    return this.#live.size;
  }

  /** Somebody listens. */
  get isFollowed(): boolean {
    return this.#followers.size > 0;
  }

  /** Bytes of all files. */
  get bytes(): number {
    return this.#archive.bytes;
  }

  begin(request: RecordedRequest): InvocationRecord {
    const record = new RecordBuilder(request, this.#builder);
    if (this.#live.size < mostLive) this.#live.set(record.id, record);
    return record;
  }

  /** A line that a function printed. */
  line(requestId: string, text: string): void {
    if (requestId !== '') this.#live.get(requestId)?.line(text);
  }

  late(requestId: string, head: AttemptHead, fault: ToldFault): void {
    this.settle();
    const live = this.#live.get(requestId);
    if (live instanceof RecordBuilder) {
      live.attempt(head).refused(fault);
      return;
    }
    if (this.#late.length >= mostWaiting) {
      this.counts.dropped += 1;
      return;
    }
    const attempt = {
      ...{ requestId: head.requestId, at: now(), status: head.status, received: maskedRaw(head.rawHeaders), changed: [], bytes: 0 },
      ...{ outcome: 'refused', code: fault.code, message: fault.message, late: true },
    };
    this.#late.push({ id: requestId, answer: head.requestId, text: JSON.stringify(attempt) });
    this.#schedule();
  }

  #over(record: RecordBuilder): void {
    const { id, failed } = record;
    const isWanted = this.#options.keep === 'all' || failed;
    const isFull = this.#done.length >= (failed ? 2 * mostWaiting : mostWaiting);
    if (!isWanted || isFull || this.#closed || this.#live.get(id) !== record) {
      if (this.#live.get(id) === record) this.#live.delete(id);
      if (isWanted) this.counts.dropped += 1;
      return;
    }
    if (record.isShed && !this.#shed.has()) {
      this.#live.delete(id);
      this.counts.shed += 1;
      return;
    }
    // A flood that is sent away shall not drive out what failed.
    const chain = failed && !record.isShed ? failedChain : plainChain;
    const waiting: Waiting = { chain, doneAt: monotonic(), record };
    this.#done.push(waiting);
    if (this.#fresh.push(waiting) >= textRecords) this.settle();
    this.#schedule();
  }

  /** Makes text of what is over, as far as that needs no look at the rules, and tells of it. */
  settle(): void {
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const waiting of fresh) {
      const record = waiting.record as RecordBuilder;
      try {
        if (record.isPlain) {
          // As text it is one long-lived object instead of many.
          waiting.record = record.write(!this.#detailed.has());
          this.#live.set(record.id, waiting.record);
        }
      } catch {
        // It is tried again when it is written, and that is told.
        continue;
      }
      try {
        this.#options.onRecord?.(record);
      } catch (error) {
        this.#options.onProblem(error);
      }
    }
  }

  /** A record that cannot be written is no reason for its request to fail. */
  #lose(id: string, error: unknown): void {
    this.#live.delete(id);
    this.counts.dropped += 1;
    this.#options.onProblem(error);
  }

  #schedule(): void {
    if (this.#timer || this.#closed) return;
    this.#timer = after(patienceMs, () => {
      this.#timer = undefined;
      this.#enqueue(() => this.#flush(monotonic() - patienceMs / 2));
    });
  }

  /** One thing after another; trouble is told once, until something works again. */
  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).then(
      () => {
        this.#troubled = false;
      },
      (error: unknown) => {
        if (!this.#troubled) this.#options.onProblem(error);
        this.#troubled = true;
      },
    );
  }

  /** Writes all records that were over by then. */
  async #flush(before: number): Promise<void> {
    this.settle();
    let ready = this.#done.findIndex(({ doneAt }) => doneAt > before);
    if (ready < 0) ready = this.#done.length;
    const records = this.#done.splice(0, ready);
    for (const chain of [failedChain, plainChain]) {
      const own = records.filter((each) => each.chain === chain);
      for (let from = 0; from < own.length; from += goRecords) await this.#write(chain, own.slice(from, from + goRecords));
    }
    const late = this.#late;
    this.#late = [];
    for (const addition of late) await this.#archive.add(addition);
    if (this.#done.length > 0 || this.#late.length > 0) this.#schedule();
    await this.#archive.tidy();
  }

  async #write(chain: number, records: readonly Waiting[]): Promise<void> {
    const lines: WrittenRecord[] = [];
    for (const [i, { record }] of records.entries()) {
      // Others have their turn between.
      if (i % turnRecords === turnRecords - 1) await new Promise<void>((resolve) => setImmediate(resolve));
      try {
        lines.push(record instanceof RecordBuilder ? record.write() : record);
      } catch (error) {
        this.#lose(record.id, error);
      }
    }
    try {
      if (lines.length > 0) await this.#archive.write(chain, lines);
    } catch (error) {
      this.counts.dropped += lines.length;
      throw error;
    } finally {
      for (const { record } of records) this.#live.delete(record.id);
    }
    this.counts.written += lines.length;
    if (this.isFollowed) for (const { summary } of lines) for (const follower of this.#followers) follower(summary);
  }

  /**
   * A record by the request id of its GetObject or of one of its WriteGetObjectResponse calls; also one that is being served.
   * @returns undefined when none is kept
   */
  async get(id: string): Promise<InvocationDetail | undefined> {
    await this.#work;
    this.settle();
    const live = this.#live.get(id) ?? this.#liveBy(id);
    if (live) return (live instanceof RecordBuilder ? live.write() : live).detail;
    return this.#archive.get(id);
  }

  /** Name of the function that served a request, by any of the request's ids; undefined when none is known. */
  functionOf(id: string): string | undefined {
    const live = this.#live.get(id) ?? this.#liveBy(id);
    return live ? live.function : this.#archive.functionOf(id);
  }

  #liveBy(answerId: string): RecordBuilder | WrittenRecord | undefined {
    for (const record of this.#live.values()) if (record.answers.includes(answerId)) return record;
    return undefined;
  }

  /**
   * Summaries, newest first; requests that are being served come first of all.
   * @param limit 1 to 1000
   * @param next as the page before gave it
   */
  async list(filter: InvocationFilter, limit: number, next?: string): Promise<{ invocations: InvocationSummary[]; next?: string }> {
    await this.#work;
    const before = next === undefined ? undefined : Number(next);
    const running = before === undefined ? [...this.#live.values()].map(summaryOf) : [];
    const first = running.filter((summary) => fits(summary, filter)).reverse();
    const archived = await this.#archive.list(filter, limit, before);
    return {
      invocations: [...first.slice(0, limit), ...archived.summaries],
      ...(archived.next === undefined ? {} : { next: String(archived.next) }),
    };
  }

  /** Tells of each record that fits when it is written; undefined when too many listen already. */
  follow(filter: InvocationFilter, tell: (summary: InvocationSummary) => void): Follower | undefined {
    if (this.#followers.size >= mostFollowers) return undefined;
    const follower = (summary: InvocationSummary) => {
      if (fits(summary, filter)) tell(summary);
    };
    this.#followers.add(follower);
    return { close: () => this.#followers.delete(follower) };
  }

  /** Writes what is over and closes the files. */
  async close(): Promise<void> {
    if (this.#closed) return this.#work;
    this.#closed = true;
    this.#timer?.cancel();
    this.#enqueue(() => this.#flush(Number.POSITIVE_INFINITY));
    await this.#work;
  }
}

/** So many a second, and no more. */
class PerSecond {
  readonly #most: number;
  #second = 0;
  #count = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether there is one more in this second. */
  has(): boolean {
    const second = Math.floor(monotonic() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#count = 0;
    }
    this.#count += 1;
    return this.#count <= this.#most;
  }
}

function summaryOf(record: RecordBuilder | WrittenRecord): InvocationSummary {
  return record instanceof RecordBuilder ? record.summary() : record.summary;
}
