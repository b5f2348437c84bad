import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deleteFunction } from '../acceptance/harness/deploy.ts';
import { startSluice } from '../acceptance/harness/sluice.ts';
import { python } from '../acceptance/harness/toolchain.ts';
import { fuzz, prepareFuzz } from './fuzz.ts';

const count = 5_000;

test(`${count} mutated requests at every door: no crash, no hang, no 5xx without a cause, nothing left open`, {
  skip: python.skip,
  timeout: 240_000,
}, async (t) => {
  const sluice = await startSluice({
    env: { SLUICE_LOG_LEVEL: 'warn', SLUICE_HTTP_IDLE_MS: '3000', SLUICE_HTTP_HEADERS_TIMEOUT_MS: '3000' },
  });
  const seed = Number(process.env.SLUICE_FUZZ_SEED ?? Date.now() % 1e9);
  t.diagnostic(`seed ${seed} (SLUICE_FUZZ_SEED repeats it)`);
  try {
    const alias = await prepareFuzz(sluice);
    const result = await fuzz(sluice, alias, count, seed);
    t.diagnostic(JSON.stringify(result));
    assert.equal(result.sent >= count, true);
    assert.ok(result.answered > count / 2, 'too few answers: the fuzzer does not reach the server');
    assert.ok((result.statuses['200'] ?? 0) > 50, 'no request got through: the fuzzer sees only the signature check');
    await deleteFunction(sluice, 'fuzz');
    await sluice.emptied();
  } finally {
    await sluice.stop();
  }
});
