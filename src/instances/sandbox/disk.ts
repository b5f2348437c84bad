import { lstat, opendir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { every, monotonic, type Timer } from '../../kit/index.ts';
import { link, list, read } from './kernel.ts';

/** How often a growing folder is measured, milliseconds; one that takes long to measure a little less often. */
const everyMs = 1_000;
const restFactor = 2;
const restMs = 3_000;
/** What a disk has to lose before folders on it are measured again. */
const stepBytes = 16 * 1024 * 1024;
const stepFiles = 2_000;
/** After what time they are in any case, as others may give back what these take: so much longer than measuring them took, within these bounds. */
const waitFactor = 100;
const leastWaitMs = 2_000;
const longMs = 15_000;
/** Files that are looked at together. */
const batch = 64;
/** More files than this are as bad as too many bytes. */
export const filesLimit = 100_000;
const block = 512;

/** Folders that one started program may fill. */
export interface Watched {
  readonly folders: readonly string[];
  /** World-writable folders of the machine where files of `uid` count too. */
  readonly strays: readonly string[];
  readonly uid: number | undefined;
  /** Bytes that they may hold together. */
  bytes: number;
  /** Its processes, as the server counts them: files that they hold open after deleting them count too. */
  processes(): readonly number[];
  /** Called about once a second. */
  tick(): void;
  /** Called once, when it is too much. */
  over(what: string): void;
}

interface Entry extends Watched {
  dueAt: number;
  /** When it was measured last, how long that took, and what was free then. */
  measuredAt: number;
  tookMs: number;
  free: { bytes: number; files: number };
}

/** Measures what functions have written, since a user of the machine cannot be given a share of a disk. */
export class DiskWatch {
  readonly #entries = new Set<Entry>();
  #timer: Timer | undefined;
  #busy = false;

  /** Watches until the returned function is called. */
  add(watched: Watched): () => void {
    const entry: Entry = Object.assign(watched, { dueAt: 0, measuredAt: monotonic(), tookMs: 0, free: { bytes: 0, files: 0 } });
    this.#entries.add(entry);
    this.#timer ??= every(everyMs, () => void this.#round());
    return () => {
      this.#entries.delete(entry);
      if (this.#entries.size > 0) return;
      this.#timer?.cancel();
      this.#timer = undefined;
    };
  }

  async #round(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (const entry of this.#entries) {
      entry.tick();
      const begun = monotonic();
      if (entry.dueAt > begun) continue;
      const found = (await isDue(entry)) ? await measured(entry) : undefined;
      entry.dueAt = monotonic() + Math.min(restMs, Math.max(everyMs / 2, (monotonic() - begun) * restFactor));
      if (found === undefined || !this.#entries.delete(entry)) continue;
      entry.over(found);
    }
    this.#busy = false;
  }
}

async function measured(entry: Entry): Promise<string | undefined> {
  const begun = monotonic();
  const found = await measure(entry);
  entry.tookMs = monotonic() - begun;
  return found;
}

/** What is too much, or undefined. */
async function measure(watched: Watched): Promise<string | undefined> {
  const sum = { bytes: 0, files: 0 };
  const isOver = () => sum.bytes > watched.bytes || sum.files > filesLimit;
  for (const folder of watched.folders) await walk(folder, sum, isOver);
  for (const folder of watched.strays) {
    for (const name of list(folder)) {
      const path = join(folder, name);
      const info = await lstat(path).catch(() => undefined);
      if (info?.uid !== watched.uid || info === undefined) continue;
      sum.bytes += info.blocks * block;
      sum.files++;
      if (info.isDirectory()) await walk(path, sum, isOver);
    }
  }
  if (!isOver()) await deleted(watched, sum);
  if (sum.files > filesLimit) return `it made more than ${filesLimit} files`;
  return sum.bytes > watched.bytes ? `it wrote more than ${Math.round(watched.bytes / 1024 / 1024)} MB to its disk` : undefined;
}

interface Sum {
  bytes: number;
  files: number;
}

async function walk(folder: string, sum: Sum, isOver: () => boolean): Promise<void> {
  const entries = await opendir(folder, { bufferSize: batch }).catch(() => undefined);
  if (!entries) return;
  const below: string[] = [];
  let waiting: string[] = [];
  const look = async () => {
    const found = await Promise.all(waiting.map((path) => lstat(path).catch(() => undefined)));
    found.forEach((info, at) => {
      if (!info) return;
      sum.bytes += info.blocks * block;
      sum.files++;
      if (info.isDirectory()) below.push(waiting[at] as string);
    });
    waiting = [];
  };
  try {
    for await (const entry of entries) {
      waiting.push(join(folder, entry.name));
      if (waiting.length === batch) await look();
      if (isOver()) return;
    }
  } catch {
    // The folder went away meanwhile.
  }
  await look();
  for (const path of below) if (!isOver()) await walk(path, sum, isOver);
}

/** Looking through folders and open files is dear: only when a disk has lost space since the last time, or some time after it. */
async function isDue(watched: Entry): Promise<boolean> {
  let [bytes, files] = [0, 0];
  for (const folder of [...watched.folders.slice(0, 1), ...watched.strays]) {
    const disk = await statfs(folder).catch(() => undefined);
    bytes += (disk?.bavail ?? 0) * (disk?.bsize ?? 0);
    files += disk?.ffree ?? 0;
  }
  const { free } = watched;
  const hasGrown = free.bytes - bytes >= Math.min(watched.bytes / 16, stepBytes) || free.files - files >= stepFiles;
  const waitMs = Math.min(longMs, Math.max(leastWaitMs, watched.tookMs * waitFactor));
  if (!hasGrown && monotonic() - watched.measuredAt < waitMs) {
    // Space that somebody else gave back must not hide what is taken next.
    watched.free = { bytes: Math.max(free.bytes, bytes), files: Math.max(free.files, files) };
    return false;
  }
  Object.assign(watched, { free: { bytes, files }, measuredAt: monotonic() });
  return true;
}

/** Files without a name live on in whoever has them open or mapped. */
async function deleted({ processes }: Watched, sum: Sum): Promise<void> {
  const seen = new Set<string>();
  const count = async (path: string) => {
    const target = link(path);
    if (!target.endsWith(' (deleted)') || !target.startsWith('/') || target.startsWith('/memfd:')) return;
    const info = await stat(path).catch(() => undefined);
    if (!info?.isFile() || info.nlink > 0 || seen.has(`${info.dev}:${info.ino}`)) return;
    seen.add(`${info.dev}:${info.ino}`);
    sum.bytes += info.blocks * block;
    sum.files++;
  };
  for (const pid of processes()) {
    for (const name of list(`/proc/${pid}/fd`)) await count(`/proc/${pid}/fd/${name}`);
    // The maps tell at little cost whether it is worth looking.
    if (!read(`/proc/${pid}/maps`).includes(' (deleted)')) continue;
    for (const name of list(`/proc/${pid}/map_files`)) await count(`/proc/${pid}/map_files/${name}`);
  }
}
