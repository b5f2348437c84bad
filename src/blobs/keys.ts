import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { randomHex } from '../kit/index.ts';

/** A key that wraps the keys of blobs. */
export interface BlobKey {
  /** 16 hex digits that follow from the key, so that a wrong one cannot pass for it. */
  readonly id: string;
  readonly key: Buffer;
}

/** The keys of a server: the first one seals, all of them open. */
export class BlobKeys {
  readonly all: readonly [BlobKey, ...BlobKey[]];

  constructor(all: readonly [BlobKey, ...BlobKey[]]) {
    this.all = all;
  }

  get current(): BlobKey {
    return this.all[0];
  }

  find(id: string): Buffer | undefined {
    return this.all.find((key) => key.id === id)?.key;
  }
}

/** The file of encryption keys cannot be used; the message says what to do. */
export class BlobKeyError extends Error {}

interface KeyFileText {
  version: 1;
  keys: { id: string; key: string }[];
}

function idOf(key: Buffer): string {
  return createHash('sha256').update('sluice encryption key\0').update(key).digest('hex').slice(0, 16);
}

/** Reads a file of encryption keys; undefined when there is none. @throws BlobKeyError */
export function readBlobKeys(file: string): BlobKeys | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new BlobKeyError(`The file of encryption keys ${file} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
  if ((statSync(file).mode & 0o077) !== 0) {
    throw new BlobKeyError(`The file of encryption keys ${file} can be read by others. Run chmod 600 on it.`);
  }
  const [first, ...rest] = parsed(text) ?? [];
  if (!first) throw new BlobKeyError(`The file of encryption keys ${file} is damaged. Restore it from a backup.`);
  return new BlobKeys([first, ...rest]);
}

function parsed(text: string): BlobKey[] | undefined {
  try {
    const { version, keys } = JSON.parse(text) as KeyFileText;
    if (version !== 1) return undefined;
    const found = keys.map(({ id, key }) => ({ id, key: Buffer.from(key, 'base64') }));
    return found.every(({ id, key }) => key.length === 32 && id === idOf(key)) ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Makes a file with one new key, durably and for its owner only; its folder must exist. */
export function makeBlobKeys(file: string): BlobKeys {
  const key = randomBytes(32);
  const made: BlobKey = { id: idOf(key), key };
  const content: KeyFileText = { version: 1, keys: [{ id: made.id, key: key.toString('base64') }] };
  const fresh = `${file}.${randomHex(6)}.new`;
  try {
    const fd = openSync(fresh, 'wx', 0o600);
    try {
      writeFileSync(fd, `${JSON.stringify(content, undefined, 2)}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(fresh, file);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw new BlobKeyError(`The file of encryption keys ${file} cannot be made: ${(error as Error).message}.`, { cause: error });
  }
  const folder = openSync(dirname(file), 'r');
  fsyncSync(folder);
  closeSync(folder);
  return new BlobKeys([made]);
}
