import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, now, type Timer } from '../../kit/index.ts';
import { close, open, touch, unlink } from './files.ts';

/** A hold that nobody renewed for so long was left by a process that died. */
const leaseMs = 60_000;
const renewMs = 10_000;

function holdFile(folder: string): string {
  return join(folder, 'hold');
}

/** Whether some process keeps the blobs below `folder` from being removed. */
export function isHeld(folder: string): boolean {
  // Asked at each removal: synchronous, a file that is not there costs a microsecond or two.
  const found = statSync(holdFile(folder), { throwIfNoEntry: false });
  return found !== undefined && found.mtimeMs > now() - leaseMs;
}

/**
 * Keeps blobs from being removed, by whichever process serves them, until the returned function is called, or this process is dead for a minute.
 * What is removed afterwards all the same was decided before: no record of that moment or later names it.
 */
export async function holdBlobs(folder: string): Promise<() => Promise<void>> {
  const file = holdFile(folder);
  await close(await open(file, 'a', 0o600));
  await touch(file, now());
  let timer: Timer | undefined;
  let held = true;
  const renew = () => {
    timer = after(renewMs, () => {
      // A failure shows as blobs that are gone.
      void touch(file, now()).catch(() => {});
      if (held) renew();
    });
  };
  renew();
  return async () => {
    held = false;
    timer?.cancel();
    await unlink(file);
  };
}
