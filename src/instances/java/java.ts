import { join } from 'node:path';
import { Fault } from '../../faults/index.ts';
import { javaHome, searchPath } from '../config.ts';
import type { Engine, RuntimeFamily, RuntimeReadiness } from '../engine.ts';
import { anyOtherUser } from '../process/interpreter.ts';
import type { EngineOptions } from '../process/options.ts';
import { Waiting } from '../process/reserve.ts';
import { ClassArchive } from './archive.ts';
import { JavaEngine, type JavaOptions, warmLimit } from './engine.ts';
import { prepareHost } from './host.ts';
import { findCompiler, findJre, noteOn } from './jre.ts';

const javaRuntimes = ['java11', 'java8'];

/**
 * The Java runtimes; looks for a Java of version 11 or newer, a configured one first.
 * @param options `home`: folder of the Java to use; `<home>/bin/java` is its program
 */
export async function openJava(options: EngineOptions & { home?: string | undefined }): Promise<RuntimeFamily> {
  const found = await lookAround(options);
  return {
    runtimes: javaRuntimes,
    engine: (fn): Engine => {
      if ('missing' in found) throw new Fault('FunctionNotStarted', `Java functions cannot run here: ${found.missing}.`);
      return new JavaEngine(fn, found);
    },
    ready: () => javaRuntimes.map((runtime) => readiness(runtime, found)),
    close: async () => {
      // The archive lies in a folder that is removed next.
      if (!('missing' in found)) await found.archive.settled();
    },
  };
}

async function lookAround(options: EngineOptions & { home?: string | undefined }): Promise<JavaOptions | { missing: string }> {
  const uid = options.dropPrivileges ? anyOtherUser : undefined;
  const search = { configured: options.home, environment: javaHome(), searchPath: searchPath() };
  const jre = await findJre({ ...search, uid });
  if (!jre) return { missing: 'no Java 11 or newer was found that functions may use' };
  try {
    const jars = await prepareHost(options.place.hosts, findCompiler(search, jre));
    const port = await options.door.listenTcp();
    return { ...options, jre, jars, port, archive: new ClassArchive(jre, jars, options.log), waiting: new Waiting(warmLimit) };
  } catch (error) {
    return { missing: (error as Error).message };
  }
}

function readiness(runtime: string, found: JavaOptions | { missing: string }): RuntimeReadiness {
  if ('missing' in found) return { runtime, ok: false, note: found.missing };
  const { home, version } = found.jre;
  const note = noteOn(found.jre, runtime);
  return { runtime, ok: true, interpreter: join(home, 'bin', 'java'), version, ...(note ? { note } : {}) };
}
