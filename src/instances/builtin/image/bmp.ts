import type { Size } from './geometry.ts';
import { Refusal } from './refusal.ts';

/** Where the pixels of a bitmap lie and how they are written (Microsoft, BITMAPFILEHEADER and BITMAPINFOHEADER). */
interface Header extends Size {
  readonly bits: number;
  /** Where the palette begins, and where the pixels do. */
  readonly palette: number;
  readonly start: number;
  /** The first row is the upper one. */
  readonly topDown: boolean;
}

const fileHeader = 14;
const leastInfo = 40;
const headBytes = 54;
const uncompressed = 0;
const bitFields = 3;

/** @throws Refusal BadRequest for a bitmap that is broken or of a kind that is not read: only uncompressed ones of 1, 4, 8, 24 and 32 bits are */
export function bmpHeader(bytes: Buffer): Header {
  if (bytes.length < headBytes) throw broken();
  const info = bytes.readUInt32LE(fileHeader);
  const width = bytes.readInt32LE(18);
  const height = bytes.readInt32LE(22);
  const bits = bytes.readUInt16LE(28);
  const compression = bytes.readUInt32LE(30);
  const isPlain = compression === uncompressed || (compression === bitFields && bits === 32 && hasUsualMasks(bytes));
  if (info < leastInfo || !isPlain || ![1, 4, 8, 24, 32].includes(bits)) {
    throw new Refusal('BadRequest', `Only uncompressed BMP pictures of 1, 4, 8, 24 and 32 bits are read; this one has ${bits} bits.`);
  }
  if (width <= 0 || height === 0) throw broken();
  return {
    ...{ width, height: Math.abs(height), bits, palette: fileHeader + info, start: bytes.readUInt32LE(10), topDown: height < 0 },
  };
}

function hasUsualMasks(bytes: Buffer): boolean {
  return bytes.length >= 66 && bytes.readUInt32LE(54) === 0xff0000 && bytes.readUInt32LE(58) === 0xff00 && bytes.readUInt32LE(62) === 0xff;
}

function broken(): Refusal {
  return new Refusal('BadRequest', 'The BMP picture is broken.');
}

/** The pixels of a bitmap, four bytes each: red, green, blue, opaque. @throws Refusal as bmpHeader */
export function readBmp(bytes: Buffer): Buffer {
  const { width, height, bits, palette, start, topDown } = bmpHeader(bytes);
  const stride = Math.ceil((width * bits) / 32) * 4;
  if (start < palette || start + stride * height > bytes.length) throw broken();
  const colors = bits <= 8 ? bytes.subarray(palette, start) : bytes;
  const pixels = Buffer.alloc(width * height * 4, 255);
  for (let y = 0; y < height; y++) {
    const row = start + (topDown ? y : height - 1 - y) * stride;
    let to = y * width * 4;
    for (let x = 0; x < width; x++, to += 4) {
      const from = bits <= 8 ? indexAt(bytes, row, x, bits) * 4 : row + (x * bits) / 8;
      pixels[to] = colors[from + 2] ?? 0;
      pixels[to + 1] = colors[from + 1] ?? 0;
      pixels[to + 2] = colors[from] ?? 0;
    }
  }
  return pixels;
}

function indexAt(bytes: Buffer, row: number, x: number, bits: number): number {
  const each = 8 / bits;
  const byte = bytes[row + Math.floor(x / each)] as number;
  return (byte >> (8 - bits - (x % each) * bits)) & (2 ** bits - 1);
}

/** A bitmap of 24 bits from pixels of three bytes: red, green, blue. */
export function writeBmp(pixels: Buffer, { width, height }: Size): Buffer {
  const stride = Math.ceil((width * 3) / 4) * 4;
  const bytes = Buffer.alloc(headBytes + stride * height);
  bytes.write('BM', 0, 'latin1');
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(headBytes, 10);
  bytes.writeUInt32LE(leastInfo, fileHeader);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  bytes.writeUInt32LE(stride * height, 34);
  for (let y = 0; y < height; y++) {
    let from = (height - 1 - y) * width * 3;
    let to = headBytes + y * stride;
    for (let x = 0; x < width; x++, from += 3, to += 3) {
      bytes[to] = pixels[from + 2] as number;
      bytes[to + 1] = pixels[from + 1] as number;
      bytes[to + 2] = pixels[from] as number;
    }
  }
  return bytes;
}
