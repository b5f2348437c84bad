import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Crc64, combineCrc64 } from './crc64.ts';

/** CRC-64/XZ bit by bit, from its definition. */
function oracle(bytes: Uint8Array): bigint {
  let crc = 0xffffffffffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1n ? (crc >> 1n) ^ 0xc96c5795d7870f42n : crc >> 1n;
  }
  return crc ^ 0xffffffffffffffffn;
}

test('the check value of CRC-64/XZ', () => {
  assert.equal(Crc64.of(Buffer.from('123456789')), 0x995dc9bbdf1939fan);
  assert.equal(Crc64.of(Buffer.alloc(0)), 0n);
  assert.equal(new Crc64().value(), 0n);
});

test('interleaved instances keep their own states, and value() does not end them', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2), fc.uint8Array({ maxLength: 40 }), fc.boolean())), (steps) => {
      const crcs = [new Crc64(), new Crc64(), new Crc64()];
      const fed: Uint8Array[] = crcs.map(() => new Uint8Array());
      for (const [index, chunk, look] of steps) {
        const crc = crcs[index] as Crc64;
        crc.update(chunk);
        fed[index] = Buffer.concat([fed[index] as Uint8Array, chunk]);
        if (look) assert.equal(crc.value(), oracle(fed[index] as Uint8Array));
      }
      crcs.forEach((crc, index) => {
        assert.equal(crc.value(), oracle(fed[index] as Uint8Array));
      });
    }),
  );
});

test('combining equals the checksum of the whole', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (a, b) => {
      assert.equal(combineCrc64(oracle(a), oracle(b), b.length), oracle(Buffer.concat([a, b])));
    }),
  );
});

test('combining holds for lengths beyond 2 GiB', () => {
  // Associativity: (a + b) + c must equal a + (b + c), with b and c longer than any buffer.
  const [a, b, c] = [11n, 0x8899aabbccddeeffn, 77n];
  const [lengthB, lengthC] = [5_000_000_000, 7_000_000_001];
  const left = combineCrc64(combineCrc64(a, b, lengthB), c, lengthC);
  assert.equal(left, combineCrc64(a, combineCrc64(b, c, lengthC), lengthB + lengthC));
});
