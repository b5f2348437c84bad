import assert from 'node:assert/strict';
import { test } from 'node:test';
import { presignOss, presignRead } from './sign.ts';

test('presignRead makes what presignOss makes', () => {
  const at = {
    endpoint: 'http://127.0.0.1:9000',
    bucket: 'ap-0-ossalias',
    accessKeyId: 'STS.id',
    accessKeySecret: 'secret',
    securityToken: 'a+/=b',
    expiresAt: 1_800_000_000_999,
  };
  for (const key of ['k', 'a b/ü+%?&=.txt', '../x', 'emoji \u{1f600}']) {
    for (const versionId of [undefined, 'v 1']) {
      const general = presignOss({
        scheme: 'OSS1',
        method: 'GET',
        region: 'r',
        now: 1_700_000_000_000,
        key,
        query: versionId === undefined ? {} : { versionId },
        ...at,
      });
      assert.equal(presignRead({ ...at, key, versionId }), general);
    }
  }
});
