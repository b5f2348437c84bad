import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { exifFields } from './exif.ts';
import { decode, encode, look, type Pixels, type Source } from './picture.ts';
import type { Plan } from './plan.ts';
import { Refusal } from './refusal.ts';
import { carryOut } from './steps.ts';
import { Marks } from './watermark.ts';

/** What the host gives: the picture is input 0, those of watermarks come behind it. */
interface Context {
  input(number: number): Promise<Buffer>;
}

/** Formats that hold more than one frame. */
const moving = new Set(['gif', 'webp']);

setFlagsFromString('--expose-gc');
/** Decoded pictures lie where the collector does not see how much they take: told of none, it would wait too long. */
const collect = runInNewContext('gc') as () => void;
/** A process larger than this is holding some of them. Bytes. */
const smallProcess = 160 * 1024 * 1024;

/** Processes a picture as the plan in the request's body says. A picture that is refused is answered with status 400 and why, as JSON. */
async function render(request: Request, context: Context): Promise<Response> {
  const plan = (await request.json()) as Plan;
  try {
    const source = await look(await context.input(0));
    if (plan.wanted === 'info') return document(infoOf(source, plan.bytes));
    const isMoving = plan.wanted === 'picture' && moving.has(source.format) && moving.has(plan.output.format ?? source.format);
    const { picture, left } = await decode(source, { ...plan, animated: isMoving });
    const marks = new Marks((number) => context.input(number));
    const done = await carryOut(picture, left, { mark: (step, frame) => marks.put(step, frame) });
    if (plan.wanted === 'average-hue') return document({ RGB: averageOf(done.frames[0] as Pixels) });
    const { bytes, contentType } = await encode(done, source, plan.output, plan.orient);
    return new Response(new Uint8Array(bytes), { headers: { 'content-type': contentType } });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return Response.json({ code: error.code, message: error.message }, { status: 400 });
  } finally {
    if (process.memoryUsage.rss() > smallProcess) setImmediate(collect);
  }
}

function document(content: object): Response {
  return Response.json(content);
}

/** What is known of a file, each as a text in `value` (Alibaba OSS, "Query image information"). */
function infoOf(source: Source, bytes: number): Record<string, { value: string }> {
  const resolution = source.density === undefined ? '1/1' : `${source.density}/1`;
  const fields: Record<string, string> = {
    ResolutionUnit: source.density === undefined ? '1' : '2',
    XResolution: resolution,
    YResolution: resolution,
    ...(source.exif ? exifFields(source.exif) : {}),
    FileSize: String(bytes),
    Format: source.format,
    FrameCount: String(source.frames),
    ImageHeight: String(source.height),
    ImageWidth: String(source.width),
  };
  const names = Object.keys(fields).sort();
  return Object.fromEntries(names.map((name) => [name, { value: fields[name] as string }]));
}

/** The mean of all pixels, `0xrrggbb`; what can be seen through counts less. */
function averageOf({ data }: Pixels): string {
  let [red, green, blue, weight] = [0, 0, 0, 0];
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3] as number;
    red += (data[at] as number) * alpha;
    green += (data[at + 1] as number) * alpha;
    blue += (data[at + 2] as number) * alpha;
    weight += alpha;
  }
  const hex = (sum: number) =>
    Math.round(weight === 0 ? 0 : sum / weight)
      .toString(16)
      .padStart(2, '0');
  return `0x${hex(red)}${hex(green)}${hex(blue)}`;
}

export default { fetch: render };
