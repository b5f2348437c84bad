import { join } from 'node:path';
import { close, fsync, makeFolder, open, syncFolder } from './files.ts';

/** The file of a blob below the folder of the driver. */
export function blobPath(folder: string, id: string): string {
  return join(folder, 'data', id[0] as string, id[1] as string, id);
}

/** Where blobs live: `tmp/<id>` while written, `data/<d>/<d>/<id>` by the id's first two hex digits afterwards. */
export class Layout {
  readonly tmp: string;
  readonly #data: string;
  readonly #durable: boolean;
  // At most 256 folders, so their descriptors stay open for fsync.
  readonly #leaves = new Map<string, Promise<number>>();

  constructor(folder: string, durable: boolean) {
    this.tmp = join(folder, 'tmp');
    this.#data = join(folder, 'data');
    this.#durable = durable;
  }

  /** Makes the top folders; `folder` itself may be new, its parent must exist. */
  async prepare(folder: string): Promise<void> {
    const made = await makeFolder(folder);
    if (made && this.#durable) await syncFolder(join(folder, '..'));
    const inner = [await makeFolder(this.tmp), await makeFolder(this.#data)];
    if (inner.includes(true) && this.#durable) await syncFolder(folder);
  }

  temporary(id: string): string {
    return join(this.tmp, id);
  }

  path(id: string): string {
    return `${this.#data}/${id[0]}/${id[1]}/${id}`;
  }

  /** All folders that may hold blobs; some may not exist yet. */
  *leafFolders(): Generator<string> {
    for (const a of '0123456789abcdef') for (const b of '0123456789abcdef') yield join(this.#data, a, b);
  }

  /** Makes sure that the folder of this blob exists, durably. */
  async ready(id: string): Promise<void> {
    await this.#leaf(id);
  }

  /** Makes the listing of this blob's folder durable. */
  async sync(id: string): Promise<void> {
    if (this.#durable) await fsync(await this.#leaf(id));
  }

  #leaf(id: string): Promise<number> {
    const name = id.slice(0, 2);
    let leaf = this.#leaves.get(name);
    if (!leaf) {
      leaf = this.#makeLeaf(name);
      this.#leaves.set(name, leaf);
      leaf.catch(() => this.#leaves.delete(name));
    }
    return leaf;
  }

  async #makeLeaf(name: string): Promise<number> {
    const parent = join(this.#data, name[0] as string);
    const leaf = join(parent, name[1] as string);
    await makeFolder(parent);
    await makeFolder(leaf);
    if (this.#durable) {
      // Even folders found here are synced once: whoever made them may have died before doing so.
      await syncFolder(this.#data);
      await syncFolder(parent);
    }
    return open(leaf, 'r');
  }

  async close(): Promise<void> {
    const leaves = [...this.#leaves.values()];
    this.#leaves.clear();
    for (const leaf of leaves) await close(await leaf);
  }
}
