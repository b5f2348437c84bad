import {
  chmod,
  chown,
  constants,
  copyFile,
  lchown,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join, sep } from 'node:path';
import { Fault } from '../faults/index.ts';
import { randomHex, unpackZip, ZipError, type ZipLimits, type ZipModes } from '../kit/index.ts';
import { type Compiled, compilePython } from './bytecode.ts';

export interface CodeOptions {
  /** The folder that holds all code; made here, traversable by the functions' users. */
  root: string;
  limits: ZipLimits;
  /** Code that every function may read (layers), if it knows the name of the folder. */
  shared: boolean;
  /** User that runs compilers and nothing else; given when the server is root. */
  builderUid: number | undefined;
  /** Python that compiles at deploy; none: the code is not compiled. */
  interpreter: string | undefined;
  /** Stops the compiler. */
  signal: AbortSignal;
}

/** One deployed folder: whose, and which package. */
export interface CodeKey {
  /** The function, or one name for all layers. */
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

  /** The folder of one package. */
  folder({ functionId, codeDigest }: Pick<CodeKey, 'functionId' | 'codeDigest'>): string {
    return join(this.#options.root, functionId, codeDigest.slice(0, 32));
  }

  /** The package itself, beside its folder, where keepJar put it. */
  jar(key: Pick<CodeKey, 'functionId' | 'codeDigest'>): string {
    return `${this.folder(key)}.jar`;
  }

  /**
   * Unpacks a package: in a temporary folder that nobody sees, then renamed. Nothing is left on failure.
   * @returns the unpacked bytes
   * @throws Fault InvalidCodePackage for a ZIP that is damaged, hostile or too large
   */
  async deploy(zip: string, key: CodeKey): Promise<{ bytes: number }> {
    const { root, limits } = this.#options;
    const build = join(root, `.build-${randomHex(12)}`);
    const inner = join(build, 'code');
    try {
      await mkdir(build, { mode: 0o700 });
      const { bytes } = await unpackZip(zip, inner, limits, this.#modes(key)).catch((error: unknown) => {
        throw error instanceof ZipError
          ? new Fault('InvalidCodePackage', `The code package is not accepted: ${error.message}`, { cause: error })
          : error;
      });
      const target = this.folder(key);
      await this.#prepareParent(key);
      await rm(target, { recursive: true, force: true });
      await rename(inner, target);
      return { bytes };
    } finally {
      await rm(build, { recursive: true, force: true });
    }
  }

  /** Puts the package itself beside its folder, where the function may read it; a JAR is faster on a class path than its files. */
  async keepJar(zip: string, key: CodeKey): Promise<void> {
    const target = this.jar(key);
    if (await stat(target).catch(() => undefined)) return;
    const build = join(this.#options.root, `.build-${randomHex(12)}`);
    try {
      await copyFile(zip, build, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      if (key.uid !== undefined) await chown(build, 0, key.uid);
      await chmod(build, this.#modes(key).file);
      await rename(build, target);
    } catch (error) {
      await rm(build, { force: true });
      throw error;
    }
  }

  /** Makes one file of the code executable, which a ZIP made on Windows forgets; does nothing when it is not there, or leads out of the code. */
  async restoreProgram(key: CodeKey, path: string): Promise<void> {
    const folder = await realpath(this.folder(key));
    const file = await realpath(join(folder, path)).catch(() => undefined);
    if (!file?.startsWith(folder + sep)) return;
    const info = await stat(file);
    if (info.isFile() && !(info.mode & 0o111)) await chmod(file, this.#modes(key).program);
  }

  /**
   * Byte-compiles the Python modules of a deployed folder, beside it; adopt() of the outcome brings them in. Reads the folder while it may
   * already be in use.
   */
  async compile(key: CodeKey): Promise<Compiled | undefined> {
    const { interpreter, builderUid, root, shared, signal } = this.#options;
    if (interpreter === undefined || signal.aborted) return undefined;
    const output = join(root, `.compile-${randomHex(12)}`);
    await mkdir(output, { mode: 0o700 });
    if (builderUid !== undefined) await lchown(output, builderUid, builderUid);
    const gid = shared ? builderUid : key.uid;
    return compilePython({ interpreter, folder: this.folder(key), output, uid: builderUid, gid, modes: this.#modes(key), signal });
  }

  /** Removes one folder; harmless when it is gone. */
  async remove(key: Pick<CodeKey, 'functionId' | 'codeDigest'>): Promise<void> {
    await rm(this.folder(key), { recursive: true, force: true });
    await rm(this.jar(key), { force: true });
    // The parent goes with its last folder.
    await rmdir(join(this.#options.root, key.functionId)).catch(() => undefined);
  }

  /** Removes the folders of one function, all but those of `keep`. */
  async prune(functionId: string, keep: readonly string[] = []): Promise<void> {
    const parent = join(this.#options.root, functionId);
    if (keep.length === 0) return rm(parent, { recursive: true, force: true });
    const kept = new Set(keep.map((digest) => digest.slice(0, 32)));
    for (const name of await readdir(parent).catch(() => [])) {
      if (!kept.has(name.replace(/\.jar$/, ''))) await rm(join(parent, name), { recursive: true, force: true });
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
    const digests = Map.groupBy(known, (key) => key.functionId);
    for (const name of await readdir(root)) {
      if (sameBoot && name === bootMark) continue;
      const used = sameBoot ? digests.get(name) : undefined;
      await (used
        ? this.prune(
            name,
            used.map((key) => key.codeDigest),
          )
        : rm(join(root, name), { recursive: true, force: true }));
    }
    await writeFile(join(root, bootMark), boot, { mode: 0o600 });
    const missing = new Map<string, K>();
    for (const key of known) {
      const info = await stat(this.folder(key)).catch(() => undefined);
      if (!info?.isDirectory() || (key.uid !== undefined && info.gid !== key.uid)) missing.set(this.folder(key), key);
    }
    return [...missing.values()];
  }

  #modes({ uid }: CodeKey): ZipModes {
    return this.#options.shared ? { file: 0o644, program: 0o755, folder: 0o755 } : { file: 0o640, program: 0o750, folder: 0o750, gid: uid };
  }

  async #prepareParent({ functionId, uid }: CodeKey): Promise<void> {
    const parent = join(this.#options.root, functionId);
    await mkdir(parent, { recursive: true });
    if (uid !== undefined) await lchown(parent, 0, uid);
    await chmod(parent, this.#options.shared ? 0o711 : 0o750);
  }
}
