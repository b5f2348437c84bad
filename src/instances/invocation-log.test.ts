import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvocationLog } from './invocation-log.ts';

test('lines are kept by request, in order; those of nobody are not', () => {
  const log = new InvocationLog();
  log.add('a', 'one');
  log.add('b', 'other');
  log.add('', 'nobody');
  log.add('a', 'two');
  assert.deepEqual(log.get('a'), { lines: ['one', 'two'], dropped: 0 });
  assert.equal(log.get(''), undefined);
  assert.equal(log.get('c'), undefined);
});

test('the oldest requests give way, by number and by size', () => {
  const log = new InvocationLog();
  for (let at = 0; at < 1_500; at++) log.add(`r${at}`, 'x');
  assert.equal(log.get('r499'), undefined);
  assert.equal(log.get('r500')?.lines.length, 1);
  const large = 'x'.repeat(500_000);
  for (let at = 0; at < 100; at++) log.add(`large${at}`, large);
  const kept = Array.from({ length: 100 }, (_, at) => log.get(`large${at}`)).filter(Boolean);
  assert.ok(kept.length > 20 && kept.length <= 33, `${kept.length} of a megabyte each`);
  assert.equal(log.get('r1499'), undefined);
});

test('one request cannot fill it: what it prints beyond its share is counted', () => {
  const log = new InvocationLog();
  log.add('quiet', 'here');
  for (let at = 0; at < 100_000; at++) log.add('loud', 'x'.repeat(100));
  const loud = log.get('loud');
  assert.equal((loud?.lines.length ?? 0) + (loud?.dropped ?? 0), 100_000);
  assert.ok((loud?.lines.length ?? 0) < 10_000);
  assert.deepEqual(log.get('quiet')?.lines, ['here']);
});
