import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameError, FrameReader, frameOf } from './frames.ts';

function encodeFrame(type: number, payload: Uint8Array): Buffer {
  const { start, frame } = frameOf(type, payload.length);
  frame.set(payload, start);
  return frame;
}

test('the wire format', () => {
  assert.deepEqual(encodeFrame(3, Buffer.from('ab')), Buffer.from([0, 0, 0, 3, 3, 97, 98]));
  assert.deepEqual(encodeFrame(255, Buffer.alloc(0)), Buffer.from([0, 0, 0, 1, 255]));
});

test('frames survive any chunking', () => {
  const frame = fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 50 }));
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (frames, cuts) => {
      const wire = Buffer.concat(frames.map(([type, payload]) => encodeFrame(type, payload)));
      const reader = new FrameReader(50);
      const seen: { type: number; payload: Buffer }[] = [];
      let at = 0;
      for (let i = 0; at < wire.length; i += 1) {
        const end = at + (cuts[i % cuts.length] as number);
        seen.push(...reader.push(wire.subarray(at, end)));
        at = end;
      }
      assert.deepEqual(
        seen.map(({ type, payload }) => [type, [...payload]]),
        frames.map(([type, payload]) => [type, [...payload]]),
      );
    }),
  );
});

test('a frame above the limit is refused from its length alone, and so is one without a type', () => {
  assert.deepEqual(new FrameReader(2).push(encodeFrame(1, Buffer.from('ab'))).length, 1);
  assert.throws(() => new FrameReader(1).push(Buffer.from([0, 0, 0, 3])), FrameError);
  assert.throws(() => new FrameReader(1).push(Buffer.from([0, 0, 0, 0])), FrameError);
});
