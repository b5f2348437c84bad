// The original in both ways that there are: over the connection of the instance, and by inputOssUrl. What was seen of each is told as JSON.
import { createHash } from 'node:crypto';

const ways = {
  connection: (context, headers) => context.original({ headers }),
  url: (context, headers) => fetch(context.event.getObjectContext.inputOssUrl, { headers: { 'accept-encoding': 'identity', ...headers } }),
};

async function seen(response) {
  const bytes = Buffer.from(await response.arrayBuffer());
  const digest = createHash('sha256').update(bytes).digest('hex');
  const text = bytes.length < 2000 ? bytes.toString('latin1') : '';
  return { status: response.status, reason: response.statusText, headers: [...response.headers], bytes: bytes.length, digest, text };
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const told = (error) => `${error.name}: ${error.message}`;

async function collect(body, limit = Number.POSITIVE_INFINITY) {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes >= limit) break;
  }
  return bytes;
}

let kept;

const actions = {
  async both(context, headers) {
    const found = {};
    for (const [name, read] of Object.entries(ways)) found[name] = await seen(await read(context, headers));
    return found;
  },
  /** Many ranges of one object at once; each begins with its own offset. */
  async many(context) {
    const offsets = Array.from({ length: 40 }, (_, i) => i * 1_000_003 - ((i * 1_000_003) % 4096));
    const read = async (offset) => {
      const reply = await context.original({ headers: { Range: `bytes=${offset}-${offset + 399_999}` } });
      const bytes = Buffer.from(await reply.arrayBuffer());
      return reply.status === 206 && bytes.length === 400_000 && bytes.readUInt32LE(0) === offset;
    };
    return { right: (await Promise.all(offsets.map(read))).filter(Boolean).length };
  },
  async aborted(context) {
    const early = AbortSignal.abort();
    const before = await context.original({ signal: early }).catch(told);
    const controller = new AbortController();
    const { body } = await context.original({ signal: controller.signal });
    const reader = body.getReader();
    await reader.read();
    controller.abort();
    let midway;
    try {
      for (;;) if ((await reader.read()).done) break;
    } catch (error) {
      midway = told(error);
    }
    return { before, midway };
  },
  /** Begins many reads, takes little of each, and looks at none of them again. */
  async left(context) {
    for (let i = 0; i < 50; i++) await collect((await context.original()).body, 1);
    return { whole: await collect((await context.original()).body) };
  },
  async slow(context) {
    const bodies = [];
    for (let i = 0; i < 20; i++) bodies.push((await context.original()).body);
    await wait(1500);
    let bytes = 0;
    for (const body of bodies) bytes += await collect(body, 100_000);
    return { bytes };
  },
  /** Begins a read and looks at nothing of it. */
  async ignored(context) {
    context.original();
    return { pid: process.pid };
  },
  async after(context) {
    if (kept) return { late: await kept.original().then(seen, told) };
    kept = context;
    return {};
  },
};

export default {
  async fetch(request, context) {
    const query = new URL(request.url).searchParams;
    return Response.json(await actions[query.get('do')](context, JSON.parse(query.get('headers') ?? '{}')));
  },
};
