import { Fault } from '../../faults/index.ts';
import type { ImagePlan, ImageStep } from '../../instances/index.ts';
import { invalid } from './headers.ts';
import { Parameters } from './process-parameters.ts';
import { gravities, readWatermark } from './process-watermark.ts';

/** What `x-oss-process=image/...` asks for. */
export interface ImageRequest {
  readonly plan: Omit<ImagePlan, 'bytes'>;
  /** Keys of the pictures that watermarks are made of, in the order of their inputs, which begin with 1. */
  readonly marks: readonly string[];
}

/** Most operations in one request, and most bytes of it; the vendor documents none. */
const mostOperations = 32;
const longest = 16 * 1024;
/** Pictures that watermarks of one request may use (Alibaba OSS, "Add watermarks"). */
const mostMarks = 3;
/** Longest side that can be asked for. */
const side = 16_384;
const formats = ['jpg', 'png', 'webp', 'bmp', 'gif', 'tiff', 'avif', 'src'] as const;

/** What is read of a request, step by step. */
interface Reading {
  orient: boolean;
  readonly steps: ImageStep[];
  readonly output: { -readonly [K in keyof ImagePlan['output']]: ImagePlan['output'][K] };
  wanted: ImagePlan['wanted'];
  readonly marks: string[];
}

type Reader = (params: Parameters, reading: Reading) => ImageStep | undefined;

/** Operations by name, with the ranges of their parameters (Alibaba OSS user guide, "Image processing", a page each). */
const readers: Readonly<Record<string, Reader>> = {
  resize: readResize,
  crop: (params) => ({
    ...{ kind: 'crop', width: params.number('w', 0, side) || undefined, height: params.number('h', 0, side) || undefined },
    ...{ x: params.number('x', 0, 30_000) ?? 0, y: params.number('y', 0, 30_000) ?? 0 },
    ...{ gravity: params.choice('g', gravities) ?? 'nw', percent: params.number('p', 1, 200) },
  }),
  rotate: (params) => ({ kind: 'rotate', degrees: params.require(params.number('', 0, 360), 'the angle, such as rotate,90') }),
  'auto-orient': (params, reading) => {
    reading.orient = params.require(params.flag(''), '0 or 1');
    return undefined;
  },
  circle: (params) => ({ kind: 'circle', radius: params.require(params.number('r', 1, 4096), 'r') }),
  'rounded-corners': (params) => ({ kind: 'rounded-corners', radius: params.require(params.number('r', 1, 4096), 'r') }),
  indexcrop: (params) => {
    const x = params.number('x', 1, 30_000);
    const size = params.require(x ?? params.number('y', 1, 30_000), 'x or y');
    return { kind: 'indexcrop', axis: x === undefined ? 'y' : 'x', size, index: params.number('i', 0, 30_000) ?? 0 };
  },
  blur: (params) => {
    const radius = params.require(params.number('r', 1, 50), 'r');
    return { kind: 'blur', radius, sigma: params.require(params.number('s', 1, 50), 's') };
  },
  sharpen: (params) => ({ kind: 'sharpen', amount: params.require(params.number('', 50, 399), 'a value, such as sharpen,100') }),
  bright: (params) => ({ kind: 'bright', amount: params.require(params.number('', -100, 100), 'a value, such as bright,50') }),
  contrast: (params) => ({ kind: 'contrast', amount: params.require(params.number('', -100, 100), 'a value, such as contrast,-50') }),
  watermark: (params, reading) => readWatermark(params, reading.marks, readMarkSteps),
  format: (params, { output }) => {
    const format = params.require(params.choice('', formats), 'a format, such as format,png');
    output.format = format === 'src' ? undefined : format;
    return undefined;
  },
  quality: (params, { output }) => {
    const relative = params.number('q', 1, 100);
    const absolute = params.number('Q', 1, 100);
    params.require(relative ?? absolute, 'q or Q');
    Object.assign(output, { relative, absolute });
    return undefined;
  },
  interlace: (params, { output }) => {
    output.progressive = params.require(params.flag(''), '0 or 1');
    return undefined;
  },
  info: (_params, reading) => {
    reading.wanted = 'info';
    return undefined;
  },
  'average-hue': (_params, reading) => {
    reading.wanted = 'average-hue';
    return undefined;
  },
};

function readResize(params: Parameters): ImageStep {
  const width = params.number('w', 1, side);
  const height = params.number('h', 1, side);
  const long = params.number('l', 1, side);
  const short = params.number('s', 1, side);
  const percent = params.number('p', 1, 1000);
  const percentOfMain = params.number('P', 1, 100);
  params.require(width ?? height ?? long ?? short ?? percent ?? percentOfMain, 'one of w, h, l, s and p');
  const mode = params.choice('m', ['lfit', 'mfit', 'fill', 'pad', 'fixed']) ?? 'lfit';
  const size = { width, height, long, short, percent, percentOfMain };
  return { kind: 'resize', mode, ...size, enlarge: params.flag('limit') === false, color: params.color('color') ?? 'FFFFFF' };
}

/**
 * Reads the operations of `image/...`, in the order in which they are carried out.
 * @param text the whole value, with `image/` @throws Fault InvalidArgument, MissingArgument, BadRequest
 */
export function readImageProcess(text: string): ImageRequest {
  const reading: Reading = { orient: false, steps: [], output: { progressive: false }, wanted: 'picture', marks: [] };
  if (text.length > longest) throw invalid('x-oss-process', text.slice(0, 100), `The x-oss-process may have ${longest} characters.`);
  const [, ...operations] = text.split('/').filter((part, i) => i === 0 || part !== '');
  if (operations.length === 0) throw new Fault('MissingArgument', 'The x-oss-process names no operation: image/resize,w_100.');
  if (operations.length > mostOperations)
    throw invalid('x-oss-process', text.slice(0, 100), `At most ${mostOperations} operations are carried out.`);
  for (const operation of operations) {
    const params = new Parameters(operation);
    const reader = Object.hasOwn(readers, params.operation) ? readers[params.operation] : undefined;
    if (!reader) throw invalid('x-oss-process', operation.slice(0, 100), `There is no operation image/${params.operation.slice(0, 50)}.`);
    const step = reader(params, reading);
    params.finish();
    if (step) reading.steps.push(step);
  }
  checkReading(reading, operations);
  const { orient, steps, output, wanted, marks } = reading;
  return { plan: { orient, steps, output, wanted }, marks };
}

function checkReading({ wanted, marks, steps }: Reading, operations: readonly string[]): void {
  if (wanted === 'info' && operations.length > 1) {
    throw invalid('x-oss-process', 'info', 'image/info tells of the stored picture: it stands alone.');
  }
  if (steps.some((step) => step.kind === 'resize' && step.percentOfMain !== undefined)) {
    throw invalid('P', '', 'image/resize: P is for the picture of a watermark.');
  }
  if (marks.length > mostMarks) throw invalid('x-oss-process', 'watermark', `At most ${mostMarks} pictures may be watermarks.`);
}

/** Operations that the picture of a watermark may go through first. */
const markOperations = ['resize', 'crop', 'rotate', 'circle', 'rounded-corners', 'indexcrop', 'bright', 'contrast'];

/** Reads what is done to the picture of a watermark before it is put on another. @throws Fault as readImageProcess, WatermarkError */
function readMarkSteps(text: string): ImageStep[] {
  const steps: ImageStep[] = [];
  const reading: Reading = { orient: false, steps, output: { progressive: false }, wanted: 'picture', marks: [] };
  const [kind, ...operations] = text.split('/').filter((part) => part !== '');
  for (const operation of kind === 'image' ? operations.slice(0, mostOperations) : ['']) {
    const params = new Parameters(operation);
    const reader = markOperations.includes(params.operation) ? readers[params.operation] : undefined;
    const step = reader?.(params, reading);
    if (!step) throw new Fault('WatermarkError', `The picture of a watermark cannot be processed with ${text.slice(0, 100)}.`);
    params.finish();
    steps.push(step);
  }
  return steps;
}
