import { accessSync, constants } from 'node:fs';
import { run, runTwice } from './command.ts';

const folders = ['/usr/bin', '/bin', '/usr/local/bin'];

/**
 * The path of a program of the system; installed by apt where it is missing and this is root.
 * @throws Error that says which package to install
 */
export async function systemProgram(program: string, name: string): Promise<string> {
  if (find(program) === undefined && process.getuid?.() === 0 && (await run('apt-get', ['--version'])).code === 0) {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    const words = ['install', '--yes', '--quiet', '--no-install-recommends', name];
    // The lists may be there already; fetching them takes longer than the package.
    if ((await run('apt-get', words, { env })).code !== 0) {
      await runTwice('apt-get', ['update', '--quiet'], { env });
      await runTwice('apt-get', words, { env });
    }
  }
  const found = find(program);
  if (found === undefined) throw new Error(`${program} was not found, and only root can install it; install the package ${name}`);
  return found;
}

function find(program: string): string | undefined {
  for (const folder of folders) {
    try {
      accessSync(`${folder}/${program}`, constants.X_OK);
      return `${folder}/${program}`;
    } catch {
      // Not there.
    }
  }
  return undefined;
}
