import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { type SealingKey, TokenSealer } from './token.ts';

function key(id = randomBytes(4).toString('hex')): SealingKey {
  return { id, key: randomBytes(32) };
}

test('opens what it sealed, byte for byte', () => {
  const sealer = new TokenSealer([key()]);
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => assert.equal(sealer.open(sealer.seal(text)), text)));
});

test('two tokens of one text differ and show nothing of it', () => {
  const sealer = new TokenSealer([key()]);
  const [a, b] = [sealer.seal('secret secret'), sealer.seal('secret secret')];
  assert.notEqual(a, b);
  assert.ok(!Buffer.from(a, 'base64').includes('secret'));
});

test('opens no token with any bit changed, shortened, lengthened or spelt otherwise', () => {
  const sealer = new TokenSealer([key()]);
  const token = sealer.seal('text');
  const bytes = Buffer.from(token, 'base64');
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(sealer.open(changed.toString('base64')), undefined, `bit ${bit}`);
  }
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(sealer.open(bytes.subarray(0, length).toString('base64')), undefined, `${length} bytes`);
  }
  for (const other of [
    '',
    '====',
    `${token}AAAA`,
    `${token} `,
    ` ${token}`,
    `${token}\n`,
    token.replaceAll('=', ''),
    bytes.toString('base64url'),
    'A'.repeat(9_000),
  ]) {
    if (other !== token) assert.equal(sealer.open(other), undefined, other.slice(0, 40));
  }
});

test('spare bits of the last base64 digit change nothing, and so are refused', () => {
  const sealer = new TokenSealer([key()]);
  const token = sealer.seal('12');
  assert.match(token, /[A-Za-z0-9+/]=$/, 'the length leaves spare bits');
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const at = token.indexOf('=') - 1;
  const other = token.slice(0, at) + digits[digits.indexOf(token[at] as string) ^ 1] + token.slice(at + 1);
  assert.deepEqual(Buffer.from(other, 'base64'), Buffer.from(token, 'base64'));
  assert.equal(sealer.open(other), undefined);
});

test('a rotated key still opens; another key, and another key under the same id, do not', () => {
  const old = key();
  const token = new TokenSealer([old]).seal('text');
  const rotated = new TokenSealer([key(), old]);
  assert.equal(rotated.open(token), 'text');
  assert.notEqual(rotated.seal('text').slice(0, 6), token.slice(0, 6), 'the first key seals');
  assert.equal(new TokenSealer([key()]).open(token), undefined);
  assert.equal(new TokenSealer([key(old.id)]).open(token), undefined);
});
