import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Crc64, childText, httpDate, parseXml } from '../../kit/index.ts';
import { codeOf, type Harness, openHarness, openPhotos, original, sessionOf } from './fixture.ts';

let oss: Harness;
let aliases: { apAlias: string; fcAlias: string };
const etag = `"${createHash('md5').update(original).digest('hex').toUpperCase()}"`;

before(async () => {
  oss = await openHarness();
  aliases = await openPhotos(oss);
  const headers = { 'content-type': 'image/png', 'x-oss-meta-a': 'b', 'cache-control': 'no-store', 'x-oss-tagging': 'k=v' };
  assert.equal((await oss.send('PUT', 'photos', 'ä/s +%.png', { body: original, headers })).status, 200);
});
after(() => oss.close());

const source = `/photos/${encodeURIComponent('ä/s +%.png')}`;
const copy = (key: string, headers: Record<string, string> = {}, name = 'photos') =>
  oss.send('PUT', name, key, { headers: { 'x-oss-copy-source': source, ...headers }, body: '' });

describe('CopyObject', () => {
  test('copies the bytes and what is said of them', async () => {
    const answer = await copy('copy');
    assert.equal(answer.status, 200, answer.text);
    const result = parseXml(answer.text);
    assert.deepEqual([result.name, childText(result, 'ETag')], ['CopyObjectResult', etag]);
    assert.match(childText(result, 'LastModified') ?? '', /\.000Z$/);
    assert.equal(answer.headers['x-oss-hash-crc64ecma'], Crc64.of(Buffer.from(original)).toString());
    const { text, headers } = await oss.send('GET', 'photos', 'copy');
    assert.deepEqual(
      [text, headers['content-type'], headers['x-oss-meta-a'], headers['cache-control'], headers['x-oss-tagging-count'], headers.etag],
      [original, 'image/png', 'b', 'no-store', '1', etag],
    );
  });

  test('the source may have its spaces as plus signs, as Go v1 writes them', async () => {
    const answer = await copy('plus', { 'x-oss-copy-source': source.replaceAll('%20', '+') });
    assert.equal(answer.status, 200, answer.text);
    assert.equal((await oss.send('GET', 'photos', 'plus')).text, original);
  });

  test('describes the copy anew when told to, also in place', async () => {
    const directives = { 'x-oss-metadata-directive': 'REPLACE', 'x-oss-tagging-directive': 'Replace', 'x-oss-tagging': 'x=y&z=' };
    await copy('anew');
    const answer = await copy('anew', {
      ...{ 'x-oss-copy-source': '/photos/anew', 'content-type': 'a/b', 'x-oss-meta-c': 'd', 'x-oss-storage-class': 'IA' },
      ...directives,
    });
    assert.equal(answer.status, 200, answer.text);
    const { text, headers } = await oss.send('GET', 'photos', 'anew');
    assert.deepEqual([text, headers['content-type'], headers['x-oss-meta-a'], headers['x-oss-meta-c']], [original, 'a/b', undefined, 'd']);
    assert.deepEqual([headers['cache-control'], headers['x-oss-storage-class'], headers['x-oss-tagging-count']], [undefined, 'IA', '2']);
    // Without the directive the headers of the request do not count.
    await copy('kept', { 'content-type': 'a/b', 'x-oss-meta-c': 'd', 'x-oss-tagging': 'q=r' });
    const kept = await oss.send('HEAD', 'photos', 'kept');
    assert.deepEqual([kept.headers['content-type'], kept.headers['x-oss-meta-c']], ['image/png', undefined]);
  });

  test('evaluates conditions on the source', async () => {
    const [past, future] = [httpDate(Date.now() - 3_600_000), httpDate(Date.now() + 3_600_000)];
    const cases = [
      [{ 'if-match': etag }, 200],
      [{ 'if-match': '"00000000000000000000000000000000"' }, 412],
      [{ 'if-none-match': etag }, 304],
      [{ 'if-none-match': '"00000000000000000000000000000000"' }, 200],
      [{ 'if-unmodified-since': past }, 412],
      [{ 'if-unmodified-since': future }, 200],
      [{ 'if-modified-since': past }, 200],
      [{ 'if-modified-since': httpDate(Date.now()) }, 304],
    ] as const;
    for (const [conditions, status] of cases) {
      const headers = Object.fromEntries(Object.entries(conditions).map(([name, value]) => [`x-oss-copy-source-${name}`, value]));
      const answer = await copy(`if-${status}`, headers);
      assert.equal(answer.status, status, JSON.stringify(conditions));
      if (status === 412) assert.equal(codeOf(answer), 'PreconditionFailed');
    }
    for (const status of [304, 412]) assert.equal((await oss.send('GET', 'photos', `if-${status}`)).status, 404);
  });

  for (const [why, headers, status, code] of [
    ['x-oss-forbid-overwrite', { 'x-oss-forbid-overwrite': 'true' }, 409, 'FileAlreadyExists'],
    ['no key in the source', { 'x-oss-copy-source': '/photos' }, 400, 'InvalidArgument'],
    ['a source that is not encoded', { 'x-oss-copy-source': '/photos/%zz' }, 400, 'InvalidArgument'],
    ['a version where there never were any', { 'x-oss-copy-source': '/photos/k?versionId=abc' }, 400, 'InvalidArgument'],
    ['a bucket that is not there', { 'x-oss-copy-source': '/nowhere/k' }, 404, 'NoSuchBucket'],
    ['an object that is not there', { 'x-oss-copy-source': '/photos/none' }, 404, 'NoSuchKey'],
    ['an unknown directive', { 'x-oss-metadata-directive': 'MERGE' }, 400, 'InvalidArgument'],
    ['encryption by a key management service', { 'x-oss-server-side-encryption': 'KMS' }, 400, 'NotImplemented'],
  ] as const) {
    test(`refuses ${why}`, async () => {
      const answer = await copy('dir/cat.png', headers);
      assert.deepEqual([answer.status, codeOf(answer)], [status, code], answer.text);
    });
  }

  test('reads and writes through an access point, and never from an Object FC access point', async () => {
    const { apAlias, fcAlias } = aliases;
    const through = await copy('through', { 'x-oss-copy-source': `/${apAlias}/dir%2Fcat.png` }, apAlias);
    assert.equal(through.status, 200, through.text);
    const leak = await copy('leak', { 'x-oss-copy-source': `/${fcAlias}/dir/cat.png` });
    assert.deepEqual([leak.status, codeOf(leak)], [403, 'AccessDenied']);
    const onto = await copy('leak', {}, fcAlias);
    assert.deepEqual([onto.status, codeOf(onto)], [403, 'AccessDenied']);
    assert.equal((await oss.send('GET', 'photos', 'leak')).status, 404);
  });

  test('an access point as the source must allow the reading, too', async () => {
    const { apAlias } = aliases;
    const write = { Effect: 'Allow', Action: ['oss:PutObject', 'oss:GetObject'], Resource: 'acs:oss:*:*:photos/*' };
    const key = await sessionOf(oss, 'copier', [write]);
    const headers = { 'x-oss-copy-source': `/${apAlias}/dir/cat.png` };
    const refused = await oss.send('PUT', 'photos', 'x', { headers, body: '', key });
    assert.deepEqual([refused.status, codeOf(refused)], [403, 'AccessDenied']);
    assert.match(refused.text, /oss:GetObject on .*accesspoint\/ap-01\/object\/dir\/cat\.png/);
    const direct = await oss.send('PUT', 'photos', 'x', { headers: { 'x-oss-copy-source': '/photos/dir/cat.png' }, body: '', key });
    assert.equal(direct.status, 200, direct.text);
  });

  test('a presigned PUT is not made a copy by a header', async () => {
    const url = oss.presign('photos', 'signed', { method: 'PUT' });
    const answer = await fetch(url, { method: 'PUT', headers: { 'x-oss-copy-source': '/photos/dir/cat.png' }, body: '' });
    assert.equal(answer.status, 403);
    assert.match(await answer.text(), /SignatureDoesNotMatch/);
  });
});

describe('UploadPartCopy', () => {
  test('makes parts of objects and of ranges', async () => {
    const bytes = randomBytes(150_000);
    await oss.send('PUT', 'photos', 'long', { body: bytes });
    const begun = await oss.send('POST', 'photos', 'parts', { query: { uploads: '' }, body: '' });
    const uploadId = childText(parseXml(begun.text), 'UploadId') ?? '';
    const part = (partNumber: string, headers: Record<string, string>) =>
      oss.send('PUT', 'photos', 'parts', {
        ...{ query: { partNumber, uploadId }, headers: { 'x-oss-copy-source': '/photos/long', ...headers }, body: '' },
      });
    const one = await part('1', {});
    assert.deepEqual([one.status, parseXml(one.text).name], [200, 'CopyPartResult'], one.text);
    const two = await part('2', { 'x-oss-copy-source-range': 'bytes=100-199' });
    const expected = createHash('md5').update(bytes.subarray(100, 200)).digest('hex').toUpperCase();
    assert.equal(childText(parseXml(two.text), 'ETag'), `"${expected}"`);
    const beyond = await part('3', { 'x-oss-copy-source-range': 'bytes=150000-' });
    assert.deepEqual([beyond.status, codeOf(beyond)], [416, 'InvalidRange']);
    const stale = await part('3', { 'x-oss-copy-source-if-match': '"00000000000000000000000000000000"' });
    assert.deepEqual([stale.status, codeOf(stale)], [412, 'PreconditionFailed']);
    const all = { 'x-oss-complete-all': 'yes' };
    assert.equal((await oss.send('POST', 'photos', 'parts', { query: { uploadId }, headers: all, body: '' })).status, 200);
    assert.ok((await oss.send('GET', 'photos', 'parts')).body.equals(Buffer.concat([bytes, bytes.subarray(100, 200)])));
  });
});
