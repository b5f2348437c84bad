import { Fault } from '../../faults/index.ts';
import { type Metadata, MetadataConflict, type Step } from '../../metadata/index.ts';
import { type Conditions, evaluateConditions } from '../conditions.ts';
import type { ObjectHead } from '../store.ts';
import type { ObjectCache } from './cache.ts';
import type { Garbage } from './garbage.ts';
import { noSuchBucket } from './registry.ts';
import { bucketGone, objectChanged, type Replaces, storeObject } from './rows.ts';

const maxAttempts = 20;

/** What an object may replace. */
export interface WriteRule {
  readonly forbidOverwrite?: boolean | undefined;
  readonly conditions?: Conditions | undefined;
}

/** Makes objects visible. */
export class Recorder {
  readonly #metadata: Metadata;
  readonly #cache: ObjectCache;
  readonly #garbage: Garbage;

  constructor(metadata: Metadata, cache: ObjectCache, garbage: Garbage) {
    this.#metadata = metadata;
    this.#cache = cache;
    this.#garbage = garbage;
  }

  /**
   * Writes the row of an object whose bytes are there, in one transaction with `also`.
   * @throws Fault NoSuchBucket, FileAlreadyExists, PreconditionFailed; MetadataConflict with a reason of `also`
   */
  async record(head: ObjectHead, rule: WriteRule, also: readonly Step[] = []): Promise<ObjectHead> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const current = rule.conditions || rule.forbidOverwrite ? this.#cache.freshHead(head.bucket, head.key) : undefined;
      const discarded = await this.#write(head, replacedBy(head.key, rule, current), also);
      if (discarded === undefined) continue;
      this.#cache.forget(head.bucket, head.key);
      if (discarded > 0) this.#garbage.collect();
      return head;
    }
    throw changedTooOften();
  }

  /** As record(), over what is named only; undefined when the object is no longer that. */
  async recordOver(head: ObjectHead, replaces: Replaces, also: readonly Step[]): Promise<ObjectHead | undefined> {
    const discarded = await this.#write(head, replaces, also);
    if (discarded === undefined) return undefined;
    this.#cache.forget(head.bucket, head.key);
    if (discarded > 0) this.#garbage.collect();
    return head;
  }

  /** Number of objects replaced, or undefined when the object is no longer what it was to replace. */
  async #write(head: ObjectHead, replaces: Replaces, also: readonly Step[]): Promise<number | undefined> {
    const steps = storeObject(head, replaces);
    try {
      const results = await this.#metadata.write(also.length === 0 ? steps : [...also, ...steps]);
      return steps.length > 1 ? (results[also.length]?.changes ?? 0) : 0;
    } catch (error) {
      if (!(error instanceof MetadataConflict)) throw error;
      if (error.reason === bucketGone) throw noSuchBucket(head.bucket);
      if (error.reason !== objectChanged && error.reason !== 'unique') throw error;
      return undefined;
    }
  }
}

export function changedTooOften(): Fault {
  return new Fault('ServiceUnavailable', 'The object is being changed too often to evaluate the conditions. Try again.');
}

/** What a write may replace, given what is there. @throws Fault FileAlreadyExists, PreconditionFailed */
export function replacedBy(key: string, { forbidOverwrite, conditions }: WriteRule, current: ObjectHead | undefined): Replaces {
  if (forbidOverwrite && current) throw new Fault('FileAlreadyExists', undefined, { extra: { Key: key } });
  if (conditions) {
    const verdict = evaluateConditions(current, { ...conditions, ifModifiedSince: undefined });
    if (verdict !== 'proceed') throw new Fault('PreconditionFailed', undefined, { extra: { Key: key } });
    return current ? { blob: current.blob } : 'nothing';
  }
  return forbidOverwrite ? 'nothing' : 'anything';
}
