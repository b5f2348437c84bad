import { Fault } from '../../faults/index.ts';
import type { RequestContext } from '../../http/index.ts';
import type { Principal } from '../../identity/index.ts';
import type { BodyStream } from '../../kit/index.ts';
import type { AnswerRequest } from '../../transforms/index.ts';
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

/** What the call says. A class for its getter's sake: see WaitingClient. */
class Sent implements AnswerRequest {
  readonly token: string | undefined;
  readonly route: string | undefined;
  readonly status: string | undefined;
  readonly forwarded: [string, string][];
  readonly contentLength: number | undefined;
  readonly contentMd5: string | undefined;
  readonly principal: Principal;
  readonly requestId: string;
  readonly rawHeaders: readonly string[];
  attempt: AnswerRequest['attempt'];
  readonly #ctx: RequestContext;

  constructor(call: Call, contentLength: number | undefined) {
    const { ctx } = call;
    this.token = call.header('x-oss-request-token');
    this.route = call.header('x-oss-request-route');
    this.status = call.header('x-oss-fwd-status');
    this.forwarded = forwardedHeaders(ctx.rawHeaders);
    this.contentLength = contentLength;
    this.contentMd5 = readContentMd5(call)?.toString('base64');
    this.principal = call.principal;
    this.requestId = ctx.id;
    this.rawHeaders = ctx.rawHeaders;
    this.#ctx = ctx;
  }

  /** Asked for only once the token is known to be good: until then a waiting client is not told to send. */
  get body(): BodyStream {
    return this.#ctx.body();
  }
}

/** WriteGetObjectResponse: a function answers a waiting GetObject. */
export async function writeGetObjectResponse(call: Call): Promise<void> {
  const { ctx } = call;
  if (call.presigned) throw new Fault('AccessDenied', 'WriteGetObjectResponse must be signed in the Authorization header, not in the URL.');
  const length = call.header('content-length');
  if (length === undefined && call.header('transfer-encoding') === undefined) throw new Fault('MissingContentLength');
  await call.rooms.transforms.answer(new Sent(call, length === undefined ? undefined : Number(length)));
  sendEmpty(ctx);
}
