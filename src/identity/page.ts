import { Fault } from '../faults/index.ts';

/** Limits of one account; those of the vendor (Alibaba RAM documentation, "Limits") where it names one. */
export const limits = {
  users: 1_000,
  roles: 1_000,
  policies: 1_500,
  keysPerUser: 2,
  policiesPerHolder: 30,
  /** Characters of a custom policy and of a trust policy. */
  policyLength: 6_144,
  trustLength: 4_096,
  /** Bytes of a policy that narrows a session. */
  sessionPolicyBytes: 2_048,
} as const;

export interface PageQuery {
  /** In any case. */
  readonly prefix?: string;
  /** 1 to 1,000; 100 when left out. */
  readonly limit?: number;
  /** What the page before gave as `next`. */
  readonly next?: string;
}

export interface Page<T> {
  readonly items: T[];
  /** There when there is more. */
  readonly next?: string;
}

/**
 * One page of things that are sorted by their lower-case names.
 * @param fetch at most `count` rows behind the name `after`
 * @throws Fault InvalidArgument
 */
export function pageOf<R extends { shown: string }, T>(
  { prefix = '', limit = 100, next = '' }: PageQuery,
  fetch: (prefix: string, after: string, count: number) => R[],
  read: (row: R) => T,
): Page<T> {
  if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) throw new Fault('InvalidArgument', 'limit must be 1 to 1000.');
  const rows = fetch(prefix.toLowerCase(), next.toLowerCase(), limit + 1);
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(read), ...(rows.length > limit && last ? { next: last.shown.toLowerCase() } : {}) };
}
