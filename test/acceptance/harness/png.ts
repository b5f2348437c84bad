import assert from 'node:assert/strict';
import { inflateSync } from 'node:zlib';

export interface Picture {
  width: number;
  height: number;
  /** Red, green, blue of each pixel, row by row. */
  pixels: Buffer;
}

/** Decodes a PNG of 8-bit RGB without interlace (PNG specification, sections 5 and 9). */
export function decodePng(file: Buffer): Picture {
  assert.equal(file.subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n', 'the PNG signature');
  let width = 0;
  let height = 0;
  const data: Buffer[] = [];
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    const chunk = file.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') {
      width = chunk.readUInt32BE(0);
      height = chunk.readUInt32BE(4);
      assert.deepEqual([...chunk.subarray(8, 13)], [8, 2, 0, 0, 0], '8-bit RGB, not interlaced');
    }
    if (type === 'IDAT') data.push(chunk);
    at += length + 12;
  }
  return { width, height, pixels: unfilter(inflateSync(Buffer.concat(data)), width, height) };
}

function unfilter(raw: Buffer, width: number, height: number): Buffer {
  const row = width * 3;
  assert.equal(raw.length, height * (row + 1), 'bytes of the image');
  const out = Buffer.alloc(row * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (row + 1)];
    for (let x = 0; x < row; x++) {
      const left = x < 3 ? 0 : (out[y * row + x - 3] as number);
      const up = y === 0 ? 0 : (out[(y - 1) * row + x] as number);
      const corner = x < 3 || y === 0 ? 0 : (out[(y - 1) * row + x - 3] as number);
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter as number];
      assert.notEqual(guess, undefined, `filter ${filter}`);
      out[y * row + x] = (raw[y * (row + 1) + 1 + x] as number) + (guess as number);
    }
  }
  return out;
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/** Fails unless the file is a PNG of this size with every pixel of this colour. */
export function assertSolidPng(file: Buffer, width: number, height: number, colour: readonly [number, number, number]): void {
  const picture = decodePng(file);
  assert.deepEqual([picture.width, picture.height], [width, height], 'width and height');
  for (let at = 0; at < picture.pixels.length; at += 3) {
    const pixel = [...picture.pixels.subarray(at, at + 3)];
    if (pixel.some((value, channel) => value !== colour[channel])) assert.fail(`pixel ${at / 3} is (${pixel.join(', ')})`);
  }
}
