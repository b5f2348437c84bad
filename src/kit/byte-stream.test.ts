import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { ByteStream } from './byte-stream.ts';

/** A stream and what its reader was told. */
function open() {
  const stream = new ByteStream();
  const told: string[] = [];
  stream
    .on('data', (chunk) => told.push(chunk.toString()))
    .on('end', () => told.push('end'))
    .on('error', ({ message }) => told.push(`error: ${message}`))
    .on('close', () => told.push('close'));
  const push = (text: string) => stream.push(Buffer.from(text));
  return { stream, told, push };
}

describe('a stream of bytes', () => {
  test('holds what comes before anyone reads, and tells the rest as it comes', () => {
    const { stream, told, push } = open();
    push('a');
    push('');
    push('bc');
    stream.end();
    assert.deepEqual([told, stream.readableLength, stream.isPaused()], [[], 3, false]);
    stream.resume();
    assert.deepEqual([told, stream.readableLength, stream.readableEnded], [['a', 'bc', 'end'], 0, true]);
    const other = open();
    other.stream.resume();
    other.push('a');
    other.stream.end();
    other.stream.end();
    assert.deepEqual(other.told, ['a', 'end']);
  });

  test('holds while it is paused, also from within its reader, and keeps the order', () => {
    const { stream, told, push } = open();
    stream.on('data', (chunk) => {
      if (chunk.toString() === 'pause') stream.pause();
    });
    push('pause');
    push('a');
    stream.resume();
    push('b');
    assert.deepEqual([told, stream.readableLength, stream.isPaused()], [['pause'], 2, true]);
    stream.resume();
    push('c');
    assert.deepEqual(told, ['pause', 'a', 'b', 'c']);
  });

  test('ends for a reader that is paused at the last bytes', () => {
    const { stream, told, push } = open();
    stream.on('data', () => stream.pause()).resume();
    push('a');
    stream.end();
    assert.deepEqual(told, ['a', 'end']);
  });

  test('destroyed, it tells why once, and drops what it held and what still comes', () => {
    const { stream, told, push } = open();
    push('a');
    stream.destroy(new Error('broken'));
    stream.destroy(new Error('again'));
    push('b');
    stream.resume();
    stream.end();
    assert.deepEqual([told, stream.readableLength, stream.errored?.message], [['error: broken', 'close'], 0, 'broken']);
    new ByteStream().destroy(new Error('nobody listens'));
  });

  test('is iterated: whole, broken, and left early', async () => {
    const whole = new ByteStream();
    const read = buffer(whole);
    for (let i = 0; i < 100; i++) whole.push(Buffer.alloc(1000, i));
    whole.end();
    assert.equal((await read).length, 100_000);

    const broken = new ByteStream();
    const failing = buffer(broken);
    broken.push(Buffer.from('half'));
    broken.destroy(new Error('broken'));
    await assert.rejects(failing, /broken/);

    const before = new ByteStream();
    before.destroy(new Error('broken before'));
    await assert.rejects(buffer(before), /broken before/);
    const gone = new ByteStream();
    gone.push(Buffer.from('half'));
    gone.destroy();
    await assert.rejects(buffer(gone), { code: 'ERR_STREAM_PREMATURE_CLOSE' });

    const left = new ByteStream();
    left.push(Buffer.from('a'));
    for await (const chunk of left) {
      assert.equal(chunk.toString(), 'a');
      break;
    }
    assert.equal(left.destroyed, true);
  });

  test('an iteration that is slow holds it back', async () => {
    const stream = new ByteStream();
    const reader = stream[Symbol.asyncIterator]();
    const first = reader.next();
    for (let i = 0; i < 100; i++) stream.push(Buffer.alloc(10_000));
    assert.ok(stream.isPaused() && stream.readableLength > 500_000, `${stream.readableLength} bytes held`);
    let size = (await first).value.length;
    stream.end();
    for (let next = await reader.next(); !next.done; next = await reader.next()) size += next.value.length;
    assert.equal(size, 1_000_000);
  });
});
