import { execFile } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../log.ts';
import { jvmFlags } from './flags.ts';
import type { HostJars } from './host.ts';
import type { Jre } from './jre.ts';

/** The first version that can archive the classes of a run (JEP 350). */
const firstWithArchive = 13;
const rehearsalMs = 60_000;

/**
 * The classes that warming up loads, archived: later starts map them instead of reading them, which halves their CPU. Made once, by a run
 * without any code of a function.
 */
export class ClassArchive {
  readonly #jre: Jre;
  readonly #jars: HostJars;
  readonly #log: Log;
  #making: Promise<void> | undefined;
  #path: string | undefined;

  constructor(jre: Jre, jars: HostJars, log: Log) {
    this.#jre = jre;
    this.#jars = jars;
    this.#log = log;
  }

  /** The file, once it is there. */
  get path(): string | undefined {
    return this.#path;
  }

  /** Resolves when the file is there, or cannot be made. */
  make(): Promise<void> {
    this.#making ??= this.#rehearse();
    return this.#making;
  }

  /** Resolves when nothing is being made. */
  async settled(): Promise<void> {
    await this.#making;
  }

  async #rehearse(): Promise<void> {
    if (this.#jre.major < firstWithArchive) return;
    const folder = join(this.#jars.host, '..');
    const path = join(folder, `host-${this.#jre.major}.jsa`);
    const flags = jvmFlags({ major: this.#jre.major, memoryMb: 256, tmp: folder, archive: undefined, own: '' });
    const args = [...flags, '-Xlog:disable', `-XX:ArchiveClassesAtExit=${path}`, '-jar', this.#jars.host, 'rehearse'];
    const failure = await new Promise<Error | null>((resolve) => {
      const options = { timeout: rehearsalMs, killSignal: 'SIGKILL' as const, cwd: '/', env: { LANG: 'C.UTF-8', TZ: 'UTC' } };
      execFile(join(this.#jre.home, 'bin', 'java'), args, options, (error) => resolve(error));
    });
    const isThere = await chmod(path, 0o644).then(
      () => true,
      () => false,
    );
    if (isThere && !failure) this.#path = path;
    else this.#log.warn({ err: failure ?? undefined }, 'Java functions start without an archive of classes');
  }
}
