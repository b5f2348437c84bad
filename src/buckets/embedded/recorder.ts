import { Fault } from '../../faults/index.ts';
import { type Metadata, MetadataConflict, type Step } from '../../metadata/index.ts';
import { type Conditions, evaluateConditions } from '../conditions.ts';
import type { ObjectHead } from '../store.ts';
import { nullVersion } from '../versions.ts';
import type { ObjectCache } from './cache.ts';
import type { Garbage } from './garbage.ts';
import type { Registry } from './registry.ts';
import { bucketGone, objectChanged, type Place, type Replaces, storeObject } from './rows.ts';
import type { SteadyClock } from './steady-clock.ts';
import { storeVersion } from './version-rows.ts';

const maxAttempts = 20;

/** What an object may replace. */
export interface WriteRule {
  readonly forbidOverwrite?: boolean | undefined;
  readonly conditions?: Conditions | undefined;
}

/** An object about to be written; its version is given to it then. */
export type NewHead = Omit<ObjectHead, 'version'>;

/** Makes objects visible. */
export class Recorder {
  readonly #metadata: Metadata;
  readonly #registry: Registry;
  readonly #clock: SteadyClock;
  readonly #cache: ObjectCache;
  readonly #garbage: Garbage;

  constructor(metadata: Metadata, registry: Registry, clock: SteadyClock, cache: ObjectCache, garbage: Garbage) {
    this.#metadata = metadata;
    this.#registry = registry;
    this.#clock = clock;
    this.#cache = cache;
    this.#garbage = garbage;
  }

  /**
   * Writes the row of an object whose bytes are there, in one transaction with `also`. In a bucket with versioning it becomes a version.
   * @throws Fault NoSuchBucket, FileAlreadyExists, PreconditionFailed; MetadataConflict with a reason of `also`
   */
  async record(head: NewHead, rule: WriteRule, also: readonly Step[] = []): Promise<ObjectHead> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const current = rule.conditions || rule.forbidOverwrite ? this.#cache.freshHead(head.bucket, head.key) : undefined;
      const replaces = this.replacedBy(head.bucket, head.key, rule, current);
      const place = this.place(head.bucket);
      const written = await this.#write(head, place, storeVersion(head, replaces, place), also);
      if (written) return versionOf(head, place);
    }
    throw changedTooOften();
  }

  /** Writes the row of an object where there must be none; undefined when there is one. */
  async recordFirst(head: NewHead, also: readonly Step[]): Promise<ObjectHead | undefined> {
    const place = this.place(head.bucket);
    const written = await this.#write(head, place, storeVersion(head, 'nothing', place), also);
    return written ? versionOf(head, place) : undefined;
  }

  /** Puts an object in the place of the one with that blob, as the same version; false when the object is no longer that. */
  async recordOver(head: ObjectHead, blob: string, also: readonly Step[]): Promise<boolean> {
    const place = this.place(head.bucket);
    return this.#write(head, place, storeObject(head, { blob }, place), also);
  }

  /** Where the next version of a bucket goes. Write it in the same turn. @throws Fault NoSuchBucket */
  place(bucket: string): Place {
    return this.#clock.place(this.#registry.require(bucket).versioning);
  }

  /** What a write may replace, given what is there. With versioning nothing is lost, so nothing is forbidden. @throws Fault */
  replacedBy(bucket: string, key: string, rule: WriteRule, current: ObjectHead | undefined): Replaces {
    const versioned = this.#registry.require(bucket).versioning !== undefined;
    return replacedBy(key, versioned ? { conditions: rule.conditions } : rule, current);
  }

  /** False when what the write rests on is no longer so. */
  async #write(head: NewHead, place: Place, steps: readonly Step[], also: readonly Step[]): Promise<boolean> {
    const notes = this.#clock.notes(place.versioning === '' ? undefined : place.version);
    const all = also.length + notes.length === 0 ? steps : [...notes, ...also, ...steps];
    try {
      const results = await this.#metadata.write(all);
      this.#clock.noted(notes);
      this.#cache.forget(head.bucket, head.key);
      if (discards(all, results)) this.#garbage.collect();
      return true;
    } catch (error) {
      if (!(error instanceof MetadataConflict)) throw error;
      if (error.reason === bucketGone) this.#registry.check(head.bucket);
      else if (error.reason !== objectChanged && error.reason !== 'unique') throw error;
      return false;
    }
  }
}

function versionOf(head: NewHead, { isNull, version }: Place): ObjectHead {
  return { ...head, version: isNull ? nullVersion : version };
}

/** Whether a transaction left anything to be removed. */
export function discards(steps: readonly Step[], results: readonly { changes: number }[]): boolean {
  return steps.some(({ sql }, i) => (results[i]?.changes ?? 0) > 0 && sql.startsWith('insert into garbage'));
}

export function changedTooOften(): Fault {
  return new Fault('ServiceUnavailable', 'The object is being changed too often to evaluate the conditions. Try again.');
}

function replacedBy(key: string, { forbidOverwrite, conditions }: WriteRule, current: ObjectHead | undefined): Replaces {
  if (forbidOverwrite && current) throw new Fault('FileAlreadyExists', undefined, { extra: { Key: key } });
  if (conditions) {
    const verdict = evaluateConditions(current, { ...conditions, ifModifiedSince: undefined });
    if (verdict !== 'proceed') throw new Fault('PreconditionFailed', undefined, { extra: { Key: key } });
    return current ? { blob: current.blob } : 'nothing';
  }
  return forbidOverwrite ? 'nothing' : 'anything';
}
