import { join, resolve } from 'node:path';
import { now, randomHex, sleep } from '../../kit/index.ts';
import { type BlobStream, type Blobs, type BlobWriter, MissingBlob, type Range } from '../port.ts';
import { close, copyFile, fsync, hasCode, link, open, readdir, rename, stat, unlink } from './files.ts';
import { Layout } from './layout.ts';
import { FileStream, readWhole } from './reader.ts';
import { FsWriter } from './writer.ts';

const idForm = /^[0-9a-f]{32}$/;
const sweepTurn = 64;
/** Why a file cannot have a second name. */
const unlinkable = ['EMLINK', 'EPERM', 'EXDEV', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/**
 * Blobs as files below `folder` (made when new; its parent must exist). `full` syncs each file and its folder before commit() resolves,
 * `relaxed` leaves that to the system.
 */
export async function openFsBlobs({ folder, durability }: { folder: string; durability: 'full' | 'relaxed' }): Promise<Blobs> {
  const root = resolve(folder);
  const layout = new Layout(root, durability === 'full');
  await layout.prepare(root);
  return new FsBlobs(layout, durability === 'full');
}

class FsBlobs implements Blobs {
  readonly #layout: Layout;
  readonly #durable: boolean;
  readonly #writing = new Set<string>();

  constructor(layout: Layout, durable: boolean) {
    this.#layout = layout;
    this.#durable = durable;
  }

  async create(): Promise<BlobWriter> {
    const id = randomHex(16);
    this.#writing.add(id);
    const ended = () => this.#writing.delete(id);
    try {
      const fd = await open(this.#layout.temporary(id), 'wx', 0o600);
      return new FsWriter(id, fd, this.#layout, this.#durable, ended);
    } catch (error) {
      ended();
      throw error;
    }
  }

  readSmall(id: string, size: number): Buffer {
    return readWhole(id, this.#layout.path(id), size);
  }

  read(id: string, range: Range): BlobStream {
    return new FileStream(id, this.#layout.path(id), range);
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
