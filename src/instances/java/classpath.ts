import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FunctionVersion } from '../../functions/index.ts';

/**
 * Where the classes of a function are looked for, in this order: the package itself when it is a JAR, else its folder; the jars in its `lib`
 * folder and at its root; the jars of its layers; last the interfaces of the runtime.
 */
export function classPathOf(fn: Pick<FunctionVersion, 'codeDir' | 'jar' | 'layerDirs'>, runtimeJar: string): string[] {
  const layers = fn.layerDirs.flatMap((folder) => [...jarsIn(join(folder, 'java', 'lib')), ...jarsIn(join(folder, 'lib'))]);
  return [fn.jar ?? fn.codeDir, ...jarsIn(join(fn.codeDir, 'lib')), ...jarsIn(fn.codeDir), ...layers, runtimeJar];
}

function jarsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.jar'))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}
