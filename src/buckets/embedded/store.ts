import { createHash } from 'node:crypto';
import type { Blobs } from '../../blobs/index.ts';
import { Fault } from '../../faults/index.ts';
import { now, randomHex } from '../../kit/index.ts';
import type { Metadata } from '../../metadata/index.ts';
import { isSealed } from '../encryption.ts';
import type { LifecycleWork } from '../lifecycle.ts';
import { checkKey } from '../names.ts';
import type { Restores } from '../restores.ts';
import type { BucketSettings } from '../settings.ts';
import type {
  AppendRequest,
  Bucket,
  BucketGuard,
  BucketPage,
  BucketPageRequest,
  BucketStat,
  CopyRequest,
  FoundObject,
  NewBucket,
  ObjectHead,
  ObjectPage,
  ObjectPageRequest,
  PutRequest,
  Store,
  SymlinkRequest,
} from '../store.ts';
import type { Uploads } from '../uploads.ts';
import {
  type Deleted,
  type DeleteMarker,
  type Deletion,
  type FoundVersion,
  isMarker,
  type Versioning,
  type VersionPage,
  type VersionPageRequest,
} from '../versions.ts';
import { Appender } from './appender.ts';
import { ObjectCache } from './cache.ts';
import { Copier } from './copier.ts';
import { Deleter } from './deleter.ts';
import { Garbage } from './garbage.ts';
import { Lifecycle } from './lifecycle.ts';
import { listObjects } from './listing.ts';
import { Pins } from './pins.ts';
import { type NewHead, Recorder } from './recorder.ts';
import { Registry } from './registry.ts';
import { EmbeddedRestores } from './restores.ts';
import { tagsText } from './rows.ts';
import { countBucket } from './stat.ts';
import { SteadyClock } from './steady-clock.ts';
import { upload } from './upload.ts';
import { EmbeddedUploads } from './uploads.ts';
import { listVersions } from './version-listing.ts';
import { changeVersion } from './version-rows.ts';

/** How often lifecycle rules are carried out. */
const usualLifecycleMs = 3_600_000;

/** What the embedded store is opened with. */
export interface StoreOptions {
  readonly metadata: Metadata;
  readonly blobs: Blobs;
  /** That of buckets made without one. */
  readonly region: string;
  /** Hears of background work that failed; it is tried again. */
  readonly onError?: (error: unknown) => void;
  /** The clock, in epoch milliseconds; the system's when left out. */
  readonly now?: () => number;
  /** Hears what a sweep of the lifecycle rules has done, if anything. */
  readonly onLifecycle?: (work: LifecycleWork) => void;
  /** Milliseconds between two sweeps of the lifecycle rules; an hour when left out. */
  readonly lifecycleMs?: number;
}

/** The store over metadata and blobs: one row an object, and one blob, or the list of those that it was uploaded in. */
export class EmbeddedStore implements Store {
  readonly #metadata: Metadata;
  readonly #blobs: Blobs;
  readonly #registry: Registry;
  readonly #cache: ObjectCache;
  readonly #garbage: Garbage;
  readonly #recorder: Recorder;
  readonly #copier: Copier;
  readonly #appender: Appender;
  readonly #deleter: Deleter;
  readonly #lifecycle: Lifecycle;
  readonly #clock: SteadyClock;
  readonly uploads: Uploads;
  readonly restores: Restores;

  constructor(options: StoreOptions) {
    const {
      metadata,
      blobs,
      region,
      onError = () => {},
      lifecycleMs: everyMs = usualLifecycleMs,
      onLifecycle: onWork = () => {},
    } = options;
    this.#metadata = metadata;
    this.#blobs = blobs;
    this.#registry = new Registry(metadata, region);
    this.restores = new EmbeddedRestores(metadata);
    const pins = new Pins();
    this.#cache = new ObjectCache(metadata, blobs, pins);
    this.#garbage = new Garbage(metadata, blobs, this.#cache, pins, onError);
    this.#clock = new SteadyClock(metadata, options.now ?? now);
    this.#recorder = new Recorder(metadata, this.#registry, this.#clock, this.#cache, this.#garbage);
    const own = { registry: this.#registry, cache: this.#cache, garbage: this.#garbage, recorder: this.#recorder, clock: this.#clock };
    const parts = { metadata, blobs, pins, ...own };
    this.#deleter = new Deleter(parts);
    this.#lifecycle = new Lifecycle(parts, { everyMs, onError, onWork });
    this.#copier = new Copier(parts);
    this.#appender = new Appender(parts, this.#copier);
    this.uploads = new EmbeddedUploads(parts, this.#copier);
  }

  createBucket(bucket: NewBucket): Promise<{ created: boolean }> {
    return this.#registry.create(bucket);
  }

  setBucketAcl(name: string, acl: string): Promise<void> {
    return this.#registry.setAcl(name, acl);
  }

  setBucketPolicy(name: string, policy: string | undefined): Promise<void> {
    return this.#registry.setPolicy(name, policy);
  }

  setBucketPublicAccessBlock(name: string, block: boolean): Promise<void> {
    return this.#registry.setBlock(name, block);
  }

  setBucketSetting<K extends keyof BucketSettings>(name: string, part: K, value: BucketSettings[K] | undefined): Promise<void> {
    return this.#registry.setSetting(name, part, value);
  }

  setBucketVersioning(name: string, versioning: Versioning): Promise<void> {
    return this.#registry.setVersioning(name, versioning);
  }

  async stat(name: string): Promise<BucketStat> {
    this.#registry.require(name);
    return countBucket(this.#metadata, name);
  }

  get blockPublicAccess(): boolean {
    return this.#registry.blocked;
  }

  setPublicAccessBlock(block: boolean): Promise<void> {
    return this.#registry.setBlocked(block);
  }

  deleteBucket(name: string, options: { guard?: BucketGuard } = {}): Promise<void> {
    return this.#registry.delete(name, options.guard);
  }

  bucket(name: string): Bucket | undefined {
    return this.#registry.find(name);
  }

  listBuckets(request: BucketPageRequest): BucketPage {
    return this.#registry.list(request);
  }

  async put(request: PutRequest): Promise<ObjectHead> {
    const { bucket, key } = request;
    const { storageClass } = this.#registry.require(bucket);
    checkKey(key);
    // Refused before the body is read, where that can be known; what counts is the check in the transaction.
    this.#recorder.replacedBy(bucket, key, request, this.#cache.head(bucket, key));
    let blob: string | undefined;
    const begun = (id: string) => {
      blob = id;
      this.#garbage.expect(id);
    };
    try {
      const { contentType, headers, meta } = request;
      const uploaded = await upload(this.#blobs, { ...request, sealed: isSealed(headers) }, begun);
      const described = { bucket, key, contentType, headers, meta, type: 'Normal' as const, pieces: 0 };
      const head: NewHead = {
        ...uploaded,
        ...described,
        storageClass: request.storageClass ?? storageClass,
        acl: request.acl ?? 'default',
        tags: request.tags ?? {},
        modifiedAt: this.#clock.now(),
      };
      return await this.#recorder.record(head, request);
    } catch (error) {
      // After any other error the row may have been written all the same: then the next sweep decides about the blob.
      if (blob !== undefined && error instanceof Fault) await this.#blobs.remove(blob);
      throw error;
    } finally {
      if (blob !== undefined) this.#garbage.settle(blob);
    }
  }

  async link(request: SymlinkRequest): Promise<ObjectHead> {
    const { bucket, key, target, contentType, headers, meta, tags = {}, acl = 'default' } = request;
    const known = this.#registry.require(bucket);
    checkKey(key);
    checkKey(target);
    const nothing = { blob: randomHex(16), pieces: 0, size: 0, crc64: '0', modifiedAt: this.#clock.now(), type: 'Symlink' as const };
    const described = {
      bucket,
      key,
      target,
      contentType,
      headers,
      meta,
      tags,
      acl,
      storageClass: request.storageClass ?? known.storageClass,
    };
    return this.#recorder.record({ ...nothing, ...described, etag: createHash('md5').update(target).digest('hex') }, request);
  }

  append(request: AppendRequest): Promise<ObjectHead> {
    return this.#appender.append(request);
  }

  copy(request: CopyRequest): Promise<ObjectHead> {
    return this.#copier.copy(request);
  }

  head(bucket: string, key: string, version?: string): ObjectHead | undefined {
    if (version === undefined) return this.#cache.head(bucket, key);
    const found = this.#cache.version(bucket, key, version);
    return found && !isMarker(found) ? found.head : undefined;
  }

  get(bucket: string, key: string): FoundObject | undefined {
    return this.#cache.get(bucket, key);
  }

  version(bucket: string, key: string, version: string): FoundVersion | undefined {
    return this.#cache.version(bucket, key, version);
  }

  deleteMarker(bucket: string, key: string): DeleteMarker | undefined {
    return this.#cache.marker(bucket, key);
  }

  setObjectAcl(bucket: string, key: string, acl: string, version?: string): Promise<void> {
    return this.#change(bucket, key, 'acl', acl, version);
  }

  setObjectTags(bucket: string, key: string, tags: Readonly<Record<string, string>>, version?: string): Promise<void> {
    return this.#change(bucket, key, 'tags', tagsText(tags), version);
  }

  async #change(bucket: string, key: string, column: 'acl' | 'tags', value: string, version?: string): Promise<void> {
    this.#registry.require(bucket);
    checkKey(key);
    const sql = `update objects set ${column} = ? where bucket = ? and key = ?`;
    const steps = version === undefined ? [{ sql, params: [value, bucket, key] }] : changeVersion(bucket, key, version, column, value);
    const results = await this.#metadata.write(steps);
    this.#cache.forget(bucket, key);
    if (results.some(({ changes }) => changes > 0)) return;
    if (version === undefined) throw new Fault('NoSuchKey', undefined, { extra: { Key: key } });
    throw new Fault('NoSuchVersion', undefined, { extra: { Key: key, VersionId: version } });
  }

  async delete(bucket: string, key: string, version?: string): Promise<Deleted> {
    const [deleted] = await this.#deleter.delete(bucket, [{ key, version }]);
    return deleted as Deleted;
  }

  deleteMany(bucket: string, deletions: readonly Deletion[]): Promise<Deleted[]> {
    return this.#deleter.delete(bucket, deletions);
  }

  listVersions(request: VersionPageRequest): VersionPage {
    this.#registry.require(request.bucket);
    return listVersions(this.#metadata, request);
  }

  applyLifecycle(): Promise<LifecycleWork> {
    return this.#lifecycle.apply();
  }

  list(request: ObjectPageRequest): ObjectPage {
    this.#registry.require(request.bucket);
    return listObjects(this.#metadata, request);
  }

  sweep(olderThanMs: number): Promise<number> {
    return this.#garbage.sweep(olderThanMs);
  }

  settled(): Promise<void> {
    return this.#garbage.settled();
  }

  async close(): Promise<void> {
    await this.#lifecycle.close();
    await this.#garbage.close();
  }
}
