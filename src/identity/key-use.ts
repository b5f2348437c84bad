import { every, type Timer } from '../kit/index.ts';
import type { Metadata } from '../metadata/index.ts';

/** When a key was last used, in epoch milliseconds, and for which service (oss, fc, sts, ram). */
export interface KeyUse {
  readonly at: number;
  readonly service: string;
}

/** A use not written yet; changed in place, because every request passes here. */
interface Pending {
  at: number;
  action: string;
}

/** How often uses are written: at most one transaction in this time, however many requests there are. */
const flushMs = 30_000;

/** Remembers when keys were last used, and writes that down twice a minute. */
export class KeyUses {
  readonly #metadata: Metadata;
  readonly #onProblem: (error: unknown) => void;
  readonly #timer: Timer;
  #pending = new Map<string, Pending>();
  /** Being written now. */
  #leaving = new Map<string, Pending>();
  #writing: Promise<void> = Promise.resolve();

  constructor(metadata: Metadata, onProblem: (error: unknown) => void) {
    this.#metadata = metadata;
    this.#onProblem = onProblem;
    this.#timer = every(flushMs, () => void this.flush());
  }

  /** Notes a use of a key that was verified. */
  note(id: string, action: string, at: number): void {
    const known = this.#pending.get(id);
    if (known) {
      known.at = at;
      known.action = action;
    } else {
      this.#pending.set(id, { at, action });
    }
  }

  /** The last use, if it is not written yet. */
  recent(id: string): KeyUse | undefined {
    const pending = this.#pending.get(id) ?? this.#leaving.get(id);
    return pending && { at: pending.at, service: serviceOf(pending.action) };
  }

  /** A key that is gone. */
  forget(id: string): void {
    this.#pending.delete(id);
    this.#leaving.delete(id);
  }

  /** Writes what is pending. A failure is reported and tried again with the next uses. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** Writes the rest; nothing is noted afterwards. */
  async close(): Promise<void> {
    this.#timer.cancel();
    await this.flush();
  }

  async #write(): Promise<void> {
    if (this.#pending.size === 0) return;
    this.#leaving = this.#pending;
    this.#pending = new Map();
    try {
      await this.#metadata.write(
        [...this.#leaving].map(([id, { at, action }]) => ({
          sql: `insert into key_uses (id, used_at, service) values (?, ?, ?)
            on conflict (id) do update set used_at = excluded.used_at, service = excluded.service`,
          params: [id, at, serviceOf(action)],
        })),
      );
    } catch (error) {
      for (const [id, use] of this.#leaving) if (!this.#pending.has(id)) this.#pending.set(id, use);
      this.#onProblem(error);
    }
    this.#leaving = new Map();
  }
}

function serviceOf(action: string): string {
  const colon = action.indexOf(':');
  return (colon < 0 ? action : action.slice(0, colon)).toLowerCase();
}
