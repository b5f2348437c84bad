import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { child, childrenOf, childText, parseXml, type XmlNode } from '../../kit/index.ts';
import {
  accountId,
  codeOf,
  fcHeader,
  functionArn,
  type Harness,
  openHarness,
  openPhotos,
  original,
  processing,
  region,
  sessionOf,
} from './fixture.ts';

let oss: Harness;
let apAlias: string;
let fcAlias: string;

before(async () => {
  oss = await openHarness();
  ({ apAlias, fcAlias } = await openPhotos(oss));
});

after(() => oss.close());

describe('access points', () => {
  const nameHeader = { 'x-oss-access-point-name': 'ap-01' };
  const get = async (bucket: string, query: Record<string, string>, headers: Record<string, string> = {}): Promise<XmlNode> => {
    const seen = await oss.send('GET', bucket, '', { query, headers });
    assert.equal(seen.status, 200, seen.text);
    return parseXml(seen.text);
  };

  test('an access point alias works like its bucket for objects and lists', async () => {
    assert.match(apAlias, /^ap-01-[0-9a-f]{34}-ossalias$/);
    assert.equal((await oss.send('GET', apAlias, 'dir/cat.png')).text, original);
    assert.equal((await oss.send('PUT', apAlias, 'via', { body: 'alias' })).status, 200);
    assert.equal((await oss.send('GET', 'photos', 'via')).text, 'alias');
    const page = await get(apAlias, { prefix: 'dir/' });
    assert.deepEqual([childText(page, 'Name'), childText(page, 'Contents', 'Key')], [apAlias, 'dir/cat.png']);
    assert.equal((await oss.send('DELETE', apAlias, 'via')).status, 204);
    for (const [method, query] of [
      ['DELETE', {}],
      ['GET', { bucketInfo: '' }],
      ['GET', { accessPoint: '' }],
    ] as const) {
      assert.equal(codeOf(await oss.send(method, apAlias, '', { query })), 'AccessDenied', `${method} ${JSON.stringify(query)}`);
    }
  });

  test('through an access point a grant on it will do, one on the bucket alone will not, and a Deny on either holds', async () => {
    const statement = (Effect: string, name: string) => ({ Effect, Action: 'oss:GetObject', Resource: `acs:oss:*:*:${name}` });
    const [onPoint, onBucket] = ['accesspoint/ap-01/object/*', 'photos/*'];
    for (const [name, list, status] of [
      ['p1', [statement('Allow', onPoint)], 200],
      ['p2', [statement('Allow', onBucket)], 403],
      ['p3', [statement('Allow', '*'), statement('Deny', onBucket)], 403],
      ['p4', [statement('Allow', '*'), statement('Deny', onPoint)], 403],
      ['p5', [statement('Allow', 'other/*')], 403],
    ] as const) {
      const key = await sessionOf(oss, name, [...list]);
      assert.equal((await oss.send('GET', apAlias, 'dir/cat.png', { key })).status, status, name);
    }
  });

  test('GetAccessPoint and ListAccessPoints', async () => {
    const point = await get('photos', { accessPoint: '' }, nameHeader);
    assert.equal(point.name, 'GetAccessPointResult');
    assert.deepEqual(
      ['AccessPointName', 'Bucket', 'AccountId', 'NetworkOrigin', 'AccessPointArn', 'Alias', 'Status'].map((name) =>
        childText(point, name),
      ),
      [...['ap-01', 'photos', accountId, 'internet', `acs:oss:${region}:${accountId}:accesspoint/ap-01`, apAlias, 'enable']],
    );
    assert.equal(childText(point, 'Endpoints', 'PublicEndpoint'), `ap-01-${accountId}.oss-${region}.oss-accesspoint.aliyuncs.com`);
    for (const bucket of ['', 'photos']) {
      const list = await get(bucket, { accessPoint: '' });
      assert.equal(childText(list, 'AccountId'), accountId);
      assert.equal(childText(list, 'AccessPoints', 'AccessPoint', 'Alias'), apAlias);
    }
  });

  test('GetAccessPointForObjectProcess, its list and its configuration', async () => {
    const point = await get('photos', { accessPointForObjectProcess: '' }, fcHeader);
    assert.deepEqual(
      [
        'AccessPointNameForObjectProcess',
        'AccessPointForObjectProcessAlias',
        'AccessPointName',
        'Status',
        'AllowAnonymousAccessForObjectProcess',
      ].map((name) => childText(point, name)),
      [...['fc-ap-01', fcAlias, 'ap-01', 'enable', 'false']],
    );
    assert.match(childText(point, 'CreationDate') ?? '', /^\d{10}$/);
    const list = await get('', { accessPointForObjectProcess: '' });
    assert.equal(
      childText(list, 'AccessPointsForObjectProcess', 'AccessPointForObjectProcess', 'AccessPointForObjectProcessAlias'),
      fcAlias,
    );
    const read = async () => await get('photos', { accessPointConfigForObjectProcess: '' }, fcHeader);
    const shown = child(await read(), 'ObjectProcessConfiguration') as XmlNode;
    const transformation = childrenOf(child(shown, 'TransformationConfigurations') as XmlNode, 'TransformationConfiguration')[0] as XmlNode;
    assert.equal(childText(transformation, 'Actions', 'Action'), 'GetObject');
    assert.equal(childText(transformation, 'ContentTransformation', 'FunctionCompute', 'FunctionArn'), functionArn);
    assert.equal(
      childText(transformation, 'ContentTransformation', 'AdditionalFeatures', 'CustomForwardHeaders', 'CustomForwardHeader'),
      'x-tint',
    );
    assert.equal(childText(shown, 'AllowedFeatures'), '');
    const changed = processing.replace(
      '<AllowedFeatures/>',
      '<AllowedFeatures><AllowedFeature>GetObject-Range</AllowedFeature></AllowedFeatures>',
    );
    const put = await oss.send('PUT', 'photos', '', {
      ...{ query: { accessPointConfigForObjectProcess: '' }, headers: fcHeader },
      body: `<PutAccessPointConfigForObjectProcessConfiguration>${changed}<PublicAccessBlockConfiguration><BlockPublicAccess>true</BlockPublicAccess></PublicAccessBlockConfiguration></PutAccessPointConfigForObjectProcessConfiguration>`,
    });
    assert.deepEqual([put.status, put.text], [200, '']);
    const after = await read();
    assert.equal(childText(after, 'ObjectProcessConfiguration', 'AllowedFeatures', 'AllowedFeature'), 'GetObject-Range');
    assert.equal(childText(after, 'PublicAccessBlockConfiguration', 'BlockPublicAccess'), 'true');
  });

  test('bad configurations and names', async () => {
    const create = (headers: Record<string, string>, body: string) =>
      oss.send('PUT', 'photos', '', { query: { accessPointForObjectProcess: '' }, headers, body });
    const wrap = (inner: string) =>
      `<CreateAccessPointForObjectProcessConfiguration>${inner}</CreateAccessPointForObjectProcessConfiguration>`;
    const header = (name: string) => ({ 'x-oss-access-point-for-object-process-name': name });
    for (const [headers, body, code] of [
      [{}, wrap('<AccessPointName>ap-01</AccessPointName>'), 'MissingArgument'],
      [header('Bad_Name'), wrap('<AccessPointName>ap-01</AccessPointName>'), 'InvalidArgument'],
      [header('fine-name'), wrap('<AccessPointName>nobody</AccessPointName>'), 'NoSuchAccessPoint'],
      [header('fc-ap-01'), wrap('<AccessPointName>ap-01</AccessPointName>'), 'AccessPointForObjectProcessAlreadyExists'],
      [header('fine-name'), '', 'MalformedXML'],
      [
        header('fine-name'),
        wrap('<AccessPointName>ap-01</AccessPointName><AllowAnonymousAccessForObjectProcess>maybe</AllowAnonymousAccessForObjectProcess>'),
        'InvalidArgument',
      ],
      [header('fine-name'), wrap(`<AccessPointName>ap-01</AccessPointName>${processing.replace(functionArn, '')}`), 'MalformedXML'],
      [
        header('fine-name'),
        wrap(`<AccessPointName>ap-01</AccessPointName>${processing.replace('getobject', 'PutObject')}`),
        'InvalidArgument',
      ],
    ] as [Record<string, string>, string, string][]) {
      assert.equal(codeOf(await create(headers, body)), code, `${JSON.stringify(headers)} ${body.slice(0, 150)}`);
    }
    const network = await oss.send('PUT', 'photos', '', {
      query: { accessPoint: '' },
      body: '<CreateAccessPointConfiguration><AccessPointName>ap-02</AccessPointName><NetworkOrigin>moon</NetworkOrigin></CreateAccessPointConfiguration>',
    });
    assert.equal(codeOf(network), 'InvalidArgument');
  });

  test('deletion goes from the outside in', async () => {
    const bucket = await oss.send('DELETE', 'photos', '');
    assert.equal(bucket.status, 409);
    assert.match(bucket.text, /ap-01/);
    const remove = (query: string, headers: Record<string, string>) =>
      oss.send('DELETE', 'photos', '', { query: { [query]: '' }, headers });
    const inUse = await remove('accessPoint', nameHeader);
    assert.deepEqual([inUse.status, codeOf(inUse)], [409, 'AccessPointInUse']);
    assert.equal((await remove('accessPointForObjectProcess', fcHeader)).status, 204);
    assert.equal(codeOf(await remove('accessPointForObjectProcess', fcHeader)), 'NoSuchAccessPointForObjectProcess');
    assert.equal(codeOf(await oss.send('GET', fcAlias, 'dir/cat.png')), 'NoSuchBucket');
    assert.equal((await remove('accessPoint', nameHeader)).status, 204);
    assert.equal(codeOf(await remove('accessPoint', nameHeader)), 'NoSuchAccessPoint');
    assert.equal(codeOf(await oss.send('DELETE', 'photos', '')), 'BucketNotEmpty');
  });
});
