import type { Outcome } from '../../test/acceptance/harness/fc.ts';
import type { Sluice } from '../../test/acceptance/harness/sluice.ts';

/** One kind of work that the soak mixes with the others. */
export interface Scenario {
  name: string;
  /** Why it cannot run on this machine, or false. */
  skip: string | false;
  /** Clients that repeat `round` at the same time. */
  clients: number;
  /** Deploys what it needs. */
  prepare(sluice: Sluice): Promise<void>;
  /** One round; throws when something is not as it must be. What it returns is counted under that name. */
  round(sluice: Sluice): Promise<string>;
  /** Whether it has done all that it was to do; without it a scenario goes on to the end of the run. */
  done?(): boolean;
  /** Removes every function that it deployed. */
  tidy(sluice: Sluice): Promise<void>;
}

/** Fails unless an invocation ended as it must; throttling is no failure, it is what a full server must answer. */
export function expect(outcome: Outcome, what: { body?: RegExp; failed?: RegExp }): string {
  if (outcome.status === 429) return 'throttled';
  const told = `${outcome.status} ${outcome.errorType ?? ''} ${outcome.body.slice(0, 500)}`;
  if (outcome.status !== 200) throw new Error(told);
  if (what.failed) {
    if (outcome.errorType === undefined || !what.failed.test(outcome.body)) throw new Error(`not the failure that was due: ${told}`);
    return 'failed as due';
  }
  if (outcome.errorType !== undefined || (what.body && !what.body.test(outcome.body)))
    throw new Error(`not the result that was due: ${told}`);
  return 'done';
}

/** One of them by chance. */
export function pick<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)] as T;
}
