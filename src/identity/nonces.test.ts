import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Nonces } from './nonces.ts';

const now = Date.UTC(2026, 10, 22, 5);

test('a nonce is accepted once for each key while its date could be', () => {
  const nonces = new Nonces();
  nonces.accept('ak', 'n', now, now);
  assert.throws(() => nonces.accept('ak', 'n', now, now), { code: 'SignatureNonceUsed' });
  nonces.accept('other', 'n', now, now);
  nonces.accept('ak', 'm', now, now);
  assert.throws(() => nonces.accept('ak', 'n', now, now + 15 * 60_000), { code: 'SignatureNonceUsed' });
  assert.throws(() => nonces.accept('ak', 'n'.repeat(257), now, now), { code: 'InvalidArgument' });
});

test('what can no longer be accepted is forgotten', () => {
  const nonces = new Nonces();
  for (let i = 0; i < 1000; i++) nonces.accept('ak', `${i}`, now, now);
  const later = now + 16 * 60_000;
  nonces.accept('ak', 'x', later, later);
  assert.equal(nonces.size, 1);
});

test('memory is bounded, and what had to be forgotten is refused rather than accepted again', () => {
  const nonces = new Nonces(100);
  for (let i = 0; i < 60; i++) nonces.accept('ak', `old-${i}`, now, now);
  for (let i = 0; i < 60; i++) nonces.accept('ak', `new-${i}`, now + 20_000, now + 20_000);
  assert.equal(nonces.size, 60);
  assert.throws(() => nonces.accept('ak', 'old-1', now, now + 20_000), { code: 'RequestTimeTooSkewed' });
  assert.throws(() => nonces.accept('ak', 'new-1', now + 20_000, now + 20_000), { code: 'SignatureNonceUsed' });
  nonces.accept('ak', 'fresh', now + 20_000, now + 20_000);
});
