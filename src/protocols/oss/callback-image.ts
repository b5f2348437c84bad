import type { ObjectHead } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { readAll } from '../../kit/index.ts';
import type { Call } from './call.ts';
import type { CallbackImage } from './callback-body.ts';
import { renderObject } from './process.ts';

/** Most bytes of what is told of a picture. */
const infoBytes = 1024 * 1024;

/** What a callback tells of a picture that was stored; undefined for what is none, and where pictures are not processed. */
export async function imageOf(call: Call, head: ObjectHead): Promise<CallbackImage | undefined> {
  if (!call.rooms.images || !head.contentType.startsWith('image/')) return undefined;
  const found = call.rooms.store.get(head.bucket, head.key);
  if (found?.head.blob !== head.blob) return undefined;
  let text = '';
  try {
    await renderObject(call, found, 'image/info', async ({ body }) => {
      text = (await readAll(body, infoBytes)).toString('utf8');
    });
  } catch (error) {
    // The object is stored; that it is no picture is no failure of the callback. A client that left cannot be told of any.
    if (error instanceof Fault || call.ctx.signal.aborted) return undefined;
    throw error;
  }
  const info = JSON.parse(text) as Record<string, { value: string } | undefined>;
  return { width: Number(info.ImageWidth?.value), height: Number(info.ImageHeight?.value), format: info.Format?.value ?? '' };
}
