import type { Format } from './plan.ts';

/** What the first bytes of a file say it is; undefined when it is no picture that can be read here. */
export function formatOf(bytes: Uint8Array): Format | 'heic' | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 64)).toString('latin1');
  if (text.startsWith('\xff\xd8\xff')) return 'jpg';
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (text.startsWith('GIF87a') || text.startsWith('GIF89a')) return 'gif';
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'webp';
  if (text.startsWith('II*\0') || text.startsWith('MM\0*')) return 'tiff';
  if (text.startsWith('BM')) return 'bmp';
  if (text.slice(4, 8) !== 'ftyp') return undefined;
  const brands = text.slice(8);
  if (/avi[fs]/.test(brands)) return 'avif';
  return /hei[cxms]|hev[cx]|mif1/.test(brands) ? 'heic' : undefined;
}

/** Content types by format. */
export const contentTypes: Readonly<Record<Format, string>> = {
  jpg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  gif: 'image/gif',
  bmp: 'image/bmp',
  tiff: 'image/tiff',
  avif: 'image/avif',
};

/** Sum of the first luminance table of ITU-T T.81, Annex K, at which the usual quality scale has 50. */
const sumAt50 = 3688;
const coefficients = 64;

/**
 * The quality, 1 to 100, with which a JPEG was made, estimated from its luminance table on the scale of the Independent JPEG Group; undefined when it has none.
 */
export function jpegQuality(bytes: Buffer): number | undefined {
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1];
    // The scan begins: no more tables.
    if (marker === 0xda || marker === 0xd9) return undefined;
    const size = bytes.readUInt16BE(at + 2);
    const table = marker === 0xdb ? luminance(bytes.subarray(at + 4, at + 2 + size)) : undefined;
    if (table !== undefined) {
      const percent = (table * 100) / sumAt50;
      const quality = percent <= 100 ? (200 - percent) / 2 : 5000 / percent;
      return Math.min(100, Math.max(1, Math.round(quality)));
    }
    at += 2 + size;
  }
  return undefined;
}

/** Sum of table 0 of a segment of tables, when it is there. */
function luminance(segment: Buffer): number | undefined {
  for (let at = 0; at < segment.length; ) {
    const about = segment[at] as number;
    const width = about >> 4 === 0 ? 1 : 2;
    const end = at + 1 + coefficients * width;
    if (end > segment.length) return undefined;
    if ((about & 15) === 0) {
      let sum = 0;
      for (let i = at + 1; i < end; i += width) sum += width === 1 ? (segment[i] as number) : segment.readUInt16BE(i);
      return sum;
    }
    at = end;
  }
  return undefined;
}
