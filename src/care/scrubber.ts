import type { Blobs } from '../blobs/index.ts';
import { after, monotonic, now, sleep, type Timer } from '../kit/index.ts';
import type { Metadata } from '../metadata/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import { inHours, type ScrubSettings } from './config.ts';
import type { DamageNotes } from './damage.ts';
import { examine } from './examine.ts';
import { type Cursor, firstCursor, holdingsAfter } from './references.ts';

const setting = 'scrub';
/** A server that has just started has better things to do. */
const startMs = 600_000;
/** How often it looks whether there is something to do. */
const restMs = 60_000;
const pageRows = 64;
/** What a blob counts for beside its bytes: opening it is work, too. */
const leastBytes = 64 * 1024;
const dayMs = 86_400_000;

/** What is kept across restarts. */
interface Progress {
  /** Where to go on; nothing between two rounds. */
  readonly cursor: Cursor | undefined;
  /** When the round began, epoch milliseconds. */
  readonly startedAt: number;
}

export interface ScrubberOptions {
  readonly metadata: Metadata;
  readonly blobs: Blobs;
  readonly settings: ScrubSettings;
  readonly damage: DamageNotes;
  readonly metrics: Pick<Metrics, 'scrubbed' | 'scrubbedBytes' | 'scrubRound'>;
  readonly onError: (error: unknown) => void;
}

/** Reads all that is stored, slowly and over and over, and says what is no longer what was written. */
export class Scrubber {
  readonly #options: ScrubberOptions;
  readonly #stopping = new AbortController();
  #timer: Timer | undefined;
  #working: Promise<void> | undefined;
  /** When the next byte may be read, by the monotonic clock. */
  #free = 0;

  constructor(options: ScrubberOptions) {
    this.#options = options;
    const { startedAt } = this.#progress();
    if (startedAt > 0) options.metrics.scrubRound.set(startedAt / 1000);
    if (options.settings.bytesPerSecond > 0) this.#later(startMs);
  }

  #later(ms: number): void {
    if (this.#stopping.signal.aborted) return;
    this.#timer = after(ms, () => {
      this.#working = this.#work()
        .catch((error: unknown) => {
          if (!this.#stopping.signal.aborted) this.#options.onError(error);
        })
        .finally(() => this.#later(restMs));
    });
  }

  async #work(): Promise<void> {
    const { cursor, startedAt } = this.#progress();
    if (!cursor && now() < startedAt + this.#options.settings.everyDays * dayMs) return;
    await this.round();
  }

  /** One round, from where the last one was broken off; ends early where the hours do. */
  async round(): Promise<void> {
    const { metadata, blobs, damage, metrics, settings } = this.#options;
    let { cursor, startedAt } = this.#progress();
    if (!cursor) [cursor, startedAt] = [firstCursor, now()];
    metrics.scrubRound.set(startedAt / 1000);
    while (cursor && !this.#stopping.signal.aborted && inHours(settings.hours, new Date(now()).getUTCHours())) {
      const { holdings, next } = holdingsAfter(metadata, cursor, pageRows);
      for (const holding of holdings) {
        const looked = (bytes: number) => {
          metrics.scrubbed.inc();
          metrics.scrubbedBytes.inc(bytes);
        };
        const problems = await examine(metadata, blobs, holding, { quick: false, pace: (bytes) => this.#pace(bytes), looked });
        for (const problem of problems) damage.note('scrub', { ...holding, ...problem, blob: problem.blob ?? holding.owner });
      }
      cursor = next;
      await this.#keep({ cursor, startedAt });
    }
  }

  /** Spreads bytes over time; a blob is announced with 0 of them. */
  async #pace(bytes: number): Promise<void> {
    const { signal } = this.#stopping;
    signal.throwIfAborted();
    const at = monotonic();
    const cost = ((bytes === 0 ? leastBytes : bytes) / this.#options.settings.bytesPerSecond) * 1000;
    this.#free = Math.max(this.#free, at) + cost;
    if (this.#free > at) await sleep(this.#free - at, signal);
  }

  #progress(): Progress {
    const row = this.#options.metadata.get<{ value: string }>('select value from settings where name = ?', [setting]);
    return row ? (JSON.parse(row.value) as Progress) : { cursor: undefined, startedAt: 0 };
  }

  async #keep(progress: Progress): Promise<void> {
    const sql = 'insert into settings (name, value) values (?, ?) on conflict (name) do update set value = excluded.value';
    await this.#options.metadata.write([{ sql, params: [setting, JSON.stringify(progress)] }]);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#stopping.abort();
    await this.#working;
    this.#timer?.cancel();
  }
}
