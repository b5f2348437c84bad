import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type OssPresigning,
  parseQuery,
  presignOss,
  type ResourceCandidate,
  readOssClaim,
  type SignedRequest,
  signOssHeader,
  verifyOss,
} from './index.ts';
import { documented, newer, objectFc } from './subresources.ts';

const key = { accessKeyId: 'ak', accessKeySecret: 'sk' };
const now = Date.UTC(2026, 10, 22, 5, 0, 0);
const object: ResourceCandidate = { bucket: 'bucket', key: 'dir/file.txt' };

type Options = Parameters<typeof verifyOss>[4];

function check(request: SignedRequest, options: Options = { selectors: [] }, candidates = [object]): number {
  const claim = readOssClaim(request);
  assert.ok(claim);
  return verifyOss(claim, request, 'sk', candidates, options);
}

const mismatch = { code: 'SignatureDoesNotMatch', status: 403 };

function get(rawQuery: string, headers: Record<string, string> = {}, method = 'GET'): SignedRequest {
  return { method, path: '/bucket/dir/file.txt', query: parseQuery(rawQuery), headers };
}

function presigned(more: Partial<OssPresigning> = {}): string {
  const url = presignOss({
    scheme: 'OSS1',
    method: 'GET',
    endpoint: 'http://127.0.0.1:9000',
    ...object,
    ...key,
    now,
    expiresIn: 60,
    region: 'cn-qingdao',
    ...more,
  });
  return url.slice(url.indexOf('?') + 1);
}

/** A V1 Authorization header over exactly the given string. */
function by(string: string): string {
  return `OSS ak:${createHmac('sha1', 'sk').update(string, 'utf8').digest('base64')}`;
}

const date = 'Sun, 22 Nov 2026 05:00:00 GMT';

for (const scheme of ['OSS1', 'OSS4'] as const) {
  test(`${scheme}: no subresource can be appended to a signed URL`, () => {
    const plain = presigned({ scheme });
    const token = presigned({ scheme, securityToken: 'token', query: { versionId: 'v1' } });
    assert.equal(check(get(plain)), 0);
    assert.equal(check(get(token), { selectors: ['versionId'] }), 0);
    const names = fc.constantFrom(...documented, ...objectFc);
    const ending = fc.oneof(
      fc.constant(''),
      fc.constant('='),
      fc.string().map((text) => `=${encodeURIComponent(text)}`),
    );
    fc.assert(
      fc.property(names, ending, fc.constantFrom(plain, token), fc.boolean(), (name, end, url, first) => {
        const query = first ? `${name}${end}&${url}` : `${url}&${name}${end}`;
        assert.throws(
          () => check(get(query), { selectors: [name], allowUnsignedSelector: true }),
          (error: { code: string }) =>
            error.code === 'SignatureDoesNotMatch' || (error.code === 'InvalidArgument' && name === 'security-token'),
        );
      }),
      { numRuns: 600 },
    );
  });

  test(`${scheme}: every documented name, one by one, named as selector`, () => {
    const url = presigned({ scheme });
    for (const name of [...documented, ...objectFc])
      assert.throws(() => check(get(`${url}&${name}`), { selectors: [name] }), mismatch, name);
  });

  test(`${scheme}: overrides, processing and arguments cannot be appended, selectors or not`, () => {
    const url = presigned({ scheme });
    const overrides = [...documented].filter((name) => name.startsWith('response-'));
    assert.equal(overrides.length, 6);
    for (const name of [...overrides, 'x-oss-process', 'versionId', 'x-oss-access-point-name']) {
      assert.throws(() => check(get(`${url}&${name}=x`)), mismatch, name);
    }
  });

  test(`${scheme}: a signed URL is bound to its method, object, headers and every signed parameter`, () => {
    const url = presigned({ scheme, query: { versionId: 'v1', 'response-content-type': 'text/plain' } });
    assert.equal(check(get(url)), 0);
    assert.throws(() => check(get(url, {}, 'DELETE')), mismatch);
    assert.throws(() => check(get(url), { selectors: [] }, [{ bucket: 'bucket', key: 'dir/other.txt' }]), mismatch);
    assert.throws(() => check(get(url.replace('versionId=v1', 'versionId=v2'))), mismatch);
    assert.throws(() => check(get(url.replace('versionId=v1&', ''))), mismatch);
    assert.throws(() => check(get(url.replace('=v1', '=v1&versionId=v1'))), mismatch);
    assert.throws(() => check(get(url, { 'x-oss-object-acl': 'public-read' })), mismatch);
    assert.throws(() => check(get(url, { 'content-type': 'text/html' })), mismatch);
    assert.equal(check(get(url, { range: 'bytes=0-1', 'if-match': 'x', 'user-agent': 'curl' })), 0);
  });
}

test('V1 leaves unlisted parameters free, V4 none', () => {
  assert.equal(check(get(`${presigned()}&w=100&prefix=a`)), 0);
  assert.equal(check(get(`${presigned()}&x-oss-mine=1`)), 0);
  assert.throws(() => check(get(`${presigned()}&x-oss-mine=1`), { selectors: ['x-oss-mine'] }), mismatch);
  assert.throws(() => check(get(`${presigned()}&w=100`), { selectors: ['w'] }), mismatch);
  assert.throws(() => check(get(`${presigned({ scheme: 'OSS4' })}&w=100`)), mismatch);
  assert.equal(check(get(presigned({ scheme: 'OSS4', query: { w: '100' } }))), 0);
});

test('V1 header: what each generation of SDKs signs', () => {
  const head = `GET\n\n\n${date}\n`;
  const query = 'accessPointForObjectProcess&x-oss-mine=1&w=2';
  const sign = (suffix: string) => ({ date, authorization: by(`${head}/bucket/dir/file.txt${suffix}`) });
  // Second generation: everything.
  const all = sign('?accessPointForObjectProcess&x-oss-mine=1');
  assert.equal(check(get(query, all), { selectors: ['accessPointForObjectProcess'] }), 0);
  // First generation: the documented list and the selector.
  assert.equal(check(get(query, sign('?accessPointForObjectProcess')), { selectors: ['accessPointForObjectProcess'] }), 0);
  assert.throws(() => check(get(query, sign('')), { selectors: ['accessPointForObjectProcess'] }), mismatch);
  // Older than the name: an argument may stay out of a header signature, a selector may not, and in a URL neither.
  for (const name of newer) {
    const selected = { selectors: [name] };
    const options = { selectors: [] };
    assert.equal(check(get(`acl&${name}=a`, sign('?acl')), options), 0, name);
    const sorted = ['acl', `${name}=a`].sort().join('&');
    assert.equal(check(get(`acl&${name}=a`, sign(`?${sorted}`)), selected), 0, name);
    assert.throws(() => check(get(`acl&${name}=a`, sign('?acl')), selected), mismatch, name);
    assert.throws(() => check(get(`${presigned()}&${name}=a`), options), mismatch, name);
  }
  // Old names are always signed.
  assert.throws(() => check(get('acl&tagging', sign('?acl'))), mismatch);
});

test('only x-oss-write-get-object-response may be excepted, and only in a header', () => {
  const head = `POST\n\n\n${date}\n`;
  const headers = { date, authorization: by(`${head}/bucket/dir/file.txt`) };
  const allow = (name: string) => ({ selectors: [name], allowUnsignedSelector: true });
  const name = 'x-oss-write-get-object-response';
  assert.equal(check(get(name, headers, 'POST'), allow(name)), 0);
  for (const other of ['accessPoint', 'delete', 'append', 'x-oss-other']) {
    assert.throws(() => check(get(other, headers, 'POST'), allow(other)), mismatch, other);
  }
  assert.throws(() => check(get(`${presigned({ method: 'POST' })}&${name}`, {}, 'POST'), allow(name)), mismatch);
});

test('no SDK signs `regions` with V1: a header may do without it, a URL may not', () => {
  const headers = { date, authorization: by(`GET\n\n\n${date}\n/bucket/dir/file.txt`) };
  const selectors = ['regions'];
  assert.equal(check(get('regions', headers), { selectors }), 0);
  assert.throws(() => check(get(`${presigned({ scheme: 'OSS1' })}&regions`), { selectors }), mismatch);
});

test('an empty value: Java signs `k=`, others `k`; a bare name is always `k`', () => {
  const sign = (suffix: string) => ({ date, authorization: by(`GET\n\n\n${date}\n/bucket/dir/file.txt${suffix}`) });
  const options = { selectors: ['acl'] };
  assert.equal(check(get('acl=', sign('?acl=')), options), 0);
  assert.equal(check(get('acl=', sign('?acl')), options), 0);
  assert.equal(check(get('acl', sign('?acl')), options), 0);
  assert.throws(() => check(get('acl', sign('?acl=')), options), mismatch);
});

test('the candidate that was signed is found, and none is not enough', () => {
  const others = [{}, { bucket: 'bucket' }, { bucket: 'other', key: 'bucket/dir/file.txt' }, object];
  for (const scheme of ['OSS1', 'OSS4'] as const) {
    const url = get(presigned({ scheme }));
    assert.equal(check(url, { selectors: [] }, others), 3);
    assert.throws(() => check(url, { selectors: [] }, []), mismatch);
    assert.throws(() => check(url, { selectors: [] }, others.slice(0, 3)), mismatch);
  }
});

test('keys are UTF-8, header values the bytes that came', () => {
  const resource = { bucket: 'bucket', key: 'grüße/雪 1+1=2.txt' };
  const meta = Buffer.from('größe', 'utf8').toString('latin1');
  const headers = { 'x-oss-meta-a': meta, date };
  const string = `PUT\n\n\n${date}\nx-oss-meta-a:größe\n/bucket/grüße/雪 1+1=2.txt`;
  assert.equal(check(get('', { ...headers, authorization: by(string) }, 'PUT'), { selectors: [] }, [resource]), 0);
  const prefix = presigned({ ...resource, query: { 'response-content-disposition': 'attachment; filename="größe.txt"' } });
  assert.equal(check(get(prefix), { selectors: [] }, [resource]), 0);
  for (const scheme of ['OSS1', 'OSS4'] as const) {
    const added = signOssHeader({ scheme, method: 'PUT', ...resource, query: { ü: 'ö' }, headers, ...key, now, region: 'r' });
    assert.equal(check(get('%C3%BC=%C3%B6', { ...headers, ...added }, 'PUT'), { selectors: [] }, [resource]), 0);
  }
});

test('V4 without a region, and with a body hash', () => {
  const headers = { 'x-oss-content-sha256': 'a'.repeat(64) };
  const added = signOssHeader({ scheme: 'OSS4', method: 'PUT', ...object, headers, ...key, now });
  assert.match(added.authorization ?? '', /Credential=ak\/20261122\/\/oss\//);
  assert.equal(check(get('', { ...headers, ...added }, 'PUT')), 0);
  assert.throws(() => check(get('', { ...added, 'x-oss-content-sha256': 'b'.repeat(64) }, 'PUT')), mismatch);
});

test('a mismatch says what we would have signed, as text', () => {
  const request = get('acl', { date, authorization: 'OSS ak:wrong', 'x-oss-meta-a': Buffer.from('ö').toString('latin1') });
  assert.throws(
    () => check(request, { selectors: ['acl'] }, [{ bucket: 'bucket', key: 'ö' }]),
    (error: { extra: Record<string, string> }) => {
      assert.deepEqual(error.extra, {
        OSSAccessKeyId: 'ak',
        SignatureProvided: 'wrong',
        StringToSign: `GET\n\n\n${date}\nx-oss-meta-a:ö\n/bucket/ö?acl`,
      });
      return true;
    },
  );
  const four = get('', {
    'x-oss-date': '20261122T050000Z',
    authorization: 'OSS4-HMAC-SHA256 Credential=ak/20261122/r/oss/aliyun_v4_request,Signature=00',
  });
  assert.throws(
    () => check(four),
    (error: { extra: Record<string, string> }) => {
      assert.match(
        error.extra.StringToSign ?? '',
        /^OSS4-HMAC-SHA256\n20261122T050000Z\n20261122\/r\/oss\/aliyun_v4_request\n[0-9a-f]{64}$/,
      );
      assert.equal(error.extra.CanonicalRequest, 'GET\n/bucket/dir/file.txt\n\nx-oss-date:20261122T050000Z\n\n\nUNSIGNED-PAYLOAD');
      return true;
    },
  );
});

test('any request that we sign verifies, and not when a bit of it changes', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 12 });
  const names = fc.oneof(fc.constantFrom(...documented), fc.constantFrom('w', 'W', 'a-b', 'ab', 'é', "q'*()!~"));
  const reserved = ['security-token'];
  fc.assert(
    fc.property(
      fc.constantFrom('OSS1' as const, 'OSS4' as const),
      fc.boolean(),
      text.filter((key) => key.length > 0),
      fc.dictionary(names, text, { maxKeys: 5 }),
      fc.option(fc.stringMatching(/^[A-Za-z0-9+/=]{1,20}$/), { nil: undefined }),
      (scheme, inUrl, objectKey, query, securityToken) => {
        for (const name of reserved) delete query[name];
        const resource = { bucket: 'bucket', key: objectKey.toWellFormed() };
        const input = { scheme, method: 'GET', ...resource, query, ...key, securityToken, region: 'cn-qingdao', now };
        const wire = Object.entries(query).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
        const request = inUrl
          ? get(presignOss({ ...input, endpoint: 'http://h', expiresIn: 60 }).replace(/^[^?]*\?/, ''))
          : get(wire.join('&'), signOssHeader(input));
        const options = { selectors: Object.keys(query).filter((name) => documented.has(name)) };
        assert.equal(readOssClaim(request)?.securityToken, securityToken);
        assert.equal(check(request, options, [resource]), 0);
        assert.throws(() => check({ ...request, method: 'PUT' }, options, [resource]), mismatch);
        assert.throws(() => check(request, options, [{ ...resource, key: `${resource.key}x` }]), mismatch);
      },
    ),
  );
});

test('one secret signs for several days and regions in turn', () => {
  for (const region of ['cn-qingdao', '', 'cn-qingdao', 'cn-beijing']) {
    for (const day of [0, 1]) {
      const headers = signOssHeader({ scheme: 'OSS4', method: 'GET', ...object, ...key, now: now + day * 86_400_000, region });
      assert.equal(check(get('', headers)), 0);
      const moved = headers.authorization?.replace(`/${region}/oss/`, '/cn-other/oss/') ?? '';
      assert.throws(() => check(get('', { ...headers, authorization: moved })), mismatch);
    }
  }
});
