import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../faults/index.ts';
import { until } from './fixture.ts';
import type { Invocation } from './invocation.ts';
import { given, setUp, started } from './pool.fixture.ts';

test('the instance that was idle last is taken first', async () => {
  const { pool, engine, call, worker } = setUp();
  const both = [pool.invoke(call()), pool.invoke(call())];
  await started(engine, 2);
  worker(0).become();
  worker(1).become();
  await given(worker(1), 1);
  worker(0).calls[0]?.finish();
  await both[0];
  worker(1).calls[0]?.finish();
  await both[1];
  assert.equal(pool.states().idle, 2);
  const third = pool.invoke(call());
  worker(1).calls[1]?.finish();
  assert.equal((await third).instanceId, 'i-1');
  await pool.close();
  assert.ok(engine.closed && worker(0).killed && worker(1).killed);
});

test('more are started under load, up to the function’s limit, and a fast function needs one', async () => {
  const { pool, engine, call, worker } = setUp({ maxInstances: 3 });
  engine.eager = true;
  const calls = Array.from({ length: 8 }, () => pool.invoke(call()));
  await started(engine, 3);
  await until(() => engine.workers.every((it) => it.calls.length === 1), 'all are busy');
  assert.equal(pool.waiting, 5);
  while (pool.waiting > 0 || pool.states().busy > 0) {
    for (const it of engine.workers) for (const given of it.calls.splice(0)) given.finish();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(calls);
  assert.equal(engine.workers.length, 3);
  assert.equal(pool.size, 3);
  await pool.close();

  const quick = setUp({ maxInstances: 3 });
  const first = quick.pool.invoke(quick.call());
  quick.worker(0).become();
  while (quick.worker(0).calls.length < 1) await new Promise((resolve) => setImmediate(resolve));
  const second = quick.pool.invoke(quick.call());
  assert.equal(quick.engine.workers.length, 1, 'the instance has just begun; it may be free in a moment');
  quick.worker(0).calls[0]?.finish();
  await given(quick.worker(0), 2);
  quick.worker(0).calls[1]?.finish();
  await Promise.all([first, second]);
  assert.equal(quick.engine.workers.length, 1);
  assert.ok(worker(0));
  await quick.pool.close();
});

test('where every instance has been busy for long, a call waits for no patience', async () => {
  const { pool, engine, call, worker } = setUp({ maxInstances: 3 });
  const slow = pool.invoke(call());
  worker(0).become();
  await given(worker(0), 1);
  await new Promise((resolve) => setTimeout(resolve, 15));
  const next = pool.invoke(call());
  assert.equal(engine.workers.length, 2);
  worker(1).become();
  await given(worker(1), 1);
  worker(1).calls[0]?.finish();
  worker(0).calls[0]?.finish();
  await Promise.all([slow, next]);
  await pool.close();
});

test('the line is first come first served, bounded in number and time, and can be left', async () => {
  const { pool, call, worker } = setUp({ maxInstances: 1 }, { queue: 3 });
  const order: string[] = [];
  const first = pool.invoke(call());
  worker(0).become();
  await given(worker(0), 1);
  const waiting = ['a', 'b'].map((name) => pool.invoke(call()).then(() => order.push(name)));
  const leaver = new AbortController();
  const left = pool.invoke(call({ signal: leaver.signal }));
  assert.throws(() => pool.invoke(call()), { code: 'ResourceThrottled' });
  leaver.abort(new Error('gone'));
  await assert.rejects(left, { message: 'gone' });
  assert.throws(() => pool.invoke(call({ signal: leaver.signal })), { message: 'gone' });
  await assert.rejects(pool.invoke(call({ deadline: Date.now() + 20 })), { code: 'ResourceExhausted' });
  for (let served = 0; served < 3; served++) {
    await given(worker(0), served + 1);
    worker(0).calls[served]?.finish();
  }
  await Promise.all([first, ...waiting]);
  assert.deepEqual(order, ['a', 'b']);
  await pool.close();
});

test('an event that is made when an instance is free: not before; and the instance serves on when it cannot be', async () => {
  const { pool, call, worker } = setUp({ maxInstances: 1 });
  const made: string[] = [];
  const later = (name: string, fail = false): Invocation => ({
    ...{ requestId: name, credentials: call().credentials, eventBytes: 0 },
    get event() {
      made.push(name);
      if (fail) throw new Fault('AccessDenied', 'no role');
      return Buffer.from(name);
    },
  });
  const first = pool.invoke(call());
  const failing = pool.invoke(later('failing', true));
  const waiting = pool.invoke(later('waiting'));
  worker(0).become();
  await given(worker(0), 1);
  assert.deepEqual(made, []);
  worker(0).calls[0]?.finish();
  await assert.rejects(failing, { code: 'AccessDenied' });
  await given(worker(0), 2);
  assert.deepEqual([...new Set(made)], ['failing', 'waiting']);
  worker(0).calls[1]?.finish();
  assert.equal((await waiting).payload.toString(), 'waiting');
  await first;
  assert.throws(() => pool.invoke(later('failing again', true)), { code: 'AccessDenied' });
  assert.deepEqual([pool.size, pool.states().idle], [1, 1]);
  const last = pool.invoke(call());
  worker(0).calls[2]?.finish();
  await last;
  await pool.close();
});

test('a client that leaves does not end the invocation', async () => {
  const { pool, call, worker } = setUp();
  const leaver = new AbortController();
  const running = pool.invoke(call({ signal: leaver.signal }));
  worker(0).become();
  await given(worker(0), 1);
  leaver.abort();
  assert.equal(worker(0).killed, false);
  worker(0).calls[0]?.finish();
  assert.equal((await running).instanceId, 'i-0');
  await pool.close();
});

test('the run is limited by the function’s timeout and by the call’s deadline', async () => {
  const { pool, engine, call, worker } = setUp({ timeoutMs: 5_000 });
  engine.eager = true;
  const first = pool.invoke(call());
  await given(worker(0), 1);
  assert.equal(worker(0).calls[0]?.timeoutMs, 5_000);
  worker(0).calls[0]?.finish();
  await first;
  const second = pool.invoke(call({ deadline: Date.now() + 1_000 }));
  const limit = worker(0).calls[1]?.timeoutMs ?? 0;
  assert.ok(limit > 800 && limit <= 1_000, `${limit}`);
  worker(0).calls[1]?.finish();
  await second;
  await pool.close();
});

test('idle instances are reaped, busy ones are not', async () => {
  const { pool, engine, call, worker } = setUp({ idleTimeoutMs: 60 });
  engine.eager = true;
  const first = pool.invoke(call());
  await given(worker(0), 1);
  await new Promise((resolve) => setTimeout(resolve, 120));
  assert.equal(worker(0).killed, false);
  worker(0).calls[0]?.finish();
  await first;
  assert.equal(pool.states().idle, 1);
  await until(() => worker(0).killed && pool.size === 0, 'the idle one is gone');
  assert.equal(engine.closed, false);
  await pool.close();
});

test('drain: running and waiting calls finish, idle ones die, then all is closed', async () => {
  const { pool, engine, call, worker } = setUp({ maxInstances: 2 });
  engine.eager = true;
  const calls = [pool.invoke(call()), pool.invoke(call())];
  await started(engine, 2);
  await given(worker(1), 1);
  worker(1).calls[0]?.finish();
  await calls[1];
  const drained = pool.drain();
  assert.equal(worker(1).killed, true);
  assert.equal(worker(0).killed, false);
  const late = pool.invoke(call());
  worker(0).calls[0]?.finish();
  await given(worker(0), 2);
  assert.equal(engine.closed, false);
  worker(0).calls[1]?.finish();
  await Promise.all([late, calls[0]]);
  await drained;
  assert.ok(worker(0).killed && engine.closed && pool.closed);
  assert.throws(() => pool.invoke(call()), { code: 'ServiceUnavailable' });
});

test('drain ends starts that nobody waits for, and close refuses who waits', async () => {
  const one = setUp();
  const gone = new AbortController();
  const left = one.pool.invoke(one.call({ signal: gone.signal }));
  gone.abort(new Error('gone'));
  await assert.rejects(left, { message: 'gone' });
  assert.equal(one.pool.states().starting, 1);
  await one.pool.drain();
  assert.equal(one.worker(0).killed, true);

  const two = setUp();
  const refused = assert.rejects(two.pool.invoke(two.call()), { code: 'ServiceUnavailable' });
  await two.pool.close();
  await refused;
  assert.equal(two.worker(0).killed, true);
});

test('a start that fails answers one call; the next call is tried anew', async () => {
  const { pool, engine, call, worker } = setUp();
  const first = pool.invoke(call());
  worker(0).fail(new Fault('FunctionNotStarted', 'no interpreter'));
  await assert.rejects(first, { code: 'FunctionNotStarted', message: 'no interpreter' });
  const second = pool.invoke(call());
  await started(engine, 2);
  worker(1).become();
  await given(worker(1), 1);
  worker(1).calls[0]?.finish();
  assert.equal((await second).instanceId, 'i-1');
  await pool.close();
});

test('an idle instance that dies by itself, or is too old for its credentials, is not used', async () => {
  const { pool, engine, call, worker } = setUp();
  engine.eager = true;
  const run = async (index: number) => {
    const result = pool.invoke(call());
    await started(engine, index + 1);
    await until(() => worker(index).calls.length > 0, 'it is called');
    worker(index).calls.at(-1)?.finish();
    return result;
  };
  await run(0);
  worker(0).usable = false;
  worker(0).hooks.lost();
  worker(0).die();
  assert.equal((await run(1)).instanceId, 'i-1');
  worker(1).goodUntil = Date.now() + 1_000;
  assert.equal((await run(2)).instanceId, 'i-2');
  assert.equal(worker(1).killed, true);
  await pool.close();
});

test('without a free slot a call waits until one is given back', async () => {
  const { pool, engine, call } = setUp({}, { slots: 0 });
  const waiting = pool.invoke(call({ deadline: Date.now() + 50 }));
  assert.equal(engine.workers.length, 0);
  await assert.rejects(waiting, { code: 'ResourceExhausted' });
  await pool.drain();
  assert.equal(engine.closed, true);
});
