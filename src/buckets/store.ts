import type { BlobStream } from '../blobs/index.ts';
import type { SqlValue } from '../metadata/index.ts';
import type { Conditions } from './conditions.ts';
import type { ByteRange } from './range.ts';

export interface Bucket {
  readonly name: string;
  readonly owner: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly region: string;
  readonly acl: string;
  readonly storageClass: string;
  readonly redundancy: string;
}

/** A bucket to be made; its region is the store's own when left out. */
export type NewBucket = Omit<Bucket, 'createdAt' | 'region'> & { readonly region?: string };

/** All that is known of an object without its bytes. Shared with caches: never change one. */
export interface ObjectHead {
  readonly bucket: string;
  readonly key: string;
  readonly size: number;
  /** MD5 of the bytes, lower-case hex. */
  readonly etag: string;
  /** CRC-64/XZ of the bytes, unsigned decimal. */
  readonly crc64: string;
  readonly contentType: string;
  /** Stored standard headers by lower-case name: cache-control, content-disposition, content-encoding, content-language, expires. */
  readonly headers: Readonly<Record<string, string>>;
  /** User metadata, names lower-case and without prefix. */
  readonly meta: Readonly<Record<string, string>>;
  /** Epoch milliseconds. */
  readonly modifiedAt: number;
  readonly type: 'Normal';
  readonly storageClass: string;
  /** Id of the blob that holds the bytes; a new one at each write, so it names this very content. */
  readonly blob: string;
}

export interface PutRequest {
  bucket: string;
  key: string;
  /** The bytes. The store reads it to its end on success; it never closes it, that is the business of whoever opened it. */
  source: AsyncIterable<Buffer>;
  /** Declared length. */
  size?: number | undefined;
  /** 16 bytes. */
  contentMd5?: Buffer | undefined;
  contentType: string;
  headers: Record<string, string>;
  meta: Record<string, string>;
  /** The bucket's when left out. */
  storageClass?: string | undefined;
  forbidOverwrite?: boolean | undefined;
  /** Evaluated against the object that is replaced, in the same transaction; ifModifiedSince has no meaning here. */
  conditions?: Conditions | undefined;
}

export interface FoundObject {
  readonly head: ObjectHead;
  /** The whole body, when it is at most 64 KiB. Shared with the cache: never change it. */
  readonly small?: Buffer | undefined;
  /**
   * A stream of the range, or of all. Called in the same turn as get() it always gives the bytes of `head`; later the object may be gone
   * (Fault ServiceUnavailable). Once opened, no overwrite or delete touches it. Destroy it when it is not read to its end.
   */
  readonly open: (range?: ByteRange) => BlobStream;
}

export interface BucketPageRequest {
  prefix: string;
  /** Exclusive start; '' for none. */
  marker: string;
  maxKeys: number;
}

export interface BucketPage {
  buckets: Bucket[];
  truncated: boolean;
  /** The last name returned, when truncated. */
  nextMarker?: string;
}

export interface ObjectPageRequest {
  bucket: string;
  prefix: string;
  /** Keys that have it after the prefix are rolled up; '' for none. */
  delimiter: string;
  /** Exclusive start; '' for none. A common prefix stands for all keys below it. */
  after: string;
  /** Most objects and prefixes together. */
  maxKeys: number;
}

export interface ObjectPage {
  objects: ObjectHead[];
  prefixes: string[];
  truncated: boolean;
  /** The last key or prefix returned: the next page's `after`. */
  next?: string;
}

/** A condition over other rooms' rows that must hold for a bucket to be deleted, checked in the same transaction. */
export interface BucketGuard {
  /** An SQL condition, e.g. `not exists (select 1 from access_points where bucket = ?)`. */
  sql: string;
  params: readonly SqlValue[];
  /** What to throw when it does not hold. */
  fault: () => Error;
}

/**
 * The store contract. Keys are opaque: 1 to 1023 bytes of UTF-8 that do not start with / or \, else Fault InvalidObjectName. Writes are durable
 * when they resolve and visible to every later call. A read of a bucket that does not exist finds nothing.
 */
export interface Store {
  /** Makes a bucket; one's own may be made again and stays as it is. @throws Fault InvalidBucketName, BucketAlreadyExists (another owner) */
  createBucket(bucket: NewBucket): Promise<{ created: boolean }>;
  /** Changes the ACL. @throws Fault NoSuchBucket */
  setBucketAcl(name: string, acl: string): Promise<void>;
  /** Deletes an empty bucket. @throws Fault NoSuchBucket, BucketNotEmpty, or what the guard says */
  deleteBucket(name: string, options?: { guard?: BucketGuard }): Promise<void>;
  bucket(name: string): Bucket | undefined;
  /** Buckets by name. */
  listBuckets(request: BucketPageRequest): BucketPage;
  /**
   * Stores an object whole, or leaves what was there. Memory stays flat at any size.
   * @throws Fault NoSuchBucket, InvalidObjectName, IncompleteBody (fewer bytes than declared), InvalidRequest (more), InvalidDigest,
   * FileAlreadyExists (forbidOverwrite), PreconditionFailed; and whatever `source` throws
   */
  put(request: PutRequest): Promise<ObjectHead>;
  head(bucket: string, key: string): ObjectHead | undefined;
  get(bucket: string, key: string): FoundObject | undefined;
  /** Deletes an object; harmless when there is none. @throws Fault NoSuchBucket, InvalidObjectName */
  delete(bucket: string, key: string): Promise<void>;
  /** Deletes objects, each key as delete() does; at most 1000, all in one transaction. */
  deleteMany(bucket: string, keys: readonly string[]): Promise<void>;
  /** One page in UTF-8 byte order. Its cost is bounded by maxKeys, however many keys lie below a common prefix. @throws Fault NoSuchBucket */
  list(request: ObjectPageRequest): ObjectPage;
  /** Removes bytes that belong to no object and are older than that. Runs by itself at start and daily. Resolves to the number removed. */
  sweep(olderThanMs: number): Promise<number>;
  /** Resolves when the bytes of objects replaced or deleted so far are gone. */
  settled(): Promise<void>;
  /** Ends background work. Call it before the metadata and the blobs are closed. */
  close(): Promise<void>;
}
