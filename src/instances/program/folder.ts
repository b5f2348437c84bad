import { chownSync, mkdirSync } from 'node:fs';

/** Makes the folder of one instance, which its function's user alone can enter. */
export function makeFolder(path: string, uid: number | undefined): void {
  mkdirSync(path, { mode: 0o700 });
  if (uid !== undefined) chownSync(path, uid, uid);
}
