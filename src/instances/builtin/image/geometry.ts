import { type Crop, type Gravity, heldPixels, type Resize, resultPixels, resultSide } from './plan.ts';
import { Refusal } from './refusal.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

/** What a resize does to a picture: stretch it to a size, then cut the middle out of it, or put it in the middle of a plane. */
export interface Resizing {
  readonly scaled: Size;
  readonly cut?: Size;
  readonly padded?: Size;
}

function sized(width: number, height: number): Size {
  return { width: Math.max(1, Math.round(width)), height: Math.max(1, Math.round(height)) };
}

/** The rectangle that a resize names; a side that it leaves open is undefined. Long and short count only where width and height are not given. */
function rectangle({ width, height, long, short }: Resize, source: Size): { width: number | undefined; height: number | undefined } {
  if (width !== undefined || height !== undefined) return { width, height };
  return source.width >= source.height ? { width: long, height: short } : { width: short, height: long };
}

/**
 * What a resize makes of a picture of this size; undefined when it stays as it is.
 * @param main width of the picture that a watermark is put on
 * @throws Refusal ImageTooLarge
 */
export function resizing(step: Resize, source: Size, main = source.width): Resizing | undefined {
  const percent = step.percentOfMain === undefined ? step.percent : (step.percentOfMain * main) / source.width;
  if (percent !== undefined) return checked({ scaled: sized((source.width * percent) / 100, (source.height * percent) / 100) });
  const wanted = rectangle(step, source);
  const ratios = [];
  if (wanted.width !== undefined) ratios.push(wanted.width / source.width);
  if (wanted.height !== undefined) ratios.push(wanted.height / source.height);
  const covers = step.mode === 'mfit' || step.mode === 'fill';
  const ratio = covers || step.mode === 'fixed' ? Math.max(...ratios) : Math.min(...ratios);
  if (ratio > 1 && !step.enlarge) return undefined;
  const scaled = sized(source.width * ratio, source.height * ratio);
  const { width = scaled.width, height = scaled.height } = wanted;
  const whole = { width, height };
  if (step.mode === 'fixed') return checked({ scaled: whole });
  if (step.mode === 'fill') return checked({ scaled, cut: whole });
  if (step.mode === 'pad') return checked({ scaled, padded: whole });
  return checked({ scaled });
}

function checked(resized: Resizing): Resizing {
  const { scaled, cut, padded } = resized;
  checkSize(cut ?? padded ?? scaled);
  if (scaled.width * scaled.height > heldPixels) throw tooLarge(scaled);
  return resized;
}

/** @throws Refusal ImageTooLarge for a size that no result may have */
function checkSize(size: Size): void {
  if (size.width > resultSide || size.height > resultSide || size.width * size.height > resultPixels) throw tooLarge(size);
}

function tooLarge({ width, height }: Size): Refusal {
  return new Refusal(
    'ImageTooLarge',
    `The result would have ${width} x ${height} pixels; it may have ${resultSide} a side and ${resultPixels} in all.`,
  );
}

/** Where a rectangle of a size lies in one that is as large or larger. */
export function placed(gravity: Gravity, outer: Size, inner: Size): { left: number; top: number } {
  const column = /^(nw|west|sw)$/.test(gravity) ? 0 : /^(ne|east|se)$/.test(gravity) ? 1 : 0.5;
  const row = /^(nw|north|ne)$/.test(gravity) ? 0 : /^(sw|south|se)$/.test(gravity) ? 1 : 0.5;
  return { left: Math.round((outer.width - inner.width) * column), top: Math.round((outer.height - inner.height) * row) };
}

/** What a crop cuts out: as much as there is of the rectangle that it names. @throws Refusal BadRequest when that begins outside */
export function cropping(step: Crop, source: Size): Box {
  const asked = {
    width: Math.min(step.width ?? source.width, source.width),
    height: Math.min(step.height ?? source.height, source.height),
  };
  const at = placed(step.gravity, source, asked);
  const left = at.left + step.x;
  const top = at.top + step.y;
  if (left >= source.width || top >= source.height) throw new Refusal('BadRequest', "Advance cut's position is out of image.");
  return { left, top, width: Math.min(asked.width, source.width - left), height: Math.min(asked.height, source.height - top) };
}
