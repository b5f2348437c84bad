/**
 * Buckets and objects: the store contract with conditions, ranges and listing, and the embedded driver that keeps rows in metadata and bytes in blobs.
 * It speaks no wire dialect and decides nothing about who may do what.
 * Access points, functions and the dialects call it.
 */
export { type Conditions, evaluateConditions } from './conditions.ts';
export { openBuckets } from './embedded/open.ts';
export { type Encryption, isSealed, withEncryption } from './encryption.ts';
export { expiryOf, type LifecycleRule, type LifecycleTime } from './lifecycle.ts';
export { type ByteRange, parseRange } from './range.ts';
export type { Restore, Restores } from './restores.ts';
export type { BucketSettings, CorsRule, CorsSettings, ImageStyle, RefererSettings, WebsiteSettings } from './settings.ts';
export type {
  AppendRequest,
  Bucket,
  BucketGuard,
  BucketPage,
  BucketPageRequest,
  CopyRequest,
  CopySource,
  FoundObject,
  NewBucket,
  ObjectHead,
  ObjectPage,
  ObjectPageRequest,
  PutRequest,
  Store,
} from './store.ts';
export { mostParts, type Part, type Upload, type UploadName } from './uploads.ts';
export {
  type Deleted,
  type DeleteMarker,
  type Deletion,
  isMarker,
  nullVersion,
  type Versioning,
  type VersionPage,
} from './versions.ts';
