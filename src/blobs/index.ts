/**
 * The bytes of objects: drivers that keep immutable blobs under random ids, on a file system or in memory, with checksums of their own, encrypted where asked.
 * It knows no bucket and no key, and a blob's place never depends on anything that a client sent.
 * The buckets room calls it, the care room that checks and backs up, and the composition root, which opens the driver.
 */
export { type FsBlobsOptions, openFsBlobs } from './fs/blobs.ts';
export { holdBlobs } from './fs/hold.ts';
export { blobPath } from './fs/layout.ts';
export { BlobKeyError, type BlobKeys, makeBlobKeys, readBlobKeys } from './keys.ts';
export { memoryBlobs } from './memory/blobs.ts';
export {
  type BlobOptions,
  type BlobStream,
  type Blobs,
  type BlobWriter,
  DamagedBlob,
  LockedBlob,
  MissingBlob,
  type Range,
  smallBytes,
} from './port.ts';
