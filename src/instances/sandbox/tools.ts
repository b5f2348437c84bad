import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { searchPath } from '../config.ts';
import { droppingTo } from './launcher.ts';

const usualFolders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'];
const trialMs = 10_000;
/** Any user but the server's own. */
export const anyOtherUser = 65_534;

/** A program of the system by its name; undefined when there is none. */
export function findTool(name: string): string | undefined {
  for (const folder of [...usualFolders, ...searchPath().split(delimiter).filter(isAbsolute)]) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not there.
    }
  }
  return undefined;
}

/** The setpriv of util-linux, if it works here: other systems have lesser programs of that name. */
export async function trySetpriv(dropPrivileges: boolean): Promise<{ program: string; dieWithParent: boolean } | undefined> {
  const program = findTool('setpriv');
  if (program === undefined) return undefined;
  for (const dieWithParent of [true, false]) {
    const [command = '', ...args] = droppingTo(dropPrivileges ? anyOtherUser : undefined, program, dieWithParent);
    const works = await new Promise((resolve) => {
      execFile(command, [...args, '/bin/sh', '-c', ':'], { timeout: trialMs, cwd: '/', env: {} }, (error) => resolve(error === null));
    });
    if (works) return { program, dieWithParent };
  }
  return undefined;
}
