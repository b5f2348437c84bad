import { chmod, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** Where code is unpacked. */
export interface CodePlace {
  /** Code of functions. */
  root: string;
  layers: string;
  /** Removes what was made only for this run. */
  remove(): Promise<void>;
}

/** Whether users other than the owner can get into a folder. */
async function isReachable(folder: string): Promise<boolean> {
  for (let at = folder; ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/**
 * `<runDir>/code` and `<runDir>/layers`; or, when functions run as users of their own and runDir is closed to them (a data folder below
 * /root), folders below the system's temporary one, which last until remove().
 */
export async function openCodePlace(runDir: string, otherUsers: boolean): Promise<CodePlace> {
  const base = resolve(runDir);
  await mkdir(base, { recursive: true });
  const below = (folder: string) => ({ root: join(folder, 'code'), layers: join(folder, 'layers') });
  if (!otherUsers || (await isReachable(base))) return { ...below(base), remove: async () => undefined };
  const folder = await mkdtemp(join(tmpdir(), 'sluice-code-'));
  await chmod(folder, 0o711);
  return { ...below(folder), remove: () => rm(folder, { recursive: true, force: true }) };
}
