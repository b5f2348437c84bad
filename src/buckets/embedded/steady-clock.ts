import { randomHex } from '../../kit/index.ts';
import type { Metadata, Step } from '../../metadata/index.ts';
import type { Versioning } from '../versions.ts';
import { type Place, plainPlace } from './rows.ts';

/** How far the time may run ahead of what is written down of it. */
const aheadMs = 60_000;
const latestTime = 'oss-latest-time';
const latestVersion = 'oss-latest-version';
const selectSetting = 'select value from settings where name = ?';
const putSetting = 'insert into settings (name, value) values (?, ?) on conflict (name) do update set value = excluded.value';

const timeDigits = 14;
const chanceBytes = 9;

/**
 * A clock that never goes back, also not from one run to the next: it stands still until the system's clock has caught up. Versions are ordered
 * by it, and ages are counted from it, so that nothing looks older than it is because the clock was wrong when it was written.
 */
export class SteadyClock {
  readonly #now: () => number;
  /** Milliseconds. */
  #last: number;
  /** Microseconds, so that versions made in one millisecond have an order. */
  #lastVersion: number;
  #noted: number;

  constructor(metadata: Metadata, now: () => number) {
    this.#now = now;
    const read = (name: string) => metadata.get<{ value: string }>(selectSetting, [name])?.value;
    this.#noted = Number(read(latestTime) ?? 0);
    // What was written after the last note is at most this late.
    this.#last = this.#noted === 0 ? 0 : this.#noted + aheadMs;
    const version = read(latestVersion);
    this.#lastVersion = version === undefined ? 0 : Number.MAX_SAFE_INTEGER - Number.parseInt(version.slice(0, timeDigits), 16);
  }

  /** The system's time, which may go back. Epoch milliseconds. */
  now(): number {
    return this.#now();
  }

  /** Epoch milliseconds. */
  time(): number {
    this.#last = Math.max(this.#last, this.#now());
    return this.#last;
  }

  /**
   * A version id that sorts before all that were made earlier: 32 hex digits, the time counted down and then chance. Ids are written in the order
   * in which they are made: call this in the turn that starts the write.
   */
  nextVersion(): string {
    this.#lastVersion = Math.max(this.time() * 1000, this.#lastVersion + 1);
    return (Number.MAX_SAFE_INTEGER - this.#lastVersion).toString(16).padStart(timeDigits, '0') + randomHex(chanceBytes);
  }

  /** Where something written now goes. Write it in the same turn. */
  place(versioning: Versioning | undefined): Place {
    const agedFrom = this.time();
    if (versioning === undefined) return plainPlace(agedFrom);
    return { versioning, version: this.nextVersion(), isNull: versioning === 'Suspended', agedFrom };
  }

  /** What must be written together with anything that carries a time or a version of this clock; mostly nothing for a time. */
  notes(version?: string): Step[] {
    const time = this.time();
    const steps: Step[] = time > this.#noted + aheadMs ? [{ sql: putSetting, params: [latestTime, String(time)] }] : [];
    if (version !== undefined) steps.push({ sql: putSetting, params: [latestVersion, version] });
    return steps;
  }

  /** These notes are written. */
  noted(steps: readonly Step[]): void {
    for (const { params = [] } of steps) if (params[0] === latestTime) this.#noted = Math.max(this.#noted, Number(params[1]));
  }
}
