import { chmod, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** Where code is unpacked. */
export interface CodePlace {
  root: string;
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
 * `<runDir>/code`; or, when functions run as users of their own and runDir is closed to them (a data folder below /root), a folder below the
 * system's temporary one, which lasts until remove().
 */
export async function openCodePlace(runDir: string, otherUsers: boolean): Promise<CodePlace> {
  const base = resolve(runDir);
  await mkdir(base, { recursive: true });
  if (!otherUsers || (await isReachable(base))) return { root: join(base, 'code'), remove: async () => undefined };
  const root = await mkdtemp(join(tmpdir(), 'sluice-code-'));
  await chmod(root, 0o711);
  return { root, remove: () => rm(root, { recursive: true, force: true }) };
}
