import { randomBytes } from 'node:crypto';
import { chmod, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Fault } from '../faults/index.ts';
import { randomHex } from '../kit/index.ts';
import { randomBase62 } from './secrets.ts';
import type { SealingKey } from './token.ts';

export interface RootKey {
  readonly id: string;
  readonly secret: string;
}

/** The secrets that outlive a restart. The first sealing key seals new tokens, all of them open old ones. */
export interface KeyRing {
  readonly sealing: readonly [SealingKey, ...SealingKey[]];
  readonly rootKey: RootKey | undefined;
}

interface KeyFileText {
  version: 1;
  sealing: { id: string; key: string; until?: number }[];
  rootKey?: RootKey;
}

/**
 * Reads the key file, or makes what is missing in it: a sealing key always, a root key when `needRootKey`. The file is written
 * whole with mode 0600: to a new file, synced, renamed, folder synced.
 * @throws Error when the file is there but damaged; it is never overwritten then
 */
export async function openKeyFile(file: string, needRootKey: boolean): Promise<KeyRing & { made: boolean }> {
  const found = await readKeyFile(file);
  const made = needRootKey && found?.rootKey === undefined;
  if (found && !made) return { ...found, made };
  const ring: KeyRing = {
    sealing: found?.sealing ?? [{ id: randomHex(4), key: randomBytes(32) }],
    rootKey: found?.rootKey ?? (needRootKey ? { id: `SL${randomBase62(22)}`, secret: randomBase62(40) } : undefined),
  };
  await writeKeyFile(file, ring);
  return { ...ring, made };
}

/** Old sealing keys that are kept at most; each of them has tokens that are not expired. */
const mostOldKeys = 15;

/**
 * Puts a new sealing key first. The old ones still open their tokens until the last of these has expired, or are dropped at once with
 * `dropOld`, which ends every sealed session. Written before it is returned.
 * @param tokenMs the longest life of a token that was sealed before now
 * @throws Fault LimitExceeded after too many rotations in that time
 */
export async function rotateSealingKey(
  file: string,
  ring: KeyRing,
  { dropOld, now, tokenMs }: { dropOld: boolean; now: number; tokenMs: number },
): Promise<KeyRing> {
  const old = ring.sealing
    .map((key, i): SealingKey => (i === 0 ? { ...key, until: now + tokenMs } : key))
    .filter(({ until }) => until !== undefined && until > now);
  if (!dropOld && old.length > mostOldKeys) {
    throw new Fault('LimitExceeded', 'The sealing key was rotated too often lately: older keys still have sessions. Try again later.');
  }
  const next: KeyRing = { ...ring, sealing: [{ id: randomHex(4), key: randomBytes(32) }, ...(dropOld ? [] : old)] };
  await writeKeyFile(file, next);
  return next;
}

async function readKeyFile(file: string): Promise<KeyRing | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const ring = parseKeyFile(text);
  if (!ring) throw new Error(`The key file ${file} is damaged. Restore it from a backup, or move it away to start with new keys.`);
  // A copy or a backup tool may have widened the mode.
  await chmod(file, 0o600);
  return ring;
}

function parseKeyFile(text: string): KeyRing | undefined {
  try {
    const { version, sealing, rootKey } = JSON.parse(text) as KeyFileText;
    if (version !== 1) return undefined;
    const keys: SealingKey[] = sealing.map(({ id, key, until }) => ({
      ...{ id, key: Buffer.from(key, 'base64') },
      ...(typeof until === 'number' ? { until } : {}),
    }));
    const [first, ...rest] = keys;
    if (!first || keys.some(({ id, key }) => !/^[0-9a-f]{8}$/.test(id) || key.length !== 32)) return undefined;
    if (rootKey !== undefined && !(typeof rootKey.id === 'string' && rootKey.id && typeof rootKey.secret === 'string' && rootKey.secret)) {
      return undefined;
    }
    return { sealing: [first, ...rest], rootKey };
  } catch {
    return undefined;
  }
}

async function writeKeyFile(file: string, { sealing, rootKey }: KeyRing): Promise<void> {
  const content: KeyFileText = {
    version: 1,
    sealing: sealing.map(({ key, ...rest }) => ({ ...rest, key: key.toString('base64') })),
    rootKey,
  };
  const fresh = `${file}.${randomHex(6)}.new`;
  try {
    const handle = await open(fresh, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(content, undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
  const folder = await open(dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
