import type { BlobStream } from '../blobs/index.ts';
import type { NamedPolicy } from '../identity/index.ts';
import type { SqlValue } from '../metadata/index.ts';
import type { Conditions } from './conditions.ts';
import type { Encryption } from './encryption.ts';
import type { LifecycleWork } from './lifecycle.ts';
import type { ByteRange } from './range.ts';
import type { Restores } from './restores.ts';
import type { BucketSettings } from './settings.ts';
import type { Uploads } from './uploads.ts';
import type { Deleted, DeleteMarker, Deletion, FoundVersion, Versioning, VersionPage, VersionPageRequest } from './versions.ts';

export interface Bucket {
  readonly name: string;
  readonly owner: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly region: string;
  readonly acl: string;
  readonly storageClass: string;
  readonly redundancy: string;
  /** The policy as it was put, byte for byte. */
  readonly policy?: string;
  /** `policy` parsed and named, ready for identity.decide; empty without a policy. */
  readonly policies: readonly NamedPolicy[];
  readonly blockPublicAccess: boolean;
  /** Absent until versioning is enabled for the first time. */
  readonly versioning?: Versioning;
  readonly settings: BucketSettings;
}

export interface BucketStat {
  /** All versions of objects, without delete markers. */
  readonly objects: number;
  readonly bytes: number;
  /** Uploads that are neither complete nor aborted, and the bytes of their parts. */
  readonly uploads: number;
  readonly partBytes: number;
  readonly deleteMarkers: number;
  /** By storage class. */
  readonly classes: Readonly<Record<string, { readonly objects: number; readonly bytes: number }>>;
}

/** A bucket to be made; its region is the store's own when left out. */
export type NewBucket = Pick<Bucket, 'name' | 'owner' | 'acl' | 'storageClass' | 'redundancy'> & { readonly region?: string };

/** How an object came about. */
export type ObjectType = 'Normal' | 'Multipart' | 'Appendable' | 'Symlink';

/** All that is known of an object without its bytes. Shared with caches: never change one. */
export interface ObjectHead {
  readonly bucket: string;
  readonly key: string;
  readonly size: number;
  /** MD5 of the bytes, lower-case hex, of a normal object; else an opaque tag of this content. */
  readonly etag: string;
  /** CRC-64/XZ of the bytes, unsigned decimal. */
  readonly crc64: string;
  readonly contentType: string;
  /**
   * Stored standard headers by lower-case name: cache-control, content-disposition, content-encoding, content-language, expires; and `encryption`
   * (see encryption.ts) when the bytes are encrypted on the disk.
   */
  readonly headers: Readonly<Record<string, string>>;
  /** User metadata, names lower-case and without prefix. */
  readonly meta: Readonly<Record<string, string>>;
  /** Epoch milliseconds. */
  readonly modifiedAt: number;
  readonly type: ObjectType;
  readonly storageClass: string;
  /** `default` is what the bucket's own ACL says. */
  readonly acl: string;
  /** Id of the blob that holds the bytes, or of the list of blobs that do; a new one at each write, so it names this very content. */
  readonly blob: string;
  /** Number of blobs in the list; 0 when one blob holds the bytes. */
  readonly pieces: number;
  readonly tags: Readonly<Record<string, string>>;
  /** Key that a symlink leads to. */
  readonly target?: string;
  /** Id of this version of the object; `null` for the one without an id of its own. */
  readonly version: string;
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
  /** As those of ObjectHead; withEncryption() asks for encryption. */
  headers: Record<string, string>;
  meta: Record<string, string>;
  /** The bucket's when left out. */
  storageClass?: string | undefined;
  /** `default` when left out, also where the object that is replaced had another. */
  acl?: string | undefined;
  tags?: Readonly<Record<string, string>> | undefined;
  forbidOverwrite?: boolean | undefined;
  /** Evaluated against the object that is replaced, in the same transaction; ifModifiedSince has no meaning here. */
  conditions?: Conditions | undefined;
}

export interface AppendRequest extends Omit<PutRequest, 'forbidOverwrite' | 'conditions'> {
  /** Where the bytes go, which is the present size of the object; 0 makes one, described as the request says. */
  position: number;
}

/** An object that leads to another key of its bucket, which need not exist. */
export interface SymlinkRequest extends Omit<PutRequest, 'source' | 'size' | 'contentMd5' | 'conditions'> {
  target: string;
}

/** Hears what a copy is about to be made of; what it throws ends the copy before anything is done. */
export type SourceCheck = (head: ObjectHead) => void;

/** What is copied: the object, or one version of it. */
export interface CopySource {
  bucket: string;
  key: string;
  version?: string | undefined;
}

export interface CopyRequest {
  from: CopySource;
  check: SourceCheck;
  bucket: string;
  key: string;
  /** What the copy is described by; as the source when left out. */
  described?: { contentType: string; headers: Record<string, string>; meta: Record<string, string> } | undefined;
  /** How the copy is encrypted on the disk, however the source is. */
  encryption?: Encryption | undefined;
  /** The source's when left out. */
  tags?: Readonly<Record<string, string>> | undefined;
  /** The bucket's when left out. */
  storageClass?: string | undefined;
  /** `default` when left out. */
  acl?: string | undefined;
  forbidOverwrite?: boolean | undefined;
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
  /** Puts a policy, kept byte for byte, or removes it. @throws Fault NoSuchBucket, InvalidArgument for a document that is not valid */
  setBucketPolicy(name: string, policy: string | undefined): Promise<void>;
  /** Puts one part of the settings, or removes it. @throws Fault NoSuchBucket */
  setBucketSetting<K extends keyof BucketSettings>(name: string, part: K, value: BucketSettings[K] | undefined): Promise<void>;
  /** Enables versioning, or suspends it; it is never as if it had not been. @throws Fault NoSuchBucket */
  setBucketVersioning(name: string, versioning: Versioning): Promise<void>;
  /** Counts what is in a bucket, in turns; its cost grows with the number of objects. @throws Fault NoSuchBucket */
  stat(name: string): Promise<BucketStat>;
  /** @throws Fault NoSuchBucket */
  setBucketPublicAccessBlock(name: string, block: boolean): Promise<void>;
  /** Whether public access is blocked for every bucket. */
  readonly blockPublicAccess: boolean;
  setPublicAccessBlock(block: boolean): Promise<void>;
  /** Deletes a bucket without objects, versions, delete markers and unfinished uploads. @throws Fault NoSuchBucket, BucketNotEmpty, or what the guard says */
  deleteBucket(name: string, options?: { guard?: BucketGuard }): Promise<void>;
  bucket(name: string): Bucket | undefined;
  /** Buckets by name. */
  listBuckets(request: BucketPageRequest): BucketPage;
  /**
   * Stores an object whole, or leaves what was there. Memory stays flat at any size. In a bucket with versioning what is replaced stays as a
   * version, as it does with every write here, and forbidOverwrite has no meaning (Alibaba OSS API reference, "PutObject").
   * @throws Fault NoSuchBucket, InvalidObjectName, IncompleteBody (fewer bytes than declared), InvalidRequest (more), InvalidDigest,
   * FileAlreadyExists (forbidOverwrite), PreconditionFailed; and whatever `source` throws
   */
  put(request: PutRequest): Promise<ObjectHead>;
  /**
   * Copies an object within the store; its bytes are shared where the blobs can be. One made by appending becomes a normal one.
   * @throws Fault NoSuchBucket, NoSuchKey or NoSuchVersion (source), InvalidObjectName, FileAlreadyExists, InvalidArgument (the version is a
   * delete marker); what the check throws
   */
  copy(request: CopyRequest): Promise<ObjectHead>;
  /**
   * Adds bytes to the end of an object made by appending, or makes one. It stays the same version while it grows.
   * @throws Fault PositionNotEqualToLength, ObjectNotAppendable, EntityTooLarge (beyond 5 GiB), and those of put() for a body
   */
  append(request: AppendRequest): Promise<ObjectHead>;
  /** Makes a symlink. @throws Fault NoSuchBucket, InvalidObjectName (key or target), FileAlreadyExists */
  link(request: SymlinkRequest): Promise<ObjectHead>;
  /** Archived objects that can be read for now. */
  readonly restores: Restores;
  /** Uploads in parts. */
  readonly uploads: Uploads;
  /** The head of an object, or of one version of it; there is none of a delete marker. */
  head(bucket: string, key: string, version?: string): ObjectHead | undefined;
  get(bucket: string, key: string): FoundObject | undefined;
  /** One version by its id, current or not. Its body is always read from the blobs. */
  version(bucket: string, key: string, version: string): FoundVersion | undefined;
  /** The delete marker that stands in the place of an object. */
  deleteMarker(bucket: string, key: string): DeleteMarker | undefined;
  /** Changes the ACL of an object, or of one version, and nothing else of it. @throws Fault NoSuchBucket, NoSuchKey, NoSuchVersion */
  setObjectAcl(bucket: string, key: string, acl: string, version?: string): Promise<void>;
  /** Replaces the tags of an object, or of one version, and nothing else of it. @throws Fault NoSuchBucket, NoSuchKey, NoSuchVersion */
  setObjectTags(bucket: string, key: string, tags: Readonly<Record<string, string>>, version?: string): Promise<void>;
  /**
   * Deletes an object; harmless when there is none. With versioning a delete marker takes its place, also where there is none. A version that is
   * named goes for good; if it was the newest, the one before it is the object again. @throws Fault NoSuchBucket, InvalidObjectName
   */
  delete(bucket: string, key: string, version?: string): Promise<Deleted>;
  /** Deletes objects and versions, each as delete() does; at most 1000, all in one transaction. */
  deleteMany(bucket: string, deletions: readonly Deletion[]): Promise<Deleted[]>;
  /** One page in UTF-8 byte order. Its cost is bounded by maxKeys, however many keys lie below a common prefix. @throws Fault NoSuchBucket */
  list(request: ObjectPageRequest): ObjectPage;
  /** One page of all versions and delete markers, by key in UTF-8 byte order and then the newest first, at the same cost. @throws Fault NoSuchBucket */
  listVersions(request: VersionPageRequest): VersionPage;
  /** Carries out the lifecycle rules of all buckets once, in turns. Runs by itself from time to time. */
  applyLifecycle(): Promise<LifecycleWork>;
  /** Removes bytes that belong to no object and are older than that. Runs by itself at start and daily. Resolves to the number removed. */
  sweep(olderThanMs: number): Promise<number>;
  /** Resolves when the bytes of objects replaced or deleted so far are gone. */
  settled(): Promise<void>;
  /** Ends background work. Call it before the metadata and the blobs are closed. */
  close(): Promise<void>;
}
