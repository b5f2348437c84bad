import { createHash } from 'node:crypto';
import { Fault } from '../../faults/index.ts';
import { combineCrc64, randomHex, sleep } from '../../kit/index.ts';
import { MetadataConflict, type Step } from '../../metadata/index.ts';
import { isSealed } from '../encryption.ts';
import { checkKey } from '../names.ts';
import type { ObjectHead } from '../store.ts';
import {
  type CompletionRequest,
  leastPartBytes,
  mostParts,
  type NewUpload,
  type Part,
  type PartCopyRequest,
  type PartPage,
  type PartPageRequest,
  type PartRequest,
  type Upload,
  type UploadName,
  type UploadPage,
  type UploadPageRequest,
  type Uploads,
} from '../uploads.ts';
import type { Copier } from './copier.ts';
import type { StoreParts } from './parts.ts';
import {
  discardOwner,
  discardPiece,
  endUpload,
  insertPiece,
  insertUpload,
  type PieceRow,
  selectPiecePage,
  selectPieceRows,
  selectUpload,
  touchUpload,
  type UploadRow,
  uploadOf,
} from './piece-rows.ts';
import { changedTooOften, type NewHead } from './recorder.ts';
import { noSuchBucket } from './registry.ts';
import { bucketGone, recordOf, tagsText } from './rows.ts';
import { type Uploaded, upload } from './upload.ts';
import { listUploads } from './upload-listing.ts';

const maxAttempts = 20;
const uploadGone = 'upload gone';
const uploadChanged = 'upload changed';
/** Checksums combined before others get a turn. */
const turn = 500;

/** Uploads in parts: a part is a blob, and the object is the list of them, so that completing moves no byte. */
export class EmbeddedUploads implements Uploads {
  readonly #parts: StoreParts;
  readonly #copier: Copier;

  constructor(parts: StoreParts, copier: Copier) {
    this.#parts = parts;
    this.#copier = copier;
  }

  async start({ bucket, key, contentType, headers, meta, tags, storageClass, acl }: NewUpload): Promise<Upload> {
    const known = this.#parts.registry.require(bucket);
    checkKey(key);
    const row = {
      ...{
        id: randomHex(16),
        bucket,
        key,
        created_at: this.#parts.clock.now(),
        aged_from: this.#parts.clock.time(),
        content_type: contentType,
        acl: acl ?? 'default',
      },
      ...{ headers: JSON.stringify(headers), meta: JSON.stringify(meta), tags: tagsText(tags ?? {}) },
      storage_class: storageClass ?? known.storageClass,
    };
    const notes = this.#parts.clock.notes();
    await this.#write(row.bucket, [...notes, insertUpload(row, bucketGone)]);
    this.#parts.clock.noted(notes);
    return uploadOf({ ...row, writes: 0 });
  }

  async put(request: PartRequest): Promise<Part> {
    const sealed = isSealed(recordOf(this.#require(request).headers));
    checkNumber(request.number);
    return this.#copier.guarded(async (begun) => this.#record(request, await upload(this.#parts.blobs, { ...request, sealed }, begun)));
  }

  async copy(request: PartCopyRequest): Promise<Part> {
    const sealed = isSealed(recordOf(this.#require(request).headers));
    checkNumber(request.number);
    const found = this.#copier.find(request.from);
    const { head } = found;
    const range = request.check(head);
    const whole = !range || (range.start === 0 && range.end === head.size - 1);
    return this.#copier.guarded(async (begun) => {
      if (whole && head.type === 'Normal') {
        const { size, etag, crc64 } = head;
        return this.#record(request, { size, etag, crc64, blob: await this.#copier.copyBlob(head, head, sealed, begun) });
      }
      const source = found.open(range);
      try {
        return await this.#record(request, await upload(this.#parts.blobs, { source, sealed }, begun));
      } finally {
        source.destroy();
      }
    });
  }

  async #record(request: UploadName & { number: number }, { blob, size, etag, crc64 }: Uploaded): Promise<Part> {
    const { bucket, upload: id, number } = request;
    const row: PieceRow = { number, blob, size, etag, crc64, modified_at: this.#parts.clock.now() };
    const steps = [touchUpload(id, uploadGone), ...discardPiece(id, number, request, row.modified_at), insertPiece(id, row)];
    const results = await this.#write(bucket, steps, id);
    if ((results[1]?.changes ?? 0) > 0) this.#parts.garbage.collect();
    return partOf(row);
  }

  async #write(bucket: string, steps: Step[], id = ''): Promise<{ changes: number }[]> {
    try {
      return await this.#parts.metadata.write(steps);
    } catch (error) {
      if (!(error instanceof MetadataConflict)) throw error;
      if (error.reason === bucketGone) throw noSuchBucket(bucket);
      if (error.reason === uploadGone) throw noSuchUpload(id);
      throw error;
    }
  }

  async complete(request: CompletionRequest): Promise<ObjectHead> {
    const { metadata, recorder } = this.#parts;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const row = this.#find(request);
      if (!row) return this.#completed(request);
      const rows = metadata.all<PieceRow>(selectPieceRows, [row.id]);
      const chosen = choose(rows, request);
      const head = await headFor(row, chosen, request.acl, this.#parts.clock.now());
      const kept = new Set(chosen);
      const left = rows.filter((piece) => !kept.has(piece));
      const also = [
        endUpload(row.id, row.writes, uploadChanged),
        ...left.flatMap(({ number }) => discardPiece(row.id, number, row, head.modifiedAt)),
      ];
      try {
        return await recorder.record(head, request, also);
      } catch (error) {
        if (!(error instanceof MetadataConflict) || error.reason !== uploadChanged) throw error;
      }
    }
    throw changedTooOften();
  }

  /** The object that this very upload became, for a client that did not hear so. @throws Fault NoSuchUpload */
  #completed({ bucket, key, upload: id, parts }: CompletionRequest): ObjectHead {
    const head = this.#parts.cache.withBlob(bucket, key, id);
    if (!head || (parts !== 'all' && head.etag !== etagOf(parts))) throw noSuchUpload(id);
    return head;
  }

  async abort(name: UploadName): Promise<void> {
    const { id } = this.#require(name);
    await this.#write(name.bucket, [endUpload(id, undefined, uploadGone), discardOwner(id, name, this.#parts.clock.now())], id);
    this.#parts.garbage.collect();
  }

  parts(request: PartPageRequest): PartPage {
    const row = this.#require(request);
    const rows = this.#parts.metadata.all<PieceRow>(selectPiecePage, [row.id, request.after, request.maxParts + 1]);
    return { upload: uploadOf(row), parts: rows.slice(0, request.maxParts).map(partOf), truncated: rows.length > request.maxParts };
  }

  list(request: UploadPageRequest): UploadPage {
    this.#parts.registry.require(request.bucket);
    return listUploads(this.#parts.metadata, request);
  }

  #find({ bucket, key, upload: id }: UploadName): UploadRow | undefined {
    return this.#parts.metadata.get<UploadRow>(selectUpload, [id, bucket, key]);
  }

  /** @throws Fault NoSuchBucket, NoSuchUpload */
  #require(name: UploadName): UploadRow {
    this.#parts.registry.require(name.bucket);
    const row = this.#find(name);
    if (!row) throw noSuchUpload(name.upload);
    return row;
  }
}

function noSuchUpload(id: string): Fault {
  return new Fault('NoSuchUpload', undefined, { extra: { UploadId: id.toUpperCase() } });
}

function checkNumber(number: number): void {
  if (Number.isInteger(number) && number >= 1 && number <= mostParts) return;
  throw new Fault('InvalidArgument', `A part number is from 1 to ${mostParts}.`, {
    extra: { ArgumentName: 'partNumber', ArgumentValue: String(number) },
  });
}

function partOf({ number, size, etag, crc64, modified_at }: PieceRow): Part {
  return { number, size, etag, crc64, modifiedAt: modified_at };
}

/** The parts that the object is made of. @throws Fault InvalidPart, InvalidPartOrder, EntityTooSmall */
function choose(rows: readonly PieceRow[], { parts }: CompletionRequest): readonly PieceRow[] {
  const chosen = parts === 'all' ? rows : pick(rows, parts);
  if (chosen.length === 0) throw new Fault('InvalidPart', 'The upload has no parts. Upload at least one.');
  const small = chosen.slice(0, -1).find(({ size }) => size < leastPartBytes);
  if (!small) return chosen;
  throw new Fault(
    'EntityTooSmall',
    `Every part but the last needs at least ${leastPartBytes} bytes; part ${small.number} has ${small.size}.`,
    {
      extra: {
        PartNumber: String(small.number),
        ProposedSize: String(small.size),
        MinSizeAllowed: String(leastPartBytes),
        ETag: small.etag,
      },
    },
  );
}

function pick(rows: readonly PieceRow[], parts: readonly { number: number; etag: string }[]): PieceRow[] {
  const byNumber = new Map(rows.map((row) => [row.number, row]));
  let last = 0;
  return parts.map(({ number, etag }) => {
    if (number <= last) throw new Fault('InvalidPartOrder', `Part ${number} comes after part ${last}. Name the parts in rising order.`);
    last = number;
    const row = byNumber.get(number);
    if (row && row.etag === etag.toLowerCase()) return row;
    const why = row ? 'has another ETag' : 'was not uploaded';
    throw new Fault('InvalidPart', `Part ${number} ${why}.`, { extra: { PartNumber: String(number), PartEtag: etag } });
  });
}

/** The entity tag of an object in parts: the MD5 of their MD5s, and their number. */
function etagOf(parts: readonly { etag: string }[]): string {
  const hash = createHash('md5');
  for (const { etag } of parts) hash.update(Buffer.from(etag, 'hex'));
  return `${hash.digest('hex')}-${parts.length}`;
}

async function headFor(row: UploadRow, pieces: readonly PieceRow[], acl: string | undefined, modifiedAt: number): Promise<NewHead> {
  let size = 0;
  let crc = 0n;
  for (const [i, piece] of pieces.entries()) {
    crc = combineCrc64(crc, BigInt(piece.crc64), piece.size);
    size += piece.size;
    if (i % turn === turn - 1) await sleep(0);
  }
  return {
    ...{ bucket: row.bucket, key: row.key, blob: row.id, pieces: pieces.length, type: 'Multipart', size },
    ...{ etag: etagOf(pieces), crc64: crc.toString(), contentType: row.content_type, modifiedAt },
    ...{ headers: recordOf(row.headers), meta: recordOf(row.meta), tags: recordOf(row.tags) },
    ...{ storageClass: row.storage_class, acl: acl ?? row.acl },
  };
}
