import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Crc64, randomHex } from '../kit/index.ts';
import type { Begun, Sink } from './download.ts';
import { CliFailure } from './failure.ts';

/**
 * A file that appears whole or not at all. Meanwhile its bytes are in `<file>.<ETag>.part` beside it, which a later attempt goes on with; those of
 * which nobody can tell what they are of go into a file that is removed when they break off.
 */
export class FileSink implements Sink {
  readonly #target: string;
  #part: string | undefined;
  #handle: FileHandle | undefined;
  #size = 0;
  #keeps = false;

  private constructor(target: string) {
    this.#target = target;
  }

  /** @param entriesOf lists a folder @returns the sink, and what an earlier attempt left of it */
  static async open(
    target: string,
    entriesOf: (folder: string) => Promise<string[]> = readdir,
  ): Promise<{ sink: FileSink; begun?: Begun }> {
    const sink = new FileSink(target);
    await mkdir(dirname(target), { recursive: true }).catch((error: Error) => {
      throw new CliFailure(2, `${dirname(target)} cannot be made: ${error.message}`);
    });
    const name = basename(target);
    const parts = (await entriesOf(dirname(target))).filter((entry) => entry.startsWith(`${name}.`) && etagOf(entry, name) !== undefined);
    const [part, ...others] = parts;
    // More than one were left by attempts at different states of the object: none is worth more than another.
    if (part === undefined || others.length > 0) return { sink };
    const path = join(dirname(target), part);
    const crc = await crcOf(path);
    const { size } = await stat(path);
    if (size === 0) return { sink };
    sink.#part = path;
    sink.#size = size;
    sink.#keeps = true;
    sink.#handle = await open(path, 'a');
    return { sink, begun: { etag: etagOf(part, name) as string, crc } };
  }

  get size(): number {
    return this.#size;
  }

  /** Where the bytes are as long as they are not all; undefined when there are none worth keeping. */
  get kept(): string | undefined {
    return this.#keeps && this.#size > 0 ? this.#part : undefined;
  }

  async begin(etag: string | undefined): Promise<void> {
    await this.#handle?.close();
    this.#keeps = etag !== undefined && /^[0-9A-Za-z-]{8,64}$/.test(etag);
    const part = `${this.#target}.${this.#keeps ? etag : randomHex(8)}.part`;
    if (this.#part !== undefined && this.#part !== part) await rm(this.#part, { force: true });
    this.#part = part;
    this.#size = 0;
    this.#handle = await open(part, 'w').catch((error: Error) => {
      throw new CliFailure(2, `${part} cannot be written: ${error.message}`);
    });
  }

  async write(chunk: Buffer): Promise<void> {
    let at = 0;
    while (at < chunk.length) {
      const written = await this.#handle?.write(chunk, at).catch((error: Error) => {
        throw new CliFailure(1, `${this.#part} cannot be written: ${error.message}`);
      });
      at += written?.bytesWritten ?? 0;
      this.#size += written?.bytesWritten ?? 0;
    }
  }

  async restart(): Promise<void> {
    await this.#handle?.truncate(0);
    this.#size = 0;
  }

  /** Makes the file. */
  async finish(): Promise<void> {
    await this.#close();
    if (this.#part !== undefined) await rename(this.#part, this.#target);
  }

  /** Ends without the file. @param damaged the bytes are of no use to anybody */
  async abandon(damaged: boolean): Promise<void> {
    await this.#close();
    if (this.#part !== undefined && (damaged || this.kept === undefined)) await rm(this.#part, { force: true });
  }

  async #close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }
}

function etagOf(entry: string, name: string): string | undefined {
  // An MD5, as ETags of objects are, or one with a count of parts behind it.
  return /^\.([0-9A-F]{32}(?:-\d{1,5})?)\.part$/.exec(entry.slice(name.length))?.[1];
}

async function crcOf(path: string): Promise<Crc64> {
  const crc = new Crc64();
  for await (const chunk of createReadStream(path)) crc.update(chunk as Buffer);
  return crc;
}

/** Standard output, or something that is no regular file: what was written is gone. */
export class StreamSink implements Sink {
  readonly #out: NodeJS.WritableStream;
  readonly #name: string;
  #size = 0;

  constructor(out: NodeJS.WritableStream, name: string) {
    this.#out = out;
    this.#name = name;
  }

  get size(): number {
    return this.#size;
  }

  async begin(): Promise<void> {}

  async write(chunk: Buffer): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#out.write(chunk, (error) =>
        error ? reject(new CliFailure(1, `${this.#name} cannot be written: ${error.message}`)) : resolve(),
      );
    });
    this.#size += chunk.length;
  }

  async restart(): Promise<void> {
    throw new CliFailure(1, 'The object changed while it was read, and what was written cannot be taken back. Get it again.');
  }
}
