import sharp from 'sharp';
import { requireFonts } from './fonts.ts';
import { placed } from './geometry.ts';
import { decode, look, ofPixels, type Pixels } from './picture.ts';
import type { ImageMark, TextMark, Watermark } from './plan.ts';
import { Refusal } from './refusal.ts';
import { carryOut, raw } from './steps.ts';

const clear = { r: 0, g: 0, b: 0, alpha: 0 };
/** At this many dots to the inch a point is a pixel. */
const pointsArePixels = 72;
/** How far the shadow of a text lies below it, as a share of its size. */
const shadowShift = 0.06;

/** Puts watermarks on frames. The marks of a picture of many frames are made once. */
export class Marks {
  readonly #input: (number: number) => Promise<Buffer>;
  readonly #made = new Map<Watermark, Promise<Pixels>>();

  /** @param input reads what a picture mark is made of, by its number */
  constructor(input: (number: number) => Promise<Buffer>) {
    this.#input = input;
  }

  /** @throws Refusal WatermarkError, NotImplemented */
  async put(step: Watermark, frame: Pixels): Promise<Pixels> {
    const made = this.#made.get(step) ?? this.#make(step, frame.width);
    this.#made.set(step, made);
    const mark = await made;
    const spots = step.tile ? tiles(step, frame, mark) : [spot(step, frame, mark)];
    const overlays = [];
    for (const at of spots) {
      const part = await visible(mark, frame, at);
      if (part) overlays.push(part);
    }
    return overlays.length === 0 ? frame : raw(ofPixels(frame).composite(overlays));
  }

  async #make(step: Watermark, main: number): Promise<Pixels> {
    const parts: Pixels[] = [];
    if (step.image) parts.push(await this.#imageMark(step.image, main));
    if (step.text) parts.push(await textMark(step.text));
    if (step.first === 'text') parts.reverse();
    const [first, second] = parts as [Pixels, Pixels?];
    return faded(second ? await beside(first, second, step) : first, step.opacity / 100);
  }

  async #imageMark({ input, steps }: ImageMark, main: number): Promise<Pixels> {
    try {
      const source = await look(await this.#input(input));
      const { picture, left } = await decode(source, { orient: false, steps, animated: false });
      const none = () => Promise.reject(new Refusal('WatermarkError', 'A watermark has no watermarks of its own.'));
      const [frame] = (await carryOut(picture, left, { main, mark: none })).frames as [Pixels];
      return frame;
    } catch (error) {
      if (error instanceof Refusal) throw new Refusal('WatermarkError', `The picture of the watermark: ${error.message}`);
      throw error;
    }
  }
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** A text in one colour, as Pango renders it. */
async function rendered({ text, fonts, size }: TextMark, color: string): Promise<Pixels> {
  const escaped = text.replace(/[&<>]/g, (c) => escapes[c] as string);
  const markup = `<span foreground="#${color}">${escaped}</span>`;
  try {
    return await raw(sharp({ text: { text: markup, font: `${fonts} ${size}`, rgba: true, dpi: pointsArePixels } }));
  } catch (error) {
    throw new Refusal('WatermarkError', `The text cannot be drawn: ${String((error as Error).message).slice(0, 200)}`);
  }
}

async function textMark(mark: TextMark): Promise<Pixels> {
  requireFonts();
  let made = await rendered(mark, mark.color);
  if (mark.shadow > 0) {
    const shadow = faded(await rendered(mark, '000000'), mark.shadow / 100);
    const shift = Math.max(1, Math.round(mark.size * shadowShift));
    const plane = await raw(ofPixels(made).extend({ left: 0, top: 0, right: shift, bottom: shift, background: clear }));
    made = await raw(
      ofPixels({ ...plane, data: Buffer.alloc(plane.data.length) }).composite([
        { ...overlay(shadow), left: shift, top: shift },
        { ...overlay(made), left: 0, top: 0 },
      ]),
    );
  }
  return mark.rotate % 360 === 0 ? made : raw(ofPixels(made).rotate(mark.rotate, { background: clear }));
}

function overlay({ data, width, height }: Pixels): { input: Buffer; raw: { width: number; height: number; channels: 4 } } {
  return { input: data, raw: { width, height, channels: 4 } };
}

/** All of it less opaque. */
function faded(mark: Pixels, share: number): Pixels {
  if (share >= 1) return mark;
  const data = Buffer.from(mark.data);
  for (let at = 3; at < data.length; at += 4) data[at] = Math.round((data[at] as number) * share);
  return { ...mark, data };
}

/** Two marks in a row. */
function beside(first: Pixels, second: Pixels, { align, interval }: Watermark): Promise<Pixels> {
  const width = first.width + interval + second.width;
  const height = Math.max(first.height, second.height);
  const share = { top: 0, middle: 0.5, bottom: 1 }[align];
  const top = (part: Pixels) => Math.round((height - part.height) * share);
  const plane = { data: Buffer.alloc(width * height * 4), width, height };
  return raw(
    ofPixels(plane).composite([
      { ...overlay(first), left: 0, top: top(first) },
      { ...overlay(second), left: first.width + interval, top: top(second) },
    ]),
  );
}

interface Spot {
  readonly left: number;
  readonly top: number;
}

/** Where a mark lies: away from the edges that its place touches, and shifted in the middle row. */
function spot({ gravity, x, y, offset }: Watermark, frame: Pixels, mark: Pixels): Spot {
  const { left, top } = placed(gravity, frame, mark);
  const dx = /^(nw|west|sw)$/.test(gravity) ? x : /^(ne|east|se)$/.test(gravity) ? -x : 0;
  const dy = /^(nw|north|ne)$/.test(gravity) ? y : /^(sw|south|se)$/.test(gravity) ? -y : offset;
  return { left: left + dx, top: top + dy };
}

/** More would take longer than they are worth. */
const mostTiles = 10_000;

/** Where the copies of a mark lie that cover a frame. */
function tiles({ padX, padY }: Watermark, frame: Pixels, mark: Pixels): Spot[] {
  const [across, down] = [mark.width + padX, mark.height + padY];
  const count = Math.ceil(frame.width / across) * Math.ceil(frame.height / down);
  if (count > mostTiles) throw new Refusal('WatermarkError', `The watermark would be repeated ${count} times; ${mostTiles} is the most.`);
  const spots: Spot[] = [];
  for (let top = 0; top < frame.height; top += down) for (let left = 0; left < frame.width; left += across) spots.push({ left, top });
  return spots;
}

/** What of a mark lies on the frame, ready to be put there; undefined when nothing does. */
async function visible(mark: Pixels, frame: Pixels, { left, top }: Spot): Promise<(ReturnType<typeof overlay> & Spot) | undefined> {
  const box = { left: Math.max(0, -left), top: Math.max(0, -top) };
  const width = Math.min(mark.width - box.left, frame.width - Math.max(0, left));
  const height = Math.min(mark.height - box.top, frame.height - Math.max(0, top));
  if (width <= 0 || height <= 0) return undefined;
  const whole = width === mark.width && height === mark.height;
  const part = whole ? mark : await raw(ofPixels(mark).extract({ ...box, width, height }));
  return { ...overlay(part), left: Math.max(0, left), top: Math.max(0, top) };
}
