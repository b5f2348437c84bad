import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { childText, parseXml } from '../../kit/index.ts';
import { codeOf, fetchUrl, type Harness, openHarness, openPhotos, original } from './fixture.ts';
import { listOperations } from './listed.ts';
import { matchesReferer } from './referer.ts';

let oss: Harness;
before(async () => {
  oss = await openHarness();
  await openPhotos(oss);
});
after(() => oss.close());

const bucket = (method: string, query: Record<string, string>, body?: string) => oss.send(method, 'photos', '', { query, body });

test('a bucket has tags', async () => {
  const tag = (key: string, value: string) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`;
  const put = await bucket('PUT', { tagging: '' }, `<Tagging><TagSet>${tag('a', '1')}${tag('b', '2')}</TagSet></Tagging>`);
  assert.equal(put.status, 200, put.text);
  assert.match((await bucket('GET', { tagging: '' })).text, /<Key>a<\/Key><Value>1<\/Value>.*<Key>b<\/Key>/);
  assert.equal((await bucket('DELETE', { tagging: 'a' })).status, 204);
  assert.doesNotMatch((await bucket('GET', { tagging: '' })).text, /<Key>a</);
  assert.equal((await bucket('DELETE', { tagging: '' })).status, 204);
  assert.doesNotMatch((await bucket('GET', { tagging: '' })).text, /<Key>/);
  const many = Array.from({ length: 21 }, (_, i) => tag(`k${i}`, '')).join('');
  assert.equal(codeOf(await bucket('PUT', { tagging: '' }, `<Tagging><TagSet>${many}</TagSet></Tagging>`)), 'InvalidTag');
});

test('a bucket is counted', async () => {
  await oss.send('PUT', 'photos', 'cold', { body: 'xx', headers: { 'x-oss-storage-class': 'Archive' } });
  await oss.send('POST', 'photos', 'begun', { query: { uploads: '' }, body: '' });
  const stat = parseXml((await bucket('GET', { stat: '' })).text);
  assert.deepEqual(
    ['ObjectCount', 'Storage', 'MultipartUploadCount', 'StandardObjectCount', 'ArchiveStorage', 'ArchiveObjectCount'].map((name) =>
      childText(stat, name),
    ),
    ['2', String(original.length + 2), '1', '1', '2', '1'],
  );
});

describe('settings that are not carried out', () => {
  for (const [selector, code] of [
    ['lifecycle', 'NoSuchLifecycle'],
    ['website', 'NoSuchWebsiteConfiguration'],
    ['encryption', 'NoSuchServerSideEncryptionRule'],
    ['replication', 'NoSuchReplicationConfiguration'],
    ['replicationProgress', 'NoSuchReplicationConfiguration'],
    ['cors', 'NoSuchCORSConfiguration'],
    ['inventory', 'NoSuchInventory'],
    ['worm', 'NoSuchWORMConfiguration'],
    ['transferAcceleration', 'NoSuchTransferAccelerationConfiguration'],
    ['userDefinedLogFieldsConfig', 'NoSuchUserDefinedLogFieldsConfig'],
    ['metaQuery', 'MetaQueryNotExist'],
  ] as const) {
    test(`GET ?${selector} says ${code}`, async () => {
      const answer = await bucket('GET', { [selector]: '' });
      assert.deepEqual([answer.status, codeOf(answer)], [404, code]);
      assert.equal(codeOf(await oss.send('GET', 'nowhere', '', { query: { [selector]: '' } })), 'NoSuchBucket');
    });
  }

  for (const [selector, root, content] of [
    ['logging', 'BucketLoggingStatus', ''],
    ['versioning', 'VersioningConfiguration', ''],
    ['requestPayment', 'RequestPaymentConfiguration', '<Payer>BucketOwner</Payer>'],
    ['accessmonitor', 'AccessMonitorConfiguration', '<Status>Disabled</Status>'],
    ['resourceGroup', 'BucketResourceGroupConfiguration', '<ResourceGroupId>rg-default-id</ResourceGroupId>'],
    ['httpsConfig', 'HttpsConfiguration', '<TLS><Enable>false</Enable></TLS>'],
    ['bucketArchiveDirectRead', 'ArchiveDirectReadConfiguration', '<Enabled>false</Enabled>'],
    ['replicationLocation', 'ReplicationLocation', ''],
    ['qosInfo', 'QoSConfiguration', '<TotalUploadBandwidth>-1</TotalUploadBandwidth>'],
    ['qos', 'BucketUserQos', '<StorageCapacity>-1</StorageCapacity>'],
    ['redundancyTransition', 'ListBucketDataRedundancyTransition', '<IsTruncated>false</IsTruncated>'],
    ['cname', 'ListCnameResult', '<Bucket>photos</Bucket>'],
    ['live', 'ListLiveChannelResult', '<IsTruncated>false</IsTruncated>'],
  ] as const) {
    test(`GET ?${selector} says what holds`, async () => {
      const { text } = await bucket('GET', { [selector]: '' });
      assert.equal(parseXml(text).name, root);
      assert.ok(text.includes(content), text);
    });
  }

  test('GET ?cname&comp=token says that there is none', async () => {
    assert.equal(codeOf(await bucket('GET', { cname: 'a.test', comp: 'token' })), 'NoSuchCnameInRecord');
  });

  test('GET /?regions tells of the one region', async () => {
    const regions = (value: string) => oss.send('GET', '', '', { query: { regions: value } });
    assert.match((await regions('')).text, /<Region>oss-cn-qingdao<\/Region><InternetEndpoint>oss-cn-qingdao.aliyuncs.com</);
    assert.deepEqual([(await regions('oss-cn-qingdao')).status, codeOf(await regions('oss-cn-hangzhou'))], [200, 'NoSuchRegion']);
  });

  const { refused } = listOperations();
  test('every setting can be asked for', () => {
    const open = refused.filter(({ method, level }) => method === 'GET' && level !== 'object').map(({ name }) => name);
    assert.deepEqual(open.sort(), ['GetAsyncFetchTask', 'ListResourcePools']);
  });

  for (const { name, method, selectedBy } of refused.filter(({ level, method }) => level === 'bucket' && method !== 'GET')) {
    const [selector = ''] = selectedBy;
    test(`${method} ${selector} is NotImplemented, by its name`, async () => {
      const answer = await bucket(method, { [selector.slice(1)]: '' }, '<X/>');
      assert.deepEqual([answer.status, codeOf(answer)], [400, 'NotImplemented']);
      assert.ok(answer.text.includes(`<Operation>${name}</Operation>`), answer.text);
    });
  }

  test('what is not there is deleted with 204', async () => {
    for (const selector of ['lifecycle', 'website', 'encryption', 'logging', 'inventory', 'userDefinedLogFieldsConfig']) {
      assert.equal((await bucket('DELETE', { [selector]: '' })).status, 204, selector);
    }
    assert.equal(codeOf(await oss.send('DELETE', 'nowhere', '', { query: { lifecycle: '' } })), 'NoSuchBucket');
  });
});

describe('pages that link to objects', () => {
  const refererXml = (inner: string) => `<RefererConfiguration>${inner}</RefererConfiguration>`;
  const list = (name: string, ...patterns: string[]) =>
    `<${name}>${patterns.map((each) => `<Referer>${each}</Referer>`).join('')}</${name}>`;
  const put = async (inner: string) => {
    const answer = await bucket('PUT', { referer: '' }, refererXml(inner));
    assert.equal(answer.status, 200, answer.text);
  };
  const open = async (referer?: string) => {
    const answer = await fetchUrl(oss.presign('photos', 'dir/cat.png'), { headers: referer === undefined ? {} : { referer } });
    return answer.status === 403 ? codeOf(answer) : answer.status;
  };

  test('everything holds before anything is put', async () => {
    const usual = await bucket('GET', { referer: '' });
    assert.match(usual.text, /<AllowEmptyReferer>true<.*<RefererList>/);
    assert.equal(await open('http://evil.test/'), 200);
  });

  test('are the ones on the list', async () => {
    await put(`<AllowEmptyReferer>false</AllowEmptyReferer>${list('RefererList', 'http://*.good.test/', 'https://one.test')}`);
    assert.match((await bucket('GET', { referer: '' })).text, /<AllowEmptyReferer>false<.*<Referer>https:\/\/one.test</);
    const seen = [
      await open('http://www.good.test/page?q=1'),
      await open('https://one.test'),
      await open('http://evil.test/http://a.good.test/'),
    ];
    assert.deepEqual(seen, [200, 200, 'AccessDenied']);
    assert.deepEqual([await open(), await open('http://evil.test/?http://a.good.test/')], ['AccessDenied', 'AccessDenied']);
    // Who signs the request itself is not asked where it comes from.
    assert.equal((await oss.send('GET', 'photos', 'dir/cat.png')).text, original);
  });

  test('are not those on the other list', async () => {
    await put(`<AllowEmptyReferer>true</AllowEmptyReferer><RefererList/>${list('RefererBlacklist', 'http://evil.test')}`);
    assert.deepEqual([await open(), await open('http://ok.test/'), await open('http://evil.test/x')], [200, 200, 'AccessDenied']);
    await put('<AllowEmptyReferer>true</AllowEmptyReferer><RefererList/>');
    const path = await bucket('PUT', { referer: '' }, refererXml('<TruncatePath>true</TruncatePath>'));
    assert.equal(codeOf(path), 'NotImplemented');
  });

  test('a pattern fits what lies below it, and costs no time', () => {
    for (const [pattern, fits, other] of [
      ['http://*.a.?/', 'http://x.y.a.b/c', 'http://evil/http://x.a.b/'],
      ['http://a', 'http://a/x', 'https://a'],
      ['https://one.test', 'https://one.test:8443/', 'https://one.test.evil.test/'],
      ['*.one.test', 'https://www.one.test', 'https://evil.test/www.one.test'],
      ['http://a/*/x', 'http://a/b/c/x/y', 'http://a/x'],
    ] as const) {
      assert.deepEqual([matchesReferer(pattern, fits), matchesReferer(pattern, other)], [true, false], pattern);
    }
    const started = performance.now();
    assert.ok(!matchesReferer(`http://x/${'*a'.repeat(500)}b`, `http://x/${'a'.repeat(8000)}`));
    assert.ok(performance.now() - started < 1000);
  });
});
