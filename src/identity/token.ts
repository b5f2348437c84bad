import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { randomBuffer } from '../kit/index.ts';

/** A sealing key: `id` is 8 hex digits and stands in clear in every token, `key` is 32 bytes. */
export interface SealingKey {
  readonly id: string;
  readonly key: Buffer;
  /** Epoch milliseconds when the last token that it sealed has expired; for keys that seal no more. */
  readonly until?: number;
}

const version = 1;
const keyIdBytes = 4;
const headBytes = 1 + keyIdBytes;
const nonceBytes = 12;
const tagBytes = 16;
const longestToken = 8_192;

/**
 * Seals small texts into tokens that only the holder of the key can make or read: AES-256-GCM with a random 96-bit nonce.
 * Token = base64 of version (1 byte), key id (4), nonce (12), ciphertext, tag (16); version and key id are authenticated too.
 * The first key seals, every key opens, so that keys can be rotated. One key is good for 2^32 tokens.
 */
export class TokenSealer {
  #head!: Buffer;
  // As KeyObjects: a key given as bytes makes every cipher five times dearer.
  #current!: KeyObject;
  #keys!: ReadonlyMap<string, KeyObject>;

  constructor(keys: readonly [SealingKey, ...SealingKey[]]) {
    this.use(keys);
  }

  /** Goes on with other keys. */
  use(keys: readonly [SealingKey, ...SealingKey[]]): void {
    this.#keys = new Map(keys.map(({ id, key }) => [id, createSecretKey(key)]));
    this.#current = this.#keys.get(keys[0].id) as KeyObject;
    this.#head = Buffer.concat([Buffer.from([version]), Buffer.from(keys[0].id, 'hex')]);
  }

  seal(text: string): string {
    const nonce = randomBuffer(nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', this.#current, nonce, { authTagLength: tagBytes });
    cipher.setAAD(this.#head);
    const sealed = [cipher.update(text, 'utf8'), cipher.final()];
    return Buffer.concat([this.#head, nonce, ...sealed, cipher.getAuthTag()]).toString('base64');
  }

  /** The text inside, or undefined for anything that `seal` did not make with one of these keys. */
  open(token: string): string | undefined {
    if (token.length > longestToken) return undefined;
    const bytes = Buffer.from(token, 'base64');
    // Decoding skips what is not base64 and ignores spare bits; only the one spelling that `seal` wrote is a token.
    if (bytes.length < headBytes + nonceBytes + tagBytes || bytes[0] !== version || bytes.toString('base64') !== token) return undefined;
    const key = this.#keys.get(bytes.toString('hex', 1, headBytes));
    if (!key) return undefined;
    const body = headBytes + nonceBytes;
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(headBytes, body), { authTagLength: tagBytes });
    decipher.setAAD(bytes.subarray(0, headBytes));
    decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
    try {
      const text = decipher.update(bytes.subarray(body, bytes.length - tagBytes), undefined, 'utf8');
      return text + decipher.final('utf8');
    } catch {
      return undefined;
    }
  }
}
