import { chmod, lchown, lstat, mkdir, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../faults/index.ts';
import { randomHex, unpackZip, ZipError, type ZipLimits } from '../kit/index.ts';
import { compilePython } from './bytecode.ts';

export interface CodeOptions {
  /** The folder that holds all code; made here, traversable by the functions' users. */
  root: string;
  limits: ZipLimits;
  /** User that runs compilers and nothing else; given when the server is root. */
  builderUid: number | undefined;
  /** Python that compiles at deploy; none: the code is not compiled. */
  interpreter: string | undefined;
}

/** One deployed folder: whose, and which package. */
export interface CodeKey {
  functionId: string;
  codeDigest: string;
  /** User and group id of the function, when the server is root. */
  uid: number | undefined;
}

const bootMark = '.boot';

/** Unpacked code: one folder a function and package, readable by the function's user alone and writable by nobody but the server. */
export class CodeFolders {
  readonly #options: CodeOptions;

  constructor(options: CodeOptions) {
    this.#options = options;
  }

  /** The folder of one function's package. */
  folder(key: { functionId: string; codeDigest: string }): string {
    return join(this.#options.root, key.functionId, key.codeDigest.slice(0, 32));
  }

  /**
   * Unpacks a package: in a temporary folder, byte-compiled, sealed, then renamed. Nothing is left on failure.
   * @returns a note on what could not be compiled
   * @throws Fault InvalidCodePackage for a ZIP that is damaged, hostile or too large
   */
  async deploy(zip: string, key: CodeKey): Promise<string | undefined> {
    const { root, limits, interpreter, builderUid } = this.#options;
    const build = join(root, `.build-${randomHex(12)}`);
    try {
      await mkdir(build, { mode: 0o700 });
      await unpackZip(zip, build, limits).catch((error: unknown) => {
        throw error instanceof ZipError
          ? new Fault('InvalidCodePackage', `The code package is not accepted: ${error.message}`, { cause: error })
          : error;
      });
      let note: string | undefined;
      if (interpreter !== undefined) {
        if (builderUid !== undefined) await lend(build, builderUid);
        note = await compilePython({ interpreter, folder: build, uid: builderUid });
      }
      await seal(build, key.uid);
      const target = this.folder(key);
      await this.#prepareParent(key);
      await rm(target, { recursive: true, force: true });
      await rename(build, target);
      return note;
    } catch (error) {
      await rm(build, { recursive: true, force: true });
      throw error;
    }
  }

  /** Removes one folder; harmless when it is gone. */
  async remove(key: CodeKey): Promise<void> {
    await rm(this.folder(key), { recursive: true, force: true });
    // The parent goes with its last folder.
    await rmdir(join(this.#options.root, key.functionId)).catch(() => undefined);
  }

  /** Removes the folders of one function, all but the one of `keep`. */
  async prune(functionId: string, keep?: string): Promise<void> {
    const parent = join(this.#options.root, functionId);
    if (keep === undefined) return rm(parent, { recursive: true, force: true });
    const kept = keep.slice(0, 32);
    for (const name of await readdir(parent).catch(() => [])) {
      if (name !== kept) await rm(join(parent, name), { recursive: true, force: true });
    }
  }

  /**
   * Removes every folder that is not among `known`, and all of them after a reboot: files unpacked shortly before a power cut may be
   * empty, since they are never synced. Only while nothing is deployed.
   * @returns the known ones that have to be unpacked again
   */
  async sweep<K extends CodeKey>(known: readonly K[]): Promise<K[]> {
    const { root } = this.#options;
    await mkdir(root, { recursive: true, mode: 0o711 });
    await chmod(root, 0o711);
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => randomHex(16));
    const sameBoot = (await readFile(join(root, bootMark), 'utf8').catch(() => '')) === boot;
    const digests = new Map(known.map((key) => [key.functionId, key.codeDigest]));
    for (const name of await readdir(root)) {
      if (sameBoot && name === bootMark) continue;
      if (sameBoot && digests.has(name)) await this.prune(name, digests.get(name));
      else await rm(join(root, name), { recursive: true, force: true });
    }
    await writeFile(join(root, bootMark), boot, { mode: 0o600 });
    const missing: K[] = [];
    for (const key of known) {
      const info = await stat(this.folder(key)).catch(() => undefined);
      if (!info?.isDirectory() || (key.uid !== undefined && info.gid !== key.uid)) missing.push(key);
    }
    return missing;
  }

  async #prepareParent(key: CodeKey): Promise<void> {
    const parent = join(this.#options.root, key.functionId);
    await mkdir(parent, { recursive: true });
    if (key.uid !== undefined) await lchown(parent, 0, key.uid);
    await chmod(parent, 0o750);
  }
}

/** Gives the folders (not the files) below `folder` to the builder, so that it can write its caches. */
async function lend(folder: string, uid: number): Promise<void> {
  await lchown(folder, uid, uid);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await lend(join(folder, entry.name), uid);
  }
}

/** Owner root, group the function's: 0750 for folders and programs, 0640 for other files. From the top down, so that what is walked is already ours. */
async function seal(folder: string, uid: number | undefined): Promise<void> {
  if (uid !== undefined) await lchown(folder, 0, uid);
  await chmod(folder, 0o750);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      await seal(path, uid);
      continue;
    }
    if (uid !== undefined) await lchown(path, 0, uid);
    if (!entry.isFile()) continue;
    const info = await lstat(path);
    if (info.nlink !== 1) throw new Fault('InvalidCodePackage', 'The code package holds a hard link.');
    await chmod(path, info.mode & 0o111 ? 0o750 : 0o640);
  }
}
