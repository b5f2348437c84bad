import { readdirSync } from 'node:fs';
import { run, runTwice } from './command.ts';

const folder = '/usr/share/fonts';
const name = 'fonts-dejavu-core';

function hasFonts(): boolean {
  try {
    return readdirSync(folder, { recursive: true }).some((file) => /\.(?:ttf|otf|ttc)$/i.test(String(file)));
  } catch {
    return false;
  }
}

/** Sees to it that texts can be drawn on pictures; a font is installed by apt where there is none and this is root. @throws Error */
export async function prepareFonts(): Promise<{ folder: string }> {
  if (process.platform !== 'linux') throw new Error('fonts are looked for on Linux');
  if (!hasFonts() && process.getuid?.() === 0) {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    const words = ['install', '--yes', '--quiet', '--no-install-recommends', name];
    if ((await run('apt-get', words, { env })).code !== 0) {
      await runTwice('apt-get', ['update', '--quiet'], { env });
      await runTwice('apt-get', words, { env });
    }
  }
  if (!hasFonts()) throw new Error(`no font was found in ${folder}, and only root can install one; install the package ${name}`);
  return { folder };
}
