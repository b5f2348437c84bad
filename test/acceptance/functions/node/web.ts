import type { Transform, TransformContext } from '@sluice/function';

type Action = (request: Request, context: TransformContext) => Response | Promise<Response>;

const encode = (text: string) => new TextEncoder().encode(text);
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Chunks, one after the other; an Error among them breaks the stream. */
function streamOf(chunks: (Uint8Array | Error)[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const next = chunks.shift();
      if (next === undefined) return controller.close();
      if (next instanceof Error) throw next;
      controller.enqueue(next);
      await wait(5);
    },
  });
}

let made = 0;

const actions: Record<string, Action> = {
  upper: async (_request, context) => {
    const original = await context.original();
    const headers = { 'Content-Type': 'text/plain', ETag: '"own"', 'x-oss-meta-size': original.headers.get('content-length') ?? '' };
    return new Response((await original.text()).toUpperCase(), { headers });
  },
  pass: async (_request, context) => {
    const original = await context.original();
    return new Response(original.body, { status: original.status, headers: original.headers });
  },
  part: async (request, context) => {
    const range = request.headers.get('range');
    return context.original(range === null ? {} : { headers: { range } });
  },
  midway: () => new Response(streamOf([encode('first '), encode('second '), new Error('midway')])),
  early: () => new Response(streamOf([new Error('no byte was sent')])),
  throws: () => {
    throw new RangeError('before any answer');
  },
  text: () => 'not a Response' as unknown as Response,
  status: (request) => new Response(null, { status: Number(new URL(request.url).searchParams.get('code')) }),
  empty: () => new Response(null, { headers: { 'Content-Type': 'text/x-empty' } }),
  redirect: () => Response.redirect('http://example.com/there', 302),
  json: (request, context) =>
    Response.json({
      method: request.method,
      url: request.url,
      own: request.headers.get('x-own'),
      cookie: request.headers.get('cookie'),
      id: context.requestId,
    }),
  endless: () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          made += 65_536;
          if (made > 256 * 1024 * 1024) controller.close();
          else controller.enqueue(new Uint8Array(65_536));
        },
      }),
    ),
  made: () => new Response(String(made)),
};

export default {
  fetch(request, context) {
    const action = actions[request.headers.get('x-do') ?? new URL(request.url).searchParams.get('do') ?? ''];
    return action ? action(request, context) : new Response('which?', { status: 400 });
  },
} satisfies Transform;
