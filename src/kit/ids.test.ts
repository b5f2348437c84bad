import assert from 'node:assert/strict';
import { test } from 'node:test';
import { equalSecret, randomHex, randomToken, requestId } from './ids.ts';

test('request ids are 24 upper-case hex digits and never repeat', () => {
  const seen = new Set<string>();
  for (let i = 0; i < 2000; i += 1) {
    const id = requestId();
    assert.match(id, /^[0-9A-F]{24}$/);
    seen.add(id);
  }
  assert.equal(seen.size, 2000);
});

test('tokens and hex have the asked-for length', () => {
  assert.match(randomToken(), /^[A-Za-z0-9_-]{32}$/);
  assert.match(randomToken(3), /^[A-Za-z0-9_-]{4}$/);
  assert.match(randomHex(5), /^[0-9a-f]{10}$/);
  assert.notEqual(randomToken(), randomToken());
});

test('secrets compare by value, whatever their lengths', () => {
  assert.equal(equalSecret('abc', 'abc'), true);
  assert.equal(equalSecret('', ''), true);
  assert.equal(equalSecret('abc', 'abd'), false);
  assert.equal(equalSecret('abc', 'abcd'), false);
  assert.equal(equalSecret('', 'x'), false);
});
