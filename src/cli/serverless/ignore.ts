import { readFile } from 'node:fs/promises';
import { join, matchesGlob } from 'node:path';

/** Whether a file or folder stays out of a package. @param path below the folder, with slashes */
export type Ignores = (path: string, isFolder: boolean) => boolean;

/** The rules of a `.fcignore`, written as those of a `.gitignore` are; the last that fits counts. */
export function ignoresOf(text: string): Ignores {
  const lines = text.split('\n').map((line) => line.trim());
  const rules = lines.filter((line) => line !== '' && !line.startsWith('#')).map(ruleOf);
  return (path, isFolder) => {
    const last = rules.findLast(({ glob, folders }) => (isFolder || !folders) && matchesGlob(path, glob));
    return last !== undefined && !last.keeps;
  };
}

function ruleOf(line: string): { glob: string; folders: boolean; keeps: boolean } {
  const keeps = line.startsWith('!');
  const rule = keeps ? line.slice(1) : line;
  const folders = rule.endsWith('/');
  const bare = folders ? rule.slice(0, -1) : rule;
  // One without a slash means any folder below.
  const glob = bare.includes('/') ? bare.replace(/^\//, '') : `**/${bare}`;
  return { glob, folders, keeps };
}

/** Those of a folder; one without a `.fcignore` leaves nothing out. */
export async function readIgnores(folder: string): Promise<Ignores> {
  const text = await readFile(join(folder, '.fcignore'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return ignoresOf(text);
}
