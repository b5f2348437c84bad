import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena } from './arena.ts';

test('texts of any letters keep their bytes, also those that do not fit a piece', () => {
  const arena = new Arena(1024);
  const texts = Array.from({ length: 200 }, (_, i) => `${i} äß漢𝄞 `.repeat(i % 40));
  const kept = texts.map((text) => arena.keep(text));
  for (const [i, { piece, start, end }] of kept.entries()) assert.equal(piece.toString('utf8', start, end), texts[i]);
});

test('texts share memory', () => {
  const arena = new Arena(4096);
  const [one, other] = [arena.keep('one'), arena.keep('other')];
  assert.equal(one.piece, other.piece);
  assert.equal(other.start, one.end);
  assert.notEqual(arena.keep('x'.repeat(4096)).piece, one.piece);
});
