import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { FrameReader } from '../../kit/index.ts';
import { until } from '../fixture.ts';
import type { DirectAnswer, Invocation } from '../invocation.ts';
import { Door, idLength, secretLength } from './door.ts';
import type { Ending } from './ending.ts';
import { Output } from './output.ts';
import { frame, initialCredit, pack, unpack } from './wire.ts';
import { HostWorker } from './worker.ts';

interface Seen {
  type: number;
  head: Record<string, unknown>;
  body: Buffer;
}

/** A worker and the host behind it, whose every frame the test sends by hand over real sockets. */
async function openHost(t: TestContext, options: { concurrent?: boolean; memoryMb?: number } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-worker-'));
  const door = await Door.open(join(folder, 'door'));
  const id = `c-${'0'.repeat(idLength - 2)}`;
  const secret = 'a'.repeat(secretLength);
  const lines: string[] = [];
  const tmp = join(folder, 'tmp');
  mkdirSync(tmp);
  let kills = 0;
  const worker = new HostWorker({
    id,
    requestId: 'start',
    memoryMb: options.memoryMb ?? 128,
    initializerMs: 500,
    goodUntil: Number.POSITIVE_INFINITY,
    uid: undefined,
    tmp,
    output: new Output('MARK', [], (request, line) => lines.push(`${request}|${line}`), options.concurrent),
    hooks: { initialising: () => {}, lost: () => {} },
    kill: () => void kills++,
  });
  door.expect(id, secret, (kind, socket, rest) => worker.connected(kind, socket, rest));
  const open = (kind: string): Socket => {
    const socket = connect(join(folder, 'door'));
    socket.write(kind + id + secret);
    return socket;
  };
  const [frames, printed] = [open('F'), open('O')];
  const seen: Seen[] = [];
  const reader = new FrameReader(64 << 20);
  frames.on('error', () => {});
  printed.on('error', () => {});
  frames.on('data', (chunk: Buffer) => {
    for (const { type, payload } of reader.push(chunk)) seen.push({ type, ...unpack(payload) });
  });
  const send = (type: number, head: object, body?: Buffer | string) =>
    frames.write(pack(type, head, body === undefined ? undefined : Buffer.from(body)));
  const print = (text: string) => printed.write(text);
  /** Ends it as a process ends: its connections with it, and the news of it at once. */
  const die = (kilobytes = 0, ending: Ending = {}) => {
    frames.end();
    printed.end();
    void worker.exited(kilobytes, '', ending);
  };
  send(frame.serving, {});
  await worker.ready;
  t.after(async () => {
    die();
    await worker.gone;
    for (const socket of [frames, printed]) socket.destroy();
    await door.close();
    await rm(folder, { recursive: true, force: true });
  });
  const call = (requestId: string, more: Partial<Invocation> = {}): Invocation => ({
    requestId,
    event: Buffer.from(`event of ${requestId}`),
    credentials: { accessKeyId: 'ak', accessKeySecret: `secret-${requestId}`, securityToken: '' },
    ...more,
  });
  const got = (type: number, count = 1) =>
    until(() => seen.filter((it) => it.type === type).length >= count, `${count} frames of type ${type}`);
  return { worker, frames, send, die, print, seen, lines, call, got, tmp, kills: () => kills };
}

/** An invocation whose answer the test reads. */
async function openAnswer(host: Awaited<ReturnType<typeof openHost>>, take: (answer: DirectAnswer) => Promise<void> = async () => {}) {
  let answer: DirectAnswer | undefined;
  const result = host.worker.invoke(
    host.call('r', {
      answer: (given) => {
        answer = given;
        return take(given);
      },
    }),
    5_000,
    false,
  );
  await host.got(frame.invoke);
  host.send(frame.answer, { id: 'r', status: 200, headers: { 'content-type': 'text/plain' } });
  await until(() => answer !== undefined, 'the answer was given');
  const { body, status, headers } = answer as DirectAnswer;
  return { result, body, status, headers };
}

const credits = (seen: Seen[]) => seen.filter((it) => it.type === frame.credit).reduce((sum, it) => sum + Number(it.head.bytes), 0);

test('invocations overlap, and each gets its own result, in any order', async (t) => {
  const host = await openHost(t);
  const results = ['a', 'b', 'c'].map((id) => host.worker.invoke(host.call(id), 5_000, id === 'a'));
  await host.got(frame.invoke, 3);
  assert.deepEqual(
    host.seen.map((it) => [it.head.id, it.head.sk, it.head.answer, it.body.toString()]),
    ['a', 'b', 'c'].map((id) => [id, `secret-${id}`, undefined, `event of ${id}`]),
  );
  host.send(frame.result, { id: 'c', kb: 2048 }, 'of c');
  host.send(frame.error, { id: 'a' }, '{"errorMessage":"of a","errorType":"E"}');
  host.send(frame.result, { id: 'b' }, 'of b');
  const [a, b, c] = await Promise.all(results);
  assert.deepEqual([a?.failure?.kind, a?.failure?.message, a?.coldStart], ['raised', 'of a', true]);
  assert.deepEqual([b?.payload.toString(), c?.payload.toString(), c?.maxMemoryMb], ['of b', 'of c', 2]);
  const again = host.worker.invoke(host.call('a'), 5_000, false);
  await host.got(frame.invoke, 4);
  host.send(frame.result, { id: 'a' }, 'once more');
  assert.equal((await again).payload.toString(), 'once more');
});

test('the same request id twice at once is refused, and harms neither', async (t) => {
  const host = await openHost(t);
  const first = host.worker.invoke(host.call('a'), 5_000, false);
  const second = await host.worker.invoke(host.call('a'), 5_000, false);
  assert.match(second.failure?.message ?? '', /id a already runs/);
  await host.got(frame.invoke);
  host.send(frame.result, { id: 'a' }, 'fine');
  assert.equal((await first).payload.toString(), 'fine');
});

test('one timeout ends the instance, and the others on it are told why', async (t) => {
  const host = await openHost(t);
  const late = host.worker.invoke(host.call('late'), 50, false);
  const neighbour = host.worker.invoke(host.call('neighbour'), 5_000, false);
  assert.deepEqual((await late).failure?.kind, 'timeout');
  assert.equal((await late).failure?.message, 'Function timed out after 0.1 seconds');
  const { failure, payload } = await neighbour;
  assert.equal(failure?.kind, 'exited');
  assert.match(failure?.message ?? '', /because of another request that ran on it at the same time: Function timed out after 0.1 seconds/);
  assert.equal(JSON.parse(payload.toString()).errorType, 'InstanceEnded');
  assert.ok(host.kills() > 0 && !host.worker.usable);
});

test('an end by SIGKILL near the memory limit is named, and so is one that the machine counted', async (t) => {
  const near = await openHost(t, { memoryMb: 100 });
  const killed = near.worker.invoke(near.call('a'), 5_000, false);
  near.die(95 * 1024, { signal: 'SIGKILL' });
  const { failure, payload } = await killed;
  assert.equal(failure?.kind, 'out-of-memory');
  assert.equal(JSON.parse(payload.toString()).errorType, 'FunctionOutOfMemory');
  assert.match(failure?.message ?? '', /its limit is 100 MB \(maxMemoryUsage: 95MB\)/);
  const counted = await openHost(t);
  const ended = counted.worker.invoke(counted.call('a'), 5_000, false);
  counted.die(0, { outOfMemory: true });
  assert.equal((await ended).failure?.kind, 'out-of-memory');
  const small = await openHost(t, { memoryMb: 100 });
  const other = small.worker.invoke(small.call('a'), 5_000, false);
  small.die(20 * 1024, { signal: 'SIGKILL' });
  assert.equal((await other).failure?.kind, 'exited');
});

test('preStop: the hook is run once and waited for, but not for ever', async (t) => {
  const host = await openHost(t);
  const stopped = host.worker.preStop(5_000);
  await host.got(frame.preStop);
  assert.equal(host.seen[0]?.head.timeoutMs, 5_000);
  host.print('goodbye\n');
  await until(() => host.lines.length === 1, 'its line');
  assert.match(host.lines[0] ?? '', /^prestop-[0-9a-f]+\|goodbye$/);
  host.send(frame.stopped, { ok: true });
  await stopped;
  const slow = await openHost(t);
  const begun = performance.now();
  await slow.worker.preStop(60);
  assert.ok(performance.now() - begun < 3_000);
  const dying = await openHost(t);
  const never = dying.worker.preStop(60_000);
  dying.die(0);
  await never;
});

test('lines go to the request that the host names; a line without a name goes to none', async (t) => {
  const host = await openHost(t, { concurrent: true });
  const results = ['a', 'b'].map((id) => host.worker.invoke(host.call(id, { logTail: true }), 5_000, false));
  await host.got(frame.invoke, 2);
  const tag = (id: string) => `\0MARK:${id}\0`;
  host.print(`${tag('a')}one\n${tag('b')}two\nnobody's\n${tag('stranger')}forged\n${tag('a')}three secret-b\n`);
  host.print(`${tag('b')}${'x'.repeat(20_000)}end\n`);
  host.print('\0MARK=b\n\0MARK=a\n');
  for (const id of ['a', 'b']) host.send(frame.result, { id, marked: true }, 'done');
  const [a, b] = await Promise.all(results);
  const short = host.lines.filter((line) => line.length < 100);
  assert.deepEqual(short, ['a|one', 'b|two', "|nobody's", '|forged', 'a|three ***']);
  assert.equal(
    host.lines
      .filter((line) => line.startsWith('b|x'))
      .map((line) => line.slice(2))
      .join(''),
    `${'x'.repeat(20_000)}end`,
  );
  assert.match(a?.logTail ?? '', /Start RequestId: a\none\nthree \*\*\*\nFC Invoke End RequestId: a/);
  assert.match(b?.logTail ?? '', /xend\nFC Invoke End RequestId: b/);
});

test('a direct answer flows as its reader drains it, within the credit', async (t) => {
  const host = await openHost(t);
  const { result, body, status, headers } = await openAnswer(host);
  assert.deepEqual([status, headers], [200, { 'content-type': 'text/plain' }]);
  const piece = Buffer.alloc(64 * 1024, 'x');
  let sent = 0;
  const total = 4 << 20;
  const pump = async () => {
    while (sent < total) {
      await until(() => initialCredit + credits(host.seen) - sent >= piece.length, 'credit');
      host.send(frame.chunk, { id: 'r' }, piece);
      sent += piece.length;
    }
    host.send(frame.end, { id: 'r' });
    host.send(frame.result, { id: 'r' }, 'null');
  };
  const pumping = pump();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(sent <= initialCredit + 128 * 1024, `${sent} bytes left the host with nobody reading`);
  assert.equal((await buffer(body as Readable)).length, total);
  await pumping;
  assert.equal((await result).payload.toString(), 'null');
});

test('an answer that breaks off is an error to its reader, never a clean end', async (t) => {
  const broken = await openHost(t);
  const one = await openAnswer(broken);
  broken.send(frame.chunk, { id: 'r' }, 'half');
  broken.send(frame.broken, { id: 'r', message: 'the stream failed' });
  await assert.rejects(buffer(one.body), { message: 'the stream failed' });
  broken.send(frame.result, { id: 'r' }, 'null');
  assert.equal((await one.result).failure, undefined);

  const unended = await openHost(t);
  const two = await openAnswer(unended);
  unended.send(frame.result, { id: 'r' }, 'null');
  await assert.rejects(buffer(two.body), /ended before its answer/);

  const dead = await openHost(t);
  const three = await openAnswer(dead);
  dead.send(frame.chunk, { id: 'r' }, 'half');
  dead.die(0);
  await assert.rejects(buffer(three.body), /ended before its answer/);
  assert.equal((await three.result).failure?.kind, 'exited');
});

test('what a host sent before it died counts, though the news of its end comes first', async (t) => {
  const whole = await openHost(t);
  const one = await openAnswer(whole);
  whole.send(frame.chunk, { id: 'r' }, Buffer.alloc(initialCredit, 'x'));
  whole.send(frame.end, { id: 'r' });
  whole.send(frame.result, { id: 'r' }, 'null');
  whole.die(0, { signal: 'SIGKILL' });
  assert.equal((await buffer(one.body)).length, initialCredit);
  assert.equal((await one.result).failure, undefined);

  const half = await openHost(t);
  const two = await openAnswer(half);
  half.send(frame.chunk, { id: 'r' }, Buffer.alloc(initialCredit, 'x'));
  half.die(0, { signal: 'SIGKILL' });
  await assert.rejects(buffer(two.body), /ended before its answer/);
  assert.equal((await two.result).failure?.kind, 'exited');
});

test('a host that sends beyond its credit, or answers nobody, is cut off', async (t) => {
  const greedy = await openHost(t);
  const { body, result } = await openAnswer(greedy);
  greedy.send(frame.chunk, { id: 'r' }, Buffer.alloc(initialCredit));
  greedy.send(frame.chunk, { id: 'r' }, 'x');
  await until(() => !greedy.worker.usable, 'it is cut off');
  greedy.die(0);
  await assert.rejects(buffer(body));
  assert.equal((await result).failure?.kind, 'exited');

  for (const [type, head] of [
    [frame.chunk, { id: 'nobody' }],
    [frame.answer, { id: 'nobody', status: 200 }],
    [frame.result, { id: 'nobody' }],
  ] as const) {
    const host = await openHost(t);
    host.send(type, head);
    await until(() => host.frames.destroyed || host.frames.readableEnded, 'it is cut off');
  }
});

test('a reader that leaves lets the host end: it is told, and what it still sends is dropped', async (t) => {
  const host = await openHost(t);
  const { body, result } = await openAnswer(host);
  host.send(frame.chunk, { id: 'r' }, Buffer.alloc(initialCredit));
  body.destroy();
  await host.got(frame.broken);
  await until(() => credits(host.seen) >= initialCredit, 'credit');
  host.send(frame.chunk, { id: 'r' }, Buffer.alloc(initialCredit));
  host.send(frame.end, { id: 'r' });
  host.send(frame.result, { id: 'r' }, 'null');
  assert.equal((await result).failure, undefined);
});

test('an answer where nobody waits for one is dropped and named', async (t) => {
  const host = await openHost(t);
  const result = host.worker.invoke(host.call('r'), 5_000, false);
  await host.got(frame.invoke);
  host.send(frame.answer, { id: 'r', status: 200, headers: {} });
  host.send(frame.chunk, { id: 'r' }, 'dropped');
  host.send(frame.end, { id: 'r' });
  host.send(frame.result, { id: 'r' }, 'null');
  assert.equal((await result).failure?.message, 'nobody waits for an answer');
});

test('the result waits until the answer was taken whole', async (t) => {
  const host = await openHost(t);
  const taken = Promise.withResolvers<void>();
  const { body, result } = await openAnswer(host, () => taken.promise);
  host.send(frame.end, { id: 'r' });
  host.send(frame.result, { id: 'r' }, 'null');
  await buffer(body);
  let settled = false;
  void result.then(() => {
    settled = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(settled, false);
  taken.resolve();
  await result;
});

test('its folder goes with it', async (t) => {
  const host = await openHost(t);
  assert.equal(existsSync(host.tmp), true);
  host.die(0);
  await host.worker.gone;
  assert.equal(existsSync(host.tmp), false);
});
