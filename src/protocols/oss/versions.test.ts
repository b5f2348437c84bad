import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { childrenOf, childText, parseXml } from '../../kit/index.ts';
import { type Answer, codeOf, fetchUrl, type Harness, openHarness, openPhotos, original, sessionOf } from './fixture.ts';

let oss: Harness;
let bucket = '';
let buckets = 0;

before(async () => {
  oss = await openHarness();
});
after(() => oss.close());
beforeEach(async () => {
  buckets += 1;
  bucket = `versioned-${buckets}`;
  await oss.send('PUT', bucket, '');
});

const versioning = (status: string) => ({
  query: { versioning: '' },
  body: `<VersioningConfiguration><Status>${status}</Status></VersioningConfiguration>`,
});
const enable = (status = 'Enabled') => oss.send('PUT', bucket, '', versioning(status));
const idOf = ({ headers }: Answer) => String(headers['x-oss-version-id']);
const put = async (key: string, body: string, headers = {}) => {
  const answer = await oss.send('PUT', bucket, key, { body, headers });
  assert.equal(answer.status, 200, answer.text);
  return idOf(answer);
};
const at = (versionId: string, more = {}) => ({ query: { ...more, versionId } });

describe('versioning', () => {
  test('is enabled and suspended, and says so', async () => {
    const status = async () => childText(parseXml((await oss.send('GET', bucket, '', { query: { versioning: '' } })).text), 'Status');
    assert.equal(await status(), undefined);
    assert.equal((await oss.send('PUT', bucket, 'k', { body: 'x' })).headers['x-oss-version-id'], undefined);
    assert.equal((await oss.send('GET', bucket, 'k')).headers['x-oss-version-id'], undefined);
    assert.equal((await oss.send('GET', bucket, 'k', at('null'))).text, 'x');
    const never = await oss.send('GET', bucket, 'k', at('f'.repeat(32)));
    assert.deepEqual([never.status, codeOf(never)], [400, 'InvalidArgument']);
    for (const state of ['Enabled', 'Suspended', 'Enabled']) {
      assert.equal((await enable(state)).status, 200);
      assert.equal(await status(), state);
      const info = await oss.send('GET', bucket, '', { query: { bucketInfo: '' } });
      assert.equal(childText(parseXml(info.text), 'Bucket', 'Versioning'), state);
    }
    for (const wrong of ['Disabled', '']) assert.equal(codeOf(await enable(wrong)), 'MalformedXML');
    assert.equal(idOf(await oss.send('GET', bucket, 'k')), 'null');
  });

  test('answers reads and deletes with what they are about', async () => {
    await enable();
    const one = await put('k', 'one');
    const two = await put('k', 'two', { 'x-oss-forbid-overwrite': 'true' });
    const newest = await oss.send('GET', bucket, 'k');
    assert.deepEqual([newest.text, idOf(newest)], ['two', two]);
    const older = await oss.send('GET', bucket, 'k', { ...at(one), headers: { range: 'bytes=1-' } });
    assert.deepEqual([older.status, older.text, older.headers['content-range'], idOf(older)], [206, 'ne', 'bytes 1-2/3', one]);
    for (const [method, query] of [
      ['HEAD', {}],
      ['HEAD', { objectMeta: '' }],
      ['GET', { objectMeta: '' }],
    ] as const) {
      const answer = await oss.send(method, bucket, 'k', at(one, query));
      assert.deepEqual([answer.status, idOf(answer), answer.headers.etag], [200, one, older.headers.etag], method);
    }
    const unmodified = await oss.send('GET', bucket, 'k', { ...at(one), headers: { 'if-none-match': String(older.headers.etag) } });
    assert.deepEqual([unmodified.status, idOf(unmodified)], [304, one]);
    const gone = await oss.send('DELETE', bucket, 'k');
    const marker = idOf(gone);
    assert.deepEqual([gone.status, gone.headers['x-oss-delete-marker']], [204, 'true']);
    for (const method of ['GET', 'HEAD']) {
      const absent = await oss.send(method, bucket, 'k');
      assert.deepEqual([absent.status, codeOf(absent), idOf(absent)], [404, 'NoSuchKey', marker]);
      assert.equal(absent.headers['x-oss-delete-marker'], 'true');
      const named = await oss.send(method, bucket, 'k', at(marker));
      assert.deepEqual([named.status, codeOf(named), named.headers['x-oss-delete-marker']], [405, 'MethodNotAllowed', 'true']);
    }
    const unknown = await oss.send('GET', bucket, 'k', at('0'.repeat(32)));
    assert.deepEqual([unknown.status, codeOf(unknown)], [404, 'NoSuchVersion']);
    for (const wrong of ['', '%%%', 'a b']) assert.equal(codeOf(await oss.send('GET', bucket, 'k', at(wrong))), 'InvalidArgument', wrong);
    const undone = await oss.send('DELETE', bucket, 'k', at(marker));
    assert.deepEqual([undone.status, undone.headers['x-oss-delete-marker'], idOf(undone)], [204, 'true', marker]);
    assert.equal((await oss.send('GET', bucket, 'k')).text, 'two');
    const removed = await oss.send('DELETE', bucket, 'k', at(two));
    assert.deepEqual([removed.status, removed.headers['x-oss-delete-marker'], idOf(removed)], [204, undefined, two]);
    assert.equal((await oss.send('GET', bucket, 'k')).text, 'one');
    assert.equal((await oss.send('DELETE', bucket, 'k', at(two))).status, 204);
  });

  test('reaches every operation on objects', async () => {
    await enable();
    const one = await put('k', 'one', { 'x-oss-tagging': 'a=1' });
    const two = await put('k', 'two');
    const tags = '<Tagging><TagSet><Tag><Key>b</Key><Value>2</Value></Tag></TagSet></Tagging>';
    assert.equal(idOf(await oss.send('PUT', bucket, 'k', { ...at(two, { tagging: '' }), body: tags })), two);
    const tagged = await oss.send('GET', bucket, 'k', at(one, { tagging: '' }));
    assert.match(tagged.text, /<Key>a<\/Key><Value>1<\/Value>/);
    assert.equal(idOf(tagged), one);
    assert.equal((await oss.send('DELETE', bucket, 'k', at(two, { tagging: '' }))).status, 204);
    assert.doesNotMatch((await oss.send('GET', bucket, 'k', { query: { tagging: '' } })).text, /<Tag>/);
    const acl = { headers: { 'x-oss-object-acl': 'public-read' } };
    assert.equal(idOf(await oss.send('PUT', bucket, 'k', { ...at(one, { acl: '' }), ...acl })), one);
    assert.match((await oss.send('GET', bucket, 'k', at(one, { acl: '' }))).text, /<Grant>public-read</);
    assert.match((await oss.send('GET', bucket, 'k', { query: { acl: '' } })).text, /<Grant>default</);
    const link = await oss.send('PUT', bucket, 'link', { query: { symlink: '' }, headers: { 'x-oss-symlink-target': 'k' } });
    await put('link', 'no link any more');
    const shown = await oss.send('GET', bucket, 'link', at(idOf(link), { symlink: '' }));
    assert.deepEqual([shown.headers['x-oss-symlink-target'], idOf(shown)], ['k', idOf(link)]);
    assert.equal((await oss.send('GET', bucket, 'link', at(idOf(link)))).text, 'two');
    const copy = await oss.send('PUT', bucket, 'copy', { headers: { 'x-oss-copy-source': `/${bucket}/k?versionId=${one}` } });
    assert.equal(copy.headers['x-oss-copy-source-version-id'], one);
    assert.equal((await oss.send('GET', bucket, 'copy', at(idOf(copy)))).text, 'one');
    const begun = await oss.send('POST', bucket, 'parts', { query: { uploads: '' }, body: '' });
    const uploadId = childText(parseXml(begun.text), 'UploadId') ?? '';
    const part = await oss.send('PUT', bucket, 'parts', {
      query: { uploadId, partNumber: '1' },
      headers: { 'x-oss-copy-source': `/${bucket}/k?versionId=${one}` },
    });
    assert.deepEqual([part.status, part.headers['x-oss-copy-source-version-id']], [200, one], part.text);
    const whole = await oss.send('POST', bucket, 'parts', { query: { uploadId }, headers: { 'x-oss-complete-all': 'yes' }, body: '' });
    assert.equal((await oss.send('GET', bucket, 'parts', at(idOf(whole)))).text, 'one');
    const append = (position: string) => oss.send('POST', bucket, 'log', { query: { append: '', position }, body: 'abc' });
    const first = idOf(await append('0'));
    assert.deepEqual([idOf(await append('3')), (await oss.send('GET', bucket, 'log')).text], [first, 'abcabc']);
    const marker = idOf(await oss.send('DELETE', bucket, 'log'));
    assert.equal(codeOf(await append('0')), 'ObjectNotAppendable');
    const ofMarker = await oss.send('PUT', bucket, 'copy', { headers: { 'x-oss-copy-source': `/${bucket}/log?versionId=${marker}` } });
    assert.equal(codeOf(ofMarker), 'InvalidArgument');
    for (const query of [{ acl: '' }, { tagging: '' }, { symlink: '' }]) {
      const refused = await oss.send('GET', bucket, 'log', at(marker, query));
      assert.deepEqual([refused.status, refused.headers.allow], [405, 'DELETE']);
    }
    assert.equal((await oss.send('DELETE', bucket, '')).status, 409);
  });

  test('deletes many, versions and objects', async () => {
    await enable();
    const one = await put('a', '1');
    const two = await put('b&c', '2');
    const marker = idOf(await oss.send('DELETE', bucket, 'gone'));
    const send = (entries: string, quiet = false) => {
      const body = `<Delete><Quiet>${quiet}</Quiet>${entries}</Delete>`;
      const headers = { 'content-md5': createHash('md5').update(body).digest('base64') };
      return oss.send('POST', bucket, '', { query: { delete: '' }, headers, body });
    };
    const entry = (key: string, version?: string) =>
      `<Object><Key>${key}</Key>${version === undefined ? '' : `<VersionId>${version}</VersionId>`}</Object>`;
    for (const wrong of ['', 'a b']) assert.equal(codeOf(await send(entry('a', wrong))), 'InvalidArgument');
    const answer = await send(entry('a') + entry('b&amp;c', two) + entry('gone', marker));
    const shown = childrenOf(parseXml(answer.text), 'Deleted').map((each) =>
      ['Key', 'VersionId', 'DeleteMarker', 'DeleteMarkerVersionId'].map((name) => childText(each, name)),
    );
    const made = shown[0]?.[3];
    assert.match(String(made), /^[0-9a-f]{32}$/);
    assert.deepEqual(shown, [
      ['a', undefined, 'true', made],
      ['b&c', two, undefined, undefined],
      ['gone', marker, 'true', marker],
    ]);
    assert.equal((await send(entry('a', one), true)).text, '');
    assert.equal(codeOf(await oss.send('GET', bucket, 'a', at(one))), 'NoSuchVersion');
  });

  test('lists versions as the SDKs read them', async () => {
    await put('a b', 'before');
    await enable();
    const two = await put('a b', 'two');
    const marker = idOf(await oss.send('DELETE', bucket, 'dir/x'));
    const list = async (query: Record<string, string>) =>
      parseXml((await oss.send('GET', bucket, '', { query: { versions: '', ...query } })).text);
    const all = await list({ 'encoding-type': 'url' });
    const shown = (root: typeof all, kind: string, ...names: string[]) =>
      childrenOf(root, kind).map((each) => names.map((name) => childText(each, name)));
    assert.equal(all.name, 'ListVersionsResult');
    assert.deepEqual(shown(all, 'Version', 'Key', 'VersionId', 'IsLatest', 'Size', 'Type', 'StorageClass'), [
      ['a%20b', two, 'true', '3', 'Normal', 'Standard'],
      ['a%20b', 'null', 'false', '6', 'Normal', 'Standard'],
    ]);
    assert.deepEqual(shown(all, 'DeleteMarker', 'Key', 'VersionId', 'IsLatest'), [['dir%2Fx', marker, 'true']]);
    assert.match(childText(all, 'Version', 'LastModified') ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
    assert.match(childText(all, 'Version', 'ETag') ?? '', /^"[0-9A-F]{32}"$/);
    const page = await list({ 'max-keys': '1' });
    assert.deepEqual(
      [childText(page, 'IsTruncated'), childText(page, 'NextKeyMarker'), childText(page, 'NextVersionIdMarker')],
      ['true', 'a b', two],
    );
    const next = await list({ 'key-marker': 'a b', 'version-id-marker': two, delimiter: '/' });
    assert.deepEqual(shown(next, 'Version', 'VersionId'), [['null']]);
    assert.equal(childText(next, 'CommonPrefixes', 'Prefix'), 'dir/');
    const last = await list({ 'key-marker': 'a b', 'version-id-marker': 'null' });
    assert.deepEqual([shown(last, 'Version', 'Key'), shown(last, 'DeleteMarker', 'Key')], [[], [['dir/x']]]);
    assert.equal(codeOf(await oss.send('GET', bucket, '', { query: { versions: '', 'version-id-marker': two } })), 'InvalidArgument');
    const stat = parseXml((await oss.send('GET', bucket, '', { query: { stat: '' } })).text);
    assert.deepEqual([childText(stat, 'ObjectCount'), childText(stat, 'Storage'), childText(stat, 'DeleteMarkerCount')], ['2', '9', '1']);
  });

  test('asks for the right to versions besides the right to objects', async () => {
    await enable();
    const one = await put('k', 'one');
    await put('k', 'two');
    const allow = (...actions: string[]) =>
      sessionOf(oss, `role-${actions.length}-${buckets}`, [{ Effect: 'Allow', Action: actions, Resource: '*' }]);
    const some = await allow('oss:GetObject', 'oss:DeleteObject', 'oss:PutObject');
    assert.equal((await oss.send('GET', bucket, 'k', { key: some })).text, 'two');
    const source = { 'x-oss-copy-source': `/${bucket}/k?versionId=${one}` };
    const body = `<Delete><Object><Key>k</Key><VersionId>${one}</VersionId></Object></Delete>`;
    const many = { 'content-md5': createHash('md5').update(body).digest('base64') };
    const all = await allow('oss:GetObject', 'oss:DeleteObject', 'oss:PutObject', 'oss:GetObjectVersion', 'oss:DeleteObjectVersion');
    for (const [method, key, options] of [
      ['GET', 'k', at(one)],
      ['PUT', 'copy', { headers: source }],
      ['POST', '', { query: { delete: '' }, headers: many, body }],
      ['DELETE', 'k', at(one)],
    ] as const) {
      const refused = await oss.send(method, bucket, key, { ...options, key: some });
      assert.deepEqual([refused.status, codeOf(refused)], [403, 'AccessDenied'], `${method} ${key}`);
      assert.match(refused.text, /oss:(Get|Delete)ObjectVersion/);
      const admitted = await oss.send(method, bucket, key, { ...options, key: all });
      assert.ok(admitted.status < 300, admitted.text);
    }
  });

  test('goes by the ACL of the version, not of the newest', async () => {
    await enable();
    const closed = await put('k', 'secret', { 'x-oss-object-acl': 'private' });
    const open = await put('k', 'public', { 'x-oss-object-acl': 'public-read' });
    const read = (version: string) => fetchUrl(`http://127.0.0.1:${oss.port}/${bucket}/k?versionId=${version}`);
    assert.equal((await read(open)).text, 'public');
    assert.equal((await read(closed)).status, 403);
    await oss.send('DELETE', bucket, 'k');
    assert.deepEqual([(await read(open)).status, (await read(closed)).status], [200, 403]);
  });

  test('hands the version to a function, which may read just that', async () => {
    const { fcAlias } = await openPhotos(oss);
    await oss.send('PUT', 'photos', '', versioning('Enabled'));
    await oss.send('PUT', 'photos', 'dir/cat.png', { body: 'the newer' });
    let answer: Answer | undefined;
    oss.setFunction(async (event) => {
      answer = await fetchUrl(event.getObjectContext.inputOssUrl);
    });
    await oss.send('GET', fcAlias, 'dir/cat.png', at('null'));
    assert.deepEqual([answer?.status, answer?.text], [200, original]);
    await oss.send('GET', fcAlias, 'dir/cat.png');
    assert.deepEqual([answer?.status, answer?.text], [200, 'the newer']);
  });
});
