import { Readable } from 'node:stream';
import { evaluateConditions, type FoundObject } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { type ImageOrder, imageSourceBytes } from '../../instances/index.ts';
import { httpDate } from '../../kit/index.ts';
import { ClientGone, Relay } from '../../transforms/index.ts';
import { requireReadable } from './archive.ts';
import type { Call } from './call.ts';
import { replacedHeaders } from './downloads.ts';
import { authorizeSource } from './guard.ts';
import { commonHeaders, etagHeader, type HeaderList, readConditions } from './headers.ts';
import { type ImageRequest, readImageProcess } from './process-plan.ts';
import { sendEmpty } from './respond.ts';
import { requireStyle } from './styles.ts';

/** Parameter that asks for an object in another form (Alibaba OSS user guide, "Image processing"). */
export const processParameter = 'x-oss-process';
/** Headers of the stored object that a picture made of it has, too, by their names on the wire. */
const keptHeaders = { 'cache-control': 'Cache-Control', expires: 'Expires', 'content-disposition': 'Content-Disposition' } as const;

/** The form that a read asks for; undefined when it asks for the object as it is. */
export function askedProcess(call: Call): string | undefined {
  return call.ctx.rawQuery.includes('process') ? call.param(processParameter) || undefined : undefined;
}

/** What is to be made of an object, and since when the answer has been what it is. */
interface Order {
  readonly request: ImageRequest;
  readonly marks: readonly FoundObject[];
  /** Epoch milliseconds: the object's, or that of what else goes into the answer. */
  readonly modifiedAt: number;
  /** Only the object and the URL decide what the answer is. */
  readonly isPlain: boolean;
}

/** @throws Fault NotImplemented, NoSuchStyle, InvalidArgument, MissingArgument, BadRequest, WatermarkError, AccessDenied */
function readOrder(call: Call, found: FoundObject, process: string): Order {
  const [kind = ''] = process.split('/', 1);
  const style = kind === 'style' ? requireStyle(call, process.slice('style/'.length)) : undefined;
  if (!style && kind !== 'image') {
    throw new Fault('NotImplemented', `Sluice does not carry out x-oss-process=${kind.slice(0, 50)}; image/ and style/ are.`);
  }
  const request = readImageProcess(style?.content ?? process);
  const marks = request.marks.map((key) => markOf(call, key, style !== undefined));
  const times = [found.head.modifiedAt, style?.modifiedAt ?? 0, ...marks.map((mark) => mark.head.modifiedAt)];
  return { request, marks, modifiedAt: Math.max(...times), isPlain: !style && marks.length === 0 };
}

/** The picture of a watermark. In a style the bucket's owner has named it; else the caller must be allowed to read it. @throws Fault */
function markOf(call: Call, key: string, inStyle: boolean): FoundObject {
  if (!inStyle) authorizeSource(call, { name: call.name, key, resolved: call.resolved });
  const mark = call.rooms.store.get(call.bucket.name, key);
  if (!mark || mark.head.target !== undefined) throw new Fault('WatermarkError', `There is no object ${key} for the watermark.`);
  requireReadable(call, mark.head);
  checkSize(mark, `The picture of the watermark, ${key},`);
  return mark;
}

/** @throws Fault ImageTooLarge */
function checkSize({ head }: FoundObject, what: string): void {
  if (head.size <= imageSourceBytes) return;
  throw new Fault('ImageTooLarge', `${what} has ${head.size} bytes; pictures of at most ${imageSourceBytes} are processed.`);
}

/** Evaluates the request's conditions against the source; false when 304 was sent. @throws Fault PreconditionFailed */
function proceed({ ctx }: Call, { head }: FoundObject, order: Order): boolean {
  const conditions = readConditions(ctx);
  const verdict = conditions ? evaluateConditions({ ...head, modifiedAt: order.modifiedAt }, conditions) : 'proceed';
  if (verdict === 'failed') {
    throw new Fault('PreconditionFailed', undefined, { extra: { Condition: conditions?.ifMatch ? 'If-Match' : 'If-Unmodified-Since' } });
  }
  if (verdict === 'not-modified') sendEmpty(ctx, 304, validators(head.etag, order));
  return verdict === 'proceed';
}

/** The answer's bytes are not the source's: its ETag is a weak one, and none where more than the source decides. */
function validators(etag: string, { isPlain, modifiedAt }: Order): HeaderList {
  const list = ['Last-Modified', httpDate(modifiedAt)];
  return isPlain ? ['ETag', `W/${etagHeader(etag)}`, ...list] : list;
}

function headersOf(call: Call, found: FoundObject, order: Order, contentType: string, length: number | undefined): HeaderList {
  const { head } = found;
  const replaced = replacedHeaders(call, { contentType, headers: head.headers });
  const list = commonHeaders(call.ctx).concat(validators(head.etag, order));
  list.push('Content-Type', replaced?.get('Content-Type') ?? contentType);
  for (const [name, wire] of Object.entries(keptHeaders)) {
    const value = head.headers[name];
    if (value !== undefined && !replaced?.has(wire)) list.push(wire, value);
  }
  if (replaced) for (const [name, value] of replaced) if (name !== 'Content-Type') list.push(name, value);
  if (length !== undefined) list.push('Content-Length', String(length));
  return list;
}

/** What is rendered from a found object. @throws Fault NotImplemented, ImageTooLarge */
function render(call: Call, found: FoundObject, { request, marks }: Order, take: ImageOrder['take']): Promise<void> {
  const { images } = call.rooms;
  if (!images) throw new Fault('NotImplemented', 'This server does not process pictures (x-oss-process).');
  checkSize(found, 'The object');
  return images.render({
    requestId: call.ctx.id,
    plan: { ...request.plan, bytes: found.head.size },
    inputs: [found, ...marks].map(
      ({ small, open }) =>
        () =>
          small ? Readable.from([small]) : open(),
    ),
    share: call.bucket.name,
    signal: call.ctx.signal,
    take,
  });
}

/** GetObject with x-oss-process: what is made of the picture, whole; a Range is not for it. @throws Fault, see readOrder and Images.render */
export async function sendProcessed(call: Call, found: FoundObject, process: string): Promise<void> {
  const { ctx } = call;
  const order = readOrder(call, found, process);
  if (!proceed(call, found, order)) return;
  let relay: Relay | undefined;
  try {
    await render(call, found, order, async ({ contentType, length, body }) => {
      ctx.res.writeHead(200, headersOf(call, found, order, contentType, length));
      if (ctx.method === 'HEAD') {
        body.destroy();
        ctx.res.end();
        return;
      }
      relay = new Relay(ctx.res, (call.rooms.images as NonNullable<typeof call.rooms.images>).relay);
      for await (const chunk of body) await relay.write(chunk as Buffer);
    });
    await relay?.end();
  } catch (error) {
    // Nobody is there to be told.
    if (!(error instanceof ClientGone) && !ctx.signal.aborted) throw error;
    ctx.reset();
  } finally {
    await relay?.close();
  }
}

/** Makes a picture of an object and gives it to `take`, without an answer to the client. @throws Fault, see readOrder and Images.render */
export function renderObject(call: Call, found: FoundObject, process: string, take: ImageOrder['take']): Promise<void> {
  return render(call, found, readOrder(call, found, process), take);
}
