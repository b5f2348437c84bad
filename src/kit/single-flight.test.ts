import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SingleFlight } from './single-flight.ts';

test('callers of one key share one run; other keys do not', async () => {
  const flights = new SingleFlight<number>();
  const { promise, resolve } = Promise.withResolvers<number>();
  let runs = 0;
  const work = () => {
    runs += 1;
    return promise;
  };
  const all = [flights.run('a', work), flights.run('a', work), flights.run('b', work)];
  assert.equal(runs, 2);
  resolve(7);
  assert.deepEqual(await Promise.all(all), [7, 7, 7]);
  await flights.run('a', work);
  assert.equal(runs, 3);
});

test('a failure is shared and then forgotten, even one thrown at once', async () => {
  const flights = new SingleFlight<string>();
  const fail = () => {
    throw new Error('broken');
  };
  await assert.rejects(flights.run('a', fail), /broken/);
  assert.equal(await flights.run('a', async () => 'mended'), 'mended');
});
