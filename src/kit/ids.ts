import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const idBytes = 12;
const batch = 256;
let pool = Buffer.alloc(0);
let used = 0;

/** A request id as OSS clients print it: 24 upper-case hex digits, unpredictable. Random bytes are drawn 256 ids at a time. */
export function requestId(): string {
  if (used >= pool.length) {
    pool = randomBytes(idBytes * batch);
    used = 0;
  }
  const id = pool.toString('hex', used, used + idBytes).toUpperCase();
  used += idBytes;
  return id;
}

/** A secret for one use, base64url without padding; `bytes` of crypto randomness. */
export function randomToken(bytes = 24): string {
  return randomBytes(bytes).toString('base64url');
}

/** `bytes` of crypto randomness as lower-case hex. */
export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

/** Compares two secrets of any lengths; the time taken tells nothing about where they differ. */
export function equalSecret(a: string, b: string): boolean {
  // Hashing first gives timingSafeEqual the equal lengths it demands.
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}
