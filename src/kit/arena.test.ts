import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena } from './arena.ts';

test('texts of any letters keep their bytes, also those that do not fit a piece', () => {
  const arena = new Arena(1024);
  const texts = Array.from({ length: 200 }, (_, i) => `${i} äß漢𝄞 `.repeat(i % 40));
  const kept = texts.map((text) => arena.bytesOf(text));
  for (const [i, bytes] of kept.entries()) assert.equal(bytes.toString(), texts[i]);
});

test('texts share memory', () => {
  const arena = new Arena(4096);
  const [one, other] = [arena.bytesOf('one'), arena.bytesOf('other')];
  assert.equal(one.buffer, other.buffer);
  assert.equal(arena.bytesOf('x'.repeat(4096)).buffer.byteLength >= 4096, true);
});
