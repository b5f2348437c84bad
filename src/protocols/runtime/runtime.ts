import { Fault } from '../../faults/index.ts';
import type { Dialect, RequestContext } from '../../http/index.ts';
import { maxPayloadBytes, type RuntimeApi, type RuntimeLine, type RuntimeReply } from '../../instances/index.ts';
import { sleep } from '../../kit/index.ts';

/** `/i/<key>/2020-11-11/runtime/invocation/<rest>`; no bucket has a name of one letter. */
const form = /^\/i\/([0-9a-f]{16,128})\/2020-11-11\/runtime\/invocation\/(.+)$/;
/** The SDK asks again at once when it is refused: each refusal takes this long, so that it does not take the machine. Milliseconds. */
const refusalMs = 1_000;

/** Answers the FC Runtime API and hands everything else to `next`, which also renders the errors. */
export function createRuntimeDialect(next: Dialect, api: Pick<RuntimeApi, 'find'>): Dialect {
  return {
    name: next.name,
    handle: (ctx) => {
      const match = form.exec(ctx.path);
      if (!match) return next.handle(ctx);
      const [, key = '', rest = ''] = match;
      // The key is a secret.
      ctx.note.path = `/i/***/2020-11-11/runtime/invocation/${rest.slice(0, 200)}`;
      const line = api.find(key);
      return rest === 'next' ? giveNext(ctx, line) : takeAnswer(ctx, line, rest);
    },
    fault: (ctx, fault) => next.fault(ctx, fault),
  };
}

async function giveNext(ctx: RequestContext, line: RuntimeLine | undefined): Promise<void> {
  ctx.operation = 'RuntimeNext';
  if (ctx.method !== 'GET') throw new Fault('MethodNotAllowed', 'This path takes GET.', { headers: { Allow: 'GET' } });
  const item = await line?.next(ctx.signal);
  if (!item) return refuse(ctx);
  ctx.res.writeHead(200, { ...item.headers, 'Content-Length': String(item.body.length) });
  ctx.res.end(item.body);
}

async function takeAnswer(ctx: RequestContext, line: RuntimeLine | undefined, rest: string): Promise<void> {
  const [, id = '', kind] = /^([^/]+)\/(response|error)$/.exec(rest) ?? [];
  ctx.operation = kind === 'error' ? 'RuntimeError' : 'RuntimeResponse';
  if (!kind) throw new Fault('PathNotSupported');
  if (ctx.method !== 'POST') throw new Fault('MethodNotAllowed', 'This path takes POST.', { headers: { Allow: 'POST' } });
  if (!line?.expects(id)) return refuse(ctx);
  const body = await collect(ctx.body());
  const reply: RuntimeReply = body === undefined ? tooLarge() : kind === 'error' ? failure(body) : { payload: body };
  if (!line.answer(id, reply)) return refuse(ctx);
  ctx.res.writeHead(200, { 'Content-Length': '0' });
  ctx.res.end();
}

async function refuse(ctx: RequestContext): Promise<void> {
  await sleep(refusalMs, ctx.signal);
  throw new Fault('AccessDenied', 'No instance of a function waits for this request.');
}

/** The whole body, or undefined when it is larger than a result may be; the rest is read and thrown away, since the SDK reads no early answer. */
async function collect(body: AsyncIterable<Buffer>): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes <= maxPayloadBytes) chunks.push(Buffer.from(chunk));
    else chunks.length = 0;
  }
  return bytes > maxPayloadBytes ? undefined : Buffer.concat(chunks);
}

function tooLarge(): RuntimeReply {
  const message = `The result of the function is larger than ${maxPayloadBytes} bytes`;
  return { kind: 'raised', message, payload: Buffer.from(JSON.stringify({ errorMessage: message, errorType: 'ResultTooLarge' })) };
}

/** The SDK's error JSON: {errorMessage, errorType, stackTrace?}. */
function failure(payload: Buffer): RuntimeReply {
  let message = '';
  try {
    const { errorMessage } = JSON.parse(payload.toString('utf8')) as { errorMessage?: unknown };
    if (typeof errorMessage === 'string') message = errorMessage;
  } catch {
    // What it says is handed on as it is.
  }
  return { kind: 'raised', message, payload };
}
