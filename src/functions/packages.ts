import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../faults/index.ts';
import { Crc64, randomHex } from '../kit/index.ts';

/** Where a code package comes from: bytes in memory, or a stream (a bucket object, a decoded upload). */
export type CodeSource = { zip: Buffer } | { stream: AsyncIterable<Buffer> };

/** A package that has arrived whole and is on disk under a temporary name. */
export interface IncomingPackage {
  file: string;
  size: number;
  /** CRC-64, decimal. */
  checksum: string;
  /** SHA-256, hex. */
  digest: string;
}

/** The ZIP of every function, as it was uploaded: one file a function and version of its code. */
export class Packages {
  readonly #folder: string;
  readonly #maxBytes: number;

  constructor(folder: string, maxBytes: number) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
  }

  /** The file of a kept package. */
  file(functionId: string, digest: string): string {
    return join(this.#folder, `${functionId}-${digest}.zip`);
  }

  /**
   * Writes a package to a temporary file, synced to disk; nothing is left on failure.
   * @throws Fault InvalidArgument when it is larger than the limit
   */
  async receive(source: CodeSource): Promise<IncomingPackage> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = join(this.#folder, `.incoming-${randomHex(12)}`);
    const crc = new Crc64();
    const sha = createHash('sha256');
    let size = 0;
    const handle = await open(file, 'wx', 0o600);
    try {
      for await (const chunk of 'zip' in source ? [source.zip] : source.stream) {
        size += chunk.length;
        if (size > this.#maxBytes) throw new Fault('InvalidArgument', `The code package is larger than ${this.#maxBytes} bytes.`);
        crc.update(chunk);
        sha.update(chunk);
        await handle.writeFile(chunk);
      }
      await handle.sync();
    } catch (error) {
      await handle.close();
      await rm(file, { force: true });
      throw error;
    }
    await handle.close();
    return { file, size, checksum: crc.value().toString(), digest: sha.digest('hex') };
  }

  /** Gives an incoming package its lasting name, durably. */
  async keep(incoming: IncomingPackage, functionId: string): Promise<void> {
    await rename(incoming.file, this.file(functionId, incoming.digest));
    const folder = await open(this.#folder, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  /** Removes an incoming package; harmless when it is gone. */
  async discard(incoming: IncomingPackage): Promise<void> {
    await rm(incoming.file, { force: true });
  }

  /** Removes one kept package; harmless when it is gone. */
  async remove(functionId: string, digest: string): Promise<void> {
    await rm(this.file(functionId, digest), { force: true });
  }

  /** Removes the packages of one function but for those of `keep`. */
  async prune(functionId: string, keep: ReadonlySet<string> = new Set()): Promise<void> {
    const kept = new Set([...keep].map((digest) => `${functionId}-${digest}.zip`));
    await this.#sweep((name) => !name.startsWith(`${functionId}-`) || kept.has(name));
  }

  /** Removes every file that is not among `known` (function id and digest), half-written ones too. Only while nothing arrives. */
  async sweep(known: readonly { functionId: string; codeDigest: string }[]): Promise<void> {
    const names = new Set(known.map((record) => `${record.functionId}-${record.codeDigest}.zip`));
    await this.#sweep((name) => names.has(name));
  }

  async #sweep(keep: (name: string) => boolean): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#folder)) {
      if (!keep(name)) await rm(join(this.#folder, name), { force: true, recursive: true });
    }
  }
}
