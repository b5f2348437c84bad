import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Lru } from './lru.ts';

test('the least recently used go first', () => {
  const lru = new Lru<number>({ maxWeight: 2 });
  lru.set('a', 1);
  lru.set('b', 2);
  assert.equal(lru.get('a'), 1);
  lru.set('c', 3);
  assert.equal(lru.get('b'), undefined);
  assert.equal(lru.get('a'), 1);
  assert.equal(lru.get('c'), 3);
});

test('a full cache makes room for many at once, the oldest first', () => {
  const lru = new Lru<number>({ maxWeight: 128 });
  for (let n = 0; n < 129; n += 1) lru.set(String(n), n);
  const held = Array.from({ length: 129 }, (_, n) => lru.get(String(n))).filter((n) => n !== undefined);
  assert.deepEqual([held.length, held[0]], [126, 3]);
  lru.set('another', 1);
  assert.equal(lru.get('3'), 3);
});

test('a value heavier than the cache is not kept and drops the one it replaces', () => {
  const lru = new Lru<string>({ maxWeight: 5, weigh: (value) => value.length });
  lru.set('a', 'four');
  lru.set('b', 'x');
  lru.set('a', 'longer');
  assert.equal(lru.get('a'), undefined);
  assert.equal(lru.get('b'), 'x');
  lru.delete('absent');
  lru.clear();
  assert.equal(lru.get('b'), undefined);
  lru.set('c', '12345');
  assert.equal(lru.get('c'), '12345');
});

test('the weight held never passes the limit', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.nat(100))), (steps) => {
      const lru = new Lru<number>({ maxWeight: 100, weigh: (value) => value });
      for (const [key, value] of steps) {
        lru.set(key, value);
        assert.equal(lru.get(key), value);
        const held = ['a', 'b', 'c', 'd', 'e'].map((each) => lru.get(each) ?? 0);
        assert.ok(held.reduce((sum, each) => sum + each, 0) <= 100);
      }
    }),
  );
});
