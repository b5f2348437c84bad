/**
 * Buckets and objects: the store contract with conditions, ranges and listing, and the embedded driver that keeps rows in metadata and bytes in blobs.
 * It speaks no wire dialect and decides nothing about who may do what.
 * Access points, functions and the dialects call it.
 */
export { type Conditions, evaluateConditions } from './conditions.ts';
export { openBuckets } from './embedded/open.ts';
export { type ByteRange, parseRange } from './range.ts';
export type {
  AppendRequest,
  Bucket,
  BucketGuard,
  BucketPage,
  BucketPageRequest,
  BucketSettings,
  CopyRequest,
  CorsRule,
  CorsSettings,
  FoundObject,
  NewBucket,
  ObjectHead,
  ObjectPage,
  ObjectPageRequest,
  PutRequest,
  RefererSettings,
  Store,
} from './store.ts';
export { mostParts, type Part, type Upload, type UploadName } from './uploads.ts';
