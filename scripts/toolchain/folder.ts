import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** Everything that set-up makes; git-ignored. */
export const cache = join(root, '.cache');

/**
 * Makes `.cache/<name>` once for each value of `pins`: `fill` works on a fresh folder beside it, which takes the name when it is whole.
 * An interrupted run leaves nothing that a later run would take for done.
 */
export async function madeOnce(name: string, pins: string[], fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cache, name);
  const stampFile = join(cache, 'stamps', `${name.replaceAll('/', '-')}.txt`);
  const stamp = createHash('sha256').update(pins.join('\0')).digest('hex');
  if (readStamp(stampFile) === stamp) return folder;
  const fresh = `${folder}.${process.pid}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  try {
    await fill(fresh);
    rmSync(stampFile, { force: true });
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, stamp);
  return folder;
}

function readStamp(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
