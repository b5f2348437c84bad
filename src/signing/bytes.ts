import { hash, timingSafeEqual } from 'node:crypto';

/**
 * Strings to sign are built as latin1, one character for each byte: header values come from node in that form and must be hashed as the
 * bytes that were sent, while names, keys and parameters are UTF-8.
 */
export function utf8Bytes(text: string): string {
  return /[^\x00-\x7f]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** A string of bytes as text for people. */
export function readable(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

const blockBytes = 64;
/** One request at a time is hashed, so one buffer serves all; longer texts get their own. */
const scratch = Buffer.allocUnsafe(8192);

/**
 * A key for HMAC-SHA1 or HMAC-SHA256 (RFC 2104) with its two padded blocks made ahead: two one-shot hashes cost less than half of node's Hmac object.
 */
export class HmacKey {
  readonly #algorithm: 'sha1' | 'sha256';
  readonly #inner: Buffer;
  readonly #outer: Buffer;

  constructor(algorithm: 'sha1' | 'sha256', key: Buffer) {
    const block = Buffer.alloc(blockBytes);
    (key.length > blockBytes ? hash(algorithm, key, 'buffer') : key).copy(block);
    this.#algorithm = algorithm;
    this.#inner = Buffer.allocUnsafe(blockBytes);
    this.#outer = Buffer.allocUnsafe(blockBytes + (algorithm === 'sha1' ? 20 : 32));
    for (let i = 0; i < blockBytes; i += 1) {
      this.#inner[i] = (block[i] as number) ^ 0x36;
      this.#outer[i] = (block[i] as number) ^ 0x5c;
    }
  }

  /** The MAC of a string of bytes. */
  sign(bytes: string, encoding: 'base64' | 'hex'): string {
    const length = blockBytes + bytes.length;
    const text = length <= scratch.length ? scratch : Buffer.allocUnsafe(length);
    this.#inner.copy(text);
    text.write(bytes, blockBytes, 'latin1');
    hash(this.#algorithm, text.subarray(0, length), 'buffer').copy(this.#outer, blockBytes);
    return hash(this.#algorithm, this.#outer, encoding);
  }
}

/** HMAC of a string of bytes with a key that is used once. */
export function hmac(algorithm: 'sha1' | 'sha256', key: string, bytes: string, encoding: 'base64' | 'hex'): string {
  return new HmacKey(algorithm, Buffer.from(key, 'utf8')).sign(bytes, encoding);
}

/** SHA-256 of a string of bytes, lower-case hex. */
export function sha256Hex(bytes: string): string {
  // ASCII is the same in UTF-8, which node hashes without a copy of ours.
  return hash('sha256', /[^\x00-\x7f]/.test(bytes) ? Buffer.from(bytes, 'latin1') : bytes, 'hex');
}

/** Compares what was sent with what is right in a time that depends on the length alone; the length of a signature is no secret. */
export function sameSignature(sent: string, right: string): boolean {
  return sent.length === right.length && timingSafeEqual(Buffer.from(sent, 'latin1'), Buffer.from(right, 'latin1'));
}

/** Orders strings by their characters; for latin1 and UTF-8 bytes this is byte order. */
export function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const escapes: Record<string, string> = { '!': '%21', "'": '%27', '(': '%28', ')': '%29', '*': '%2A' };

/** Percent-encodes everything but RFC 3986 unreserved characters. Lone surrogates become U+FFFD. */
export function percentEncode(text: string): string {
  if (/^[A-Za-z0-9\-._~]*$/.test(text)) return text;
  return encodeURIComponent(text.toWellFormed()).replace(/[!'()*]/g, (c) => escapes[c] as string);
}

/** percentEncode with slashes kept, for object keys in paths. */
export function percentEncodePath(text: string): string {
  if (/^[A-Za-z0-9\-._~/]*$/.test(text)) return text;
  return percentEncode(text).replaceAll('%2F', '/');
}
