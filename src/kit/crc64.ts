import { createCRC64 } from 'hash-wasm';

const hasher = await createCRC64();
let owner: Crc64 | undefined;

/**
 * A running CRC-64/XZ (ECMA-182 reflected, init and xorout all ones), the checksum of x-oss-hash-crc64ecma.
 * All instances share one WebAssembly hasher and swap their states in and out, so thousands may be open at once.
 */
export class Crc64 {
  #state: Uint8Array | undefined;

  /** Adds bytes. */
  update(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#enter();
    hasher.update(chunk);
  }

  /** The checksum of everything added so far; more may be added afterwards. */
  value(): bigint {
    this.#enter();
    // digest() ends the hasher's state, so it is kept for a later update().
    this.#state = hasher.save();
    owner = undefined;
    return BigInt(`0x${hasher.digest()}`);
  }

  /** The checksum of one buffer. */
  static of(buffer: Uint8Array): bigint {
    const crc = new Crc64();
    crc.update(buffer);
    return crc.value();
  }

  #enter(): void {
    if (owner === this) return;
    if (owner) owner.#state = hasher.save();
    if (this.#state) hasher.load(this.#state);
    else hasher.init();
    owner = this;
  }
}

const polynomial = 0xc96c5795d7870f42n;
const one = 1n << 63n;

/** Product of two polynomials modulo the CRC's, both in reflected bit order (x^0 is the top bit). */
function multiply(a: bigint, b: bigint): bigint {
  let product = 0n;
  let left = a;
  let right = b;
  while (left !== 0n) {
    if (left & one) product ^= right;
    left = (left << 1n) & 0xffffffffffffffffn;
    right = right & 1n ? (right >> 1n) ^ polynomial : right >> 1n;
  }
  return product;
}

/** x^(2^n) modulo the polynomial, at index n. */
const squares: bigint[] = [one >> 1n];
while (squares.length < 64) squares.push(multiply(squares.at(-1) as bigint, squares.at(-1) as bigint));

/** x^(8n) modulo the polynomial: what appending n bytes multiplies by. */
function shiftOf(bytes: number): bigint {
  let shift = one;
  // Hence the start at x^(2^3).
  let n = 3;
  for (let rest = BigInt(bytes); rest > 0n; rest >>= 1n) {
    if (rest & 1n) shift = multiply(squares[n] as bigint, shift);
    n += 1;
  }
  return shift;
}

/** The last length asked for: parts of an upload have mostly the same one. */
let latest = { bytes: 0, shift: one };

/**
 * The CRC-64 of A followed by B, from the CRC of each and the length of B in bytes (safe integer). Costs one product per set bit of the length,
 * and a single one when the length is that of the last call.
 */
export function combineCrc64(a: bigint, b: bigint, lengthB: number): bigint {
  if (latest.bytes !== lengthB) latest = { bytes: lengthB, shift: shiftOf(lengthB) };
  return multiply(latest.shift, a) ^ b;
}
