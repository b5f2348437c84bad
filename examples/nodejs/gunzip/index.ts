import type { Transform } from '@sluice/function';

/** Objects kept as gzip, given out as what is in them: however large, a chunk at a time. */
export default {
  async fetch(_request, context) {
    const original = await context.original();
    // 404 and other errors go to the client as the store tells them.
    if (!original.ok || original.body === null) return original;
    return new Response(original.body.pipeThrough(new DecompressionStream('gzip')), {
      headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-cache' },
    });
  },
} satisfies Transform;
