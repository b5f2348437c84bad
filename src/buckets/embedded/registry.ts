import { Fault } from '../../faults/index.ts';
import { parsePolicy } from '../../identity/index.ts';
import { now } from '../../kit/index.ts';
import { type Metadata, MetadataConflict, type SqlValue, type Step } from '../../metadata/index.ts';
import { checkBucketName } from '../names.ts';
import type { BucketSettings } from '../settings.ts';
import type { Bucket, BucketGuard, BucketPage, BucketPageRequest, NewBucket } from '../store.ts';
import type { Versioning } from '../versions.ts';
import { type BucketRow, bucketOf, insertBucket, selectBucket, selectBuckets } from './rows.ts';

const pageRows = 1000;
const maxAttempts = 20;
const blockSetting = 'oss-block-public-access';
const selectBlock = 'select value from settings where name = ?';

/** The buckets: all in memory, changed through the database. */
export class Registry {
  readonly #metadata: Metadata;
  readonly #region: string;
  readonly #buckets = new Map<string, Bucket>();
  #names: string[] | undefined;
  #block: boolean;

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
    this.#block = this.#readBlock();
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

  setAcl(name: string, acl: string): Promise<void> {
    return this.#set(name, 'acl', acl);
  }

  async setPolicy(name: string, policy: string | undefined): Promise<void> {
    this.require(name);
    if (policy !== undefined) parsePolicy(policy, 'resource');
    await this.#set(name, 'policy', policy ?? null);
  }

  setBlock(name: string, block: boolean): Promise<void> {
    return this.#set(name, 'public_access_block', block ? 1 : 0);
  }

  setVersioning(name: string, versioning: Versioning): Promise<void> {
    return this.#set(name, 'versioning', versioning);
  }

  /** Reads a bucket again, which a transaction did not find as it was. @throws Fault NoSuchBucket */
  check(name: string): void {
    if (!this.#refresh(name)) throw noSuchBucket(name);
  }

  async #set(name: string, column: 'acl' | 'policy' | 'public_access_block' | 'versioning', value: SqlValue): Promise<void> {
    this.require(name);
    const sql = `update buckets set ${column} = ? where name = ?`;
    await this.#change(name, [{ sql, params: [value, name], expect: { changes: 1, otherwise: 'absent' } }]);
  }

  /** Puts or removes one part of the settings, whatever happens to the others meanwhile. */
  async setSetting<K extends keyof BucketSettings>(name: string, part: K, value: BucketSettings[K] | undefined): Promise<void> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      this.require(name);
      const before = this.#metadata.get<BucketRow>(selectBucket, [name])?.extra ?? '{}';
      const { [part]: _, ...others } = JSON.parse(before) as BucketSettings;
      const after = JSON.stringify(value === undefined ? others : { ...others, [part]: value });
      const sql = 'update buckets set extra = ? where name = ? and extra = ?';
      const [step] = await this.#metadata.write([{ sql, params: [after, name, before] }]);
      this.#refresh(name);
      if (step?.changes === 1) return;
    }
    throw new Fault('ServiceUnavailable', 'The settings of the bucket are being changed too often. Try again.');
  }

  all(): Bucket[] {
    return [...this.#buckets.values()];
  }

  /** Whether public access is blocked for all buckets. */
  get blocked(): boolean {
    return this.#block;
  }

  async setBlocked(block: boolean): Promise<void> {
    const put = 'insert into settings (name, value) values (?, ?) on conflict (name) do update set value = excluded.value';
    await this.#metadata.write([{ sql: put, params: [blockSetting, String(block)] }]);
    this.#block = this.#readBlock();
  }

  #readBlock(): boolean {
    return this.#metadata.get<{ value: string }>(selectBlock, [blockSetting])?.value === 'true';
  }

  async delete(name: string, guard: BucketGuard | undefined): Promise<void> {
    this.require(name);
    const step = (sql: string, params: Step['params'], otherwise: string): Step => ({ sql, params, expect: { changes: 1, otherwise } });
    const touch = 'update buckets set name = name where name = ?';
    const steps = [step(touch, [name], 'absent')];
    if (guard) steps.push(step(`${touch} and (${guard.sql})`, [name, ...guard.params], 'guarded'));
    const empty = `delete from buckets where name = ? and not exists (select 1 from objects where bucket = ?)
      and not exists (select 1 from versions where bucket = ?) and not exists (select 1 from uploads where bucket = ?)`;
    steps.push(step(empty, [name, name, name, name], 'not empty'));
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
