import type { ObjectHead } from './store.ts';

const dayMs = 86_400_000;

/**
 * When something is due: so many days after it was written last, at the next midnight (UTC); from a date on, whatever its age; or at once, when it
 * was written before a date. Dates are epoch milliseconds.
 */
export type LifecycleTime = { readonly days: number } | { readonly date: number } | { readonly createdBefore: number };

/** A change of storage class. */
export interface LifecycleTransition {
  readonly when: LifecycleTime;
  readonly storageClass: string;
}

/** What a rule is not for: keys with that prefix, or with that prefix and that tag. */
export interface LifecycleExclusion {
  readonly prefix: string;
  readonly tag?: { readonly key: string; readonly value: string };
}

/** One rule (Alibaba OSS API reference, "PutBucketLifecycle"). */
export interface LifecycleRule {
  readonly id: string;
  readonly enabled: boolean;
  readonly prefix: string;
  /** All of them must be there. */
  readonly tags: Readonly<Record<string, string>>;
  readonly largerThan?: number;
  readonly smallerThan?: number;
  readonly except: readonly LifecycleExclusion[];
  /** Deletes current versions. */
  readonly expiration?: LifecycleTime;
  /** Removes delete markers that nothing stands behind any more. */
  readonly expiredMarkers: boolean;
  readonly transitions: readonly LifecycleTransition[];
  /** Removes versions so many days after they were replaced or deleted. */
  readonly noncurrentDays?: number;
  readonly noncurrentTransitions: readonly { readonly days: number; readonly storageClass: string }[];
  /** Drops uploads that are neither complete nor aborted, by the time when they were begun. */
  readonly abort?: LifecycleTime;
}

/** What was done by one run over all rules. */
export interface LifecycleWork {
  /** Objects, versions and delete markers. */
  expired: number;
  transitioned: number;
  aborted: number;
}

/** What rules look at. */
export interface LifecycleSubject {
  readonly key: string;
  readonly size: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** Storage classes from the one that is read the most. Nothing moves back. */
const classes: readonly string[] = ['Standard', 'IA', 'Archive', 'ColdArchive', 'DeepColdArchive'];

/** Whether a rule is in force for this object. */
export function ruleFits(rule: LifecycleRule, { key, size, tags }: LifecycleSubject): boolean {
  if (!rule.enabled || !key.startsWith(rule.prefix)) return false;
  if (rule.largerThan !== undefined && size <= rule.largerThan) return false;
  if (rule.smallerThan !== undefined && size >= rule.smallerThan) return false;
  for (const name in rule.tags) if (tags[name] !== rule.tags[name]) return false;
  return !rule.except.some(({ prefix, tag }) => key.startsWith(prefix) && (tag === undefined || tags[tag.key] === tag.value));
}

/** The moment from which something that was written at `since` is due; undefined when it never is. */
export function dueAt(when: LifecycleTime, since: number): number | undefined {
  if ('days' in when) return Math.ceil((since + when.days * dayMs) / dayMs) * dayMs;
  if ('date' in when) return when.date;
  return since < when.createdBefore ? since : undefined;
}

/** When an object expires first, and by which rule. `since` is the time from which its age counts. */
export function expiryOf(
  rules: readonly LifecycleRule[],
  subject: LifecycleSubject,
  since: number,
): { at: number; rule: string } | undefined {
  let first: { at: number; rule: string } | undefined;
  for (const rule of rules) {
    const at = rule.expiration && ruleFits(rule, subject) ? dueAt(rule.expiration, since) : undefined;
    if (at !== undefined && (first === undefined || at < first.at)) first = { at, rule: rule.id };
  }
  return first;
}

/** The storage class that an object should have by now; undefined when it has it, or one that is read less. */
export function classOf(
  rules: readonly LifecycleRule[],
  subject: LifecycleSubject & Pick<ObjectHead, 'storageClass'>,
  since: number,
  now: number,
): string | undefined {
  const due = rules
    .filter((rule) => ruleFits(rule, subject))
    .flatMap((rule) => rule.transitions)
    .filter(({ when }) => isDue(dueAt(when, since), now));
  return coldest(subject.storageClass, due);
}

/** The same for a version that is no longer current since then. */
export function noncurrentClassOf(
  rules: readonly LifecycleRule[],
  subject: LifecycleSubject & Pick<ObjectHead, 'storageClass'>,
  since: number,
  now: number,
): string | undefined {
  const due = rules
    .filter((rule) => ruleFits(rule, subject))
    .flatMap((rule) => rule.noncurrentTransitions)
    .filter(({ days }) => isDue(dueAt({ days }, since), now));
  return coldest(subject.storageClass, due);
}

/** Versions that were replaced at that time or before are to be removed; undefined when none are. The other side of dueAt(). */
export function noncurrentCutoff(rules: readonly LifecycleRule[], subject: LifecycleSubject, now: number): number | undefined {
  let cutoff: number | undefined;
  for (const rule of rules) {
    if (rule.noncurrentDays === undefined || !ruleFits(rule, subject)) continue;
    cutoff = Math.max(cutoff ?? Number.NEGATIVE_INFINITY, Math.floor(now / dayMs) * dayMs - rule.noncurrentDays * dayMs);
  }
  return cutoff;
}

/** Whether an upload that was begun then is to be dropped. */
export function uploadExpired(
  rules: readonly LifecycleRule[],
  subject: Omit<LifecycleSubject, 'size'>,
  since: number,
  now: number,
): boolean {
  return rules.some(({ largerThan: _, smallerThan: __, ...rule }) => {
    return rule.abort !== undefined && ruleFits(rule, { ...subject, size: 0 }) && isDue(dueAt(rule.abort, since), now);
  });
}

export function isDue(at: number | undefined, now: number): boolean {
  return at !== undefined && at <= now;
}

function coldest(present: string, due: readonly { storageClass: string }[]): string | undefined {
  const rank = Math.max(-1, ...due.map(({ storageClass }) => classes.indexOf(storageClass)));
  return rank > classes.indexOf(present) ? classes[rank] : undefined;
}
