import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, every, httpDate, monotonic, now, sleep } from './clock.ts';

test('now and monotonic move forward', async () => {
  const [wall, mono] = [now(), monotonic()];
  await sleep(5);
  assert.ok(monotonic() - mono >= 4);
  assert.ok(now() >= wall);
});

test('dates are IMF-fixdates, also when seconds repeat or go back', () => {
  assert.equal(httpDate(784111777000), 'Sun, 06 Nov 1994 08:49:37 GMT');
  assert.equal(httpDate(784111777999), 'Sun, 06 Nov 1994 08:49:37 GMT');
  assert.equal(httpDate(0), 'Thu, 01 Jan 1970 00:00:00 GMT');
});

test('after fires once and a cancelled timer not at all; every repeats', async () => {
  let cancelled = 0;
  after(1, () => {
    cancelled += 1;
  }).cancel();
  let ticks = 0;
  const repeated = Promise.withResolvers<void>();
  const timer = every(1, () => {
    ticks += 1;
    if (ticks === 3) repeated.resolve();
  });
  // The timers do not keep the process alive, so the test does.
  const alive = setTimeout(() => repeated.reject(new Error('every did not fire')), 5000);
  await repeated.promise;
  timer.cancel();
  const fired = Promise.withResolvers<void>();
  after(2, fired.resolve);
  await fired.promise;
  clearTimeout(alive);
  assert.equal(cancelled, 0);
  assert.equal(ticks, 3);
});

test('sleep rejects when its signal aborts, before or during', async () => {
  await assert.rejects(sleep(1000, AbortSignal.abort(new Error('gone'))), /gone/);
  const controller = new AbortController();
  const sleeping = sleep(60_000, controller.signal);
  controller.abort(new Error('left'));
  await assert.rejects(sleeping, /left/);
});
