import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from './fixture.ts';
import { setUp } from './pool.fixture.ts';
import type { Pool } from './pool.ts';
import { Share } from './share.ts';

/** Functions that share a limit. */
function openTown(max: number) {
  const pools: Pool[] = [];
  const share = new Share(max, () => pools);
  const open = (name: string, limit = 100) => {
    const house = setUp({ name, maxInstances: limit }, { capacity: share, queue: 10_000 });
    house.engine.eager = true;
    pools.push(house.pool);
    const served = { count: 0, longestMs: 0 };
    const run = async () => {
      const begun = performance.now();
      await house.pool.invoke(house.call());
      served.count++;
      served.longestMs = Math.max(served.longestMs, performance.now() - begun);
    };
    return { ...house, served, run };
  };
  return { share, open, pools };
}

/** Ends every call that a worker has had for `workMs`. */
function work(houses: { engine: ReturnType<typeof setUp>['engine'] }[], workMs: number): () => void {
  const since = new WeakMap<object, number>();
  const timer = setInterval(() => {
    // One reading for a whole round: a call between two readings would be taken for done and never be finished.
    const now = performance.now();
    for (const { engine } of houses) {
      for (const worker of engine.workers) {
        for (const call of worker.calls) if (!since.has(call)) since.set(call, now);
        const isDone = (call: object) => now - (since.get(call) ?? now) >= workMs;
        const done = worker.calls.filter(isDone);
        worker.calls = worker.calls.filter((call) => !isDone(call));
        for (const call of done) call.finish();
      }
    }
  }, 1);
  return () => clearInterval(timer);
}

test('a function that keeps every place busy does not starve another', async (t) => {
  const town = openTown(4);
  const noisy = town.open('noisy');
  const quiet = town.open('quiet');
  t.after(work([noisy, quiet], 10));
  let isFlooding = true;
  const flood = Array.from({ length: 100 }, async () => {
    while (isFlooding) await noisy.run();
  });
  await until(() => noisy.pool.states().busy === 4, 'the noisy one has everything');
  for (let round = 0; round < 5; round++) {
    const before = noisy.served.count;
    await quiet.run();
    assert.ok(noisy.served.count - before < 200, `${noisy.served.count - before} noisy calls went before`);
  }
  const second = Array.from({ length: 20 }, async () => {
    while (isFlooding) await quiet.run();
  });
  await until(() => quiet.pool.holding === 2 && noisy.pool.holding === 2, 'they share evenly');
  isFlooding = false;
  await Promise.all([...flood, ...second]);
  assert.ok(town.share.used <= 4);
  await Promise.all(town.pools.map((pool) => pool.close()));
  assert.equal(town.share.used, 0);
});

test('a place that was promised is given up when its work ends early', async (t) => {
  const town = openTown(2);
  const [early, late] = [town.open('early'), town.open('late')];
  const calls = [early.run(), early.run()];
  await until(() => early.pool.states().busy === 2, 'both places are taken');
  const waiting = late.run();
  await until(() => early.pool.leaving === 1, 'one is to go');
  t.after(work([early, late], 1));
  await Promise.all(calls);
  await waiting;
  assert.ok(late.served.longestMs < 5_000, `it waited for ${late.served.longestMs} ms`);
  await Promise.all(town.pools.map((pool) => pool.close()));
});

test('more functions than places take turns', async (t) => {
  const town = openTown(1);
  const houses = ['a', 'b', 'c'].map((name) => town.open(name));
  t.after(work(houses, 5));
  const begun = performance.now();
  const floods = houses.flatMap((house) => Array.from({ length: 200 }, () => house.run()));
  await until(() => houses.every((house) => house.served.count > 20), 'each had a turn');
  const starts = houses.reduce((sum, house) => sum + house.engine.workers.length, 0);
  assert.ok(starts <= 4 + (performance.now() - begun) / 250, `${starts} starts`);
  await Promise.all(floods);
  await Promise.all(town.pools.map((pool) => pool.close()));
});

test('provisioned instances are taken from nobody', async (t) => {
  const town = openTown(2);
  const warm = town.open('warm');
  warm.pool.keep({ ...warm.pool.fn, provisioned: 1 });
  await until(() => warm.pool.states().idle === 1, 'it is warm');
  const noisy = town.open('noisy');
  t.after(work([noisy, warm], 5));
  await Promise.all(Array.from({ length: 100 }, () => noisy.run()));
  assert.equal(warm.engine.workers.length, 1);
  assert.equal(warm.engine.workers[0]?.killed, false);
  await Promise.all(town.pools.map((pool) => pool.close()));
});
