import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { HmacKey, hmac, percentEncode, percentEncodeBase64 } from './bytes.ts';

test('HMACs are those of node, for keys of every length, in any order, and letters of more than a byte', () => {
  const keys = [...Array.from({ length: 140 }, (_, length) => 'k'.repeat(length)), 'é'.repeat(40), 'é', '€'.repeat(22), '', 'short'];
  for (const algorithm of ['sha1', 'sha256'] as const) {
    const known = new HmacKey(algorithm, 'its own key');
    for (const key of keys) {
      for (const text of ['', 'GET\n\n\n1\n/b/k', '\u00e9'.repeat(9_000)]) {
        const right = (secret: string) => createHmac(algorithm, secret).update(text, 'latin1').digest('base64');
        assert.equal(hmac(algorithm, key, text, 'base64'), right(key), `${algorithm} ${key}`);
        assert.equal(new HmacKey(algorithm, Buffer.from(key)).sign(text, 'base64'), right(key));
        assert.equal(known.sign(text, 'base64'), right('its own key'));
      }
    }
  }
});

test('base64 is percent-encoded as any other text is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = Buffer.from(bytes).toString('base64');
      assert.equal(percentEncodeBase64(text), percentEncode(text));
    }),
  );
  assert.equal(percentEncodeBase64('+/a=='), '%2B%2Fa%3D%3D');
});
