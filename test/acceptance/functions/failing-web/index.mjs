// A function in the form of the web that fails in every way: the query parameter `do` says how.
const length = 512 * 1024;
const half = new Uint8Array(length / 2).fill(97);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const never = () => new Promise(() => {});

async function die() {
  process.kill(process.pid, 'SIGKILL');
  await never();
}

/** Half of the body, and what comes behind it. */
function midway(next, declared = length) {
  let begun = false;
  const body = new ReadableStream({
    async pull(controller) {
      if (!begun) {
        begun = true;
        controller.enqueue(half);
        return;
      }
      // The first half is on its way.
      await wait(100);
      await next(controller);
    },
  });
  return new Response(body, { headers: { 'Content-Length': String(declared) } });
}

const actions = {
  kill: die,
  hang: never,
  raise: () => {
    throw new RangeError('on purpose');
  },
  none: () => 'no Response',
  midkill: () => midway(die),
  midhang: () => midway(never),
  midraise: () => midway((controller) => controller.error(new Error('midway'))),
  half: () => midway((controller) => controller.close()),
  oversized: () => new Response(new Uint8Array(length), { headers: { 'Content-Length': String(length - 10_000) } }),
  slow: () => {
    let left = 8;
    const piece = new Uint8Array(length / left);
    const body = new ReadableStream({
      async pull(controller) {
        await wait(400);
        if (left-- > 0) controller.enqueue(piece);
        else controller.close();
      },
    });
    return new Response(body, { headers: { 'Content-Length': String(length) } });
  },
  late: (_request, context) => {
    // The answer leaves in pieces, and a busy machine takes its time for them.
    context.waitUntil(wait(2000).then(die));
    return new Response(new Uint8Array(length));
  },
};

export default {
  fetch(request, context) {
    const query = new URL(request.url).searchParams;
    console.log('ran', query.get('cell'));
    return actions[query.get('do').slice('web-'.length)](request, context);
  },
};
