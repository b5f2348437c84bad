import type { Transform } from '@sluice/function';
import sharp from 'sharp';

const defaultWidth = 800;
const widest = 4096;
/** A picture that says it has more is not decoded. */
const mostPixels = 100_000_000;

/** The picture, as wide as `?w=` says and never wider than it is, with a seal in its corner. */
export default {
  async fetch(request, context) {
    const asked = new URL(request.url).searchParams.get('w') ?? String(defaultWidth);
    const width = Number(asked);
    if (!/^\d{1,4}$/.test(asked) || width < 1 || width > widest) {
      return new Response(`w must be a whole number from 1 to ${widest}.\n`, { status: 400 });
    }
    const original = await context.original();
    if (!original.ok) return original;
    const source = sharp(await original.arrayBuffer(), { limitInputPixels: mostPixels });
    const { data, info } = await source
      .autoOrient()
      .resize({ width, withoutEnlargement: true })
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const side = Math.ceil(Math.min(info.width, info.height) / 6);
    const marked = sharp(data, { raw: { width: info.width, height: info.height, channels: 4 } })
      .composite([{ input: seal(side), gravity: 'southeast' }])
      .flatten({ background: '#ffffff' });
    const bytes = await marked.jpeg({ quality: 85, progressive: true }).toBuffer();
    return new Response(new Uint8Array(bytes), { headers: { 'Content-Type': 'image/jpeg' } });
  },
} satisfies Transform;

/** A water gate in a circle, half seen through. */
function seal(side: number): Buffer {
  return Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}" viewBox="0 0 100 100" opacity="0.6">
    <circle cx="50" cy="50" r="40" fill="#0b3d5c" stroke="#fff" stroke-width="4"/>
    <path d="M25 40h50M32 30v30M50 30v30M68 30v30M25 66q6-8 12.5 0t12.5 0t12.5 0t12.5 0" fill="none" stroke="#fff" stroke-width="5" stroke-linecap="round"/>
  </svg>`);
}
