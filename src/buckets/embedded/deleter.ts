import { Fault } from '../../faults/index.ts';
import { MetadataConflict, type Step } from '../../metadata/index.ts';
import { checkKey } from '../names.ts';
import { type Deleted, type Deletion, nullVersion } from '../versions.ts';
import type { StoreParts } from './parts.ts';
import { changedTooOften, discards } from './recorder.ts';
import { bucketGone, type Place } from './rows.ts';
import { deleteCurrent, deleteVersion, guardVersioning, removedBytes, removedVersion } from './version-rows.ts';

const maxDeletes = 1000;
const maxAttempts = 20;

/** The steps of one deletion, and how their results tell what became of it. */
interface Planned {
  readonly steps: Step[];
  readonly outcome: (results: readonly { changes: number }[]) => Deleted;
}

/** Deletes objects and versions. */
export class Deleter {
  readonly #parts: StoreParts;

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  /** All in one transaction. @throws Fault NoSuchBucket, InvalidObjectName, InvalidArgument */
  async delete(bucket: string, deletions: readonly Deletion[]): Promise<Deleted[]> {
    const { registry } = this.#parts;
    registry.require(bucket);
    for (const { key } of deletions) checkKey(key);
    if (deletions.length > maxDeletes) throw new Fault('InvalidArgument', `At most ${maxDeletes} objects can be deleted at once.`);
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const deleted = await this.#try(bucket, deletions);
      if (deleted) return deleted;
    }
    throw changedTooOften();
  }

  /** Undefined when the bucket's versioning has changed meanwhile. */
  async #try(bucket: string, deletions: readonly Deletion[]): Promise<Deleted[] | undefined> {
    const { metadata, registry, recorder, cache, garbage, clock } = this.#parts;
    const versioning = registry.require(bucket).versioning ?? '';
    let last: string | undefined;
    const planned = deletions.map((deletion): Planned => {
      const { key, version } = deletion;
      if (version !== undefined) return planVersion(bucket, deletion, version, clock.now());
      const place = recorder.place(bucket);
      if (versioning !== '') last = place.version;
      return planCurrent(bucket, key, place, clock.now());
    });
    const notes = clock.notes(last);
    const before = [guardVersioning(bucket, versioning), ...notes];
    const steps = [...before, ...planned.flatMap((plan) => plan.steps)];
    try {
      const results = await metadata.write(steps);
      clock.noted(notes);
      for (const { key } of deletions) cache.forget(bucket, key);
      if (discards(steps, results)) garbage.collect();
      let at = before.length;
      return planned.map((plan) => {
        const own = results.slice(at, at + plan.steps.length);
        at += plan.steps.length;
        return plan.outcome(own);
      });
    } catch (error) {
      if (!(error instanceof MetadataConflict) || error.reason !== bucketGone) throw error;
      registry.check(bucket);
      return undefined;
    }
  }
}

function planCurrent(bucket: string, key: string, place: Place, now: number): Planned {
  const steps = deleteCurrent({ bucket, key }, place, now);
  const marker = place.isNull ? nullVersion : place.version;
  return { steps, outcome: () => (place.versioning === '' ? { key } : { key, marker }) };
}

function planVersion(bucket: string, { key }: Deletion, version: string, now: number): Planned {
  const steps = deleteVersion(bucket, key, version, now);
  return {
    steps,
    // What left no bytes behind when it went was a delete marker.
    outcome: (results) => {
      const marker = results[removedVersion]?.changes === 1 && results[removedBytes]?.changes === 0;
      return marker ? { key, version, marker: version } : { key, version };
    },
  };
}
