import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Crc64, childrenOf, childText, parseXml } from '../../kit/index.ts';
import { type Answer, codeOf, type Harness, openHarness, openPhotos } from './fixture.ts';

let oss: Harness;
let aliases: { apAlias: string; fcAlias: string };
const md5 = (body: Buffer) => createHash('md5').update(body).digest();
const etagOf = (body: Buffer) => `"${md5(body).toString('hex').toUpperCase()}"`;
const xmlOf = (answer: Answer) => parseXml(answer.text);

before(async () => {
  oss = await openHarness();
  aliases = await openPhotos(oss);
});
after(() => oss.close());

async function begin(key: string, headers: Record<string, string> = {}, bucket = 'photos'): Promise<string> {
  const answer = await oss.send('POST', bucket, key, { query: { uploads: '' }, headers, body: '' });
  assert.equal(answer.status, 200, answer.text);
  const id = childText(xmlOf(answer), 'UploadId') ?? '';
  assert.match(id, /^[0-9A-F]{32}$/);
  return id;
}

const part = (key: string, uploadId: string, partNumber: number, body: Buffer | string, headers: Record<string, string> = {}) =>
  oss.send('PUT', 'photos', key, { query: { partNumber: String(partNumber), uploadId }, body, headers });

function listOf(parts: readonly [number, string][]): string {
  const each = parts.map(
    ([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag.replaceAll('"', '&quot;')}</ETag></Part>`,
  );
  return `<CompleteMultipartUpload>${each.join('')}</CompleteMultipartUpload>`;
}

const complete = (key: string, uploadId: string, body: string, headers: Record<string, string> = {}) =>
  oss.send('POST', 'photos', key, { query: { uploadId }, body, headers });

describe('an upload in parts', () => {
  const key = 'big/ä b.bin';
  const bodies = [randomBytes(110_000), randomBytes(102_400), randomBytes(10)];
  const whole = Buffer.concat(bodies);
  let id: string;
  const hash = createHash('md5');
  for (const body of bodies) hash.update(md5(body));
  const etag = `"${hash.digest('hex').toUpperCase()}-3"`;

  test('is begun, gets its parts, and becomes the object that its beginning described', async () => {
    id = await begin(key, { 'content-type': 'x/y', 'x-oss-meta-a': 'b', 'cache-control': 'no-store', 'x-oss-tagging': 'k=v&w=' });
    for (const [i, body] of bodies.entries()) {
      const answer = await part(key, id, i + 1, body, { 'content-md5': md5(body).toString('base64') });
      assert.deepEqual(
        [answer.status, answer.headers.etag, answer.headers['x-oss-hash-crc64ecma']],
        [200, etagOf(body), Crc64.of(body).toString()],
      );
    }
    assert.equal(codeOf(await oss.send('GET', 'photos', key)), 'NoSuchKey');
    const done = await complete(key, id, listOf(bodies.map((body, i) => [i + 1, etagOf(body)])));
    assert.equal(done.status, 200, done.text);
    const result = xmlOf(done);
    assert.equal(result.name, 'CompleteMultipartUploadResult');
    assert.deepEqual(
      ['Bucket', 'Key', 'ETag'].map((name) => childText(result, name)),
      ['photos', key, etag],
    );
    assert.match(childText(result, 'Location') ?? '', /^http:\/\/127\.0\.0\.1:\d+\/photos\/big\/%C3%A4%20b\.bin$/);
    assert.equal(done.headers['x-oss-hash-crc64ecma'], Crc64.of(whole).toString());
    const got = await oss.send('GET', 'photos', key);
    assert.ok(got.body.equals(whole));
    const { headers } = got;
    assert.deepEqual(
      [headers.etag, headers['x-oss-object-type'], headers['content-type'], headers['x-oss-meta-a'], headers['cache-control']],
      [etag, 'Multipart', 'x/y', 'b', 'no-store'],
    );
    assert.deepEqual([headers['x-oss-hash-crc64ecma'], headers['x-oss-tagging-count']], [Crc64.of(whole).toString(), '2']);
    assert.equal(headers['content-md5'], undefined, 'no checksum that is not true of the bytes');
    const range = await oss.send('GET', 'photos', key, { headers: { range: 'bytes=109990-212405' } });
    assert.ok(range.status === 206 && range.body.equals(whole.subarray(109_990, 212_406)));
    assert.equal((await oss.send('GET', 'photos', key, { headers: { 'if-none-match': etag } })).status, 304);
    const listed = await oss.send('GET', 'photos', '', { query: { prefix: 'big/' } });
    assert.match(listed.text, /<Type>Multipart<\/Type><Size>212410<\/Size>/);
    assert.ok(listed.text.includes(etag.replaceAll('"', '&quot;')) || listed.text.includes(etag), listed.text);
  });

  test('may be completed again by a client that did not hear of it', async () => {
    const again = await complete(key, id, listOf(bodies.map((body, i) => [i + 1, etagOf(body)])));
    assert.deepEqual([again.status, childText(xmlOf(again), 'ETag')], [200, etag]);
    const gone = await part(key, id, 4, 'late');
    assert.deepEqual([gone.status, codeOf(gone)], [404, 'NoSuchUpload']);
  });
});

describe('what is refused', () => {
  let id: string;
  before(async () => {
    id = await begin('refused');
    for (const number of [1, 2]) assert.equal((await part('refused', id, number, 'tiny')).status, 200);
  });

  for (const [why, body, headers, code] of [
    ['no document', '', {}, 'MalformedXML'],
    ['no parts', '<CompleteMultipartUpload/>', {}, 'MalformedXML'],
    ['a part without a number', '<CompleteMultipartUpload><Part><ETag>x</ETag></Part></CompleteMultipartUpload>', {}, 'MalformedXML'],
    ['a part that was not uploaded', listOf([[9, 'ab']]), {}, 'InvalidPart'],
    ['another ETag', listOf([[1, '00000000000000000000000000000000']]), {}, 'InvalidPart'],
    ['parts in falling order', listOf([2, 1].map((number) => [number, etagOf(Buffer.from('tiny'))])), {}, 'InvalidPartOrder'],
    ['a small part before the last', listOf([1, 2].map((number) => [number, etagOf(Buffer.from('tiny'))])), {}, 'EntityTooSmall'],
    ['x-oss-complete-all with a list', listOf([[1, 'ab']]), { 'x-oss-complete-all': 'yes' }, 'InvalidArgument'],
    ['x-oss-complete-all that says no', '', { 'x-oss-complete-all': 'no' }, 'InvalidArgument'],
    ['a callback that is none', '', { 'x-oss-callback': 'e30x' }, 'InvalidArgument'],
  ] as const) {
    test(`completing with ${why}: ${code}`, async () => {
      const answer = await complete('refused', id, body, headers);
      assert.deepEqual([answer.status, codeOf(answer)], [400, code], answer.text);
    });
  }

  test('part numbers, digests, lengths and uploads that are not right', async () => {
    for (const number of [0, 10_001]) assert.equal(codeOf(await part('refused', id, number, 'x')), 'InvalidArgument');
    assert.equal(codeOf(await part('refused', id, 1, 'x', { 'content-md5': md5(Buffer.from('y')).toString('base64') })), 'InvalidDigest');
    for (const [key, upload] of [
      ['refused', '0'.repeat(32)],
      ['refused', 'x/../y'],
      ['other', id],
    ] as const) {
      assert.equal(codeOf(await part(key, upload, 1, 'x')), 'NoSuchUpload');
      assert.equal(codeOf(await oss.send('DELETE', 'photos', key, { query: { uploadId: upload } })), 'NoSuchUpload');
      assert.equal(codeOf(await oss.send('GET', 'photos', key, { query: { uploadId: upload } })), 'NoSuchUpload');
    }
    assert.equal(
      codeOf(await oss.send('POST', 'photos', 'x', { query: { uploads: '' }, headers: { 'x-oss-tagging': '=' }, body: '' })),
      'InvalidTag',
    );
  });

  test('x-oss-forbid-overwrite, at the beginning and at the end', async () => {
    const forbid = { 'x-oss-forbid-overwrite': 'true' };
    const early = await oss.send('POST', 'photos', 'dir/cat.png', { query: { uploads: '' }, headers: forbid, body: '' });
    assert.deepEqual([early.status, codeOf(early)], [409, 'FileAlreadyExists']);
    const upload = await begin('dir/cat.png');
    await part('dir/cat.png', upload, 1, 'x');
    const late = await complete('dir/cat.png', upload, '', { ...forbid, 'x-oss-complete-all': 'yes' });
    assert.deepEqual([late.status, codeOf(late)], [409, 'FileAlreadyExists']);
  });
});

describe('lists', () => {
  test('parts come in pages, and go with the upload', async () => {
    const id = await begin('p');
    for (const number of [3, 1, 2]) await part('p', id, number, 'x'.repeat(number));
    const first = xmlOf(await oss.send('GET', 'photos', 'p', { query: { uploadId: id, 'max-parts': '2', 'encoding-type': 'url' } }));
    const shown = (name: string) => childText(first, name);
    assert.deepEqual(
      ['EncodingType', 'Bucket', 'Key', 'UploadId', 'PartNumberMarker', 'NextPartNumberMarker', 'MaxParts', 'IsTruncated'].map(shown),
      ['url', 'photos', 'p', id, '0', '2', '2', 'true'],
    );
    const [one] = childrenOf(first, 'Part');
    assert.ok(one);
    assert.deepEqual(
      ['PartNumber', 'ETag', 'Size', 'HashCrc64ecma'].map((name) => childText(one, name)),
      ['1', etagOf(Buffer.from('x')), '1', Crc64.of(Buffer.from('x')).toString()],
    );
    assert.match(childText(one, 'LastModified') ?? '', /\.000Z$/);
    const rest = xmlOf(await oss.send('GET', 'photos', 'p', { query: { uploadId: id, 'part-number-marker': '2' } }));
    assert.deepEqual([childrenOf(rest, 'Part').length, childText(rest, 'IsTruncated')], [1, 'false']);
    const wrong: Record<string, string>[] = [{ 'max-parts': '0' }, { 'max-parts': '1001' }, { 'part-number-marker': 'x' }];
    for (const bad of wrong) {
      assert.equal(codeOf(await oss.send('GET', 'photos', 'p', { query: { uploadId: id, ...bad } })), 'InvalidArgument');
    }
    assert.equal((await oss.send('DELETE', 'photos', 'p', { query: { uploadId: id } })).status, 204);
    assert.equal(codeOf(await oss.send('GET', 'photos', 'p', { query: { uploadId: id } })), 'NoSuchUpload');
  });

  test('uploads come in pages, by key and id, with prefix and delimiter', async () => {
    await oss.send('PUT', 'listing', '');
    const ids: string[] = [];
    for (const key of ['a b', 'd/1', 'd/2', 'é']) ids.push(await begin(key, {}, 'listing'));
    const list = async (query: Record<string, string>) => xmlOf(await oss.send('GET', 'listing', '', { query: { uploads: '', ...query } }));
    const keys = (xml: ReturnType<typeof parseXml>) => childrenOf(xml, 'Upload').map((upload) => childText(upload, 'Key'));
    const first = await list({ 'max-uploads': '2', 'encoding-type': 'url' });
    assert.deepEqual(keys(first), ['a%20b', 'd%2F1']);
    assert.deepEqual(
      ['Bucket', 'MaxUploads', 'IsTruncated', 'NextKeyMarker', 'NextUploadIdMarker'].map((name) => childText(first, name)),
      ['listing', '2', 'true', 'd%2F1', ids[1]],
    );
    assert.deepEqual(keys(await list({ 'key-marker': 'd/1', 'upload-id-marker': ids[1] ?? '' })), ['d/2', 'é']);
    const top = await list({ delimiter: '/' });
    assert.deepEqual([keys(top), childText(top, 'CommonPrefixes', 'Prefix')], [['a b', 'é'], 'd/']);
    assert.deepEqual(keys(await list({ prefix: 'd/' })), ['d/1', 'd/2']);
    const full = await oss.send('DELETE', 'listing', '');
    assert.deepEqual([full.status, codeOf(full)], [409, 'BucketNotEmpty']);
    for (const [i, key] of ['a b', 'd/1', 'd/2', 'é'].entries()) {
      await oss.send('DELETE', 'listing', key, { query: { uploadId: ids[i] ?? '' } });
    }
    assert.equal((await oss.send('DELETE', 'listing', '')).status, 204);
  });
});

describe('through aliases', () => {
  test('an access point takes uploads in parts, an Object FC access point does not', async () => {
    const { apAlias, fcAlias } = aliases;
    const id = await begin('via', {}, apAlias);
    const sent = await oss.send('PUT', apAlias, 'via', { query: { partNumber: '1', uploadId: id }, body: 'through the point' });
    assert.equal(sent.status, 200, sent.text);
    const all = { 'x-oss-complete-all': 'yes' };
    const done = await oss.send('POST', apAlias, 'via', { query: { uploadId: id }, headers: all, body: '' });
    assert.deepEqual([done.status, childText(xmlOf(done), 'Bucket')], [200, apAlias]);
    assert.equal((await oss.send('GET', 'photos', 'via')).text, 'through the point');
    for (const [method, query] of [
      ['POST', { uploads: '' }],
      ['GET', { uploadId: id }],
      ['PUT', { partNumber: '1', uploadId: id }],
    ] as const) {
      const refused = await oss.send(method, fcAlias, 'via', {
        query: { ...query } as Record<string, string>,
        body: method === 'GET' ? undefined : '',
      });
      assert.deepEqual([refused.status, codeOf(refused)], [403, 'AccessDenied'], method);
    }
  });
});
