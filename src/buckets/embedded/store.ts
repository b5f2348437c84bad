import { createHash } from 'node:crypto';
import type { Blobs } from '../../blobs/index.ts';
import { Fault } from '../../faults/index.ts';
import { now, randomHex } from '../../kit/index.ts';
import type { Metadata } from '../../metadata/index.ts';
import { checkKey } from '../names.ts';
import type {
  AppendRequest,
  Bucket,
  BucketGuard,
  BucketPage,
  BucketPageRequest,
  BucketSettings,
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
import { Appender } from './appender.ts';
import { ObjectCache } from './cache.ts';
import { Copier } from './copier.ts';
import { Garbage } from './garbage.ts';
import { listObjects } from './listing.ts';
import { Pins } from './pins.ts';
import { Recorder, replacedBy } from './recorder.ts';
import { Registry } from './registry.ts';
import { deleteObject, discardObject, tagsText } from './rows.ts';
import { countBucket } from './stat.ts';
import { upload } from './upload.ts';
import { EmbeddedUploads } from './uploads.ts';

const maxDeletes = 1000;

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
  readonly uploads: Uploads;

  constructor(metadata: Metadata, blobs: Blobs, region: string, onError: (error: unknown) => void) {
    this.#metadata = metadata;
    this.#blobs = blobs;
    this.#registry = new Registry(metadata, region);
    const pins = new Pins();
    this.#cache = new ObjectCache(metadata, blobs, pins);
    this.#garbage = new Garbage(metadata, blobs, this.#cache, pins, onError);
    this.#recorder = new Recorder(metadata, this.#cache, this.#garbage);
    const parts = { metadata, blobs, pins, registry: this.#registry, cache: this.#cache, garbage: this.#garbage, recorder: this.#recorder };
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
    replacedBy(key, request, this.#cache.head(bucket, key));
    let blob: string | undefined;
    const begun = (id: string) => {
      blob = id;
      this.#garbage.expect(id);
    };
    try {
      const uploaded = await upload(this.#blobs, request, begun);
      const { contentType, headers, meta } = request;
      const described = { bucket, key, contentType, headers, meta, type: 'Normal' as const, pieces: 0 };
      const head: ObjectHead = {
        ...uploaded,
        ...described,
        storageClass: request.storageClass ?? storageClass,
        acl: request.acl ?? 'default',
        tags: request.tags ?? {},
        modifiedAt: now(),
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
    const nothing = { blob: randomHex(16), pieces: 0, size: 0, crc64: '0', modifiedAt: now(), type: 'Symlink' as const };
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

  head(bucket: string, key: string): ObjectHead | undefined {
    return this.#cache.head(bucket, key);
  }

  get(bucket: string, key: string): FoundObject | undefined {
    return this.#cache.get(bucket, key);
  }

  setObjectAcl(bucket: string, key: string, acl: string): Promise<void> {
    return this.#change(bucket, key, 'acl', acl);
  }

  setObjectTags(bucket: string, key: string, tags: Readonly<Record<string, string>>): Promise<void> {
    return this.#change(bucket, key, 'tags', tagsText(tags));
  }

  async #change(bucket: string, key: string, column: 'acl' | 'tags', value: string): Promise<void> {
    this.#registry.require(bucket);
    checkKey(key);
    const sql = `update objects set ${column} = ? where bucket = ? and key = ?`;
    const [step] = await this.#metadata.write([{ sql, params: [value, bucket, key] }]);
    this.#cache.forget(bucket, key);
    if (step?.changes === 0) throw new Fault('NoSuchKey', undefined, { extra: { Key: key } });
  }

  delete(bucket: string, key: string): Promise<void> {
    return this.deleteMany(bucket, [key]);
  }

  async deleteMany(bucket: string, keys: readonly string[]): Promise<void> {
    this.#registry.require(bucket);
    for (const key of keys) checkKey(key);
    if (keys.length > maxDeletes) throw new Fault('InvalidArgument', `At most ${maxDeletes} objects can be deleted at once.`);
    const since = now();
    const results = await this.#metadata.write(keys.flatMap((key) => [discardObject(bucket, key, since), deleteObject(bucket, key)]));
    for (const key of keys) this.#cache.forget(bucket, key);
    if (results.some(({ changes }) => changes > 0)) this.#garbage.collect();
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

  close(): Promise<void> {
    return this.#garbage.close();
  }
}
