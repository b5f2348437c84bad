import { fstatSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { now, randomHex, sleep } from '../../kit/index.ts';
import type { BlobKeys } from '../keys.ts';
import {
  type BlobFacts,
  type BlobOptions,
  type BlobStream,
  type Blobs,
  type BlobWriter,
  DamagedBlob,
  LockedBlob,
  MissingBlob,
  type Range,
} from '../port.ts';
import { close, copyFile, fsync, hasCode, link, open, readdir, rename, stat, unlink } from './files.ts';
import { Frames } from './frames.ts';
import { isHeld } from './hold.ts';
import { Layout } from './layout.ts';
import { FileStream, openBlob, readWhole } from './reader.ts';
import { FsWriter } from './writer.ts';

const idForm = /^[0-9a-f]{32}$/;
const sweepTurn = 64;
/** Why a file cannot have a second name. */
const unlinkable = ['EMLINK', 'EPERM', 'EXDEV', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

export interface FsBlobsOptions {
  folder: string;
  /** `full` syncs each file and its folder before commit() resolves, `relaxed` leaves that to the system. */
  durability: 'full' | 'relaxed';
  /** What sealed blobs are encrypted with; without it none can be written or read. */
  keys?: BlobKeys | undefined;
  /** Accepts blobs without checksums: those of data folders that an early version made. */
  bare?: boolean;
  /** Told of each read that found no blob, or a damaged or locked one. */
  onDamage?: (error: MissingBlob | DamagedBlob | LockedBlob) => void;
}

/** Blobs as files below `folder` (made when new; its parent must exist); see trailer.ts for the form of a file. */
export async function openFsBlobs(options: FsBlobsOptions): Promise<Blobs> {
  const root = resolve(options.folder);
  const layout = new Layout(root, options.durability === 'full');
  await layout.prepare(root);
  return new FsBlobs(root, layout, options);
}

class FsBlobs implements Blobs {
  readonly #root: string;
  readonly #layout: Layout;
  readonly #durable: boolean;
  readonly #frames: Frames;
  readonly #onDamage: NonNullable<FsBlobsOptions['onDamage']>;
  readonly #writing = new Set<string>();

  constructor(root: string, layout: Layout, { durability, keys, bare = false, onDamage = () => {} }: FsBlobsOptions) {
    this.#root = root;
    this.#layout = layout;
    this.#durable = durability === 'full';
    this.#frames = new Frames({ keys, bare });
    this.#onDamage = onDamage;
  }

  async create({ sealed = false }: BlobOptions = {}): Promise<BlobWriter> {
    const framer = this.#frames.framer(sealed);
    const id = randomHex(16);
    this.#writing.add(id);
    const ended = () => this.#writing.delete(id);
    try {
      const fd = await open(this.#layout.temporary(id), 'wx', 0o600);
      return new FsWriter(id, fd, this.#layout, framer, this.#durable, ended);
    } catch (error) {
      ended();
      throw error;
    }
  }

  readSmall(id: string, size: number): Buffer {
    try {
      return readWhole(id, this.#layout.path(id), size, this.#frames);
    } catch (error) {
      this.#found(error);
      throw error;
    }
  }

  read(id: string, range: Range): BlobStream {
    try {
      return new FileStream(id, this.#layout.path(id), range, this.#frames, (error) => this.#found(error));
    } catch (error) {
      this.#found(error);
      throw error;
    }
  }

  #found(error: unknown): void {
    if (error instanceof DamagedBlob || error instanceof LockedBlob || error instanceof MissingBlob) this.#onDamage(error);
  }

  damaged(error: DamagedBlob): void {
    this.#onDamage(error);
  }

  async facts(id: string): Promise<BlobFacts> {
    const fd = openBlob(id, this.#layout.path(id));
    try {
      const { size: bytes, mtimeMs } = fstatSync(fd);
      const trailer = this.#frames.trailer(id, fd, bytes);
      if (!trailer) this.#frames.bare(id);
      return {
        size: trailer?.size ?? bytes,
        sealed: trailer?.form === 'sealed',
        checked: trailer !== undefined,
        modifiedAt: Math.round(mtimeMs),
      };
    } finally {
      await close(fd);
    }
  }

  async *list(): AsyncGenerator<string> {
    for (const folder of this.#layout.leafFolders()) {
      for (const id of await list(folder)) if (idForm.test(id) && !this.#writing.has(id)) yield id;
    }
  }

  removable(): boolean {
    return !isHeld(this.#root);
  }

  /** A second name of the same file, as blobs never change; where there can be none (another file system, too many names) a copy. */
  async copy(id: string, begun: (copy: string) => void): Promise<string> {
    const made = randomHex(16);
    this.#writing.add(made);
    begun(made);
    try {
      await this.#layout.ready(made);
      await link(this.#layout.path(id), this.#layout.path(made)).catch((error: unknown) => this.#copyBytes(id, made, error));
      await this.#layout.sync(made);
      return made;
    } catch (error) {
      if (hasCode(error, 'ENOENT')) throw new MissingBlob(id, { cause: error });
      throw error;
    } finally {
      this.#writing.delete(made);
    }
  }

  async #copyBytes(id: string, made: string, reason: unknown): Promise<void> {
    if (!unlinkable.some((code) => hasCode(reason, code))) throw reason;
    const temporary = this.#layout.temporary(made);
    try {
      await copyFile(this.#layout.path(id), temporary);
      if (this.#durable) await syncFile(temporary);
      await rename(temporary, this.#layout.path(made));
    } catch (error) {
      await unlink(temporary);
      throw error;
    }
  }

  remove(id: string): Promise<void> {
    return unlink(this.#layout.path(id));
  }

  async sweep(known: (id: string) => boolean, olderThanMs: number): Promise<number> {
    const before = now() - olderThanMs;
    let removed = await this.#sweepFolder(this.#layout.tmp, () => false, before);
    for (const folder of this.#layout.leafFolders()) removed += await this.#sweepFolder(folder, known, before);
    return removed;
  }

  async #sweepFolder(folder: string, known: (id: string) => boolean, before: number): Promise<number> {
    let removed = 0;
    let looked = 0;
    for (const id of await list(folder)) {
      // Asking is synchronous: let requests through in between.
      if (++looked % sweepTurn === 0) await sleep(0);
      if (!idForm.test(id) || this.#writing.has(id) || known(id)) continue;
      if (await removeOld(join(folder, id), before)) removed += 1;
    }
    return removed;
  }

  writers(): number {
    return this.#writing.size;
  }

  close(): Promise<void> {
    return this.#layout.close();
  }
}

async function syncFile(path: string): Promise<void> {
  const fd = await open(path, 'r');
  try {
    await fsync(fd);
  } finally {
    await close(fd);
  }
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

async function removeOld(path: string, before: number): Promise<boolean> {
  try {
    if ((await stat(path)).mtimeMs > before) return false;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
  await unlink(path);
  return true;
}
