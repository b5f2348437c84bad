/**
 * The bytes of objects: drivers that keep immutable blobs under random ids, on a file system or in memory.
 * It knows no bucket, key or checksum, and a blob's place never depends on anything that a client sent.
 * Only the buckets room calls it (and main, which opens the driver).
 */
export { openFsBlobs } from './fs/blobs.ts';
export { memoryBlobs } from './memory/blobs.ts';
export { type BlobStream, type Blobs, type BlobWriter, MissingBlob, type Range, smallBytes } from './port.ts';
