import { type CipherGCM, createCipheriv, createDecipheriv } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { BlobKey, BlobKeys } from '../keys.ts';
import { DamagedBlob, LockedBlob, pieceBytes } from '../port.ts';

/**
 * What follows the bytes of a blob in its file. The bytes come first, as many as the blob has, so that positions in both are the same; sealed,
 * they are AES-256-GCM ciphertext, piece by piece, under a key of the blob's own. Then:
 *
 *     table   one entry a piece of 256 KiB: its CRC-32, or its GCM tag when sealed
 *     key     when sealed: id of the wrapping key (8), nonce (12), the wrapped key (32), tag (16); the footer's kind and size are bound to it
 *     footer  magic (8), kind (4), size (8), CRC-32 of table, key and footer so far (4); numbers are little-endian
 */
const magic = Buffer.from('sluice\x00\x01', 'latin1');
export const footerBytes = 24;
const kinds = { checked: 1, sealed: 2 } as const;
const entryBytes = { checked: 4, sealed: 16 } as const;
const nonceBytes = 12;
const tagBytes = 16;
const keyBytes = 32;
const wrappedBytes = 8 + nonceBytes + keyBytes + tagBytes;
const cipher = 'aes-256-gcm';

/** Most bytes that follow a blob of one piece. */
export const smallTrailerBytes: number = entryBytes.sealed + wrappedBytes + footerBytes;

type Form = keyof typeof kinds;

/** The blob's own key seals each piece once, under its number. */
function nonceOf(piece: number): Buffer {
  const nonce = Buffer.alloc(nonceBytes);
  nonce.writeUInt32BE(piece, nonceBytes - 4);
  return nonce;
}

function piecesOf(size: number): number {
  return Math.ceil(size / pieceBytes);
}

/** A wrapped key, and the random parts of it, which the writer draws. */
export interface Wrapping {
  readonly with: BlobKey;
  readonly key: Buffer;
  readonly nonce: Buffer;
}

/** The footer up to its own checksum. */
function footerOf(form: Form, size: number): Buffer {
  const footer = Buffer.alloc(footerBytes);
  magic.copy(footer);
  footer.writeUInt32LE(kinds[form], 8);
  footer.writeBigUInt64LE(BigInt(size), 12);
  return footer;
}

function wrap({ with: by, key, nonce }: Wrapping, footer: Buffer): Buffer {
  const sealing = createCipheriv(cipher, by.key, nonce).setAAD(footer.subarray(8, 20));
  const wrapped = Buffer.concat([sealing.update(key), sealing.final()]);
  return Buffer.concat([Buffer.from(by.id, 'hex'), nonce, wrapped, sealing.getAuthTag()]);
}

/** Turns the bytes of a blob into those of its file, in order. */
export class Framer {
  readonly #wrapping: Wrapping | undefined;
  readonly #table: Buffer[] = [];
  #sealing: CipherGCM | undefined;
  #crc = 0;
  #size = 0;

  constructor(wrapping: Wrapping | undefined) {
    this.#wrapping = wrapping;
  }

  /** What is to be written for these bytes. */
  take(chunk: Buffer): Buffer[] {
    const written: Buffer[] = [];
    for (let at = 0; at < chunk.length; ) {
      const room = pieceBytes - (this.#size % pieceBytes);
      const part = at === 0 && chunk.length <= room ? chunk : chunk.subarray(at, at + room);
      written.push(this.#add(part));
      at += part.length;
      if (this.#size % pieceBytes === 0) this.#endPiece();
    }
    return written;
  }

  #add(part: Buffer): Buffer {
    const number = Math.floor(this.#size / pieceBytes);
    this.#size += part.length;
    if (!this.#wrapping) {
      this.#crc = crc32(part, this.#crc);
      return part;
    }
    this.#sealing ??= createCipheriv(cipher, this.#wrapping.key, nonceOf(number));
    return this.#sealing.update(part);
  }

  #endPiece(): void {
    if (this.#sealing) {
      this.#sealing.final();
      this.#table.push(this.#sealing.getAuthTag());
      this.#sealing = undefined;
      return;
    }
    const entry = Buffer.alloc(entryBytes.checked);
    entry.writeUInt32LE(this.#crc);
    this.#table.push(entry);
    this.#crc = 0;
  }

  /** The trailer; nothing can be added after it. */
  end(): Buffer {
    if (this.#size % pieceBytes !== 0) this.#endPiece();
    const footer = footerOf(this.#wrapping ? 'sealed' : 'checked', this.#size);
    const trailer = Buffer.concat([...this.#table, ...(this.#wrapping ? [wrap(this.#wrapping, footer)] : []), footer]);
    trailer.writeUInt32LE(crc32(trailer.subarray(0, -4)), trailer.length - 4);
    return trailer;
  }
}

/** The trailer of a blob, read and found sound. */
export interface Trailer {
  readonly size: number;
  readonly form: Form;
  readonly table: Buffer;
  /** Wrapped, when sealed. */
  readonly wrapped: Buffer;
  readonly footer: Buffer;
}

/** How long the trailer is that ends in this footer; undefined when it is none that fits a file of so many bytes. */
export function trailerBytes(footer: Buffer, fileBytes: number): number | undefined {
  if (!footer.subarray(0, 8).equals(magic)) return undefined;
  const kind = footer.readUInt32LE(8);
  const size = Number(footer.readBigUInt64LE(12));
  if (kind !== kinds.checked && kind !== kinds.sealed) return undefined;
  const form: Form = kind === kinds.sealed ? 'sealed' : 'checked';
  const bytes = piecesOf(size) * entryBytes[form] + (form === 'sealed' ? wrappedBytes : 0) + footerBytes;
  return size + bytes === fileBytes ? bytes : undefined;
}

/** Takes a trailer apart whose length trailerBytes() told. @throws DamagedBlob */
export function readTrailer(id: string, bytes: Buffer): Trailer {
  if (crc32(bytes.subarray(0, -4)) !== bytes.readUInt32LE(bytes.length - 4))
    throw new DamagedBlob(id, 'its checksums are not what was written');
  const footer = bytes.subarray(-footerBytes);
  const form: Form = footer.readUInt32LE(8) === kinds.sealed ? 'sealed' : 'checked';
  const size = Number(footer.readBigUInt64LE(12));
  const tableBytes = piecesOf(size) * entryBytes[form];
  return { size, form, table: bytes.subarray(0, tableBytes), wrapped: bytes.subarray(tableBytes, -footerBytes), footer };
}

function unwrap(id: string, { wrapped, footer }: Trailer, keys: BlobKeys | undefined): Buffer {
  const by = wrapped.toString('hex', 0, 8);
  const key = keys?.find(by);
  if (!key) throw new LockedBlob(id, by);
  const nonce = wrapped.subarray(8, 8 + nonceBytes);
  const opening = createDecipheriv(cipher, key, nonce).setAAD(footer.subarray(8, 20)).setAuthTag(wrapped.subarray(-tagBytes));
  try {
    return Buffer.concat([opening.update(wrapped.subarray(8 + nonceBytes, -tagBytes)), opening.final()]);
  } catch (error) {
    throw new DamagedBlob(id, 'its key cannot be unwrapped', { cause: error });
  }
}

/** Gives back pieces as they were written. */
export class Opener {
  readonly #id: string;
  readonly #trailer: Trailer;
  readonly #key: Buffer | undefined;

  /** @throws LockedBlob, DamagedBlob */
  constructor(id: string, trailer: Trailer, keys: BlobKeys | undefined) {
    this.#id = id;
    this.#trailer = trailer;
    this.#key = trailer.form === 'sealed' ? unwrap(id, trailer, keys) : undefined;
  }

  /** Length of the blob. */
  get size(): number {
    return this.#trailer.size;
  }

  /** The piece of that number, whole, as it was written: the same memory unless it was sealed. @throws DamagedBlob */
  open(number: number, piece: Buffer): Buffer {
    const { table } = this.#trailer;
    if (!this.#key) {
      if (crc32(piece) !== table.readUInt32LE(number * entryBytes.checked)) throw this.#changed(number);
      return piece;
    }
    const tag = table.subarray(number * tagBytes, (number + 1) * tagBytes);
    const opening = createDecipheriv(cipher, this.#key, nonceOf(number)).setAuthTag(tag);
    const plain = opening.update(piece);
    try {
      opening.final();
    } catch {
      throw this.#changed(number);
    }
    return plain;
  }

  #changed(number: number): DamagedBlob {
    const from = number * pieceBytes;
    return new DamagedBlob(this.#id, `the bytes from ${from} to ${Math.min(from + pieceBytes, this.size) - 1} are not what was written`);
  }
}
