import { createHash, type Hash } from 'node:crypto';
import { type Blobs, type BlobWriter, smallBytes } from '../../blobs/index.ts';
import { Fault } from '../../faults/index.ts';
import { Crc64 } from '../../kit/index.ts';

export interface UploadRequest {
  source: AsyncIterable<Buffer>;
  size?: number | undefined;
  contentMd5?: Buffer | undefined;
  /** Whether the blob is encrypted on the disk. */
  sealed?: boolean;
}

/** Bytes that have become a blob. */
export interface Uploaded {
  blob: string;
  size: number;
  etag: string;
  crc64: string;
}

/** Takes one body in: hashes it on its way into a blob. */
class Upload {
  readonly #blobs: Blobs;
  readonly #declared: number | undefined;
  readonly #begun: (blob: string) => void;
  readonly #sealed: boolean;
  readonly #md5: Hash = createHash('md5');
  readonly #crc = new Crc64();
  #early: Buffer[] = [];
  #writer: BlobWriter | undefined;
  #size = 0;

  constructor(blobs: Blobs, { size, sealed = false }: UploadRequest, begun: (blob: string) => void) {
    this.#blobs = blobs;
    this.#declared = size;
    this.#sealed = sealed;
    this.#begun = begun;
  }

  async take(chunk: Buffer): Promise<void> {
    this.#size += chunk.length;
    if (this.#declared !== undefined && this.#size > this.#declared) {
      throw new Fault('InvalidRequest', `The body is longer than its declared ${this.#declared} bytes.`);
    }
    if (this.#size <= smallBytes) {
      this.#early.push(chunk);
      return;
    }
    if (!this.#writer) await this.#flushEarly();
    await this.#write(chunk);
  }

  // A small body is written at once when it is complete, so that one that breaks off never touches the disk.
  async #flushEarly(): Promise<void> {
    this.#writer = await this.#blobs.create({ sealed: this.#sealed });
    this.#begun(this.#writer.id);
    for (const chunk of this.#early) await this.#write(chunk);
    this.#early = [];
  }

  async #write(chunk: Buffer): Promise<void> {
    const writing = this.#writer?.write(chunk);
    this.#hash(chunk);
    await writing;
  }

  #hash(chunk: Buffer): void {
    this.#md5.update(chunk);
    this.#crc.update(chunk);
  }

  async finish(contentMd5: Buffer | undefined): Promise<Uploaded> {
    if (this.#declared !== undefined && this.#size < this.#declared) {
      throw new Fault('IncompleteBody', `The body ended after ${this.#size} of its declared ${this.#declared} bytes.`);
    }
    if (!this.#writer) await this.#flushEarly();
    const writer = this.#writer as unknown as BlobWriter;
    const md5 = this.#md5.digest();
    if (contentMd5 && !contentMd5.equals(md5)) {
      throw new Fault('InvalidDigest', 'The Content-MD5 you specified is not that of the body.');
    }
    await writer.commit();
    return { blob: writer.id, size: this.#size, etag: md5.toString('hex'), crc64: this.#crc.value().toString() };
  }

  async abort(): Promise<void> {
    await this.#writer?.abort();
  }
}

/**
 * Reads the source into a committed blob; on any failure there is none. `begun` hears the blob's id as soon as there is one.
 * @throws Fault IncompleteBody, InvalidRequest (longer than declared), InvalidDigest; whatever the source throws
 */
export async function upload(blobs: Blobs, request: UploadRequest, begun: (blob: string) => void): Promise<Uploaded> {
  const body = new Upload(blobs, request, begun);
  try {
    // Not for-await, which would close the source on failure, and with it the connection that must carry the error answer.
    const chunks = request.source[Symbol.asyncIterator]();
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) await body.take(next.value);
    return await body.finish(request.contentMd5);
  } catch (error) {
    await body.abort();
    throw isDiskFull(error)
      ? new Fault('InternalError', 'The disk of the data folder is full. Free some space, then try again.', { cause: error })
      : error;
  }
}

function isDiskFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
