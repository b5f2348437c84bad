import { createHash } from 'node:crypto';
import { Fault } from '../../faults/index.ts';
import { combineCrc64, randomHex } from '../../kit/index.ts';
import { MetadataConflict, type Step } from '../../metadata/index.ts';
import { isSealed } from '../encryption.ts';
import { checkKey } from '../names.ts';
import type { AppendRequest, ObjectHead } from '../store.ts';
import type { Copier } from './copier.ts';
import type { StoreParts } from './parts.ts';
import { discardPiece, insertPiece, type PieceRow, selectPieceRows } from './piece-rows.ts';
import { changedTooOften, type NewHead } from './recorder.ts';
import { type Uploaded, upload } from './upload.ts';

const maxAttempts = 20;
/** Most bytes of an object that is appended to (Alibaba OSS API reference, "AppendObject"). */
const mostBytes = 5 * 1024 ** 3;
const moved = 'pieces moved';

/** Pieces of one size class that become one piece, and how much bigger each class is than the one below. */
const fanOut = 16;
const smallestClass = 4096;
/** Pieces of this size stay as they are. */
const largePiece = 16 * 1024 * 1024;

/** An object as it is appended to. */
interface Current {
  readonly head: ObjectHead;
  readonly rows: readonly PieceRow[];
}

/** Size class of a piece; the large ones have one of their own. */
function classOf(size: number): number {
  if (size >= largePiece) return Number.POSITIVE_INFINITY;
  return Math.max(0, Math.floor(Math.log(Math.max(size, 1) / smallestClass) / Math.log(fanOut)));
}

/**
 * How many of the last pieces become one with `size` bytes that follow them. Sixteen small ones become one of the next class, and so on: a byte is
 * written again at most once a class, and an object of any size has few pieces.
 */
export function mergeable(sizes: readonly number[], size: number): number {
  let merged = 0;
  let total = size;
  for (let level = classOf(size); Number.isFinite(level); level = classOf(total)) {
    let count = merged;
    let sum = total;
    for (let at = sizes.length - merged - 1; at >= 0 && classOf(sizes[at] as number) <= level; at--) {
      count += 1;
      sum += sizes[at] as number;
    }
    if (count - merged < fanOut - 1) return merged;
    merged = count;
    total = sum;
  }
  return merged;
}

/** Adds bytes to objects. What is added becomes a blob of its own; small ones are put together now and then. */
export class Appender {
  readonly #parts: StoreParts;
  readonly #copier: Copier;

  constructor(parts: StoreParts, copier: Copier) {
    this.#parts = parts;
    this.#copier = copier;
  }

  async append(request: AppendRequest): Promise<ObjectHead> {
    const { registry, blobs } = this.#parts;
    const { bucket, key } = request;
    const { storageClass } = registry.require(bucket);
    checkKey(key);
    const sealed = isSealed((this.#current(request)?.head ?? request).headers);
    return this.#copier.guarded(async (begun) => {
      const added = await upload(blobs, { ...request, sealed }, begun);
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        const current = this.#current(request);
        if (request.position + added.size > mostBytes) {
          throw new Fault('EntityTooLarge', `An object that is appended to may have at most ${mostBytes} bytes.`);
        }
        const head = headFor(request, current?.head, added, storageClass, this.#parts.clock.now());
        const written = await this.#write(head, current, added, begun);
        if (written) return written;
      }
      throw changedTooOften();
    });
  }

  /** The object as it is, which must be one that can be appended to at that position. @throws Fault */
  #current({ bucket, key, position }: AppendRequest): Current | undefined {
    const head = this.#parts.cache.freshHead(bucket, key);
    // A delete marker is no object that could grow (Alibaba OSS API reference, "AppendObject", versioning).
    if (head ? head.type !== 'Appendable' : this.#isDeleted(bucket, key))
      throw new Fault('ObjectNotAppendable', undefined, { extra: { Key: key } });
    const size = head?.size ?? 0;
    if (size !== position) {
      throw new Fault('PositionNotEqualToLength', `The position is ${position}, but the object has ${size} bytes.`, {
        headers: { 'x-oss-next-append-position': String(size) },
        extra: { Key: key },
      });
    }
    return head && { head, rows: this.#parts.metadata.all<PieceRow>(selectPieceRows, [head.blob]) };
  }

  #isDeleted(bucket: string, key: string): boolean {
    const { registry, cache } = this.#parts;
    return registry.find(bucket)?.versioning !== undefined && cache.marker(bucket, key) !== undefined;
  }

  /** Makes the longer object visible; undefined when the object is no longer what it was. */
  async #write(
    head: NewHead,
    current: Current | undefined,
    added: Uploaded,
    begun: (blob: string) => void,
  ): Promise<ObjectHead | undefined> {
    const { blobs } = this.#parts;
    const rows = current?.rows ?? [];
    if (rows.length !== (current?.head.pieces ?? 0)) return undefined;
    const merged = rows.slice(
      rows.length -
        mergeable(
          rows.map(({ size }) => size),
          added.size,
        ),
    );
    const piece = merged.length > 0 ? await this.#merge([...merged, added], isSealed(head.headers), begun) : added;
    const number = merged[0]?.number ?? (rows.at(-1)?.number ?? 0) + 1;
    const pieces = rows.length - merged.length + 1;
    const also: Step[] = [];
    if (current) {
      const sql = 'update pieces set owner = ? where owner = ?';
      also.push({ sql, params: [head.blob, current.head.blob], expect: { changes: rows.length, otherwise: moved } });
    }
    for (const row of merged) also.push(...discardPiece(head.blob, row.number, head, head.modifiedAt));
    also.push(insertPiece(head.blob, { ...piece, number, modified_at: head.modifiedAt }));
    try {
      const written = await this.#record({ ...head, pieces }, current?.head, also);
      if (written && piece !== added) await blobs.remove(added.blob);
      return written;
    } catch (error) {
      if (error instanceof MetadataConflict && error.reason === moved) return undefined;
      throw error;
    } finally {
      if (merged.length > 0) this.#parts.garbage.collect();
    }
  }

  /** An object that grows stays the version that it is. */
  async #record(head: NewHead, current: ObjectHead | undefined, also: readonly Step[]): Promise<ObjectHead | undefined> {
    const { recorder } = this.#parts;
    if (!current) return recorder.recordFirst(head, also);
    const grown = { ...head, version: current.version };
    return (await recorder.recordOver(grown, current.blob, also)) ? grown : undefined;
  }

  async #merge(pieces: readonly { blob: string; size: number }[], sealed: boolean, begun: (blob: string) => void): Promise<Uploaded> {
    const { blobs, pins } = this.#parts;
    const release = pins.hold(pieces.map(({ blob }) => blob));
    const source = async function* (): AsyncGenerator<Buffer> {
      for (const { blob, size } of pieces) if (size > 0) yield* blobs.read(blob, { start: 0, end: size - 1 }) as AsyncIterable<Buffer>;
    };
    try {
      return await upload(blobs, { source: source(), sealed }, begun);
    } finally {
      release();
    }
  }
}

function headFor(
  request: AppendRequest,
  before: ObjectHead | undefined,
  added: Uploaded,
  storageClass: string,
  modifiedAt: number,
): NewHead {
  const grown = {
    ...{ blob: randomHex(16), modifiedAt, type: 'Appendable' as const, size: request.position + added.size },
    // No MD5 of the whole: that would take reading it again.
    etag: before ? createHash('md5').update(`${before.etag} ${added.etag}`).digest('hex') : added.etag,
    crc64: combineCrc64(BigInt(before?.crc64 ?? 0), BigInt(added.crc64), added.size).toString(),
  };
  if (before) return { ...before, ...grown };
  const { bucket, key, contentType, headers, meta, tags = {}, acl = 'default' } = request;
  return { ...grown, bucket, key, contentType, headers, meta, tags, acl, storageClass: request.storageClass ?? storageClass, pieces: 1 };
}
