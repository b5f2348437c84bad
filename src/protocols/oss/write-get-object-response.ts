import type { Readable } from 'node:stream';
import { Fault } from '../../faults/index.ts';
import type { Call } from './call.ts';
import { readContentMd5 } from './request-body.ts';
import { sendEmpty } from './respond.ts';

const prefix = 'x-oss-fwd-header-';

/** The query parameter that names the operation; its value may be empty or absent. */
export const answerSelector = 'x-oss-write-get-object-response';

/** Headers for the client, prefix removed, in wire order; values stay the bytes that they are (latin1). */
export function forwardedHeaders(rawHeaders: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length > prefix.length && name.slice(0, prefix.length).toLowerCase() === prefix) {
      list.push([name.slice(prefix.length), rawHeaders[i + 1] as string]);
    }
  }
  return list;
}

/** WriteGetObjectResponse: a function answers a waiting GetObject. */
export async function writeGetObjectResponse(call: Call): Promise<void> {
  const { ctx } = call;
  if (call.presigned) throw new Fault('AccessDenied', 'WriteGetObjectResponse must be signed in the Authorization header, not in the URL.');
  const length = call.header('content-length');
  if (length === undefined && call.header('transfer-encoding') === undefined) throw new Fault('MissingContentLength');
  await call.rooms.transforms.answer({
    token: call.header('x-oss-request-token'),
    route: call.header('x-oss-request-route'),
    status: call.header('x-oss-fwd-status'),
    forwarded: forwardedHeaders(ctx.rawHeaders),
    contentLength: length === undefined ? undefined : Number(length),
    contentMd5: readContentMd5(call)?.toString('base64'),
    // Asked for only once the token is known to be good: until then a waiting client is not told to send.
    get body(): Readable {
      return ctx.body();
    },
    principal: call.principal,
    requestId: ctx.id,
    rawHeaders: ctx.rawHeaders,
  });
  sendEmpty(ctx);
}
