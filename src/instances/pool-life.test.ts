import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../faults/index.ts';
import { StartFailure } from './engine.ts';
import { until } from './fixture.ts';
import { failureOf } from './invocation.ts';
import { given, setUp, started } from './pool.fixture.ts';

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

test('instanceConcurrency: the fullest instance with room first, another one only when all are full', async () => {
  const { pool, engine, call, worker } = setUp({ instanceConcurrency: 3, maxInstances: 2 });
  engine.eager = true;
  const calls = Array.from({ length: 3 }, () => pool.invoke(call()));
  await given(worker(0), 3);
  assert.equal(engine.workers.length, 1, 'three calls fit into one instance');
  calls.push(pool.invoke(call()));
  await started(engine, 2);
  await given(worker(1), 1);
  worker(0).calls[0]?.finish();
  await calls[0];
  assert.deepEqual(pool.states(), { starting: 0, initialising: 0, idle: 0, busy: 2, draining: 0, dead: 0 });
  calls.push(pool.invoke(call()));
  assert.equal(worker(0).calls.length, 4, 'two of three are more than one of three');
  for (const it of engine.workers) for (const each of it.calls) each.finish();
  await Promise.all(calls);
  assert.equal(pool.states().idle, 2);
  await pool.close();
});

test('an instance with several calls that fails gets no more, and ends when the last of them is over', async () => {
  const { pool, engine, call, worker } = setUp({ instanceConcurrency: 2 });
  engine.eager = true;
  const calls = [pool.invoke(call()), pool.invoke(call())];
  await given(worker(0), 2);
  worker(0).usable = false;
  worker(0).calls[0]?.finish();
  await calls[0];
  assert.equal(worker(0).killed, false);
  const next = pool.invoke(call());
  await started(engine, 2);
  await given(worker(1), 1);
  worker(0).calls[1]?.finish();
  await calls[1];
  assert.equal(worker(0).killed, true);
  worker(1).calls[0]?.finish();
  await next;
  await pool.close();
});

test('drain waits for every call of an instance', async () => {
  const { pool, engine, call, worker } = setUp({ instanceConcurrency: 2 });
  engine.eager = true;
  const calls = [pool.invoke(call()), pool.invoke(call())];
  await given(worker(0), 2);
  const drained = pool.drain();
  worker(0).calls[1]?.finish();
  await calls[1];
  assert.equal(worker(0).killed, false);
  worker(0).calls[0]?.finish();
  await drained;
  assert.equal(worker(0).killed, true);
});

test('provisioned instances are started ahead, not reaped, and replaced when they die', async () => {
  const { pool, engine, call, worker } = setUp({ provisioned: 2, idleTimeoutMs: 20, maxInstances: 3 });
  engine.eager = true;
  pool.keep(pool.fn);
  assert.equal(engine.workers.length, 2);
  await until(() => pool.states().idle === 2, 'both are idle');
  await new Promise((resolve) => setTimeout(resolve, 80));
  assert.equal(pool.states().idle, 2, 'they outlive idleTimeout');
  assert.equal(pool.oldestIdle, undefined, 'nor does anybody else get them');
  const calls = Array.from({ length: 3 }, () => pool.invoke(call()));
  await started(engine, 3);
  await given(worker(2), 1);
  for (const it of engine.workers) it.calls[0]?.finish();
  await Promise.all(calls);
  await until(() => pool.size === 2, 'the third one was reaped');
  const victim = engine.workers.find((it) => !it.killed);
  if (!victim) throw new Error('no worker is left');
  victim.usable = false;
  victim.hooks.lost();
  victim.die();
  await until(() => pool.states().idle === 2 && engine.workers.length === 4, 'it was replaced');
  pool.keep({ ...pool.fn, provisioned: 0 });
  assert.notEqual(pool.oldestIdle, undefined);
  await pool.close();
});

test('a provisioned instance that dies at start again and again is tried with pauses', async () => {
  const { pool, engine } = setUp({ provisioned: 1 });
  engine.failing = new Fault('FunctionNotStarted', 'it never starts');
  pool.keep(pool.fn);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert.ok(engine.workers.length >= 3 && engine.workers.length <= 6, `${engine.workers.length} starts in a second`);
  engine.failing = undefined;
  engine.eager = true;
  await until(() => pool.states().idle === 1, 'it starts in the end');
  await pool.close();
});

test('an instance that ends by itself before it served counts as a start that failed', async () => {
  const { pool, engine } = setUp({ provisioned: 1 });
  engine.eager = true;
  pool.keep(pool.fn);
  const end = performance.now() + 700;
  while (performance.now() < end) {
    const last = engine.workers.at(-1);
    if (last && pool.states().idle === 1) {
      last.usable = false;
      last.hooks.lost();
      last.die();
    }
    await settle();
  }
  assert.ok(engine.workers.length <= 6, `${engine.workers.length} starts`);
  await pool.close();
});

test('a crash loop answers calls with the last failure instead of starting once for each', async () => {
  const { pool, engine, call } = setUp({ maxInstances: 1 }, { queue: 100 });
  const details = { durationMs: 1, maxMemoryMb: 1, logTail: '' };
  engine.failing = new StartFailure(failureOf('initializer', 'no database'), Buffer.from('{"errorMessage":"no database"}'), details);
  const results = await Promise.all(Array.from({ length: 50 }, () => pool.invoke(call())));
  assert.ok(results.every((it) => it.failure?.message === 'no database'));
  assert.ok(engine.workers.length <= 4, `${engine.workers.length} starts for 50 calls`);
  const before = engine.workers.length;
  assert.equal((await pool.invoke(call())).failure?.kind, 'initializer');
  assert.equal(engine.workers.length, before, 'the pause holds');
  engine.failing = undefined;
  engine.eager = true;
  await new Promise((resolve) => setTimeout(resolve, 450));
  const good = pool.invoke(call());
  await started(engine, before + 1);
  await given(engine.workers[before] as never, 1);
  engine.workers[before]?.calls[0]?.finish();
  assert.equal((await good).failure, undefined);
  await pool.close();
});

test('preStop runs before an idle instance ends, and not longer than its timeout', async () => {
  const hook = { handler: 'index.stop', timeoutMs: 60 };
  const { pool, engine, call, worker } = setUp({ preStop: hook, idleTimeoutMs: 20 });
  engine.eager = true;
  const one = pool.invoke(call());
  await given(worker(0), 1);
  worker(0).calls[0]?.finish();
  await one;
  await until(() => worker(0).stops === 1, 'preStop was called');
  assert.equal(worker(0).killed, false);
  assert.equal(pool.states().draining, 1);
  await until(() => worker(0).killed, 'it was killed after the timeout');
  const two = pool.invoke(call());
  await started(engine, 2);
  await given(worker(1), 1);
  const drained = pool.drain();
  worker(1).calls[0]?.finish();
  await two;
  await until(() => worker(1).stops === 1, 'preStop at drain');
  worker(1).stopped();
  await drained;
  assert.equal(worker(1).killed, true);
});

test('preStop is not run in an instance that is of no use any more, nor in one that has not begun', async () => {
  const { pool, engine, call, worker } = setUp({ preStop: { handler: 'index.stop', timeoutMs: 60 } });
  const one = pool.invoke(call());
  worker(0).become();
  await given(worker(0), 1);
  worker(0).usable = false;
  worker(0).calls[0]?.finish();
  await one;
  assert.deepEqual([worker(0).stops, worker(0).killed], [0, true]);
  const left = pool.invoke(call()).catch(() => {});
  await started(engine, 2);
  await pool.close();
  await left;
  assert.deepEqual([worker(1).stops, worker(1).killed], [0, true]);
});

test('instances whose credentials end are replaced before anybody needs them', async () => {
  const { pool, engine, worker } = setUp({ provisioned: 1, timeoutMs: 1_000 });
  engine.eager = true;
  pool.keep(pool.fn);
  await until(() => pool.states().idle === 1, 'it is warm');
  pool.refresh(120_000);
  assert.equal(worker(0).killed, false);
  worker(0).goodUntil = Date.now() + 60_000;
  pool.refresh(120_000);
  assert.equal(worker(0).killed, true);
  await until(() => engine.workers.length === 2 && pool.states().idle === 1, 'it was replaced');
  await pool.close();
});

test('a throttled call is told which limit holds and what to change', async () => {
  const own = setUp({ maxInstances: 1 }, { queue: 0 });
  const filled = setUp({ maxInstances: 1, instanceConcurrency: 2 }, { queue: 1 });
  assert.throws(() => own.pool.invoke(own.call()), { code: 'ResourceThrottled', message: /f: 0 calls wait already.*maxQueue/ });
  filled.engine.eager = true;
  const busy = [filled.pool.invoke(filled.call())];
  await given(filled.worker(0), 1);
  busy.push(filled.pool.invoke(filled.call()), filled.pool.invoke(filled.call()));
  assert.throws(() => filled.pool.invoke(filled.call()), {
    code: 'ResourceThrottled',
    message: /All 1 instances that the function may have are busy with 2 calls each.*instanceConcurrency/,
  });
  while (filled.pool.states().busy > 0) {
    for (const each of filled.worker(0).calls) each.finish();
    await settle();
  }
  await Promise.all(busy);
  await filled.pool.close();
  const full = setUp({}, { slots: 0 });
  await assert.rejects(full.pool.invoke(full.call({ deadline: Date.now() + 50 })), {
    code: 'ResourceExhausted',
    message: /no instance became free in [\d.]+ seconds\. .*limit of 0 over all functions is reached: raise maxInstances/,
  });
});

test('events of waiting calls are bounded in bytes too', async () => {
  const { pool, call } = setUp({ maxInstances: 1 }, { queue: 100 });
  const event = Buffer.alloc(32 << 20);
  const waiting = Array.from({ length: 8 }, () => pool.invoke(call({ event })).catch(() => {}));
  assert.throws(() => pool.invoke(call({ event })), { code: 'ResourceThrottled' });
  await pool.close();
  await Promise.all(waiting);
});
