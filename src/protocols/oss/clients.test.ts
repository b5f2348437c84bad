import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { signOssHeader } from '../../signing/index.ts';
import { codeOf, fetchUrl, type Harness, openHarness, region, rootKey, sessionOf, signing } from './fixture.ts';

/** The parts of ali-oss that are used here; the package has no types of its own. */
interface AliOss {
  putBucket(name: string): Promise<{ bucket: string | null }>;
  listBuckets(query?: object): Promise<{ buckets: { name: string; region: string }[] }>;
  getBucketInfo(name: string): Promise<{ bucket: { Name: string; Location: string } }>;
  getBucketLocation(name: string): Promise<{ location: string }>;
  deleteBucket(name: string): Promise<unknown>;
  useBucket(name: string): void;
  put(name: string, body: Buffer, options?: object): Promise<{ name: string; res: { status: number } }>;
  get(name: string, options?: object): Promise<{ content: Buffer; res: { headers: Record<string, string> } }>;
  head(name: string): Promise<{ status: number; meta: Record<string, string> | null }>;
  getObjectMeta(name: string): Promise<{ status: number; res: { headers: Record<string, string> } }>;
  list(query: object): Promise<{ objects: { name: string; size: number }[]; prefixes: string[] | null; nextMarker: string | null }>;
  listV2(query: object): Promise<{ objects: { name: string }[]; nextContinuationToken: string | null }>;
  delete(name: string): Promise<{ res: { status: number } }>;
  deleteMulti(names: string[], options?: object): Promise<{ deleted: { Key: string }[] }>;
  signatureUrl(name: string, options?: object): string;
  signatureUrlV4(method: string, expires: number, request: object, name: string): Promise<string>;
}
const AliOssClient = createRequire(import.meta.url)('ali-oss') as new (options: object) => AliOss;

let oss: Harness;

before(async () => {
  oss = await openHarness();
});

after(() => oss.close());

describe('unmodified ali-oss', () => {
  for (const [endpoint, sldEnable] of [
    ['127.0.0.1', false],
    ['127.0.0.1', true],
    ['localhost', true],
  ] as const) {
    for (const authorizationV4 of [false, true]) {
      test(`${endpoint}${sldEnable ? ' with sldEnable' : ''}, ${authorizationV4 ? 'V4' : 'V1'}`, async () => {
        const bucket = `ali-${endpoint === 'localhost' ? 'name' : 'ip'}-${sldEnable ? 'sld' : 'host'}-${authorizationV4 ? 'v4' : 'v1'}`;
        const client = new AliOssClient({
          ...{ accessKeyId: rootKey.id, accessKeySecret: rootKey.secret, region: `oss-${region}` },
          ...{ endpoint: `http://${endpoint}:${oss.port}`, sldEnable, authorizationV4 },
        });
        assert.equal((await client.putBucket(bucket)).bucket, bucket);
        client.useBucket(bucket);
        const listed = await client.listBuckets();
        assert.ok(listed.buckets.some(({ name, region: shown }) => name === bucket && shown === `oss-${region}`));
        assert.equal((await client.getBucketInfo(bucket)).bucket.Name, bucket);
        assert.equal((await client.getBucketLocation(bucket)).location, `oss-${region}`);

        const body = Buffer.from('hello');
        // The last one begins with the name of its bucket, which makes host and path ambiguous.
        const keys = ['a b+c.txt', 'dir/ü&<x>.txt', `${bucket}/x`];
        for (const key of keys) assert.equal((await client.put(key, body, { meta: { who: 'ann' } })).res.status, 200);
        for (const key of keys) assert.ok((await client.get(key)).content.equals(body), key);
        assert.equal((await client.get('a b+c.txt', { headers: { Range: 'bytes=1-3' } })).content.toString(), 'ell');
        assert.deepEqual((await client.head('a b+c.txt')).meta, { who: 'ann' });
        assert.equal((await client.getObjectMeta('a b+c.txt')).res.headers['content-length'], '5');
        await assert.rejects(client.get('none'), { status: 404, code: 'NoSuchKey' });
        await assert.rejects(client.head('none'), { status: 404, code: 'NoSuchKey' });

        const page = await client.list({ 'max-keys': 2 });
        assert.deepEqual(
          page.objects.map(({ name, size }) => [name, size]),
          [keys[0], keys[2]].map((name) => [name, 5]),
        );
        assert.deepEqual((await client.list({ delimiter: '/', prefix: '' })).prefixes, [`${bucket}/`, 'dir/']);
        const second = await client.listV2({ 'max-keys': 2 });
        const third = await client.listV2({ 'max-keys': 2, 'continuation-token': second.nextContinuationToken });
        assert.deepEqual([...second.objects, ...third.objects].map(({ name }) => name).sort(), [...keys].sort());
        assert.deepEqual((await client.list({ prefix: 'nothing' })).objects, []);

        if (endpoint === 'localhost' && !authorizationV4) {
          assert.equal((await fetchUrl(client.signatureUrl('a b+c.txt', { expires: 60 }))).text, 'hello');
        }
        if (sldEnable) assert.equal((await fetchUrl(await client.signatureUrlV4('GET', 60, {}, 'a b+c.txt'))).text, 'hello');

        assert.equal((await client.delete('a b+c.txt')).res.status, 204);
        assert.deepEqual((await client.deleteMulti([`${bucket}/x`])).deleted.length, 1);
        assert.deepEqual((await client.deleteMulti(['never'], { quiet: true })).deleted, []);
        await assert.rejects(client.deleteBucket(bucket), { status: 409, code: 'BucketNotEmpty' });
        assert.equal((await client.delete('dir/ü&<x>.txt')).res.status, 204);
        await client.deleteBucket(bucket);
        await assert.rejects(client.getBucketInfo(bucket), { status: 404, code: 'NoSuchBucket' });
      });
    }
  }

  test('with a session token', async () => {
    await oss.send('PUT', 'for-sessions', '');
    await oss.send('PUT', 'for-sessions', 'k', { body: 'fine' });
    const session = await sessionOf(oss, 'aliuser', [{ Effect: 'Allow', Action: 'oss:GetObject', Resource: 'acs:oss:*:*:for-sessions/*' }]);
    for (const authorizationV4 of [false, true]) {
      const client = new AliOssClient({
        ...{ accessKeyId: session.id, accessKeySecret: session.secret, stsToken: session.token, refreshSTSToken: async () => ({}) },
        ...{
          refreshSTSTokenInterval: 3_600_000,
          region: `oss-${region}`,
          endpoint: `http://127.0.0.1:${oss.port}`,
          bucket: 'for-sessions',
        },
        authorizationV4,
      });
      assert.equal((await client.get('k')).content.toString(), 'fine');
      await assert.rejects(client.put('k', Buffer.from('no')), { code: 'AccessDenied' });
    }
  });
});

describe('hosts', () => {
  const ask = (host: string, path: string, bucket: string, key: string) =>
    fetchUrl(`http://127.0.0.1:${oss.port}${path}`, { headers: { ...signOssHeader(signing('GET', bucket, key)), host } });

  before(async () => {
    for (const bucket of ['hosted', 'hosted-2']) await oss.send('PUT', bucket, '');
    await oss.send('PUT', 'hosted', 'dir/k', { body: 'found' });
  });

  for (const [name, host, path] of [
    ['virtual host of the vendor', `hosted.oss-${region}.aliyuncs.com`, '/dir/k'],
    ['internal endpoint of the vendor', `hosted.oss-${region}-internal.aliyuncs.com`, '/dir/k'],
    ['path style at the vendor', `oss-${region}.aliyuncs.com`, '/hosted/dir/k'],
    ['virtual host of a configured domain', 'hosted.oss.test:9000', '/dir/k'],
    ['path style at a configured domain', 'oss.test:9000', '/hosted/dir/k'],
    ['virtual host of localhost', 'hosted.localhost:9000', '/dir/k'],
    ['virtual host of a name that nobody configured', 'hosted.store:9000', '/dir/k'],
    ['path style at a name that nobody configured', 'store:9000', '/hosted/dir/k'],
    ['no bucket anywhere but in the signature (Java, CNAME)', 'store:9000', '/dir/k'],
  ] as const) {
    test(name, async () => {
      const answer = await ask(host, path, 'hosted', 'dir/k');
      assert.equal(answer.text, 'found');
    });
  }

  test('a list of the bucket that only the signature names', async () => {
    const answer = await ask('store:9000', '/', 'hosted', '');
    assert.match(answer.text, /<Name>hosted<\/Name>/);
  });

  test('the signature decides, not the host', async () => {
    assert.equal(codeOf(await ask(`hosted-2.oss-${region}.aliyuncs.com`, '/dir/k', 'hosted', 'dir/k')), 'SignatureDoesNotMatch');
    assert.equal(codeOf(await ask('store:9000', '/dir/k', 'nowhere', 'dir/k')), 'SignatureDoesNotMatch');
  });
});
