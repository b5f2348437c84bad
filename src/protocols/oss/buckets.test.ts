import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { child, childrenOf, childText, parseXml, type XmlNode } from '../../kit/index.ts';
import { accountId, codeOf, type Harness, openHarness } from './fixture.ts';

let oss: Harness;
const keys = ['a/1', 'a/2', 'b c', 'b+d', 'b/x/1', 'b/y/2', 'z&<>"', '日本'];

before(async () => {
  oss = await openHarness();
  await oss.send('PUT', 'listing', '');
  for (const key of keys) await oss.send('PUT', 'listing', key, { body: 'x' });
});

after(() => oss.close());

async function get(bucket: string, query: Record<string, string> = {}): Promise<XmlNode> {
  const answer = await oss.send('GET', bucket, '', { query });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['content-type'], 'application/xml');
  return parseXml(answer.text);
}

const keysOf = (page: XmlNode) => childrenOf(page, 'Contents').map((node) => childText(node, 'Key'));
const prefixesOf = (page: XmlNode) => childrenOf(page, 'CommonPrefixes').map((node) => childText(node, 'Prefix'));

describe('buckets', () => {
  test('PutBucket with and without a document, again, and of a bad name', async () => {
    const made = await oss.send('PUT', 'plain-bucket', '', { headers: { 'x-oss-acl': 'public-read' } });
    assert.deepEqual([made.status, made.headers.location, made.headers['content-length']], [200, '/plain-bucket', '0']);
    const xml =
      '<CreateBucketConfiguration><DataRedundancyType>ZRS</DataRedundancyType><StorageClass>IA</StorageClass></CreateBucketConfiguration>';
    assert.equal((await oss.send('PUT', 'cold-bucket', '', { body: xml, headers: { 'content-type': 'application/xml' } })).status, 200);
    assert.equal((await oss.send('PUT', 'cold-bucket', '')).status, 200);
    const info = child(await get('cold-bucket', { bucketInfo: '' }), 'Bucket') as XmlNode;
    assert.deepEqual(
      ['Name', 'StorageClass', 'DataRedundancyType', 'Location', 'ExtranetEndpoint', 'IntranetEndpoint'].map((name) =>
        childText(info, name),
      ),
      ['cold-bucket', 'IA', 'ZRS', 'oss-cn-qingdao', 'oss-cn-qingdao.aliyuncs.com', 'oss-cn-qingdao-internal.aliyuncs.com'],
    );
    assert.match(childText(info, 'CreationDate') ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
    assert.equal(childText(info, 'Owner', 'ID'), accountId);
    assert.equal(childText(await get('plain-bucket', { acl: '' }), 'AccessControlList', 'Grant'), 'public-read');
    assert.equal((await get('plain-bucket', { location: '' })).text, 'oss-cn-qingdao');
    for (const name of ['UPPER', 'ab', '-edge', 'x-opapalias', 'a'.repeat(64)]) {
      const refused = await oss.send('PUT', name, '');
      assert.deepEqual([refused.status, codeOf(refused)], [400, 'InvalidBucketName'], name);
    }
    assert.equal(codeOf(await oss.send('PUT', 'more', '', { headers: { 'x-oss-acl': 'open' } })), 'InvalidArgument');
    assert.equal(codeOf(await oss.send('PUT', 'more', '', { body: '<Create' })), 'MalformedXML');
    assert.equal(codeOf(await oss.send('PUT', 'more', '', { body: ' '.repeat(1_100_000) })), 'EntityTooLarge');
    assert.equal(codeOf(await oss.send('GET', 'more', '')), 'NoSuchBucket');
  });

  test('ListBuckets in pages', async () => {
    for (const name of ['page-1', 'page-2', 'page-3']) await oss.send('PUT', name, '');
    const first = await get('', { prefix: 'page-', 'max-keys': '2' });
    const names = (page: XmlNode) => childrenOf(child(page, 'Buckets') as XmlNode, 'Bucket').map((node) => childText(node, 'Name'));
    assert.deepEqual(names(first), ['page-1', 'page-2']);
    assert.equal(childText(first, 'IsTruncated'), 'true');
    const second = await get('', { prefix: 'page-', 'max-keys': '2', marker: childText(first, 'NextMarker') ?? '' });
    assert.deepEqual([names(second), childText(second, 'IsTruncated')], [['page-3'], 'false']);
    assert.equal(childText(first, 'Owner', 'ID'), accountId);
    const bucket = childrenOf(child(first, 'Buckets') as XmlNode, 'Bucket')[0] as XmlNode;
    assert.deepEqual(
      [childText(bucket, 'Location'), childText(bucket, 'Region'), childText(bucket, 'StorageClass')],
      ['oss-cn-qingdao', 'cn-qingdao', 'Standard'],
    );
  });

  test('DeleteBucket: not while it holds objects, 204 when empty, 404 afterwards', async () => {
    await oss.send('PUT', 'doomed', '');
    await oss.send('PUT', 'doomed', 'k', { body: 'x' });
    const full = await oss.send('DELETE', 'doomed', '');
    assert.deepEqual([full.status, codeOf(full)], [409, 'BucketNotEmpty']);
    await oss.send('DELETE', 'doomed', 'k');
    assert.equal((await oss.send('DELETE', 'doomed', '')).status, 204);
    assert.equal(codeOf(await oss.send('DELETE', 'doomed', '')), 'NoSuchBucket');
  });

  test('what is known and not carried out is NotImplemented by name', async () => {
    for (const [method, query, name] of [
      ['PUT', 'inventory', 'PutBucketInventory'],
      ['PUT', 'resourceGroup', 'PutBucketResourceGroup'],
    ] as const) {
      const answer = await oss.send(method, 'listing', '', { query: { [query]: '' } });
      assert.equal(codeOf(answer), 'NotImplemented');
      assert.match(answer.text, new RegExp(name));
    }
  });
});

describe('ListObjects', () => {
  test('all, in UTF-8 order, with the fields that SDKs read', async () => {
    const page = await get('listing');
    assert.deepEqual(keysOf(page), keys);
    assert.deepEqual(
      ['Name', 'Prefix', 'Marker', 'MaxKeys', 'Delimiter', 'IsTruncated', 'EncodingType'].map((name) => childText(page, name)),
      [...['listing', '', '', '100', '', 'false'], undefined],
    );
    const [first] = childrenOf(page, 'Contents') as [XmlNode];
    assert.match(childText(first, 'LastModified') ?? '', /\.000Z$/);
    assert.equal(childText(first, 'ETag'), '"9DD4E461268C8034F5C8564E155C67A6"');
    assert.deepEqual(
      ['Type', 'Size', 'StorageClass'].map((name) => childText(first, name)),
      ['Normal', '1', 'Standard'],
    );
    assert.equal(childText(first, 'Owner', 'DisplayName'), accountId);
  });

  test('prefix, delimiter, pages by marker', async () => {
    const page = await get('listing', { delimiter: '/', 'max-keys': '3' });
    assert.deepEqual([keysOf(page), prefixesOf(page), childText(page, 'IsTruncated')], [['b c', 'b+d'], ['a/'], 'true']);
    const next = await get('listing', { delimiter: '/', marker: childText(page, 'NextMarker') ?? '' });
    assert.deepEqual([keysOf(next), prefixesOf(next)], [['z&<>"', '日本'], ['b/']]);
    assert.deepEqual(prefixesOf(await get('listing', { delimiter: '/', prefix: 'b/' })), ['b/x/', 'b/y/']);
  });

  test('encoding-type=url encodes every name and says so', async () => {
    const query = { 'encoding-type': 'url', delimiter: '/', prefix: 'b', marker: 'b ', 'max-keys': '2' };
    const page = await get('listing', query);
    assert.deepEqual(keysOf(page), ['b%20c', 'b%2Bd']);
    assert.deepEqual(
      ['EncodingType', 'Prefix', 'Marker', 'Delimiter', 'NextMarker'].map((name) => childText(page, name)),
      ['url', 'b', 'b%20', '%2F', 'b%2Bd'],
    );
    const all = await get('listing', { 'encoding-type': 'url', delimiter: '/' });
    assert.deepEqual(prefixesOf(all), ['a%2F', 'b%2F']);
    assert.equal(decodeURIComponent(keysOf(all).at(-1) ?? ''), '日本');
  });

  test('version 2: tokens, start-after, key count, owners on demand', async () => {
    const seen: (string | undefined)[] = [];
    let token: string | undefined;
    do {
      const page: XmlNode = await get('listing', {
        'list-type': '2',
        'max-keys': '3',
        ...(token !== undefined && { 'continuation-token': token }),
      });
      assert.equal(childText(page, 'KeyCount'), String(childrenOf(page, 'Contents').length));
      assert.equal(child(childrenOf(page, 'Contents')[0] as XmlNode, 'Owner'), undefined);
      seen.push(...keysOf(page));
      token = childText(page, 'NextContinuationToken');
    } while (token !== undefined);
    assert.deepEqual(seen, keys);
    const later = await get('listing', { 'list-type': '2', 'start-after': 'b/x/1', 'fetch-owner': 'true' });
    assert.deepEqual(keysOf(later), ['b/y/2', 'z&<>"', '日本']);
    assert.equal(childText(later, 'StartAfter'), 'b/x/1');
    assert.equal(childText(childrenOf(later, 'Contents')[0] as XmlNode, 'Owner', 'ID'), accountId);
  });

  test('bad parameters', async () => {
    for (const [name, value] of [
      ['max-keys', '0'],
      ['max-keys', '1001'],
      ['max-keys', 'many'],
      ['encoding-type', 'base64'],
      ['list-type', '3'],
    ] as const) {
      const answer = await oss.send('GET', 'listing', '', { query: { [name]: value } });
      assert.equal(codeOf(answer), 'InvalidArgument');
      assert.match(answer.text, new RegExp(`<ArgumentName>${name}</ArgumentName>`));
    }
    const token = await oss.send('GET', 'listing', '', { query: { 'list-type': '2', 'continuation-token': 'forged' } });
    assert.equal(codeOf(token), 'InvalidArgument');
  });
});
