// The form of the web with as little work as it allows.
const body = new Uint8Array(1024).fill(120);
const headers = { 'Content-Type': 'application/octet-stream' };

export const answer = { fetch: () => new Response(body, { headers }) };

export const read = {
  async fetch(_request, context) {
    const original = await context.original();
    return new Response(await original.arrayBuffer(), { headers });
  },
};

export const pass = {
  async fetch(_request, context) {
    const original = await context.original();
    return new Response(original.body, { headers: original.headers });
  },
};
