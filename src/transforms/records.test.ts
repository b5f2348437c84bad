import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sleep } from '../kit/index.ts';
import { InvocationStore } from '../telemetry/index.ts';
import { Bench, type Event } from './fixture.ts';

const problems: unknown[] = [];
const folder = mkdtempSync(join(tmpdir(), 'sluice-transform-records-'));
const store = new InvocationStore({
  ...{ folder, keep: 'all', maxBytes: 2 ** 20, maxRecords: 1_000, maxAgeMs: 3_600_000, detailedPerSecond: 100, bodyBytes: 0 },
  onProblem: (error) => problems.push(error),
});
const bench = new Bench();
await bench.start({}, store);
after(async () => {
  await bench.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

let count = 0;

/** Gets through a function, and its record once it is written. */
async function recorded(fn: Bench['fn']) {
  bench.fn = fn;
  bench.requestId = `R${++count}`;
  const reply = await fetch(`${bench.url}/x/k.txt`);
  await reply.arrayBuffer();
  await bench.settled();
  while (store.counts.written + store.counts.dropped < count) await sleep(20);
  assert.deepEqual(problems, []);
  const detail = await store.get(bench.requestId);
  assert.ok(detail);
  return { status: reply.status, detail };
}

test('an answer: phases in order, the attempt with what was dropped, the event without its token', async () => {
  let event: Event | undefined;
  const { status, detail } = await recorded(async (given, call) => {
    event = given;
    call.onGiven?.({ instanceId: 'i-1', cold: true, startMs: 1 });
    await bench.write(given, Buffer.from('hello'), { 'x-oss-fwd-header-content-type': 'text/plain', 'x-oss-fwd-header-set-cookie': 'a=b' });
    return {};
  });
  assert.deepEqual([status, detail.status, detail.outcome, detail.rules], [200, 200, 'answered', []]);
  const [attempt] = detail.attempts;
  assert.deepEqual([attempt?.outcome, attempt?.bytes, attempt?.status], ['taken', 5, '200']);
  assert.ok(attempt?.changed.some(({ header, sent }) => header === 'set-cookie' && sent === undefined));
  assert.ok(attempt?.forwarded?.headers.some(([name, value]) => name === 'Content-Type' && value === 'text/plain'));
  const { queue, function: ran, firstByte, body } = detail.phases;
  for (const phase of [queue, ran, firstByte, body]) assert.ok(phase && phase[0] <= phase[1], JSON.stringify(detail.phases));
  assert.equal(queue?.[1], detail.phases.start?.[0]);
  const token = event?.getObjectContext.outputToken ?? '';
  assert.ok(token.length > 20);
  const stored = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('');
  assert.ok(!stored.includes(token.slice(6)));
});

test('refused attempts, late ones too, are in the record with why', async () => {
  let late: Event | undefined;
  const { status, detail } = await recorded(async (given) => {
    late = given;
    assert.equal((await bench.write(given, Buffer.from('x'), { 'x-oss-fwd-status': '299' })).status, 400);
    bench.transforms.refused(given.getObjectContext.outputToken, { requestId: 'W', rawHeaders: [], status: '200' }, denied);
    return {};
  });
  assert.equal(status, 500);
  assert.deepEqual(
    detail.attempts.map(({ outcome, code }) => [outcome, code]),
    [
      ['refused', 'InvalidArgument'],
      ['refused', 'AccessDenied'],
    ],
  );
  assert.deepEqual(detail.rules.map(({ id }) => id).slice(0, 2), ['no-grant', 'bad-argument']);
  assert.equal((await bench.write(late as Event, Buffer.from('x'))).status, 403);
  const attempts = async () => (await store.get(detail.id))?.attempts ?? [];
  while ((await attempts()).length < 3) await sleep(20);
  assert.match((await attempts()).at(-1)?.message ?? '', /expired/);
});
const denied = { code: 'AccessDenied', status: 403, message: 'it is not allowed to oss:WriteGetObjectResponse on *' };

test('what is refused before a function is called has a record too, and reads are those of its exchange', async () => {
  const { detail: read } = await recorded(async (given) => {
    const session = { function: 'acs:fc:cn-qingdao:1234567890123456:functions/f' };
    bench.transforms
      .recordOf(session)
      ?.read({ requestId: 'r', at: 0, operation: 'GetObject', resource: 'a/k', status: 200, bytes: 7, ms: 1, complete: true });
    assert.equal(bench.transforms.recordOf({ function: 'another' }), undefined);
    assert.equal(bench.transforms.recordOf({ exchange: 'unknown' }), undefined);
    await bench.write(given, Buffer.from('x'));
    return {};
  });
  assert.deepEqual(
    read.reads.map(({ operation, bytes }) => [operation, bytes]),
    [['GetObject', 7]],
  );
  bench.principal = { ...bench.principal, session: { chain: ['a', 'b', 'c'] } } as never;
  const { status, detail } = await recorded(async () => ({}));
  assert.deepEqual([status, detail.outcome, detail.rules[0]?.id, detail.called?.name], [400, 'RecursiveInvocation', 'recursion', 'f']);
});
