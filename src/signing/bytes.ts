import { hash } from 'node:crypto';

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
/** The first bytes of `scratch` by their number: strings to sign come in few lengths, and a view costs as much as a hash. */
const beginnings = new Array<Buffer | undefined>(scratch.length + 1);

function roomFor(length: number): Buffer {
  if (length > scratch.length) return Buffer.allocUnsafe(length);
  let view = beginnings[length];
  if (!view) {
    view = scratch.subarray(0, length);
    beginnings[length] = view;
  }
  return view;
}

/** A key of the moment, and zeros behind it. */
const keyBlock = Buffer.alloc(blockBytes);

/**
 * A key for HMAC-SHA1 or HMAC-SHA256 (RFC 2104) with its two padded blocks made ahead: two one-shot hashes cost less than half of node's Hmac object.
 */
export class HmacKey {
  readonly #algorithm: 'sha1' | 'sha256';
  readonly #inner: Buffer;
  readonly #outer: Buffer;

  constructor(algorithm: 'sha1' | 'sha256', key: Buffer | string) {
    this.#algorithm = algorithm;
    this.#inner = Buffer.allocUnsafe(blockBytes);
    this.#outer = Buffer.allocUnsafe(blockBytes + (algorithm === 'sha1' ? 20 : 32));
    this.become(key);
  }

  /** Takes another key. */
  become(key: Buffer | string): this {
    keyBlock.fill(0);
    if (key.length > blockBytes) hash(this.#algorithm, key, 'buffer').copy(keyBlock);
    else if (typeof key !== 'string') key.copy(keyBlock);
    // A letter may take more than a byte.
    else if (Buffer.byteLength(key) > blockBytes) hash(this.#algorithm, key, 'buffer').copy(keyBlock);
    else keyBlock.write(key, 'utf8');
    for (let i = 0; i < blockBytes; i += 1) {
      this.#inner[i] = (keyBlock[i] as number) ^ 0x36;
      this.#outer[i] = (keyBlock[i] as number) ^ 0x5c;
    }
    return this;
  }

  /** The MAC of a string of bytes. */
  sign(bytes: string, encoding: 'base64' | 'hex'): string {
    const text = roomFor(blockBytes + bytes.length);
    text.set(this.#inner);
    text.write(bytes, blockBytes, 'latin1');
    // As a string of bytes: node makes one for a third of what a buffer costs it.
    this.#outer.write(hash(this.#algorithm, text, 'binary'), blockBytes, 'latin1');
    return hash(this.#algorithm, this.#outer, encoding);
  }
}

const keysRemembered = 2048;

/** Something made from a secret, remembered by it: few callers, many requests. Secrets are in this process's memory anyway. */
export class SecretMemo<T> {
  readonly #made = new Map<string, T>();

  get(secret: string): T | undefined {
    return this.#made.get(secret);
  }

  set(secret: string, value: T): void {
    if (this.#made.size >= keysRemembered) this.#made.clear();
    this.#made.set(secret, value);
  }
}

const once = { sha1: new HmacKey('sha1', ''), sha256: new HmacKey('sha256', '') };

/** HMAC of a string of bytes with a key that nothing is remembered of: most keys of functions are used once or twice. */
export function hmac(algorithm: 'sha1' | 'sha256', key: string, bytes: string, encoding: 'base64' | 'hex'): string {
  return once[algorithm].become(key).sign(bytes, encoding);
}

/** SHA-256 of a string of bytes, lower-case hex. */
export function sha256Hex(bytes: string): string {
  // ASCII is the same in UTF-8, which node hashes without a copy of ours.
  return hash('sha256', /[^\x00-\x7f]/.test(bytes) ? Buffer.from(bytes, 'latin1') : bytes, 'hex');
}

/** Compares what was sent with what is right in a time that depends on the length alone; the length of a signature is no secret. */
export function sameSignature(sent: string, right: string): boolean {
  if (sent.length !== right.length) return false;
  let different = 0;
  // No early end and no branch on a character. Two buffers for timingSafeEqual would cost more than the HMAC.
  for (let i = 0; i < right.length; i += 1) different |= sent.charCodeAt(i) ^ right.charCodeAt(i);
  return different === 0;
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

/** percentEncode for base64, for a tenth of its price: three letters of it may need an escape. */
export function percentEncodeBase64(text: string): string {
  let encoded = '';
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const escaped = code === 0x2b ? '%2B' : code === 0x2f ? '%2F' : code === 0x3d ? '%3D' : undefined;
    if (escaped === undefined) continue;
    encoded += text.slice(from, at) + escaped;
    from = at + 1;
  }
  return from === 0 ? text : encoded + text.slice(from);
}

/** percentEncode with slashes kept, for object keys in paths. */
export function percentEncodePath(text: string): string {
  if (/^[A-Za-z0-9\-._~/]*$/.test(text)) return text;
  return percentEncode(text).replaceAll('%2F', '/');
}
