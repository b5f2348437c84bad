import { MissingBlob } from '../../blobs/index.ts';
import { Fault } from '../../faults/index.ts';
import { randomHex } from '../../kit/index.ts';
import { isSealed, withEncryption } from '../encryption.ts';
import { checkKey } from '../names.ts';
import type { CopyRequest, CopySource, FoundObject, ObjectHead } from '../store.ts';
import { isMarker } from '../versions.ts';
import type { StoreParts } from './parts.ts';
import { insertPiece, type PieceRow, selectPieceRows } from './piece-rows.ts';
import type { NewHead } from './recorder.ts';
import { upload } from './upload.ts';

/** Blobs copied at once. */
const batch = 32;

/** What has become of the bytes of a copy. */
type Copied = Pick<ObjectHead, 'blob' | 'size' | 'etag' | 'crc64' | 'type' | 'pieces'> & { rows?: readonly PieceRow[] };

/** Copies objects by making further blobs of the same bytes, which costs a name a blob. */
export class Copier {
  readonly #parts: StoreParts;

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  async copy(request: CopyRequest): Promise<ObjectHead> {
    const { registry, recorder, cache, clock } = this.#parts;
    const { bucket, key } = request;
    const { storageClass } = registry.require(bucket);
    checkKey(key);
    const found = this.find(request.from);
    request.check(found.head);
    recorder.replacedBy(bucket, key, request, cache.head(bucket, key));
    const { contentType, meta, headers: given } = request.described ?? found.head;
    const headers = withEncryption(given, request.encryption);
    return this.guarded(async (begun) => {
      const { rows = [], ...copied } = await this.#copyBytes(found, request.encryption !== undefined, begun);
      const head: NewHead = {
        ...copied,
        ...{ bucket, key, contentType, headers, meta, tags: request.tags ?? found.head.tags },
        storageClass: request.storageClass ?? storageClass,
        acl: request.acl ?? 'default',
        modifiedAt: clock.now(),
        ...(found.head.target === undefined ? {} : { target: found.head.target }),
      };
      const also = rows.map((row) => insertPiece(head.blob, row));
      return recorder.record(head, request, also);
    });
  }

  /** The object that is to be copied. @throws Fault NoSuchBucket, NoSuchKey, NoSuchVersion, InvalidArgument for a delete marker */
  find({ bucket, key, version }: CopySource): FoundObject {
    this.#parts.registry.require(bucket);
    if (version === undefined) {
      const found = this.#parts.cache.get(bucket, key);
      if (!found) throw new Fault('NoSuchKey', undefined, { extra: { Key: key } });
      return found;
    }
    const found = this.#parts.cache.version(bucket, key, version);
    if (!found) throw new Fault('NoSuchVersion', undefined, { extra: { Key: key, VersionId: version } });
    if (!isMarker(found)) return found;
    throw new Fault('InvalidArgument', 'The source of a copy request may not specifically refer to a delete marker by version id.', {
      extra: { Key: key, VersionId: version },
    });
  }

  /** Runs what makes blobs; they are kept from the sweep meanwhile, and removed when it ends in a fault. */
  async guarded<T>(run: (begun: (blob: string) => void) => Promise<T>): Promise<T> {
    const { garbage, blobs } = this.#parts;
    const made: string[] = [];
    try {
      return await run((blob) => {
        made.push(blob);
        garbage.expect(blob);
      });
    } catch (error) {
      // After any other error the rows may have been written all the same: then the next sweep decides about the blobs.
      if (error instanceof Fault) await Promise.all(made.map((blob) => blobs.remove(blob)));
      throw error instanceof MissingBlob
        ? new Fault('ServiceUnavailable', 'The object changed while it was about to be copied. Try again.', { cause: error })
        : error;
    } finally {
      for (const blob of made) garbage.settle(blob);
    }
  }

  async #copyBytes(found: FoundObject, sealed: boolean, begun: (blob: string) => void): Promise<Copied> {
    const { head } = found;
    const { size, etag, crc64, type, pieces } = head;
    if (type === 'Symlink') return { blob: randomHex(16), size, etag, crc64, type, pieces };
    // What was appended to has no MD5 of its bytes; the copy, a normal object, must have one.
    if (type === 'Appendable') {
      const source = found.open();
      try {
        return { ...(await upload(this.#parts.blobs, { source, size, sealed }, begun)), type: 'Normal', pieces: 0 };
      } finally {
        source.destroy();
      }
    }
    if (pieces === 0) return { blob: await this.copyBlob(head, head, sealed, begun), size, etag, crc64, type, pieces };
    const rows = await this.#copyPieces(head, sealed, begun);
    return { blob: randomHex(16), size, etag, crc64, type, pieces, rows };
  }

  /** A second blob of the same bytes, sealed or not; the first, one of those that `head` has, is not removed before it is there. */
  async copyBlob(
    head: ObjectHead,
    { blob, size }: { blob: string; size: number },
    sealed: boolean,
    begun: (blob: string) => void,
  ): Promise<string> {
    const release = this.#parts.pins.hold([blob]);
    try {
      return await this.#again(blob, size, sealed === isSealed(head.headers) ? undefined : sealed, begun);
    } finally {
      release();
    }
  }

  /** The same bytes once more: as they are on the disk, or written anew. */
  async #again(blob: string, size: number, sealed: boolean | undefined, begun: (blob: string) => void): Promise<string> {
    const { blobs } = this.#parts;
    if (sealed === undefined) return blobs.copy(blob, begun);
    const source = blobs.read(blob, { start: 0, end: size - 1 });
    try {
      return (await upload(blobs, { source, size, sealed }, begun)).blob;
    } finally {
      source.destroy();
    }
  }

  async #copyPieces(head: ObjectHead, sealed: boolean, begun: (blob: string) => void): Promise<PieceRow[]> {
    const { metadata, pins } = this.#parts;
    const rows = metadata.all<PieceRow>(selectPieceRows, [head.blob]);
    if (rows.length !== head.pieces) throw new MissingBlob(head.blob);
    const release = pins.hold(rows.map(({ blob }) => blob));
    const copies: PieceRow[] = [];
    const anew = sealed === isSealed(head.headers) ? undefined : sealed;
    try {
      for (let at = 0; at < rows.length; at += batch) {
        const some = rows.slice(at, at + batch);
        const made = await Promise.all(some.map(({ blob, size }) => this.#again(blob, size, anew, begun)));
        copies.push(...some.map((row, i) => ({ ...row, blob: made[i] as string })));
      }
      return copies;
    } finally {
      release();
    }
  }
}
