import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { child, childrenOf, childText, parseXml, type XmlNode } from '../../kit/index.ts';
import {
  accountId,
  codeOf,
  fcHeader,
  fetchUrl,
  type Harness,
  openHarness,
  openPhotos,
  original,
  processing,
  sessionOf,
} from './fixture.ts';

let oss: Harness;
let apAlias: string;
let fcAlias: string;
const key = 'dir/cat.png';
const pointHeader = { 'x-oss-access-point-name': 'ap-01' };

before(async () => {
  oss = await openHarness();
  ({ apAlias, fcAlias } = await openPhotos(oss));
  oss.setFunction(async ({ getObjectContext: { outputRoute, outputToken, inputOssUrl } }, credentials) => {
    const { text } = await fetchUrl(inputOssUrl);
    const answer = await oss.send('POST', '', '', {
      port: Number(new URL(outputRoute).port),
      query: { 'x-oss-write-get-object-response': '' },
      headers: {
        ...{ 'x-oss-request-route': outputRoute, 'x-oss-request-token': outputToken, 'x-oss-fwd-status': '200' },
        'x-oss-fwd-header-content-type': 'text/html',
      },
      body: text.toUpperCase(),
      key: { id: credentials.accessKeyId, secret: credentials.accessKeySecret, token: credentials.securityToken },
    });
    assert.equal(answer.status, 200, answer.text);
  });
});
after(() => oss.close());

type Statement = Record<string, unknown>;
const policyOf = (...Statement: Statement[]) => JSON.stringify({ Version: '1', Statement });
const arn = (name: string) => `acs:oss:cn-qingdao:${accountId}:${name}`;
const statement = (Effect: string, Resource: string, Principal = '*', more = {}) => ({
  ...{ Effect, Action: ['oss:GetObject'], Resource: [arn(Resource)], Principal: [Principal], ...more },
});
const onPoint = 'accesspoint/ap-01/object/*';
const onFc = 'accesspointforobjectprocess/fc-ap-01/object/*';
const anonymous = (path: string, options: Parameters<typeof fetchUrl>[1] = {}) => fetchUrl(`http://127.0.0.1:${oss.port}/${path}`, options);
const send = (method: string, query: string, headers: Record<string, string>, body?: string) =>
  oss.send(method, 'photos', '', { query: { [query]: '' }, headers, ...(body !== undefined && { body }) });
const block = (value: boolean) =>
  `<PublicAccessBlockConfiguration><BlockPublicAccess>${value}</BlockPublicAccess></PublicAccessBlockConfiguration>`;

beforeEach(async () => {
  await oss.store.setBucketPolicy('photos', undefined);
  await oss.accesspoints.setPolicy('photos', 'ap-01', undefined);
  await oss.accesspoints.setObjectFcPolicy('photos', 'fc-ap-01', undefined);
  await oss.accesspoints.configureObjectFc('photos', 'fc-ap-01', { allowAnonymous: false, blockPublicAccess: false });
});

describe('policies of access points', () => {
  for (const [query, headers, resource] of [
    ['accessPointPolicy', pointHeader, onPoint],
    ['accessPointPolicyForObjectProcess', fcHeader, onFc],
  ] as const) {
    test(`?${query}: byte for byte, 204, and what is missing`, async () => {
      const text = ` ${policyOf(statement('Deny', resource, '20'))}\n`;
      assert.equal(codeOf(await send('GET', query, headers)), 'NoSuchAccessPointPolicy');
      assert.equal((await send('PUT', query, headers, text)).status, 200);
      const shown = await send('GET', query, headers);
      assert.deepEqual([shown.text, shown.headers['content-type']], [text, 'application/json']);
      assert.equal(codeOf(await send('PUT', query, headers, '{}')), 'InvalidPolicyDocument');
      assert.equal((await send('GET', query, headers)).text, text);
      assert.equal((await send('DELETE', query, headers)).status, 204);
      assert.equal((await send('DELETE', query, headers)).status, 204);
      assert.equal(codeOf(await send('GET', query, headers)), 'NoSuchAccessPointPolicy');
      for (const method of ['PUT', 'GET', 'DELETE']) {
        assert.equal(codeOf(await send(method, query, {}, text)), 'MissingArgument', method);
        const [name = ''] = Object.keys(headers);
        assert.match(codeOf(await send(method, query, { [name]: 'nobody' }, text)), /^NoSuchAccessPoint/, method);
        assert.equal(
          codeOf(await oss.send(method, 'nowhere', '', { query: { [query]: '' }, headers, body: text })),
          'NoSuchBucket',
          method,
        );
      }
    });
  }

  test('the point and the bucket must both allow', async () => {
    const bob = await sessionOf(oss, 'bob', [{ Effect: 'Allow', Action: 'oss:None', Resource: '*' }]);
    const role = `acs:ram::${accountId}:assumed-role/bob/*`;
    const through = { StringEquals: { 'oss:DataAccessPointArn': [arn('accesspoint/ap-01')] } };
    const read = async (name: string) => (await oss.send('GET', name, key, { key: bob })).status;
    await oss.accesspoints.setPolicy('photos', 'ap-01', policyOf(statement('Allow', onPoint, role)));
    assert.equal(await read(apAlias), 403, 'the point alone');
    await oss.store.setBucketPolicy('photos', policyOf(statement('Allow', 'photos/*', '*', { Condition: through })));
    assert.deepEqual([await read(apAlias), await read('photos')], [200, 403], 'delegated to the point');
    await oss.accesspoints.setPolicy('photos', 'ap-01', undefined);
    assert.equal(await read(apAlias), 403, 'the bucket alone');
    const account = { StringEquals: { 'oss:DataAccessPointAccount': [accountId], 'oss:AccessPointNetworkOrigin': ['internet'] } };
    await oss.accesspoints.setPolicy('photos', 'ap-01', policyOf(statement('Allow', onPoint, role)));
    await oss.store.setBucketPolicy('photos', policyOf(statement('Allow', 'photos/*', role, { Condition: account })));
    assert.deepEqual([await read(apAlias), await read('photos')], [200, 403]);
    await oss.accesspoints.setPolicy('photos', 'ap-01', policyOf(statement('Allow', onPoint, role), statement('Deny', onPoint, role)));
    assert.equal(await read(apAlias), 403, 'denied by the point');
    const only = statement('Deny', 'photos/*', role, { Condition: { StringNotEquals: through.StringEquals } });
    await oss.accesspoints.setPolicy('photos', 'ap-01', policyOf(statement('Allow', onPoint, role)));
    await oss.store.setBucketPolicy('photos', policyOf(statement('Allow', 'photos/*', role), only));
    assert.deepEqual([await read(apAlias), await read('photos')], [200, 403], 'through the point only');
  });

  test('an Object FC access point needs itself, its supporting point and the bucket', async () => {
    const allow = (Resource: string) => ({ Effect: 'Allow', Action: 'oss:GetObject', Resource: arn(Resource) });
    for (const [name, list, status] of [
      ['both', [allow(onFc), allow(onPoint)], 200],
      ['outer', [allow(onFc)], 403],
      ['inner', [allow(onPoint)], 403],
      ['bucket', [allow('photos/*')], 403],
      ['around', [allow(onFc), allow('photos/*')], 403],
      ['never', [allow(onFc), allow(onPoint), { ...allow('photos/*'), Effect: 'Deny' }], 403],
    ] as const) {
      const carol = await sessionOf(oss, `carol-${name}`, [...list]);
      assert.equal((await oss.send('GET', fcAlias, key, { key: carol })).status, status, name);
    }
    const dave = await sessionOf(oss, 'dave', [{ Effect: 'Allow', Action: 'oss:None', Resource: '*' }]);
    const role = `acs:ram::${accountId}:assumed-role/dave/*`;
    const read = async () => (await oss.send('GET', fcAlias, key, { key: dave })).status;
    await oss.accesspoints.setObjectFcPolicy('photos', 'fc-ap-01', policyOf(statement('Allow', onFc, role)));
    await oss.accesspoints.setPolicy('photos', 'ap-01', policyOf(statement('Allow', onPoint, role)));
    assert.equal(await read(), 403);
    await oss.store.setBucketPolicy('photos', policyOf(statement('Allow', 'photos/*', role)));
    assert.equal(await read(), 200);
    await oss.accesspoints.setObjectFcPolicy('photos', 'fc-ap-01', policyOf(statement('Deny', onFc, role)));
    assert.equal(await read(), 403);
  });
});

describe('anonymous callers at access points', () => {
  const publicPoint = policyOf(statement('Allow', onPoint));

  test('need a policy of the point and the bucket', async () => {
    assert.equal((await anonymous(`${apAlias}/${key}`)).status, 403);
    await oss.store.setBucketAcl('photos', 'public-read');
    assert.equal((await anonymous(`${apAlias}/${key}`)).status, 403, 'the ACL of the bucket does not open its points');
    await oss.accesspoints.setPolicy('photos', 'ap-01', publicPoint);
    assert.equal((await anonymous(`${apAlias}/${key}`)).text, original);
    await oss.store.setBucketAcl('photos', 'private');
    assert.equal((await anonymous(`${apAlias}/${key}`)).status, 403);
    const delegated = { Condition: { StringEquals: { 'oss:DataAccessPointArn': [arn('accesspoint/ap-01')] } } };
    await oss.store.setBucketPolicy('photos', policyOf(statement('Allow', 'photos/*', '*', delegated)));
    assert.deepEqual([(await anonymous(`${apAlias}/${key}`)).status, (await anonymous(`photos/${key}`)).status], [200, 403]);
  });

  test('are let through an Object FC access point by its switch, and by both points and the bucket', async () => {
    const viaFc = { Condition: { StringEquals: { 'sluice:ObjectFcAccessPointArn': [arn('accesspointforobjectprocess/fc-ap-01')] } } };
    await oss.accesspoints.setPolicy('photos', 'ap-01', policyOf(statement('Allow', onPoint, '*', viaFc)));
    await oss.store.setBucketPolicy('photos', policyOf(statement('Allow', 'photos/*', '*', viaFc)));
    const read = async (alias = fcAlias) => (await anonymous(`${alias}/${key}`)).status;
    assert.equal(await read(), 403, 'the switch is off');
    await oss.accesspoints.configureObjectFc('photos', 'fc-ap-01', { allowAnonymous: true });
    const answer = await anonymous(`${fcAlias}/${key}`);
    assert.deepEqual([answer.status, answer.text], [200, original.toUpperCase()]);
    assert.equal((await anonymous(`${fcAlias}/${key}`, { method: 'HEAD' })).status, 200);
    assert.deepEqual([await read(apAlias), await read('photos')], [403, 403], 'the original stays closed');
    for (const [method, path] of [
      ['PUT', key],
      ['DELETE', key],
      ['GET', ''],
      ['GET', '?accessPoint'],
    ] as const) {
      assert.equal(codeOf(await anonymous(`${fcAlias}/${path}`, { method })), 'AccessDenied', `${method} ${path}`);
    }
    await oss.accesspoints.setObjectFcPolicy('photos', 'fc-ap-01', policyOf(statement('Deny', onFc)));
    assert.equal(await read(), 403, 'denied by its policy');
    await oss.accesspoints.setObjectFcPolicy('photos', 'fc-ap-01', undefined);
    await oss.accesspoints.setPolicy('photos', 'ap-01', undefined);
    assert.equal(await read(), 403, 'the supporting point is closed');
  });

  test('are kept out by the block of either point, of the bucket and of the account', async () => {
    await oss.accesspoints.configureObjectFc('photos', 'fc-ap-01', { allowAnonymous: true });
    await oss.accesspoints.setPolicy('photos', 'ap-01', publicPoint);
    await oss.store.setBucketPolicy('photos', policyOf(statement('Allow', 'photos/*')));
    const status = async () => Promise.all([fcAlias, apAlias, 'photos'].map(async (alias) => (await anonymous(`${alias}/${key}`)).status));
    assert.deepEqual(await status(), [200, 200, 200]);
    const pointQuery = { publicAccessBlock: '', 'x-oss-access-point-name': 'ap-01' };
    for (const [name, put, expected] of [
      [
        'Object FC access point',
        (value: boolean) =>
          send(
            'PUT',
            'accessPointConfigForObjectProcess',
            fcHeader,
            `<PutAccessPointConfigForObjectProcessConfiguration><PublicAccessBlockConfiguration><BlockPublicAccess>${value}</BlockPublicAccess></PublicAccessBlockConfiguration>${processing}</PutAccessPointConfigForObjectProcessConfiguration>`,
          ),
        [403, 200, 200],
      ],
      ['access point', (value: boolean) => oss.send('PUT', 'photos', '', { query: pointQuery, body: block(value) }), [403, 403, 200]],
      ['bucket', (value: boolean) => send('PUT', 'publicAccessBlock', {}, block(value)), [403, 403, 403]],
      ['account', (value: boolean) => oss.send('PUT', '', '', { query: { publicAccessBlock: '' }, body: block(value) }), [403, 403, 403]],
    ] as const) {
      assert.equal((await put(true)).status, 200, name);
      assert.deepEqual(await status(), expected, name);
      assert.equal((await put(false)).status, 200, name);
      assert.deepEqual(await status(), [200, 200, 200], name);
    }
    const shown = async () => childText(parseXml((await oss.send('GET', 'photos', '', { query: pointQuery })).text), 'BlockPublicAccess');
    await oss.send('PUT', 'photos', '', { query: pointQuery, body: block(true) });
    assert.equal(await shown(), 'true');
    const point = parseXml((await send('GET', 'accessPoint', pointHeader)).text);
    assert.equal(childText(point, 'PublicAccessBlockConfiguration', 'BlockPublicAccess'), 'true');
    assert.equal(codeOf(await send('PUT', 'accessPointPolicy', pointHeader, publicPoint)), 'AccessDenied');
    assert.equal(
      codeOf(await send('PUT', 'accessPointPolicyForObjectProcess', fcHeader, policyOf(statement('Allow', onFc)))),
      'AccessDenied',
    );
    assert.equal((await oss.send('DELETE', 'photos', '', { query: pointQuery })).status, 204);
    assert.equal(await shown(), 'false');
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const nobody = await oss.send(method, 'photos', '', {
        query: { ...pointQuery, 'x-oss-access-point-name': 'nobody' },
        body: block(true),
      });
      assert.equal(codeOf(nobody), 'NoSuchAccessPoint', method);
      const empty = await oss.send(method, 'photos', '', { query: { ...pointQuery, 'x-oss-access-point-name': '' }, body: block(true) });
      assert.equal(codeOf(empty), 'MissingArgument', method);
    }
  });
});

test('a point named in a header does not stand for one named in the query', async () => {
  const action = ['oss:PutAccessPointPublicAccessBlock', 'oss:PutAccessPointPolicy'];
  const frank = await sessionOf(oss, 'frank', [{ Effect: 'Allow', Action: action, Resource: arn('accesspoint/ap-02') }]);
  const options = { headers: { 'x-oss-access-point-name': 'ap-02' }, body: block(true), key: frank };
  const query = { publicAccessBlock: '', 'x-oss-access-point-name': 'ap-01' };
  assert.equal(codeOf(await oss.send('PUT', 'photos', '', { ...options, query })), 'AccessDenied');
  const named = { accessPointPolicy: '', 'x-oss-access-point-name': 'ap-02' };
  assert.equal(codeOf(await oss.send('PUT', 'photos', '', { ...options, headers: pointHeader, query: named })), 'AccessDenied');
});

test('parameters that select nothing of an object are the function’s', async () => {
  for (const query of ['style=big', 'policy=1', 'lifecycle', 'accessPoint=x', 'w=1&cors']) {
    let url = '';
    oss.setFunction(async ({ userRequest }) => {
      url = userRequest.url;
      throw new Error('seen');
    });
    const pairs = Object.fromEntries(new URLSearchParams(query));
    for (const scheme of ['OSS1', 'OSS4'] as const) {
      assert.equal(codeOf(await oss.send('GET', fcAlias, key, { query: pairs, scheme })), 'FunctionInvocationError', `${scheme} ${query}`);
      assert.ok(url.endsWith(`?${query}`), url);
    }
    assert.equal((await oss.send('GET', 'photos', key, { query: pairs })).text, original, query);
  }
  assert.equal(codeOf(await oss.send('GET', fcAlias, key, { query: { acl: '' } })), 'AccessDenied', 'what objects do have stays closed');
  assert.equal(codeOf(await oss.send('GET', fcAlias, key, { query: { tagging: '' } })), 'AccessDenied');
  assert.equal(codeOf(await oss.send('GET', fcAlias, key, { query: { vod: '' } })), 'NotImplemented');
});

describe('many access points', () => {
  const create = (bucket: string, name: string) =>
    oss.send('PUT', bucket, '', {
      query: { accessPoint: '' },
      body: `<CreateAccessPointConfiguration><VpcConfiguration><VpcId>vpc-1</VpcId></VpcConfiguration><AccessPointName>${name}</AccessPointName><NetworkOrigin>vpc</NetworkOrigin></CreateAccessPointConfiguration>`,
    });
  const createFc = (bucket: string, name: string, point: string) =>
    oss.send('PUT', bucket, '', {
      query: { accessPointForObjectProcess: '' },
      headers: { 'x-oss-access-point-for-object-process-name': name },
      body: `<CreateAccessPointForObjectProcessConfiguration><AllowAnonymousAccessForObjectProcess>true</AllowAnonymousAccessForObjectProcess>${processing}<AccessPointName>${point}</AccessPointName></CreateAccessPointForObjectProcessConfiguration>`,
    });
  const list = async (bucket: string, selector: string, query: Record<string, string>): Promise<XmlNode> => {
    const answer = await oss.send('GET', bucket, '', { query: { [selector]: '', ...query } });
    assert.equal(answer.status, 200, answer.text);
    return parseXml(answer.text);
  };

  test('a bucket takes a hundred of each kind and lists them in pages', async () => {
    await oss.send('PUT', 'crowd', '');
    const names = Array.from({ length: 100 }, (_, i) => `crowd-${String(i).padStart(3, '0')}`);
    for (const name of names) assert.equal((await create('crowd', name)).status, 200, name);
    const one = await create('crowd', 'crowd-100');
    assert.deepEqual([one.status, codeOf(one)], [400, 'TooManyAccessPoints']);
    for (const name of names) assert.equal((await createFc('crowd', `fc-${name}`, name)).status, 200, name);
    const another = await createFc('crowd', 'fc-crowd-100', 'crowd-000');
    assert.deepEqual([another.status, codeOf(another)], [400, 'TooManyAccessPointsForObjectProcess']);

    for (const [bucket, selector, container, element, nameElement, extra] of [
      ['crowd', 'accessPoint', 'AccessPoints', 'AccessPoint', 'AccessPointName', []],
      ['', 'accessPoint', 'AccessPoints', 'AccessPoint', 'AccessPointName', ['ap-01']],
      [
        '',
        'accessPointForObjectProcess',
        'AccessPointsForObjectProcess',
        'AccessPointForObjectProcess',
        'AccessPointNameForObjectProcess',
        ['fc-ap-01'],
      ],
    ] as const) {
      const seen: (string | undefined)[] = [];
      let token: string | undefined;
      do {
        const page: XmlNode = await list(bucket, selector, {
          'max-keys': '30',
          ...(token !== undefined && { 'continuation-token': token }),
        });
        seen.push(...childrenOf(child(page, container) as XmlNode, element).map((node) => childText(node, nameElement)));
        token = childText(page, 'NextContinuationToken');
        assert.equal(childText(page, 'IsTruncated'), String(token !== undefined));
        assert.equal(childText(page, 'AccountId'), accountId);
      } while (token !== undefined);
      const expected = selector === 'accessPoint' ? names : names.map((name) => `fc-${name}`);
      assert.deepEqual(seen, [...expected, ...extra].sort());
      for (const max of ['0', '-1', 'x', bucket === '' ? '1001' : '101']) {
        const answer = await oss.send('GET', bucket, '', { query: { [selector]: '', 'max-keys': max } });
        assert.equal(codeOf(answer), 'InvalidArgument', `${bucket} ${max}`);
      }
      const forged = await oss.send('GET', bucket, '', { query: { [selector]: '', 'continuation-token': 'forged' } });
      assert.equal(codeOf(forged), 'InvalidArgument');
    }
  });

  test('names, aliases and network origins', async () => {
    await oss.send('PUT', 'names', '');
    for (const name of ['ab', 'a'.repeat(20), '-abc', 'abc-', 'Abc', 'a_b', 'x-ossalias']) {
      const answer = await create('names', name);
      assert.deepEqual([answer.status, codeOf(answer)], [400, 'InvalidArgument'], name);
    }
    const long = await create('names', 'a'.repeat(19));
    assert.match(childText(parseXml(long.text), 'Alias') ?? '', /^a{19}-[0-9a-f]{34}-ossalias$/);
    assert.equal(childText(parseXml(long.text), 'Alias')?.length, 63);
    assert.equal(childText(parseXml(long.text), 'AccessPointArn'), arn(`accesspoint/${'a'.repeat(19)}`));
    assert.equal(codeOf(await create('photos', 'a'.repeat(19))), 'AccessPointAlreadyExists');
    for (const name of ['ab', 'a'.repeat(64), '-abc', 'abc-', 'Abc', 'x-opapalias']) {
      assert.equal(codeOf(await createFc('names', name, 'a'.repeat(19))), 'InvalidArgument', name);
    }
    const fc = parseXml((await createFc('names', 'b'.repeat(63), 'a'.repeat(19))).text);
    assert.match(childText(fc, 'AccessPointForObjectProcessAlias') ?? '', /^b{18}-[0-9a-f]{34}-opapalias$/);
    assert.equal(codeOf(await createFc('photos', 'fc-other', 'a'.repeat(19))), 'NoSuchAccessPoint', 'a point of another bucket');
    const shown = parseXml(
      (await oss.send('GET', 'names', '', { query: { accessPoint: '' }, headers: { 'x-oss-access-point-name': 'a'.repeat(19) } })).text,
    );
    assert.deepEqual([childText(shown, 'NetworkOrigin'), childText(shown, 'VpcConfiguration', 'VpcId')], ['vpc', 'vpc-1']);
    const nowhere = await oss.send('PUT', 'names', '', {
      query: { accessPoint: '' },
      body: '<CreateAccessPointConfiguration><AccessPointName>vpc-less</AccessPointName><NetworkOrigin>vpc</NetworkOrigin></CreateAccessPointConfiguration>',
    });
    assert.equal(codeOf(nowhere), 'InvalidArgument');
    const info = parseXml(
      (
        await oss.send('GET', 'names', '', {
          query: { accessPointForObjectProcess: '' },
          headers: { 'x-oss-access-point-for-object-process-name': 'b'.repeat(63) },
        })
      ).text,
    );
    assert.deepEqual([childText(info, 'AllowAnonymousAccessForObjectProcess'), childText(info, 'Status')], ['true', 'enable']);
  });

  test('a delete names what stands in the way', async () => {
    const remove = (headers: Record<string, string>) =>
      oss.send('DELETE', 'names', '', { query: { accessPoint: '' }, headers: { 'x-oss-access-point-name': headers.name ?? '' } });
    const inUse = await remove({ name: 'a'.repeat(19) });
    assert.deepEqual([inUse.status, codeOf(inUse)], [409, 'AccessPointInUse']);
    assert.match(inUse.text, new RegExp('b'.repeat(63)));
    const bucket = await oss.send('DELETE', 'names', '');
    assert.deepEqual([bucket.status, codeOf(bucket)], [409, 'BucketNotEmpty']);
    assert.match(bucket.text, new RegExp(`delete them first: ${'a'.repeat(19)}`));
    for (const reserved of ['accesspoint', 'accesspointforobjectprocess']) {
      assert.equal(codeOf(await oss.send('PUT', reserved, '')), 'InvalidBucketName');
    }
  });

  test('a bucket that goes and a point that comes never both succeed', async () => {
    for (let round = 0; round < 10; round += 1) {
      const name = `race-${round}`;
      await oss.send('PUT', name, '');
      const [gone, made] = await Promise.all([oss.send('DELETE', name, ''), create(name, `race-ap-${round}`)]);
      assert.notEqual(gone.status === 204, made.status === 200, `${gone.status} ${made.status}`);
    }
  });
});
