import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Crc64 } from '../kit/index.ts';
import type { Listed } from './listing.ts';
import type { Place } from './place.ts';
import type { Store } from './store.ts';

/** Whether a file has the bytes of an object: by the MD5 that its ETag is, or, where it was put in parts, by its CRC-64. */
export async function hasSameBytes(
  store: Store,
  place: Place,
  { size, etag }: Pick<Listed, 'size' | 'etag'>,
  path: string,
): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  if (!info?.isFile() || info.size !== size) return false;
  if (/^[0-9A-F]{32}$/.test(etag)) return etag === (await md5Of(path));
  const { headers } = await store.text({ method: 'HEAD', bucket: place.bucket, key: place.key });
  return headers['x-oss-hash-crc64ecma'] === String(await crcOf(path));
}

/** What an ETag of one PutObject is: the MD5 in upper-case hex. */
async function md5Of(path: string): Promise<string> {
  const hash = createHash('md5');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex').toUpperCase();
}

async function crcOf(path: string): Promise<bigint> {
  const crc = new Crc64();
  for await (const chunk of createReadStream(path)) crc.update(chunk as Buffer);
  return crc.value();
}
