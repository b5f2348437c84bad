import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Quota } from './quota.ts';

/** Runs with a clock that only moves when told. */
function atTime(run: (move: (ms: number) => void) => void): void {
  let time = 1_000;
  const clock = mock.method(performance, 'now', () => time);
  try {
    run((ms) => {
      time += ms;
    });
  } finally {
    clock.mock.restore();
  }
}

test('requests at work are counted by name, and a name at rest is forgotten', () => {
  const quota = new Quota({ inFlight: 2 });
  for (const name of ['a', 'a', 'b']) {
    assert.equal(quota.refusal(name), undefined);
    quota.enter(name);
  }
  assert.deepEqual(quota.refusal('a'), { limit: 'inFlight', value: 2, retryAfter: 1 });
  assert.equal(quota.refusal('b'), undefined);
  quota.leave('a');
  assert.equal(quota.refusal('a'), undefined);
  quota.leave('a');
  quota.leave('b');
  assert.equal(quota.size, 0);
});

test('requests a second: one second’s worth at once, then as they come back', () => {
  atTime((move) => {
    const quota = new Quota({ requestsPerSecond: 10 });
    for (let i = 0; i < 10; i += 1) {
      assert.equal(quota.refusal('a'), undefined, `request ${i}`);
      quota.enter('a');
      quota.leave('a');
    }
    assert.deepEqual(quota.refusal('a'), { limit: 'requestsPerSecond', value: 10, retryAfter: 1 });
    assert.equal(quota.refusal('b'), undefined);
    move(99);
    assert.notEqual(quota.refusal('a'), undefined);
    move(1);
    assert.equal(quota.refusal('a'), undefined);
  });
});

test('bytes a second: a debt is paid before the next request, and tells how long that takes', () => {
  atTime((move) => {
    const quota = new Quota({ bytesPerSecond: 1_000 });
    quota.enter('a');
    assert.equal(quota.spend('a', 1_000), 0);
    assert.equal(quota.spend('a', 3_500), 3_500);
    quota.leave('a');
    assert.deepEqual(quota.refusal('a'), { limit: 'bytesPerSecond', value: 1_000, retryAfter: 4 });
    move(3_499);
    assert.equal(quota.refusal('a')?.retryAfter, 1);
    move(1);
    assert.equal(quota.refusal('a'), undefined);
  });
});

test('limits of a name’s own narrow the common ones and never widen them', () => {
  const quota = new Quota({ inFlight: 2 });
  quota.enter('a');
  assert.equal(quota.refusal('a'), undefined);
  assert.equal(quota.refusal('a', { inFlight: 1 })?.value, 1);
  quota.enter('a');
  for (const own of [{ inFlight: 0 }, { inFlight: 5 }, { requestsPerSecond: 9 }]) assert.equal(quota.refusal('a', own)?.value, 2);
  const free = new Quota();
  free.enter('a', { inFlight: 1 });
  assert.equal(free.refusal('a'), undefined);
  assert.equal(free.refusal('a', { inFlight: 1 })?.value, 1);
  assert.equal(free.isSet, false);
  assert.equal(quota.isSet, true);
});

test('many names at rest are forgotten, those at work are not', () => {
  atTime((move) => {
    const quota = new Quota({ requestsPerSecond: 5 });
    quota.enter('busy');
    for (let i = 0; i < 20_000; i += 1) {
      quota.enter(`k${i}`);
      quota.leave(`k${i}`);
      move(1);
    }
    assert.ok(quota.size <= 10_001, `${quota.size} names`);
    quota.leave('busy');
    assert.equal(quota.refusal('busy'), undefined);
  });
});
