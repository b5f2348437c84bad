import { execFile } from 'node:child_process';
import { lstat, rmdir } from 'node:fs/promises';

const patienceMs = 60_000;
/** What a user made unreadable for itself is opened first. A folder that is left behind may stay: its parent is not the user's to write. */
const script = 'rm -rf -- "$1" 2>/dev/null || { chmod -R u+rwX -- "$1"; rm -rf -- "$1"; } 2>/dev/null; :';

/**
 * Removes a folder of a function, or a file. Not by hand: while another process of the function lives, a folder can become a link between two looks, and
 * what that names would go instead. rm(1) holds on to the folders that it has opened; and it runs as the function's own user, who may remove nothing else.
 */
export async function removeFolder(path: string): Promise<void> {
  if (await isGone(path)) return;
  const uid = (await lstat(path).catch(() => undefined))?.uid;
  await new Promise<void>((resolve) => {
    const user = uid === undefined || uid === 0 || process.getuid?.() !== 0 ? {} : { uid, gid: uid };
    const options = { ...user, cwd: '/', env: { PATH: '/usr/bin:/bin' }, timeout: patienceMs, killSignal: 'SIGKILL' as const };
    execFile('/bin/sh', ['-c', script, 'sluice', path], options, () => resolve());
  });
  await isGone(path);
}

/** Removes an empty folder; whether nothing is left. */
async function isGone(path: string): Promise<boolean> {
  await rmdir(path).catch(() => {});
  return (await lstat(path).catch(() => undefined)) === undefined;
}
