import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../faults/index.ts';
import type { Invocation } from './invocation.ts';
import { WaitingLine } from './queue.ts';

const refusals = { full: () => new Fault('ResourceThrottled', 'full'), late: () => new Fault('ResourceExhausted', 'late') };

/** A line, and the calls that were sent away from it. */
function lineOf(limit: number) {
  const line = new WaitingLine(limit, refusals, () => {});
  const refused: string[] = [];
  const wait = (name: string, more: Partial<Invocation> = {}) => {
    const call = { requestId: name, event: Buffer.alloc(1), share: name.slice(0, 1), ...more } as Invocation;
    void line.wait(call, 60_000).catch(() => refused.push(name));
  };
  const take = (count: number) => Array.from({ length: count }, () => line.next()?.call.requestId);
  return { line, refused, wait, take };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('calls of one share go in the order of their arrival', () => {
  const { wait, take, line } = lineOf(10);
  for (const name of ['a1', 'a2', 'a3']) wait(name);
  assert.equal(line.first?.requestId, 'a1');
  assert.deepEqual(take(4), ['a1', 'a2', 'a3', undefined]);
  assert.equal(line.length, 0);
});

test('shares go in turn: many calls of one keep the few of another waiting for one call alone', () => {
  const { wait, take } = lineOf(100);
  for (let i = 1; i <= 5; i += 1) wait(`a${i}`);
  wait('b1');
  wait('c1');
  wait('b2');
  assert.deepEqual(take(8), ['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4', 'a5']);
});

test('in a full line a share with fewer calls takes the place of the newest of the largest', async () => {
  const { line, wait, take, refused } = lineOf(4);
  for (let i = 1; i <= 4; i += 1) wait(`a${i}`);
  assert.throws(() => void line.wait({ requestId: 'a5', event: Buffer.alloc(1), share: 'a' } as Invocation, 1_000), /full/);
  wait('b1');
  wait('b2');
  await turn();
  assert.deepEqual(refused, ['a4', 'a3']);
  // Both have two now: nobody gives way any more.
  assert.throws(() => void line.wait({ requestId: 'b3', event: Buffer.alloc(1), share: 'b' } as Invocation, 1_000), /full/);
  wait('c1');
  assert.equal(line.length, 4);
  assert.deepEqual(take(4).length, 4);
});

test('a call that gives up leaves its share, and the others keep their turns', async () => {
  const { line, wait, take, refused } = lineOf(10);
  const leaving = new AbortController();
  wait('a1', { signal: leaving.signal });
  wait('a2');
  wait('b1');
  leaving.abort(new Error('left'));
  await turn();
  assert.deepEqual(refused, ['a1']);
  assert.equal(line.length, 2);
  assert.deepEqual(take(2), ['a2', 'b1']);
  assert.equal(line.oldest, undefined);
});

test('the longest wait is told across shares', () => {
  const { line, wait } = lineOf(10);
  wait('a1');
  const first = line.oldest;
  wait('b1');
  line.next();
  assert.ok(first !== undefined && line.oldest !== undefined && line.oldest >= first);
});
