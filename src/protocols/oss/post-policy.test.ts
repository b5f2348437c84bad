import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type Answer, codeOf, fetchUrl, type Harness, openHarness, rootKey } from './fixture.ts';
import { encodePolicy, type FormFile, formOf, signatureFields } from './form.fixture.ts';

let oss: Harness;
before(async () => {
  oss = await openHarness();
  await oss.send('PUT', 'photos', '');
});
after(() => oss.close());

const url = () => `http://127.0.0.1:${oss.port}/photos`;

function post(fields: Record<string, string>, file: FormFile | undefined = {}): Promise<Answer> {
  return fetchUrl(url(), { method: 'POST', ...formOf(fields, file) });
}

/** Sends a form signed by the account, with these conditions. */
function signed(fields: Record<string, string>, conditions: unknown = [], file: FormFile = {}) {
  return post({ ...signatureFields(encodePolicy(conditions), rootKey), ...fields }, file);
}

function refused(answer: Answer, status: number, code: string, message = /./): void {
  assert.deepEqual([answer.status, codeOf(answer)], [status, code], answer.text);
  assert.match(answer.text, message);
}

const missing = async (key: string) => assert.equal((await oss.send('HEAD', 'photos', key)).status, 404, `${key} is not there`);

describe('a policy', () => {
  const key = 'p/a.txt';
  const type = 'image/png';
  for (const [name, condition] of [
    ['a map', { key }],
    ['eq', ['eq', '$key', key]],
    ['eq, of the bucket', ['eq', '$bucket', 'photos']],
    ['starts-with', ['starts-with', '$key', 'p/']],
    ['starts-with of nothing', ['starts-with', '$absent', '']],
    ['in', ['in', '$content-type', ['image/jpeg', type]]],
    ['not-in', ['not-in', '$cache-control', ['no-cache']]],
    ['not-in, without a dollar sign', ['not-in', 'key', ['other']]],
    ['content-length-range', ['content-length-range', 8, 8]],
    ['two ranges', ['content-length-range', 0, 8]],
  ] as const) {
    test(`holds: ${name}`, async () => {
      const answer = await signed({ key }, [['content-length-range', 1, 10], condition], { body: '12345678', type });
      assert.equal(answer.status, 204, answer.text);
    });
  }

  for (const [name, condition] of [
    ['a map', { key: 'p/b.txt' }],
    ['eq in another case', ['eq', '$key', key.toUpperCase()]],
    ['eq of a field that is not there', ['eq', '$x-oss-object-acl', 'private']],
    ['eq of the bucket', { bucket: 'other' }],
    ['starts-with', ['starts-with', '$key', 'q/']],
    ['in', ['in', '$content-type', ['image/jpeg']]],
    ['in a field that is not there', ['in', '$cache-control', ['no-cache']]],
    ['not-in', ['not-in', '$key', [key]]],
  ] as const) {
    test(`does not hold: ${name}`, async () => {
      const answer = await signed({ key }, [['content-length-range', 1, 10], condition], { body: '12345678', type });
      refused(answer, 403, 'AccessDenied', /Invalid according to Policy: Policy Condition failed: [[{]/);
    });
  }

  test('sees values as they will be stored', async () => {
    const conditions = [
      ['not-in', '$x-oss-object-acl', ['public-read']],
      ['not-in', '$content-type', ['text/html']],
    ];
    refused(await signed({ key, 'x-oss-object-acl': ' public-read ' }, conditions), 403, 'AccessDenied', /Condition failed/);
    refused(await signed({ key, 'x-oss-content-type': '\ttext/html' }, conditions), 403, 'AccessDenied', /Condition failed/);
    refused(await signed({ key }, conditions, { type: ' text/html ' }), 403, 'AccessDenied', /Condition failed/);
  });

  test('limits the size, and stores nothing beyond it', async () => {
    const sized = (bytes: number) => signed({ key: 'sized' }, [['content-length-range', 10, 100_000]], { body: Buffer.alloc(bytes) });
    refused(await sized(9), 400, 'EntityTooSmall', /minimum allowed size of 10 bytes/);
    refused(await sized(100_001), 400, 'EntityTooLarge', /maximum allowed size of 100000 bytes/);
    await missing('sized');
    assert.equal((await sized(100_000)).status, 204);
  });

  test('ends', async () => {
    const past = encodePolicy([], new Date(Date.now() - 1000).toISOString());
    for (const scheme of ['OSS1', 'OSS4'] as const) {
      refused(await post({ ...signatureFields(past, rootKey, scheme), key }), 403, 'AccessDenied', /Policy expired/);
    }
    const later = encodePolicy([], new Date(Date.now() + 3_600_000).toISOString());
    const early = signatureFields(later, rootKey, 'OSS4', Date.now() + 1_800_000);
    refused(await post({ ...early, key }), 403, 'RequestTimeTooSkewed');
    refused(await post({ ...signatureFields(later, rootKey, 'OSS4', Date.now() - 8 * 86_400_000), key }), 403, 'AccessDenied', /7 days/);
    assert.equal((await post({ ...signatureFields(later, rootKey, 'OSS4', Date.now() - 3_600_000), key })).status, 204);
  });

  for (const [name, conditions, expiration] of [
    ['an expiration that is no time', [], 'tomorrow'],
    ['no expiration', [], null],
    ['no conditions', undefined, undefined],
    ['an empty map', [{}], undefined],
    ['a map of two', [{ a: '1', b: '2' }], undefined],
    ['a map with a number', [{ a: 1 }], undefined],
    ['a number', [123], undefined],
    ['an unknown operator', [['like', '$key', 'a']], undefined],
    ['not-in with a string', [['not-in', 'cache-control', 'no-cache']], undefined],
    ['eq with a list', [['eq', '$key', ['a']]], undefined],
    ['a range with text', [['content-length-range', 'test', 10]], undefined],
    ['a range the wrong way round', [['content-length-range', 10, 1]], undefined],
    ['a list of two', [['eq', '$key']], undefined],
  ] as const) {
    test(`is refused with ${name}`, async () => {
      const policy = encodePolicy(conditions, expiration === undefined ? undefined : expiration);
      refused(await post({ ...signatureFields(policy, rootKey), key }), 400, 'InvalidPolicyDocument');
    });
  }

  test('is refused when it is not JSON', async () => {
    for (const text of ['{', '[]', '"a"', 'null', '\xff']) {
      const policy = Buffer.from(text, 'latin1').toString('base64');
      refused(await post({ ...signatureFields(policy, rootKey), key }), 400, 'InvalidPolicyDocument');
    }
  });
});

describe('a form is refused', () => {
  test('with a signature, key or policy that is not right', async () => {
    for (const scheme of ['OSS1', 'OSS4'] as const) {
      const fields = signatureFields(encodePolicy([]), rootKey, scheme);
      refused(await post({ ...fields, policy: encodePolicy([{ key: 'x' }]), key: 'x' }), 403, 'SignatureDoesNotMatch');
      refused(
        await post({ ...signatureFields(encodePolicy([]), { id: rootKey.id, secret: 'wrong' }, scheme), key: 'x' }),
        403,
        'SignatureDoesNotMatch',
      );
      refused(
        await post({ ...signatureFields(encodePolicy([]), { id: 'nobody', secret: 'x' }, scheme), key: 'x' }),
        403,
        'InvalidAccessKeyId',
      );
      const { policy: _, ...without } = fields;
      refused(await post({ ...without, key: 'x' }), 400, 'InvalidArgument', /policy/);
      refused(await post({ policy: fields.policy ?? '', key: 'x' }), 400, 'InvalidArgument');
    }
    const both = { ...signatureFields(encodePolicy([]), rootKey), ...signatureFields(encodePolicy([]), rootKey, 'OSS4') };
    refused(await post({ ...both, key: 'x' }), 400, 'InvalidArgument', /Keep one/);
  });

  test('when characters beyond bytes would make another policy of a signed one', async () => {
    const fields = signatureFields(encodePolicy([['starts-with', '$key', 'a/']]), rootKey);
    const moved = [...(fields.policy ?? '')].map((c, i) => (i === 3 ? String.fromCharCode(c.charCodeAt(0) + 256) : c)).join('');
    refused(await post({ ...fields, policy: moved, key: 'b/x' }), 400, 'InvalidArgument', /base64/);
    refused(await post({ ...fields, policy: `${fields.policy}!`, key: 'b/x' }), 400, 'InvalidArgument', /base64/);
  });

  test('without a key, with fields that are there twice, or that no header may hold', async () => {
    refused(await signed({}), 400, 'InvalidArgument', /named key/);
    refused(await signed({ key: 'a', KEY: 'b' }), 400, 'InvalidArgument', /more than once/);
    refused(await signed({ key: 'a', 'x-oss-meta-a': 'b\r\nSet-Cookie: x' }), 400, 'InvalidArgument', /control characters/);
    refused(await signed({ key: 'a', 'x-oss-meta-a b': 'c' }), 400, 'InvalidArgument', /name of the field/);
    refused(await signed({ key: '/a' }), 400, 'InvalidObjectName');
    refused(await signed({ key: 'a', 'content-md5': Buffer.alloc(16).toString('base64') }), 400, 'InvalidDigest');
  });

  test('when it is none', async () => {
    const fields = { ...signatureFields(encodePolicy([]), rootKey), key: 'none' };
    const form = formOf(fields, {});
    refused(
      await fetchUrl(url(), { method: 'POST', body: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
      400,
      'MalformedPOSTRequest',
    );
    refused(await fetchUrl(url(), { method: 'POST', body: '' }), 400, 'MalformedPOSTRequest');
    refused(await fetchUrl(url(), { method: 'POST', ...formOf(fields) }), 400, 'MalformedPOSTRequest', /no field named file/);
    refused(await fetchUrl(url(), { method: 'POST', headers: form.headers, body: form.body.subarray(0, -5) }), 400, 'MalformedPOSTRequest');
    refused(await signed({ key: 'none', filler: 'x'.repeat(300_000) }), 400, 'FieldItemTooLong');
    refused(await signed({ key: 'none', ['x'.repeat(10_000)]: '1' }), 400, 'FieldItemTooLong');
    await missing('none');
  });

  test('when its client leaves, and nothing is stored', async () => {
    const { headers, body } = formOf({ ...signatureFields(encodePolicy([]), rootKey), key: 'left' }, { body: Buffer.alloc(200_000) });
    const socket = connect(oss.port, '127.0.0.1');
    socket.write(
      `POST /photos HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${headers['content-type']}\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    socket.write(body.subarray(0, 150_000), () => socket.destroy());
    await once(socket, 'close');
    await missing('left');
  });
});
