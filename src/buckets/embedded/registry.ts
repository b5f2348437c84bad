import { Fault } from '../../faults/index.ts';
import { now } from '../../kit/index.ts';
import { type Metadata, MetadataConflict, type Step } from '../../metadata/index.ts';
import { checkBucketName } from '../names.ts';
import type { Bucket, BucketGuard, BucketPage, BucketPageRequest, NewBucket } from '../store.ts';
import { type BucketRow, bucketOf, insertBucket, selectBucket, selectBuckets } from './rows.ts';

const pageRows = 1000;

/** The buckets: all in memory, changed through the database. */
export class Registry {
  readonly #metadata: Metadata;
  readonly #region: string;
  readonly #buckets = new Map<string, Bucket>();
  #names: string[] | undefined;

  constructor(metadata: Metadata, region: string) {
    this.#metadata = metadata;
    this.#region = region;
    let rows: BucketRow[];
    let last = '';
    do {
      rows = metadata.all<BucketRow>(selectBuckets, [last, pageRows]);
      for (const row of rows) this.#buckets.set(row.name, bucketOf(row));
      last = rows.at(-1)?.name ?? '';
    } while (rows.length === pageRows);
  }

  find(name: string): Bucket | undefined {
    return this.#buckets.get(name);
  }

  /** @throws Fault NoSuchBucket */
  require(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (!bucket) throw noSuchBucket(name);
    return bucket;
  }

  async create(bucket: NewBucket): Promise<{ created: boolean }> {
    checkBucketName(bucket.name);
    const known = this.#buckets.get(bucket.name);
    if (known) return this.#again(known, bucket);
    try {
      await this.#metadata.write([insertBucket({ region: this.#region, createdAt: now(), ...bucket })]);
    } catch (error) {
      if (!(error instanceof MetadataConflict)) throw error;
      const winner = this.#refresh(bucket.name);
      if (!winner) throw new Fault('ServiceUnavailable', 'The bucket was made and deleted at the same time. Try again.', { cause: error });
      return this.#again(winner, bucket);
    }
    this.#refresh(bucket.name);
    return { created: true };
  }

  #again(known: Bucket, wanted: NewBucket): { created: boolean } {
    if (known.owner === wanted.owner) return { created: false };
    throw new Fault('BucketAlreadyExists', undefined, { extra: { BucketName: wanted.name } });
  }

  async setAcl(name: string, acl: string): Promise<void> {
    this.require(name);
    await this.#change(name, [
      { sql: 'update buckets set acl = ? where name = ?', params: [acl, name], expect: { changes: 1, otherwise: 'absent' } },
    ]);
  }

  async delete(name: string, guard: BucketGuard | undefined): Promise<void> {
    this.require(name);
    const step = (sql: string, params: Step['params'], otherwise: string): Step => ({ sql, params, expect: { changes: 1, otherwise } });
    const touch = 'update buckets set name = name where name = ?';
    const steps = [step(touch, [name], 'absent')];
    if (guard) steps.push(step(`${touch} and (${guard.sql})`, [name, ...guard.params], 'guarded'));
    const empty = 'delete from buckets where name = ? and not exists (select 1 from objects where bucket = ?)';
    steps.push(step(empty, [name, name], 'not empty'));
    await this.#change(name, steps, guard);
  }

  async #change(name: string, steps: Step[], guard?: BucketGuard): Promise<void> {
    try {
      await this.#metadata.write(steps);
    } catch (error) {
      if (!(error instanceof MetadataConflict)) throw error;
      if (error.reason === 'guarded' && guard) throw guard.fault();
      if (error.reason === 'not empty') throw new Fault('BucketNotEmpty', undefined, { cause: error, extra: { BucketName: name } });
      throw noSuchBucket(name);
    } finally {
      this.#refresh(name);
    }
  }

  // Reading the row again, instead of trusting one's own write, cannot be wrong when several writes end together.
  #refresh(name: string): Bucket | undefined {
    const row = this.#metadata.get<BucketRow>(selectBucket, [name]);
    const bucket = row && bucketOf(row);
    this.#names = undefined;
    if (bucket) this.#buckets.set(name, bucket);
    else this.#buckets.delete(name);
    return bucket;
  }

  list({ prefix, marker, maxKeys }: BucketPageRequest): BucketPage {
    this.#names ??= [...this.#buckets.keys()].sort();
    const names = this.#names.filter((name) => name > marker && name.startsWith(prefix));
    const page = names.slice(0, Math.max(0, maxKeys));
    const truncated = page.length > 0 && names.length > page.length;
    const nextMarker = page.at(-1);
    const buckets = page.map((name) => this.require(name));
    return truncated && nextMarker !== undefined ? { buckets, truncated, nextMarker } : { buckets, truncated };
  }
}

export function noSuchBucket(name: string): Fault {
  return new Fault('NoSuchBucket', undefined, { extra: { BucketName: name } });
}
