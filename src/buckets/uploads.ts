import type { ByteRange } from './range.ts';
import type { CopySource, ObjectHead } from './store.ts';

/** Most parts of one upload, and the highest part number (Alibaba OSS API reference, "Multipart upload"). */
export const mostParts = 10_000;
/** Every part but the last has at least so many bytes (Alibaba OSS API reference, "CompleteMultipartUpload"). */
export const leastPartBytes = 100 * 1024;

/** An upload in parts to be begun; what is said of the object is that of PutRequest. */
export interface NewUpload {
  bucket: string;
  key: string;
  contentType: string;
  headers: Record<string, string>;
  meta: Record<string, string>;
  tags?: Readonly<Record<string, string>> | undefined;
  storageClass?: string | undefined;
  acl?: string | undefined;
}

/** Names an upload; one whose bucket or key are others is not found. */
export interface UploadName {
  bucket: string;
  key: string;
  /** 32 hex digits. */
  upload: string;
}

/** An upload that is neither complete nor aborted. */
export interface Upload extends UploadName {
  readonly storageClass: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

export interface Part {
  readonly number: number;
  readonly size: number;
  /** MD5 of the bytes, lower-case hex. */
  readonly etag: string;
  readonly crc64: string;
  readonly modifiedAt: number;
}

export interface PartRequest extends UploadName {
  /** 1 to 10,000. */
  number: number;
  source: AsyncIterable<Buffer>;
  size?: number | undefined;
  /** 16 bytes. */
  contentMd5?: Buffer | undefined;
}

export interface PartCopyRequest extends UploadName {
  number: number;
  from: CopySource;
  /** As that of CopyRequest; the range that it returns is what is copied, all when it returns none. */
  check: (head: ObjectHead) => ByteRange | undefined;
}

export interface CompletionRequest extends UploadName {
  /** Part numbers in rising order with the entity tags that uploading them returned, or every part that was uploaded. */
  parts: readonly { number: number; etag: string }[] | 'all';
  /** Instead of the ACL that the upload was begun with. */
  acl?: string | undefined;
  forbidOverwrite?: boolean | undefined;
}

export interface PartPageRequest extends UploadName {
  /** Exclusive start; 0 for none. */
  after: number;
  maxParts: number;
}

export interface PartPage {
  upload: Upload;
  parts: Part[];
  truncated: boolean;
}

export interface UploadPageRequest {
  bucket: string;
  prefix: string;
  /** As in ObjectPageRequest. */
  delimiter: string;
  /** Exclusive start, by key and then by upload; '' for none. Without an upload all uploads of that key lie before the page. */
  afterKey: string;
  afterUpload: string;
  maxUploads: number;
}

export interface UploadPage {
  uploads: Upload[];
  prefixes: string[];
  truncated: boolean;
  /** The last key or prefix returned, and the upload when it was one. */
  nextKey?: string;
  nextUpload?: string;
}

/** Uploads in parts. A part is durable when its call resolves; an object appears with complete() alone. */
export interface Uploads {
  /** @throws Fault NoSuchBucket, InvalidObjectName */
  start(upload: NewUpload): Promise<Upload>;
  /** Takes one part in, instead of one of the same number. @throws Fault NoSuchUpload, InvalidArgument, and those of Store.put for a body */
  put(request: PartRequest): Promise<Part>;
  /** Makes a part of an object, or of a range of one. @throws Fault NoSuchUpload, InvalidArgument, NoSuchKey; what the check throws */
  copy(request: PartCopyRequest): Promise<Part>;
  /**
   * Makes the object, without touching a byte of it. Repeated for the object that it made it returns that object again.
   * @throws Fault NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall, FileAlreadyExists
   */
  complete(request: CompletionRequest): Promise<ObjectHead>;
  /** Drops an upload and its parts. @throws Fault NoSuchUpload */
  abort(name: UploadName): Promise<void>;
  /** Parts by number. @throws Fault NoSuchUpload */
  parts(request: PartPageRequest): PartPage;
  /** Uploads by key (UTF-8 bytes) and then by id. @throws Fault NoSuchBucket */
  list(request: UploadPageRequest): UploadPage;
}
