import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { readAll } from './streams.ts';

test('reads everything up to the limit', async () => {
  assert.deepEqual(await readAll(Readable.from([Buffer.from('ab'), Buffer.from('cd')]), 4), Buffer.from('abcd'));
  assert.deepEqual(await readAll(Readable.from([]), 0), Buffer.alloc(0));
  assert.deepEqual(await readAll(Readable.from([new Uint8Array([7])]), 1), Buffer.from([7]));
});

test('stops reading and throws the given error beyond the limit', async () => {
  let pulled = 0;
  async function* source() {
    for (;;) {
      pulled += 1;
      yield Buffer.alloc(10);
    }
  }
  await assert.rejects(
    readAll(source(), 25, () => new TypeError('too much')),
    { name: 'TypeError', message: 'too much' },
  );
  assert.equal(pulled, 3);
  await assert.rejects(readAll(source(), 25), RangeError);
});
