import { after, every, monotonic, sleep, type Timer } from '../../kit/index.ts';
import { MetadataConflict, type Step } from '../../metadata/index.ts';
import {
  classOf,
  expiryOf,
  isDue,
  type LifecycleRule,
  type LifecycleWork,
  noncurrentClassOf,
  noncurrentCutoff,
  uploadExpired,
} from '../lifecycle.ts';
import {
  type AgeingRow,
  type AgeingUpload,
  changeClass,
  dropUpload,
  removeLoneMarker,
  removeOldMarker,
  removeVersion,
  selectAgeing,
  subjectOf,
} from './lifecycle-rows.ts';
import { successor } from './listing.ts';
import type { StoreParts } from './parts.ts';
import { discards } from './recorder.ts';
import { bucketGone, recordOf } from './rows.ts';
import { deleteCurrent, guardVersioning } from './version-rows.ts';

/** Rows looked at, and changed, before others get a turn. */
const turnRows = 250;
/** Pauses between turns are so many times as long as the turn was, so that a sweep takes a tenth of a processor at most. */
const pauses = 9;
const longestPauseMs = 1_000;
/** The first sweep of a run waits until the server has started. */
const firstMs = 60_000;

/** One thing to do: its steps, the index of the step whose changes count as done, and as what. */
interface Job {
  readonly steps: readonly Step[];
  readonly counts: number;
  readonly as: keyof LifecycleWork;
}

type Table = 'objects' | 'versions' | 'uploads';

interface LifecycleOptions {
  readonly everyMs: number;
  readonly onError: (error: unknown) => void;
  /** Hears what a sweep has done, if anything. */
  readonly onWork: (work: LifecycleWork) => void;
}

/**
 * Carries out lifecycle rules: goes through what they are for, in turns, and does what is due. Each change is conditional on the object still
 * being what was looked at, and a sweep that is cut off is begun anew, so that it may end anywhere.
 */
export class Lifecycle {
  readonly #parts: StoreParts;
  readonly #timers: Timer[];
  readonly #closing = new AbortController();
  #running: Promise<LifecycleWork> | undefined;

  constructor(parts: StoreParts, { everyMs, onError, onWork }: LifecycleOptions) {
    this.#parts = parts;
    const sweep = () => void this.apply().then((work) => Object.values(work).some(Boolean) && onWork(work), onError);
    this.#timers = [after(Math.min(firstMs, everyMs), sweep), every(everyMs, sweep)];
  }

  /** One sweep over all buckets; a call while one runs gets that one's work. */
  apply(): Promise<LifecycleWork> {
    this.#running ??= this.#sweep().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    this.#closing.abort();
    await this.#running?.catch(() => undefined);
  }

  async #sweep(): Promise<LifecycleWork> {
    const work: LifecycleWork = { expired: 0, transitioned: 0, aborted: 0 };
    const { registry, clock, metadata } = this.#parts;
    const notes = clock.notes();
    if (notes.length > 0) await metadata.write(notes);
    clock.noted(notes);
    for (const { name } of registry.all()) {
      for (const table of ['objects', 'versions', 'uploads'] as const) {
        for (const prefix of prefixesOf(this.#rules(name))) await this.#pass(name, table, prefix, work);
      }
    }
    return work;
  }

  /** The rules as they are now: they may change while a sweep runs. */
  #rules(bucket: string): readonly LifecycleRule[] {
    return (this.#parts.registry.find(bucket)?.settings.lifecycle ?? []).filter(({ enabled }) => enabled);
  }

  async #pass(bucket: string, table: Table, prefix: string, work: LifecycleWork): Promise<void> {
    const end = successor(prefix);
    const sql = selectAgeing(table, end !== undefined);
    let [key, id] = [prefix, ''];
    while (!this.#closing.signal.aborted) {
      const begun = monotonic();
      const rules = this.#rules(bucket);
      if (rules.length === 0) return;
      const page = [bucket, key, id, ...(end === undefined ? [] : [end]), turnRows];
      const rows = this.#parts.metadata.all<AgeingRow & AgeingUpload>(sql, page);
      const jobs = rows.flatMap((row) => this.#jobs(bucket, table, row, rules));
      if (jobs.length > 0) await this.#do(bucket, rows, jobs, work);
      const last = rows.at(-1);
      if (!last || rows.length < turnRows) return;
      [key, id] = [last.key, table === 'uploads' ? last.id : last.version];
      await this.#pause(monotonic() - begun);
    }
  }

  async #pause(tookMs: number): Promise<void> {
    try {
      await sleep(Math.min(longestPauseMs, tookMs * pauses), this.#closing.signal);
    } catch {
      // Closing: the loop that called ends by itself.
    }
  }

  #jobs(bucket: string, table: Table, row: AgeingRow & AgeingUpload, rules: readonly LifecycleRule[]): Job[] {
    if (table === 'objects') return this.#ofObject(bucket, row, rules);
    if (table === 'versions') return this.#ofVersion(bucket, row, rules);
    const now = this.#parts.clock.now();
    const since = Math.max(row.created_at, row.aged_from);
    if (!uploadExpired(rules, { key: row.key, tags: recordOf(row.tags) }, since, now)) return [];
    return [{ steps: dropUpload(bucket, row, now), counts: 1, as: 'aborted' }];
  }

  #ofObject(bucket: string, row: AgeingRow, rules: readonly LifecycleRule[]): Job[] {
    const { clock, recorder } = this.#parts;
    const now = clock.now();
    const since = Math.max(row.created_at, row.modified_at);
    const subject = subjectOf(row);
    if (isDue(expiryOf(rules, subject, since)?.at, now)) {
      const place = recorder.place(bucket);
      const steps = deleteCurrent({ bucket, key: row.key, blob: row.blob }, place, now);
      const notes = clock.notes(place.versioning === '' ? undefined : place.version);
      return [{ steps: [...notes, ...steps], counts: notes.length + steps.length - 1, as: 'expired' }];
    }
    const storageClass = classOf(rules, { ...subject, storageClass: row.storage_class }, since, now);
    if (storageClass === undefined) return [];
    return [{ steps: [changeClass('objects', bucket, row, storageClass)], counts: 0, as: 'transitioned' }];
  }

  #ofVersion(bucket: string, row: AgeingRow, rules: readonly LifecycleRule[]): Job[] {
    const now = this.#parts.clock.now();
    const subject = subjectOf(row);
    const cutoff = noncurrentCutoff(rules, subject, now);
    if (row.marker === 1) {
      const lone = rules.some((rule) => rule.expiredMarkers && row.key.startsWith(rule.prefix));
      const steps = [
        ...(lone ? [removeLoneMarker(bucket, row)] : []),
        ...(cutoff === undefined ? [] : [removeOldMarker(bucket, row, cutoff)]),
      ];
      return steps.map((step) => ({ steps: [step], counts: 0, as: 'expired' }));
    }
    if (cutoff !== undefined && row.since <= cutoff) {
      return [{ steps: removeVersion(bucket, row, now), counts: 1, as: 'expired' }];
    }
    const storageClass = noncurrentClassOf(rules, { ...subject, storageClass: row.storage_class }, row.since, now);
    if (storageClass === undefined) return [];
    return [{ steps: [changeClass('versions', bucket, row, storageClass)], counts: 0, as: 'transitioned' }];
  }

  /** One transaction for the jobs of a turn. When the bucket is not as it was, the next sweep sees to them. */
  async #do(bucket: string, rows: readonly AgeingRow[], jobs: readonly Job[], work: LifecycleWork): Promise<void> {
    const { metadata, registry, cache, garbage } = this.#parts;
    const guard = guardVersioning(bucket, registry.find(bucket)?.versioning ?? '');
    const steps = [guard, ...jobs.flatMap((job) => job.steps)];
    try {
      const results = await metadata.write(steps);
      for (const { key } of rows) cache.forget(bucket, key);
      let at = 1;
      for (const job of jobs) {
        work[job.as] += results[at + job.counts]?.changes ?? 0;
        at += job.steps.length;
      }
      if (discards(steps, results)) garbage.collect();
    } catch (error) {
      if (!(error instanceof MetadataConflict) || error.reason !== bucketGone) throw error;
    }
  }
}

/** The prefixes that rules are for, without those that another one covers. */
export function prefixesOf(rules: readonly LifecycleRule[]): string[] {
  const all = [...new Set(rules.map(({ prefix }) => prefix))].sort();
  return all.filter((prefix, i) => !all.some((other, j) => j !== i && prefix.startsWith(other)));
}
