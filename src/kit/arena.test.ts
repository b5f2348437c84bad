import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena, type Kept } from './arena.ts';

const textOf = ({ piece, start, end }: Kept) => piece.toString('utf8', start, end);

test('texts of any letters keep their bytes, also those that do not fit a piece', () => {
  const arena = new Arena(1024);
  const texts = Array.from({ length: 200 }, (_, i) => `${i} ${'plain '.repeat(i % 9)}äß漢𝄞 `.repeat(i % 40));
  const kept = texts.map((text) => arena.begin().add(text).keep());
  for (const [i, it] of kept.entries()) assert.equal(textOf(it), texts[i]);
  const long = Array.from({ length: 300 }, (_, i) => `${i}: ${'x'.repeat(i)}`);
  const parts = arena.begin();
  for (const part of long) parts.add(part);
  assert.equal(parts.length, Buffer.byteLength(long.join('')));
  assert.equal(textOf(parts.keep()), long.join(''));
  for (const [i, it] of kept.entries()) assert.equal(textOf(it), texts[i]);
});

test('texts share memory, and one that was not kept takes none', () => {
  const arena = new Arena(4096);
  const one = arena.begin().add('one').keep();
  arena.begin().add('given up');
  const other = arena.begin().add('other').keep();
  assert.equal(one.piece, other.piece);
  assert.equal(other.start, one.end);
  assert.notEqual(arena.begin().add('x'.repeat(4096)).keep().piece, one.piece);
});

test('large texts take no more than they need', () => {
  const arena = new Arena(65_536);
  const kept = Array.from({ length: 20 }, (_, i) => arena.begin().add(`{"${i}":"`).add('é'.repeat(60_000)).add('"}').keep());
  for (const [i, it] of kept.entries()) assert.equal(textOf(it), `{"${i}":"${'é'.repeat(60_000)}"}`);
  const bytes = [...new Set(kept.map(({ piece }) => piece))].reduce((sum, piece) => sum + piece.length, 0);
  assert.ok(bytes < 20 * 130_000, `${bytes} bytes`);
});

test('numbers are those of JSON, rounded to two digits', () => {
  const arena = new Arena(64);
  const some = [
    0, 1, 9, 10, 11, 99.994, 99.995, 100, 0.1, 0.01, 0.005, 0.0049, 1.1, 20.2, 12.34, 1_234_567.89, 10_737_418.24, 1.7e12, -1, -0.004,
  ];
  for (const number of [...some, ...Array.from({ length: 5_000 }, (_, i) => i * 0.37 + i / 7)]) {
    const rounded = Math.round(number * 100) / 100;
    assert.equal(textOf(arena.begin().addRounded(number).keep()), String(rounded === 0 ? 0 : rounded), String(number));
  }
});
