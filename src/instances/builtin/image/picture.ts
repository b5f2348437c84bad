import sharp, { type Sharp, type SharpOptions } from 'sharp';
import { bmpHeader, readBmp, writeBmp } from './bmp.ts';
import { contentTypes, formatOf, jpegQuality } from './format.ts';
import { type Box, cropping, resizing, type Size } from './geometry.ts';
import { type Format, heldPixels, type Output, type Step, sourcePixels, sourceSide } from './plan.ts';
import { Refusal } from './refusal.ts';

// Of all that it can read, only what is named here: no SVG, no PDF, nothing that fetches or runs anything.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Tiff', 'Heif'].map((name) => `VipsForeignLoad${name}`),
});
// One picture at a time: what was kept would only take memory from the next.
sharp.cache(false);
sharp.concurrency(2);

const channels = 4;

/** A file that has been looked at, but not decoded. Sizes are those of one frame, before it is turned. */
export interface Source extends Size {
  readonly bytes: Buffer;
  readonly format: Format;
  readonly frames: number;
  /** Milliseconds that each frame is shown, and how often all are: 0 is for ever. */
  readonly delay: readonly number[];
  readonly loop: number;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
  readonly hasAlpha: boolean;
  readonly exif: Buffer | undefined;
  /** Dots to the inch. */
  readonly density: number | undefined;
}

/** One decoded frame: red, green, blue and alpha, a byte each. */
export interface Pixels extends Size {
  readonly data: Buffer;
}

/** A decoded picture between two steps. */
export interface Picture {
  readonly frames: readonly Pixels[];
  /** Some of it may be seen through. */
  readonly hasAlpha: boolean;
}

function opened(bytes: Buffer, more: SharpOptions = {}): Sharp {
  return sharp(bytes, { limitInputPixels: sourcePixels, failOn: 'error', ...more });
}

/** A decoded frame as the library takes it. */
export function ofPixels({ data, width, height }: Pixels): Sharp {
  return sharp(data, { raw: { width, height, channels }, limitInputPixels: heldPixels });
}

/** @throws Refusal ImageTooLarge */
function checkSource({ width, height }: Size, frames: number): void {
  if (width <= sourceSide && height <= sourceSide && width * height * frames <= sourcePixels) return;
  const what = `${width} x ${height} pixels${frames > 1 ? ` in ${frames} frames` : ''}`;
  throw new Refusal('ImageTooLarge', `The picture has ${what}; it may have ${sourceSide} a side and ${sourcePixels} in all.`);
}

/** Looks at a file. @throws Refusal BadRequest when it is no picture that can be read, ImageTooLarge */
export async function look(bytes: Buffer): Promise<Source> {
  const format = formatOf(bytes);
  if (format === undefined) throw new Refusal('BadRequest', 'The object is no picture: JPEG, PNG, WebP, GIF, BMP, TIFF and AVIF are read.');
  if (format === 'heic') throw new Refusal('NotImplemented', 'HEIC pictures are not read.');
  const still = { frames: 1, delay: [], loop: 0, orientation: 1, hasAlpha: false, exif: undefined, density: undefined };
  if (format === 'bmp') {
    const { width, height } = bmpHeader(bytes);
    checkSource({ width, height }, 1);
    return { ...still, bytes, format, width, height };
  }
  const found = await opened(bytes)
    .metadata()
    .catch((error: unknown) => {
      throw unreadable(error);
    });
  const { width, height, pages = 1, orientation = 1, hasAlpha = false, exif, density, delay = [], loop = 0 } = found;
  // The pages of a TIFF are no frames.
  const frames = format === 'gif' || format === 'webp' ? pages : 1;
  const size = { width, height: found.pageHeight ?? height };
  checkSource(size, frames);
  return { bytes, format, ...size, frames, delay, loop, orientation, hasAlpha, exif, density };
}

/** What the library says of bytes that it cannot decode. */
export function unreadable(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const said = error instanceof Error ? error.message : String(error);
  if (/exceeds pixel limit/i.test(said)) return new Refusal('ImageTooLarge', 'The picture has more pixels than may be processed.');
  return new Refusal('BadRequest', `The picture cannot be decoded: ${said.split('\n')[0]?.slice(0, 200)}`);
}

/** Whether a picture that is turned as its orientation says lies on its side before. */
function isTurned({ orientation }: Source, orient: boolean): boolean {
  return orient && orientation >= 5;
}

/** The decoder of a file, set to its first step where decoding can do it: a file is shrunk and cut while it is read. */
function decoder(source: Source, size: Size, first: Step | undefined, frames: number): { from: Sharp; size: Size; did: boolean } {
  const from = opened(source.bytes, frames > 1 ? { animated: true } : {});
  if (first?.kind === 'resize' && first.percentOfMain === undefined) {
    const plan = resizing(first, size);
    if (!plan) return { from, size, did: true };
    if (plan.cut || plan.padded) return { from, size, did: false };
    return { from: from.resize({ ...plan.scaled, fit: 'fill' }), size: plan.scaled, did: true };
  }
  if (first?.kind === 'crop' && frames === 1 && first.percent === undefined) {
    const box: Box = cropping(first, size);
    return { from: from.extract(box), size: box, did: true };
  }
  return { from, size, did: false };
}

/**
 * Decodes a file.
 * @param animated whether all frames are wanted, or the first alone
 * @returns the picture, and the steps that are still to be done
 * @throws Refusal ImageTooLarge, BadRequest
 */
export async function decode(
  source: Source,
  { orient, steps, animated }: { orient: boolean; steps: readonly Step[]; animated: boolean },
): Promise<{ picture: Picture; left: readonly Step[] }> {
  const { width, height, format, hasAlpha } = source;
  const frames = animated ? source.frames : 1;
  if (format === 'bmp') {
    hold({ width, height }, 1);
    return { picture: { frames: [{ data: readBmp(source.bytes), width, height }], hasAlpha }, left: steps };
  }
  const size = isTurned(source, orient) ? { width: height, height: width } : { width, height };
  const { from, size: wanted, did } = decoder(source, size, steps[0], frames);
  hold(wanted, frames);
  const turned = orient && source.orientation > 1 ? from.autoOrient() : from;
  const { data, info } = await turned
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => {
      throw unreadable(error);
    });
  const whole = info.channels === channels ? data : colored(data, info.channels);
  const each = { width: info.width, height: Math.floor(info.height / frames) };
  const bytes = each.width * each.height * channels;
  const list = Array.from({ length: frames }, (_, i) => ({ ...each, data: whole.subarray(i * bytes, (i + 1) * bytes) }));
  return { picture: { frames: list, hasAlpha }, left: did ? steps.slice(1) : steps };
}

/** @throws Refusal ImageTooLarge for more pixels than may be held decoded */
export function hold({ width, height }: Size, frames: number): void {
  if (width * height * frames <= heldPixels) return;
  const what = `${width} x ${height} pixels${frames > 1 ? ` in ${frames} frames` : ''}`;
  throw new Refusal(
    'ImageTooLarge',
    `Decoded, the picture has ${what}, more than the ${heldPixels} that are held. Let resize be the first step.`,
  );
}

/** Grey and alpha as red, green, blue and alpha. */
function colored(data: Buffer, from: number): Buffer {
  const pixels = data.length / from;
  const out = Buffer.alloc(pixels * channels, 255);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) out[i * channels + c] = data[i * from] as number;
    if (from === 2) out[i * channels + 3] = data[i * from + 1] as number;
  }
  return out;
}

const defaultQuality: Partial<Record<Format, number>> = { jpg: 85, webp: 80, avif: 50, tiff: 80 };
/** A JPEG of higher quality is only larger. */
const bestDefault = 95;

/** The quality to encode with. A relative one is percent of the source's, an absolute one is never above it (Alibaba OSS, "quality"). */
function qualityOf(source: Source, format: Format, { relative, absolute }: Output): number {
  const own = source.format === 'jpg' ? jpegQuality(source.bytes) : undefined;
  if (absolute !== undefined) return own === undefined ? absolute : Math.min(absolute, own);
  if (relative !== undefined) return own === undefined ? relative : Math.max(1, Math.round((own * relative) / 100));
  const usual = defaultQuality[format] ?? bestDefault;
  return format === 'jpg' && own !== undefined ? Math.min(own, bestDefault) : usual;
}

/** Formats that show what lies below a picture. */
const seeThrough = new Set<Format>(['png', 'webp', 'gif', 'tiff', 'avif']);

/** The picture as a file. */
export async function encode(
  picture: Picture,
  source: Source,
  output: Output,
  orient: boolean,
): Promise<{ bytes: Buffer; contentType: string }> {
  const format = output.format ?? source.format;
  const contentType = contentTypes[format];
  const [first] = picture.frames as [Pixels];
  const many = picture.frames.length > 1;
  let from: Sharp;
  if (many) {
    const { width, height } = first;
    const data = Buffer.concat(picture.frames.map((frame) => frame.data));
    from = sharp(data, {
      raw: { width, height: height * picture.frames.length, channels, pageHeight: height },
      limitInputPixels: heldPixels,
    });
  } else from = ofPixels(first);
  if (!seeThrough.has(format)) from = from.flatten({ background: '#ffffff' });
  else if (!picture.hasAlpha && !many) from = from.removeAlpha();
  if (!orient && source.orientation > 1) from = from.withMetadata({ orientation: source.orientation });
  if (format === 'bmp') {
    const { data, info } = await from.removeAlpha().raw().toBuffer({ resolveWithObject: true });
    return { bytes: writeBmp(data, info), contentType };
  }
  const quality = qualityOf(source, format, output);
  const motion = many ? { loop: source.loop, delay: [...source.delay] } : {};
  switch (format) {
    case 'jpg':
      from = from.jpeg({ quality, progressive: output.progressive });
      break;
    case 'webp':
      from = from.webp({ quality, ...motion });
      break;
    case 'gif':
      from = from.gif(motion);
      break;
    case 'tiff':
      from = from.tiff({ quality, compression: 'lzw' });
      break;
    case 'avif':
      from = from.avif({ quality, effort: 3 });
      break;
    default:
      from = from.png();
  }
  const bytes = await from.toBuffer().catch((error: unknown) => {
    // WebP and JPEG have bounds of their own.
    if (/too large/i.test(String(error))) throw new Refusal('ImageTooLarge', `The result is too large for the format ${format}.`);
    throw error;
  });
  return { bytes, contentType };
}
