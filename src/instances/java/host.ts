import { chmod, copyFile, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileHost, digestOf, jarNames } from './compile.ts';

/** The jars that every Java function runs with. */
export interface HostJars {
  host: string;
  runtime: string;
}

/** Where a source checkout keeps what it compiled; removed without loss. */
const cache = fileURLToPath(new URL('../../../.cache/java-host/', import.meta.url));

/**
 * The host's jars in `<hosts>/java`, readable by every user: the package has them on board, a source checkout compiles them once.
 * @param hosts copies of the host programs
 * @throws Error that says what is missing
 */
export async function prepareHost(hosts: string, compiler: string | undefined): Promise<HostJars> {
  const folder = join(hosts, 'java');
  const jars = { host: join(folder, jarNames.host), runtime: join(folder, jarNames.runtime) };
  if ((await exists(jars.host)) && (await exists(jars.runtime))) return jars;
  if (compiler === undefined)
    throw new Error('the Java host is not compiled, and no javac was found; install a JDK, or use the published package');
  const made = await compileOnce(compiler, folder);
  for (const name of Object.values(jarNames)) {
    if (made !== folder) await copyFile(join(made, name), join(folder, name));
    await chmod(join(folder, name), 0o644);
  }
  return jars;
}

/**
 * Compiles the sources in `<sources>` into the cache of this checkout, unless that was done before; into `sources` itself where the cache
 * cannot be written. Returns the folder of the jars. @throws Error with what the compiler said
 */
export async function compileOnce(compiler: string, sources: string): Promise<string> {
  const digest = digestOf(sources);
  const done = join(cache, digest);
  if (await exists(join(done, jarNames.runtime))) return done;
  let fresh: string;
  try {
    await mkdir(cache, { recursive: true });
    fresh = await mkdtemp(join(cache, 'new-'));
  } catch {
    await compileHost(compiler, sources, sources);
    return sources;
  }
  try {
    await compileHost(compiler, sources, fresh);
    await chmod(fresh, 0o755);
    await rename(fresh, done);
    return done;
  } catch (error) {
    // Another process was faster.
    if (await exists(join(done, jarNames.runtime))) return done;
    throw error;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
