import { createHash, randomBytes, randomFillSync, timingSafeEqual } from 'node:crypto';

const idBytes = 12;
const poolBytes = 4096;
const pool = Buffer.alloc(poolBytes);
let used = poolBytes;

/** Where in the pool the next `bytes` of randomness lie. Drawn in bulk: asking the system each time costs more than all the rest of an id. */
function draw(bytes: number): number {
  if (used + bytes > poolBytes) {
    randomFillSync(pool);
    used = 0;
  }
  const start = used;
  used += bytes;
  return start;
}

function drawText(bytes: number, encoding: 'hex' | 'base64url'): string {
  if (bytes > poolBytes) return randomBytes(bytes).toString(encoding);
  const start = draw(bytes);
  const text = pool.toString(encoding, start, start + bytes);
  // What was given out as a secret must not be found in memory afterwards.
  pool.fill(0, start, start + bytes);
  return text;
}

/** Ids made together: one conversion for all costs a tenth of one each. */
const idsAtOnce = 32;
const idDigits = idBytes * 2;
let ids = '';
let nextId = 0;

/** A request id as OSS clients print it: 24 upper-case hex digits, unpredictable. Not a secret. */
export function requestId(): string {
  if (nextId === ids.length) {
    ids = randomBytes(idBytes * idsAtOnce)
      .toString('hex')
      .toUpperCase();
    nextId = 0;
  }
  nextId += idDigits;
  return ids.slice(nextId - idDigits, nextId);
}

/** A secret for one use, base64url without padding; `bytes` of crypto randomness. */
export function randomToken(bytes = 24): string {
  return drawText(bytes, 'base64url');
}

/** `bytes` of crypto randomness as lower-case hex. */
export function randomHex(bytes: number): string {
  return drawText(bytes, 'hex');
}

/** `bytes` of crypto randomness. */
export function randomBuffer(bytes: number): Buffer {
  return Buffer.from(drawText(bytes, 'hex'), 'hex');
}

/** Compares two secrets of any lengths; the time taken tells nothing about where they differ. */
export function equalSecret(a: string, b: string): boolean {
  // Hashing first gives timingSafeEqual the equal lengths it demands.
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}
