import { createHash } from 'node:crypto';
import { Fault } from '../../faults/index.ts';
import { type Call, header } from './call.ts';

/** Bytes of request bodies that all requests together may hold in memory. */
const totalBytes = 256 * 1024 * 1024;

/** What is held now. */
export class BodyPool {
  #held = 0;

  /** @throws Fault ServiceUnavailable */
  take(bytes: number): void {
    if (this.#held + bytes > totalBytes) {
      throw new Fault('ServiceUnavailable', 'Too many large uploads at once. Try again.', { headers: { 'Retry-After': '1' } });
    }
    this.#held += bytes;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }

  get held(): number {
    return this.#held;
  }
}

/** One request's share of the pool; the whole share goes back at once. */
export class BodyBudget {
  readonly #pool: BodyPool;
  #taken = 0;

  constructor(pool: BodyPool) {
    this.#pool = pool;
  }

  /** @throws Fault ServiceUnavailable */
  take(bytes: number): void {
    this.#pool.take(bytes);
    this.#taken += bytes;
  }

  release(): void {
    this.#pool.give(this.#taken);
    this.#taken = 0;
  }
}

/** @throws Fault InvalidDigest */
function checkDigest(call: Call, digest: Buffer): void {
  const hex = digest.toString('hex');
  if (call.bodySha256 !== undefined) {
    if (hex !== call.bodySha256) throw new Fault('InvalidDigest', 'x-acs-content-sha256 is not the SHA-256 of the body that arrived.');
    return;
  }
  const sent = header(call, 'content-md5');
  // The SDK for Node encodes the hex form once more; others send the hex or the bytes.
  const forms = [digest.toString('base64'), hex, Buffer.from(hex).toString('base64')];
  if (sent && !forms.includes(sent)) throw new Fault('InvalidDigest', 'Content-MD5 is not the MD5 of the body that arrived.');
}

/**
 * Reads the whole body, within the operation's limit, and checks that it is the one that was signed.
 * @throws Fault EntityTooLarge, InvalidDigest, ServiceUnavailable
 */
export async function readBody(call: Call): Promise<Buffer> {
  const { ctx, operation, budget } = call;
  const limit = operation.bodyBytes;
  const tooLarge = () => new Fault('EntityTooLarge', `The body of ${operation.name} may have at most ${limit} bytes.`);
  if (Number(ctx.headers['content-length'] ?? 0) > limit) throw tooLarge();
  const hash = createHash(call.bodySha256 === undefined ? 'md5' : 'sha256');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of ctx.body()) {
    size += chunk.length;
    if (size > limit) throw tooLarge();
    budget.take(chunk.length);
    hash.update(chunk);
    chunks.push(chunk);
  }
  checkDigest(call, hash.digest());
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size);
}
