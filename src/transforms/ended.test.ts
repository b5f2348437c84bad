import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EndedTokens } from './ended.ts';
import type { ExchangeState } from './exchange.ts';
import { mintToken, tokenDigest } from './token.ts';

const ended: ExchangeState[] = ['abandoned', 'done', 'failed', 'timed-out'];

test('the last tokens are known with their end and their request, older and other ones are not', () => {
  const tokens = new EndedTokens(100);
  const digests = Array.from({ length: 250 }, () => tokenDigest(mintToken()));
  assert.equal(tokens.find(digests[0] as string), undefined);
  assert.equal(tokens.find(''), undefined);
  digests.forEach((digest, at) => {
    tokens.add(digest, ended[at % ended.length] as ExchangeState, `REQUEST${at}`);
    assert.deepEqual(tokens.find(digest), { state: ended[at % ended.length], requestId: `REQUEST${at}` });
  });
  const known = digests.map((digest) => tokens.find(digest)?.requestId).filter((id) => id !== undefined);
  assert.deepEqual([known.length, known[0], known.at(-1)], [100, 'REQUEST150', 'REQUEST249']);
  assert.equal(tokens.find(tokenDigest(mintToken())), undefined);
});

test('of a long request id the beginning is kept, and nothing of the one that stood there before', () => {
  const tokens = new EndedTokens(1);
  const [first, second] = [tokenDigest(mintToken()), tokenDigest(mintToken())];
  tokens.add(first, 'done', 'x'.repeat(40));
  assert.equal(tokens.find(first)?.requestId, 'x'.repeat(32));
  tokens.add(second, 'failed', 'short');
  assert.deepEqual([tokens.find(first), tokens.find(second)], [undefined, { state: 'failed', requestId: 'short' }]);
});
