import { Fault } from '../faults/index.ts';
import { sleep, type ZipLimits } from '../kit/index.ts';
import { CodeFolders, type CodeKey } from './code.ts';
import { type CodeSource, type IncomingPackage, Packages } from './packages.ts';
import type { FunctionSettings } from './record.ts';
import { familyOf } from './runtimes.ts';

/** How long an answer waits for the compiler; what takes longer is brought in afterwards. */
const compilePatienceMs = 150;

/** A package with the CRC-64 (decimal) that its sender says it has. */
export type CheckedCode = CodeSource & { checksum?: string | undefined };

/** What a runtime wants of its code besides the files. */
export interface CodeNeeds {
  python: boolean;
  /** The package itself beside the code. */
  jar: boolean;
  /** The file that is run as a program. */
  program: string | undefined;
}

export function needsOf({ runtime, handler }: Pick<FunctionSettings, 'runtime' | 'handler'>): CodeNeeds {
  const family = familyOf(runtime);
  const program = family === 'go' ? handler : family === 'custom' ? 'bootstrap' : undefined;
  return { python: family === 'python', jar: family === 'java', program };
}

export interface CodeStoreOptions {
  /** Folder of the packages. */
  packages: string;
  packageBytes: number;
  /** Folder of the unpacked code. */
  root: string;
  limits: ZipLimits;
  shared: boolean;
  builderUid: number | undefined;
  interpreter: string | undefined;
  /** Runs work for one function (or layer) after what came before it. */
  inTurn: (functionId: string, work: () => Promise<void>) => Promise<void>;
  /** Whether the code of this key is still wanted. */
  isUsed: (key: CodeKey) => boolean;
  /** Told what could not be compiled, after the deployment was answered. */
  onNote: (key: CodeKey, note: string) => Promise<void>;
  onProblem: (error: unknown) => void;
}

/** Packages as they were sent, the folders unpacked from them, and the compiler behind. */
export class CodeStore {
  readonly packages: Packages;
  readonly folders: CodeFolders;
  readonly #options: CodeStoreOptions;
  readonly #background = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(options: CodeStoreOptions) {
    this.#options = options;
    this.packages = new Packages(options.packages, options.packageBytes);
    this.folders = new CodeFolders({ ...options, signal: this.#stopping.signal });
  }

  /** Receives a package, hands it on, and removes it unless somebody kept it. @throws Fault InvalidArgument when it is too large or not the one that was meant */
  async withPackage<T>(code: CheckedCode, use: (incoming: IncomingPackage) => Promise<T>): Promise<T> {
    const incoming = await this.packages.receive(code);
    try {
      if (code.checksum !== undefined && code.checksum !== incoming.checksum) {
        throw new Fault('InvalidArgument', `code.checksum: the CRC-64 of the package that arrived is ${incoming.checksum}`);
      }
      return await use(incoming);
    } finally {
      await this.packages.discard(incoming);
    }
  }

  /**
   * Unpacks and keeps a package, then lets `commit` write what refers to it; takes both back when that fails.
   * @param commit gets the unpacked bytes, and a note on what could not be compiled
   * @throws Fault InvalidCodePackage
   */
  async deploy<T>(
    incoming: IncomingPackage,
    key: CodeKey,
    needs: CodeNeeds,
    commit: (done: { bytes: number; note: string | undefined }) => Promise<T>,
  ): Promise<T> {
    const { bytes } = await this.folders.deploy(incoming.file, key);
    try {
      await this.packages.keep(incoming, key.functionId);
      await this.prepare(key, needs);
      return await commit({ bytes, note: needs.python ? await this.#compile(key) : undefined });
    } catch (error) {
      await this.remove(key);
      throw error;
    }
  }

  /** Makes what the runtime wants beside the files of code that is unpacked. */
  async prepare(key: CodeKey, needs: CodeNeeds): Promise<void> {
    if (needs.jar) await this.folders.keepJar(this.packages.file(key.functionId, key.codeDigest), key);
    if (needs.program !== undefined) await this.folders.restoreProgram(key, needs.program);
  }

  /** Unpacks a kept package again. @throws Fault InvalidCodePackage, or what the file system says */
  async restore(key: CodeKey, needs: CodeNeeds): Promise<void> {
    await this.folders.deploy(this.packages.file(key.functionId, key.codeDigest), key);
    await this.prepare(key, needs);
    if (needs.python) this.#inBackground(this.#compile(key, 0));
  }

  /** Removes a package and its folder; harmless when they are gone. */
  async remove(key: Pick<CodeKey, 'functionId' | 'codeDigest'>): Promise<void> {
    await this.folders.remove(key);
    await this.packages.remove(key.functionId, key.codeDigest);
  }

  /** Removes the code of one function but for these digests. */
  async keepOnly(functionId: string, digests: ReadonlySet<string>): Promise<void> {
    await this.folders.prune(functionId, [...digests]);
    await this.packages.prune(functionId, digests);
  }

  /** Resolves when nothing goes on in the background. */
  async settled(): Promise<void> {
    while (this.#background.size > 0) await Promise.all(this.#background);
  }

  /** Stops the compiler and resolves when the work in the background has ended. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.settled();
  }

  /** Compiles Python code; what is not done after a moment goes on in the background. */
  async #compile(key: CodeKey, patienceMs = compilePatienceMs): Promise<string | undefined> {
    const running = this.folders.compile(key);
    const early = await Promise.race([running, sleep(patienceMs)]);
    if (early) {
      await early.adopt();
      return early.note;
    }
    const { inTurn, isUsed, onNote } = this.#options;
    this.#inBackground(
      running.then((compiled) => {
        if (!compiled) return;
        return inTurn(key.functionId, async () => {
          if (this.#stopping.signal.aborted || !isUsed(key)) return compiled.drop();
          await compiled.adopt();
          if (compiled.note) await onNote(key, compiled.note);
        });
      }),
    );
    return undefined;
  }

  #inBackground(work: Promise<unknown>): void {
    const settled: Promise<void> = work.then(() => undefined, this.#options.onProblem).finally(() => this.#background.delete(settled));
    this.#background.add(settled);
  }
}
