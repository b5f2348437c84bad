import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, type Timer } from '../kit/index.ts';

/** Editors write a file in several steps. */
const settleMs = 250;
/** Larger files are told apart by size and time alone. */
const hashedBytes = 4 * 1024 * 1024;

/**
 * Calls `changed` once a folder's files are others than they were, and have been left alone for a moment. What a build writes into ignored folders
 * counts for nothing, and neither does a file that is written anew with what it had.
 * @param ignored names of files and folders, wherever they are
 */
export class SourceWatch {
  readonly #folder: string;
  readonly #ignored: ReadonlySet<string>;
  readonly #changed: () => Promise<void>;
  #known = '';
  #timer: Timer | undefined;
  #busy = false;
  #again = false;
  /** One for each folder: a file that an editor puts in place of another has no watcher of its own to lose. */
  readonly #watchers = new Map<string, FSWatcher>();

  constructor(folder: string, ignored: ReadonlySet<string>, changed: () => Promise<void>) {
    this.#folder = folder;
    this.#ignored = ignored;
    this.#changed = changed;
  }

  /** Begins; the files as they are now are the known ones. */
  async open(): Promise<this> {
    this.#known = await this.#digest();
    return this;
  }

  close(): void {
    this.#timer?.cancel();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** The state of all files; every folder is watched from then on. */
  async #digest(): Promise<string> {
    const { digest, folders } = await digestOf(this.#folder, this.#ignored);
    const there = new Set(folders);
    for (const [folder, watcher] of this.#watchers) {
      if (there.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    const before = this.#watchers.size;
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#watch(folder);
    // What was written into a new folder before it was watched is read now.
    return this.#watchers.size === before ? digest : (await digestOf(this.#folder, this.#ignored)).digest;
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, (_, name) => {
        if (name !== null && this.#ignored.has(name)) return;
        this.#timer?.cancel();
        this.#timer = after(settleMs, () => void this.#look());
      });
      watcher.on('error', () => undefined);
      this.#watchers.set(folder, watcher);
    } catch {
      // It went away while it was walked.
    }
  }

  async #look(): Promise<void> {
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#busy = true;
    try {
      do {
        this.#again = false;
        const digest = await this.#digest();
        if (digest === this.#known) continue;
        this.#known = digest;
        await this.#changed();
      } while (this.#again);
    } finally {
      this.#busy = false;
    }
  }
}

async function digestOf(folder: string, ignored: ReadonlySet<string>): Promise<{ digest: string; folders: string[] }> {
  const folders: string[] = [];
  const hash = createHash('sha256');
  const walk = async (path: string): Promise<void> => {
    folders.push(path);
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (ignored.has(entry.name)) continue;
      const below = join(path, entry.name);
      if (entry.isDirectory()) await walk(below);
      else hash.update(`${below}\0${await stateOf(below)}\0`);
    }
  };
  await walk(folder);
  return { digest: hash.digest('hex'), folders };
}

async function stateOf(path: string): Promise<string> {
  try {
    const info = await stat(path);
    if (!info.isFile() || info.size > hashedBytes) return `${info.size} ${info.mtimeMs}`;
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  } catch {
    return 'gone';
  }
}
