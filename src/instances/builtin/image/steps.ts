import { cropping, placed, resizing, type Size } from './geometry.ts';
import { hold, ofPixels, type Picture, type Pixels } from './picture.ts';
import type { Step } from './plan.ts';

/** What a step needs besides the picture. */
export interface Surroundings {
  /** Width of the picture that a watermark is put on. */
  readonly main?: number;
  /** Puts a watermark on a frame. */
  readonly mark: (step: Extract<Step, { kind: 'watermark' }>, frame: Pixels) => Promise<Pixels>;
}

const clear = { r: 0, g: 0, b: 0, alpha: 0 };
const white = { r: 255, g: 255, b: 255, alpha: 1 };

/** Carries the steps out, one after the other, on every frame. @throws Refusal */
export async function carryOut(picture: Picture, steps: readonly Step[], around: Surroundings): Promise<Picture> {
  let { frames, hasAlpha } = picture;
  for (const step of steps) {
    const next: Pixels[] = [];
    for (const frame of frames) {
      const made = await carry(frame, step, hasAlpha, around);
      next.push(made);
      // All frames come out alike: what the first one takes, all do.
      if (next.length === 1) hold(made, frames.length);
    }
    frames = next;
    if (step.kind === 'circle' || step.kind === 'rounded-corners') hasAlpha = true;
  }
  return { frames, hasAlpha };
}

async function carry(frame: Pixels, step: Step, hasAlpha: boolean, around: Surroundings): Promise<Pixels> {
  switch (step.kind) {
    case 'resize':
      return resize(frame, step, around.main);
    case 'crop': {
      const cut = await raw(ofPixels(frame).extract(cropping(step, frame)));
      return step.percent === undefined
        ? cut
        : resize(cut, { kind: 'resize', mode: 'lfit', percent: step.percent, enlarge: true, color: '' });
    }
    case 'indexcrop':
      return slice(frame, step);
    case 'rotate':
      return rotate(frame, step.degrees, hasAlpha);
    case 'circle':
      return circle(frame, step.radius);
    case 'rounded-corners':
      return rounded(frame, Math.min(step.radius, Math.floor(Math.min(frame.width, frame.height) / 2)));
    case 'blur':
      return raw(ofPixels(frame).blur(blurring(step)));
    case 'sharpen':
      return raw(ofPixels(frame).sharpen({ sigma: step.amount / 100 }));
    case 'bright':
      return levels(frame, 1, step.amount * 2.55);
    case 'contrast':
      return levels(frame, (1 + step.amount / 100) ** 2, 128 * (1 - (1 + step.amount / 100) ** 2));
    case 'watermark':
      return around.mark(step, frame);
  }
}

/** What a pipeline gives, as pixels. */
export async function raw(from: ReturnType<typeof ofPixels>): Promise<Pixels> {
  const { data, info } = await from.ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

async function resize(frame: Pixels, step: Extract<Step, { kind: 'resize' }>, main?: number): Promise<Pixels> {
  const plan = resizing(step, frame, main);
  if (!plan) return frame;
  const scaled = await raw(ofPixels(frame).resize({ ...plan.scaled, fit: 'fill' }));
  if (plan.cut) return raw(ofPixels(scaled).extract({ ...placed('center', plan.scaled, plan.cut), ...plan.cut }));
  if (!plan.padded) return scaled;
  const { left, top } = placed('center', plan.padded, plan.scaled);
  const right = plan.padded.width - plan.scaled.width - left;
  const bottom = plan.padded.height - plan.scaled.height - top;
  return raw(ofPixels(scaled).extend({ left, top, right, bottom, background: `#${step.color}` }));
}

/** One of the slices that a picture is cut into; the whole picture when it has no such slice. */
function slice(frame: Pixels, { axis, size, index }: Extract<Step, { kind: 'indexcrop' }>): Promise<Pixels> | Pixels {
  const length = axis === 'x' ? frame.width : frame.height;
  const start = index * size;
  if (start >= length) return frame;
  const part = Math.min(size, length - start);
  const box =
    axis === 'x' ? { left: start, top: 0, width: part, height: frame.height } : { left: 0, top: start, width: frame.width, height: part };
  return raw(ofPixels(frame).extract(box));
}

function rotate(frame: Pixels, degrees: number, hasAlpha: boolean): Promise<Pixels> | Pixels {
  if (degrees % 360 === 0) return frame;
  hold(turnedSize(frame, degrees), 1);
  return raw(ofPixels(frame).rotate(degrees, { background: hasAlpha ? clear : white }));
}

/** The upright rectangle that holds a turned one. */
function turnedSize({ width, height }: Size, degrees: number): Size {
  const angle = (degrees * Math.PI) / 180;
  const [sin, cos] = [Math.abs(Math.sin(angle)), Math.abs(Math.cos(angle))];
  return { width: Math.floor(width * cos + height * sin), height: Math.floor(width * sin + height * cos) };
}

/** The largest circle of at most this radius in the middle, and nothing around it. */
async function circle(frame: Pixels, radius: number): Promise<Pixels> {
  const r = Math.min(radius, Math.floor(Math.min(frame.width, frame.height) / 2));
  const side = Math.max(1, 2 * r);
  const box = { width: side, height: side };
  return rounded(await raw(ofPixels(frame).extract({ ...placed('center', frame, box), ...box })), side / 2);
}

/** Makes the corners outside of quarter circles of this radius clear, with soft edges. */
function rounded(frame: Pixels, radius: number): Pixels {
  const { width, height } = frame;
  const data = Buffer.from(frame.data);
  const reach = Math.ceil(radius);
  for (let y = 0; y < reach && y < height; y++) {
    for (let x = 0; x < reach && x < width; x++) {
      const inside = radius + 0.5 - Math.hypot(radius - x - 0.5, radius - y - 0.5);
      if (inside >= 1) continue;
      const share = Math.max(0, inside);
      for (const [cx, cy] of corners(x, y, width, height)) {
        const at = (cy * width + cx) * 4 + 3;
        data[at] = Math.round((frame.data[at] as number) * share);
      }
    }
  }
  return { data, width, height };
}

function corners(x: number, y: number, width: number, height: number): [number, number][] {
  return [
    [x, y],
    [width - 1 - x, y],
    [x, height - 1 - y],
    [width - 1 - x, height - 1 - y],
  ];
}

/** The deviation of the blur: a kernel that a small radius cuts off is as wide as an even one of that radius. */
function blurring({ radius, sigma }: Extract<Step, { kind: 'blur' }>): number {
  return Math.max(0.3, Math.min(sigma, radius / Math.sqrt(3)));
}

/** Every colour times `factor` plus `add`; alpha as it was. */
function levels(frame: Pixels, factor: number, add: number): Promise<Pixels> {
  return raw(ofPixels(frame).linear([factor, factor, factor, 1], [add, add, add, 0]));
}
