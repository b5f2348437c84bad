import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Answer, codeOf, type Harness, openHarness } from './fixture.ts';

let oss: Harness;
let slow: Harness;
before(async () => {
  [oss, slow] = await Promise.all([openHarness(), openHarness({ restoreMs: 3_600_000 })]);
  await Promise.all([oss.send('PUT', 'photos', ''), slow.send('PUT', 'photos', '')]);
});
after(() => Promise.all([oss.close(), slow.close()]));

const put = (house: Harness, key: string, storageClass: string) =>
  house.send('PUT', 'photos', key, { body: key, headers: { 'x-oss-storage-class': storageClass } });
const restore = (house: Harness, key: string, body = '') => house.send('POST', 'photos', key, { query: { restore: '' }, body });
const request = (inner: string) => `<RestoreRequest>${inner}</RestoreRequest>`;
const told = ({ status, headers }: Answer) => [status, headers['x-oss-restore']];
const refused = (answer: Answer) => [answer.status, codeOf(answer)];

describe('an object of an archive class', () => {
  for (const storageClass of ['Archive', 'ColdArchive', 'DeepColdArchive']) {
    test(`${storageClass}: cannot be read before it is restored, and can be described`, async () => {
      await put(oss, storageClass, storageClass);
      assert.deepEqual(refused(await oss.send('GET', 'photos', storageClass)), [403, 'InvalidObjectState']);
      const head = await oss.send('HEAD', 'photos', storageClass);
      assert.deepEqual([...told(head), head.headers['x-oss-storage-class']], [200, undefined, storageClass]);

      const begun = await restore(oss, storageClass);
      assert.deepEqual(
        [begun.status, begun.text, begun.headers['x-oss-object-restore-priority']],
        [202, '', storageClass === 'Archive' ? undefined : 'Standard'],
      );
      const read = await oss.send('GET', 'photos', storageClass, { headers: { range: 'bytes=0-2' } });
      assert.deepEqual([read.status, read.text], [206, storageClass.slice(0, 3)]);
      assert.match(String(read.headers['x-oss-restore']), /^ongoing-request="false", expiry-date="\w{3}, .* GMT"$/);
      assert.equal((await restore(oss, storageClass)).status, 200);
      assert.deepEqual(told(await oss.send('HEAD', 'photos', storageClass))[1], told(await oss.send('GET', 'photos', storageClass))[1]);

      const clean = () => oss.send('POST', 'photos', storageClass, { query: { cleanRestoredObject: '' }, body: '' });
      assert.equal((await clean()).status, 200);
      assert.deepEqual(refused(await clean()), [409, 'ArchiveRestoreFileStale']);
      assert.deepEqual(refused(await oss.send('GET', 'photos', storageClass)), [403, 'InvalidObjectState']);
    });
  }

  test('is read for as many days as it is restored for', async () => {
    await put(oss, 'days', 'ColdArchive');
    const days = async (count: number) => {
      assert.ok(
        (await restore(oss, 'days', request(`<Days>${count}</Days><JobParameters><Tier>Bulk</Tier></JobParameters>`))).status < 300,
      );
      const { headers } = await oss.send('HEAD', 'photos', 'days');
      return Math.round((Date.parse(/expiry-date="(.*)"/.exec(String(headers['x-oss-restore']))?.[1] ?? '') - Date.now()) / 86_400_000);
    };
    assert.deepEqual([await days(3), await days(365), await days(1)], [3, 365, 1]);
  });

  test('is frozen again where it is replaced or copied', async () => {
    await put(oss, 'again', 'Archive');
    assert.equal((await restore(oss, 'again')).status, 202);
    const copy = (key: string, storageClass: string) =>
      oss.send('PUT', 'photos', key, { body: '', headers: { 'x-oss-copy-source': '/photos/again', 'x-oss-storage-class': storageClass } });
    assert.equal((await copy('warm', 'Standard')).status, 200);
    assert.equal((await oss.send('GET', 'photos', 'warm')).text, 'again');
    assert.equal((await copy('cold', 'Archive')).status, 200);
    assert.equal((await oss.send('GET', 'photos', 'cold')).status, 403);
    await put(oss, 'again', 'Archive');
    assert.equal((await oss.send('GET', 'photos', 'again')).status, 403);
    assert.deepEqual(refused(await copy('warm', 'Standard')), [403, 'InvalidObjectState']);
  });

  test('cannot be read through a symlink or as a part, either', async () => {
    await put(oss, 'target', 'Archive');
    await oss.send('PUT', 'photos', 'link', { query: { symlink: '' }, body: '', headers: { 'x-oss-symlink-target': 'target' } });
    assert.deepEqual(refused(await oss.send('GET', 'photos', 'link')), [403, 'InvalidObjectState']);
    const begun = await oss.send('POST', 'photos', 'parts', { query: { uploads: '' }, body: '' });
    const uploadId = /<UploadId>(.*)<\/UploadId>/.exec(begun.text)?.[1] ?? '';
    const query = { uploadId, partNumber: '1' };
    const part = () => oss.send('PUT', 'photos', 'parts', { query, body: '', headers: { 'x-oss-copy-source': '/photos/target' } });
    assert.deepEqual(refused(await part()), [403, 'InvalidObjectState']);
    await restore(oss, 'target');
    assert.deepEqual([(await part()).status, (await oss.send('GET', 'photos', 'link')).text], [200, 'target']);
  });

  test('is restored version by version', async () => {
    await oss.send('PUT', 'kept', '');
    const setting = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
    await oss.send('PUT', 'kept', '', { query: { versioning: '' }, body: setting });
    const version = async (body: string) =>
      String((await oss.send('PUT', 'kept', 'k', { body, headers: { 'x-oss-storage-class': 'Archive' } })).headers['x-oss-version-id']);
    const [first, second] = [await version('1'), await version('2')];
    const answer = await oss.send('POST', 'kept', 'k', { query: { restore: '', versionId: first }, body: '' });
    assert.deepEqual([answer.status, answer.headers['x-oss-version-id']], [202, first]);
    assert.equal((await oss.send('GET', 'kept', 'k', { query: { versionId: first } })).text, '1');
    assert.equal(
      (await oss.send('GET', 'kept', '', { query: { versions: '' } })).text.match(/<RestoreInfo>ongoing-request=&quot;false&quot;/g)
        ?.length,
      1,
    );
    assert.equal((await oss.send('GET', 'kept', 'k', { query: { versionId: second } })).status, 403);
    assert.equal((await oss.send('GET', 'kept', 'k')).status, 403);
  });

  test('takes its time, where it is told to', async () => {
    await put(slow, 'slow', 'Archive');
    assert.equal((await restore(slow, 'slow')).status, 202);
    assert.deepEqual(told(await slow.send('HEAD', 'photos', 'slow')), [200, 'ongoing-request="true"']);
    assert.deepEqual(refused(await restore(slow, 'slow')), [409, 'RestoreAlreadyInProgress']);
    for (const query of [{ prefix: 's' }, { prefix: 's', 'list-type': '2' }] as Record<string, string>[])
      assert.match((await slow.send('GET', 'photos', '', { query })).text, /<Key>slow<.*<RestoreInfo>ongoing-request=&quot;true&quot;</s);
    assert.deepEqual(refused(await slow.send('GET', 'photos', 'slow')), [403, 'InvalidObjectState']);
    const clean = await slow.send('POST', 'photos', 'slow', { query: { cleanRestoredObject: '' }, body: '' });
    assert.deepEqual(refused(clean), [409, 'ArchiveRestoreNotFinished']);
  });

  test('is read directly where the bucket says so, if it is not colder than that', async () => {
    const setting = (value: string) =>
      oss.send('PUT', 'photos', '', {
        query: { bucketArchiveDirectRead: '' },
        body: `<ArchiveDirectReadConfiguration><Enabled>${value}</Enabled></ArchiveDirectReadConfiguration>`,
      });
    const read = async () =>
      /<Enabled>(.*)<\/Enabled>/.exec((await oss.send('GET', 'photos', '', { query: { bucketArchiveDirectRead: '' } })).text)?.[1];
    await put(oss, 'direct', 'Archive');
    await put(oss, 'colder', 'ColdArchive');
    assert.deepEqual([await read(), (await setting('true')).status, await read()], ['false', 200, 'true']);
    assert.equal((await oss.send('GET', 'photos', 'direct')).text, 'direct');
    assert.equal((await oss.send('GET', 'photos', 'colder')).status, 403);
    assert.equal((await setting('false')).status, 200);
    assert.equal((await oss.send('GET', 'photos', 'direct')).status, 403);
    assert.deepEqual(refused(await setting('maybe')), [400, 'MalformedXML']);
  });

  test('is refused to be restored wrongly', async () => {
    await put(oss, 'wrong', 'Archive');
    for (const days of ['0', '8', '-1', 'a', '']) {
      assert.deepEqual(refused(await restore(oss, 'wrong', request(`<Days>${days}</Days>`))), [400, 'InvalidArgument'], days);
    }
    assert.deepEqual(refused(await restore(oss, 'wrong', request('<JobParameters><Tier>Test</Tier></JobParameters>'))), [
      400,
      'InvalidArgument',
    ]);
    assert.deepEqual(refused(await restore(oss, 'nothing')), [404, 'NoSuchKey']);
    for (const storageClass of ['Standard', 'IA']) {
      await put(oss, 'warm', storageClass);
      assert.deepEqual(refused(await restore(oss, 'warm')), [400, 'OperationNotSupported']);
      assert.equal((await oss.send('GET', 'photos', 'warm')).text, 'warm');
    }
  });
});
