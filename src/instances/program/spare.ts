import { join } from 'node:path';
import type { FunctionVersion } from '../../functions/index.ts';
import { randomHex } from '../../kit/index.ts';
import type { EngineOptions } from '../process/options.ts';
import { removeFolder } from '../sandbox/removal.ts';
import type { Launched } from '../sandbox/sandbox.ts';
import { makeFolder } from './folder.ts';

const processesEach = 256;

/** A program behind its wall that begins when it is given its environment. */
export interface Prepared {
  /** The instance's own folder. */
  readonly folder: string;
  readonly launched: Launched;
  begin(env: Readonly<Record<string, string>>): void;
}

/** Builds the wall around a program of a function, which begins when it is given its environment. */
export function prepareProgram(fn: FunctionVersion, options: EngineOptions, program: string, args: readonly string[]): Prepared {
  const { sandbox, place, fileBytes } = options;
  const folder = join(place.tmp, `p-${randomHex(12)}`);
  makeFolder(folder, fn.uid);
  const env = Promise.withResolvers<Readonly<Record<string, string>>>();
  const launched = sandbox.launch({
    program,
    args,
    cwd: fn.codeDir,
    env: env.promise,
    uid: fn.uid,
    stdio: ['ignore', 'pipe', 'pipe'],
    readable: [fn.codeDir, ...fn.layerDirs],
    writable: [folder],
    code: fn.codeDir,
    layers: fn.layerDirs,
    limits: { memoryMb: fn.memoryMb, processes: processesEach, programs: fn.maxInstances + 1, fileBytes },
  });
  return { folder, launched, begin: env.resolve };
}

/**
 * Keeps one program of a revision ready to begin: building the wall takes several times as long as starting a small program, so it is built ahead.
 */
export class Spares {
  readonly #make: () => Promise<Prepared>;
  #spare: Promise<Prepared> | undefined;
  #closed = false;

  /** @param make builds the wall for the next instance. @throws Fault FunctionNotStarted */
  constructor(make: () => Promise<Prepared>) {
    this.#make = make;
  }

  /** The one that is ready, or a new one. @throws what making it threw */
  async take(): Promise<Prepared> {
    const spare = this.#spare;
    this.#spare = undefined;
    const prepared = await spare?.catch(() => undefined);
    if (prepared && isWaiting(prepared)) return prepared;
    if (prepared) await discard(prepared);
    return watched(await this.#make());
  }

  /** Makes one ready unless there is one. @throws what making it threw */
  async fill(): Promise<void> {
    if (this.#closed) return;
    this.#spare ??= this.#make().then(watched);
    const filling = this.#spare;
    try {
      await filling;
    } catch (error) {
      if (this.#spare === filling) this.#spare = undefined;
      throw error;
    }
  }

  /** Ends the one that is ready, for good. */
  async close(): Promise<void> {
    this.#closed = true;
    const spare = await this.#spare?.catch(() => undefined);
    this.#spare = undefined;
    if (spare) await discard(spare);
  }
}

/** An error has to be listened to before anybody else does. */
function watched(prepared: Prepared): Prepared {
  prepared.launched.child.on('error', () => {});
  return prepared;
}

function isWaiting({ launched: { child } }: Prepared): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

async function discard({ launched, folder }: Prepared): Promise<void> {
  const { child } = launched;
  const ended = child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  const end = ended ? undefined : new Promise((resolve) => child.once('exit', resolve));
  launched.kill();
  await end;
  await removeFolder(folder);
}
