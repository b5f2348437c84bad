import type { Blobs } from '../../blobs/index.ts';
import { Fault } from '../../faults/index.ts';
import { now } from '../../kit/index.ts';
import { type Metadata, MetadataConflict } from '../../metadata/index.ts';
import { evaluateConditions } from '../conditions.ts';
import { checkKey } from '../names.ts';
import type {
  Bucket,
  BucketGuard,
  BucketPage,
  BucketPageRequest,
  FoundObject,
  NewBucket,
  ObjectHead,
  ObjectPage,
  ObjectPageRequest,
  PutRequest,
  Store,
} from '../store.ts';
import { ObjectCache } from './cache.ts';
import { Garbage } from './garbage.ts';
import { listObjects } from './listing.ts';
import { noSuchBucket, Registry } from './registry.ts';
import { bucketGone, deleteObject, discardObject, type Replaces, storeObject } from './rows.ts';
import { upload } from './upload.ts';

const maxAttempts = 20;
const maxDeletes = 1000;

/** The store over metadata and blobs: one row and one blob an object. */
export class EmbeddedStore implements Store {
  readonly #metadata: Metadata;
  readonly #blobs: Blobs;
  readonly #registry: Registry;
  readonly #cache: ObjectCache;
  readonly #garbage: Garbage;

  constructor(metadata: Metadata, blobs: Blobs, region: string, onError: (error: unknown) => void) {
    this.#metadata = metadata;
    this.#blobs = blobs;
    this.#registry = new Registry(metadata, region);
    this.#cache = new ObjectCache(metadata, blobs);
    this.#garbage = new Garbage(metadata, blobs, this.#cache, onError);
  }

  createBucket(bucket: NewBucket): Promise<{ created: boolean }> {
    return this.#registry.create(bucket);
  }

  setBucketAcl(name: string, acl: string): Promise<void> {
    return this.#registry.setAcl(name, acl);
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
    replacedBy(request, this.#cache.head(bucket, key));
    let blob: string | undefined;
    const begun = (id: string) => {
      blob = id;
      this.#garbage.expect(id);
    };
    try {
      const uploaded = await upload(this.#blobs, request, begun);
      const { contentType, headers, meta } = request;
      const described = { bucket, key, contentType, headers, meta, type: 'Normal' as const };
      return await this.#record(request, {
        ...uploaded,
        ...described,
        storageClass: request.storageClass ?? storageClass,
        modifiedAt: now(),
      });
    } finally {
      if (blob !== undefined) this.#garbage.settle(blob);
    }
  }

  /** Makes the uploaded object visible; when it is refused its blob is removed. */
  async #record(request: PutRequest, head: ObjectHead): Promise<ObjectHead> {
    const { bucket, key } = head;
    try {
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        const replaces = replacedBy(request, this.#cache.freshHead(bucket, key));
        const discarded = await this.#write(head, replaces);
        if (discarded === undefined) continue;
        this.#cache.forget(bucket, key);
        if (discarded > 0) this.#garbage.collect();
        return head;
      }
      throw new Fault('ServiceUnavailable', 'The object is being changed too often to evaluate the conditions. Try again.');
    } catch (error) {
      // After any other error the row may have been written all the same: then the next sweep decides about the blob.
      if (error instanceof Fault) await this.#blobs.remove(head.blob);
      throw error;
    }
  }

  /** Number of blobs discarded, or undefined when the object is no longer what it was to replace. */
  async #write(head: ObjectHead, replaces: Replaces): Promise<number | undefined> {
    try {
      const results = await this.#metadata.write(storeObject(head, replaces));
      return results.length > 1 ? results[0]?.changes : 0;
    } catch (error) {
      if (!(error instanceof MetadataConflict)) throw error;
      if (error.reason === bucketGone) throw noSuchBucket(head.bucket);
      return undefined;
    }
  }

  head(bucket: string, key: string): ObjectHead | undefined {
    return this.#cache.head(bucket, key);
  }

  get(bucket: string, key: string): FoundObject | undefined {
    return this.#cache.get(bucket, key);
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

/** What a put may replace, given what is there. @throws Fault FileAlreadyExists, PreconditionFailed */
function replacedBy({ forbidOverwrite, conditions, key }: PutRequest, current: ObjectHead | undefined): Replaces {
  if (forbidOverwrite && current) throw new Fault('FileAlreadyExists', undefined, { extra: { Key: key } });
  if (conditions) {
    const verdict = evaluateConditions(current, { ...conditions, ifModifiedSince: undefined });
    if (verdict !== 'proceed') throw new Fault('PreconditionFailed', undefined, { extra: { Key: key } });
    return current ? { blob: current.blob } : 'nothing';
  }
  return forbidOverwrite ? 'nothing' : 'anything';
}
