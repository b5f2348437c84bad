import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { memoryBlobs } from '../blobs/index.ts';
import { openBuckets, type Store } from '../buckets/index.ts';
import { Fault } from '../faults/index.ts';
import { type Metadata, openMetadata } from '../metadata/index.ts';
import { type AccessPointLimits, type AccessPoints, type ObjectFcInput, openAccessPoints } from './index.ts';

const accountId = '1234567890123456';
const objectFc: ObjectFcInput = {
  name: 'fc-ap-01',
  accessPointName: 'ap-01',
  allowedFeatures: ['GetObject-Range'],
  transformations: [
    {
      actions: ['getobject'],
      functionArn: `acs:fc:cn-qingdao:${accountId}:functions/resize`,
      functionAssumeRoleArn: `acs:ram::${accountId}:role/aliyunfcdefaultrole`,
      customForwardHeaders: [],
    },
  ],
};
const policy = `{ "Version":"1",\n "Statement":[{"Effect":"Deny","Action":["oss:*"],"Principal":["*"],"Resource":["*"]}] }`;

let folder: string;
let metadata: Metadata;
let buckets: Store;
let points: AccessPoints;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-accesspoints-'));
  metadata = await openMetadata({ file: join(folder, 'metadata.db'), durability: 'relaxed' });
  buckets = openBuckets({ metadata, blobs: memoryBlobs(), region: 'cn-qingdao' });
  for (const name of ['photos', 'videos']) {
    await buckets.createBucket({
      name,
      owner: accountId,
      region: 'cn-qingdao',
      acl: 'private',
      storageClass: 'Standard',
      redundancy: 'LRS',
    });
  }
  points = open();
});
afterEach(async () => {
  await buckets.close();
  await metadata.close();
  await rm(folder, { recursive: true, force: true });
});

function open(limits?: Partial<AccessPointLimits>): AccessPoints {
  return openAccessPoints({ metadata, buckets, accountId, region: 'cn-qingdao', limits });
}

function create(name = 'ap-01', bucket = 'photos') {
  return points.create(bucket, { name, networkOrigin: 'internet' });
}

async function code(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  return 'none';
}

test('an access point: record, alias, lookup, and the same after a restart', async () => {
  const made = await points.create('photos', { name: 'ap-01', networkOrigin: 'vpc', vpcId: 'vpc-1' });
  assert.deepEqual(
    { ...made, alias: '', createdAt: 0 },
    {
      name: 'ap-01',
      bucket: 'photos',
      alias: '',
      arn: `acs:oss:cn-qingdao:${accountId}:accesspoint/ap-01`,
      accountId,
      networkOrigin: 'vpc',
      vpcId: 'vpc-1',
      createdAt: 0,
      status: 'enable',
      blockPublicAccess: false,
      policies: [],
    },
  );
  assert.equal(points.get('photos', 'ap-01'), made);
  assert.equal(points.get(undefined, 'ap-01'), made);
  assert.deepEqual(points.resolve(made.alias), { kind: 'access-point', accessPoint: made });
  assert.deepEqual(open().get('photos', 'ap-01'), made);
});

test('an Object FC access point: record, alias, lookup, and the same after a restart', async () => {
  const supporting = await create();
  const made = await points.createObjectFc('photos', objectFc);
  assert.deepEqual(
    { ...made, alias: '', createdAt: 0 },
    {
      ...objectFc,
      transformations: [{ ...objectFc.transformations?.[0], actions: ['GetObject'] }],
      bucket: 'photos',
      alias: '',
      arn: `acs:oss:cn-qingdao:${accountId}:accesspointforobjectprocess/fc-ap-01`,
      accountId,
      createdAt: 0,
      status: 'enable',
      allowAnonymous: false,
      blockPublicAccess: false,
      policies: [],
    },
  );
  assert.equal(points.getObjectFc('photos', 'fc-ap-01'), made);
  assert.deepEqual(points.resolve(made.alias), { kind: 'object-fc', objectFc: made, supporting });
  assert.deepEqual(open().resolve(made.alias), { kind: 'object-fc', objectFc: made, supporting });
});

test('one namespace: buckets by name, points by alias, endpoints by label', async () => {
  const { alias } = await create();
  const { alias: fcAlias } = await points.createObjectFc('photos', objectFc);
  assert.equal(points.resolve('photos')?.kind, 'bucket');
  assert.equal(points.resolve('ap-01'), undefined, 'a name is no alias');
  assert.equal(points.resolve('nothing'), undefined);
  assert.equal(points.resolve(`${alias.slice(0, -10)}x-ossalias`), undefined);
  assert.equal(points.resolveEndpoint(`ap-01-${accountId}`, 'access-point'), points.resolve(alias));
  assert.equal(points.resolveEndpoint(`ap-01-${accountId}`, 'object-fc'), undefined);
  assert.equal(points.resolveEndpoint(`fc-ap-01-${accountId}`, 'object-fc'), points.resolve(fcAlias));
  assert.equal(points.resolveEndpoint(`fc-ap-01-${accountId}-opap`, 'object-fc'), points.resolve(fcAlias));
  assert.equal(points.resolveEndpoint('fc-ap-01-99', 'object-fc'), undefined);
});

test('what does not exist, or is on another bucket, is said by its own code', async () => {
  await create();
  await points.createObjectFc('photos', objectFc);
  assert.equal(await code(() => points.get('photos', 'ap-02')), 'NoSuchAccessPoint');
  assert.equal(await code(() => points.get('videos', 'ap-01')), 'NoSuchAccessPoint');
  assert.equal(await code(() => points.get('nothing', 'ap-01')), 'NoSuchBucket');
  assert.equal(await code(() => points.remove('videos', 'ap-01')), 'NoSuchAccessPoint');
  assert.equal(await code(() => create('ap-03', 'nothing')), 'NoSuchBucket');
  assert.equal(await code(() => points.list({ bucket: 'nothing' })), 'NoSuchBucket');
  for (const work of [
    () => points.getObjectFc('photos', 'fc-ap-02'),
    () => points.getObjectFc('videos', 'fc-ap-01'),
    () => points.removeObjectFc('videos', 'fc-ap-01'),
    () => points.configureObjectFc('videos', 'fc-ap-01', {}),
    () => points.setObjectFcPolicy('videos', 'fc-ap-01', policy),
  ]) {
    assert.equal(await code(work), 'NoSuchAccessPointForObjectProcess');
  }
  assert.equal(await code(() => points.getObjectFc('nothing', 'fc-ap-01')), 'NoSuchBucket');
});

test('refuses bad names, a vpc without an id, and a supporting access point that is not on the bucket', async () => {
  await create();
  assert.equal(await code(() => create('AP')), 'InvalidArgument');
  assert.equal(await code(() => points.create('photos', { name: 'ap-02', networkOrigin: 'vpc' })), 'InvalidArgument');
  assert.equal(await code(() => points.createObjectFc('photos', { ...objectFc, name: '-' })), 'InvalidArgument');
  assert.equal(await code(() => points.createObjectFc('photos', { ...objectFc, allowedFeatures: ['x'] })), 'InvalidArgument');
  assert.equal(await code(() => points.createObjectFc('photos', { ...objectFc, accessPointName: 'ap-02' })), 'NoSuchAccessPoint');
  assert.equal(await code(() => points.createObjectFc('videos', objectFc)), 'NoSuchAccessPoint');
  assert.equal(await code(() => points.createObjectFc('nothing', objectFc)), 'NoSuchBucket');
});

test('names are unique, also for those who ask at the same moment', async () => {
  const made = await Promise.all([0, 1, 2, 3].map((i) => code(() => create('ap-01', i % 2 ? 'photos' : 'videos'))));
  assert.deepEqual(made.sort(), ['AccessPointAlreadyExists', 'AccessPointAlreadyExists', 'AccessPointAlreadyExists', 'none']);
  assert.equal(await code(() => create()), 'AccessPointAlreadyExists');
  const { bucket } = points.get(undefined, 'ap-01');
  const both = await Promise.all([0, 1].map(() => code(() => points.createObjectFc(bucket, objectFc))));
  assert.deepEqual(both.sort(), ['AccessPointForObjectProcessAlreadyExists', 'none']);
  assert.equal(await code(() => points.createObjectFc(bucket, objectFc)), 'AccessPointForObjectProcessAlreadyExists');
});

test('limits of account and bucket hold, also for those who ask at the same moment', async () => {
  points = open({ perAccount: 3, perBucket: 2 });
  const names = ['ap-01', 'ap-02', 'ap-03', 'ap-04'];
  const made = await Promise.all(names.map((name) => code(() => create(name))));
  assert.deepEqual(made, ['none', 'none', 'TooManyAccessPoints', 'TooManyAccessPoints']);
  assert.equal(await code(() => create('ap-05', 'videos')), 'none');
  assert.equal(await code(() => create('ap-06', 'videos')), 'TooManyAccessPoints');
  const make = (name: string, bucket: string, accessPointName: string) =>
    code(() => points.createObjectFc(bucket, { name, accessPointName }));
  assert.deepEqual(await Promise.all([make('fc-1', 'photos', 'ap-01'), make('fc-2', 'photos', 'ap-02'), make('fc-3', 'photos', 'ap-02')]), [
    'none',
    'none',
    'TooManyAccessPointsForObjectProcess',
  ]);
  assert.equal(await make('fc-4', 'videos', 'ap-05'), 'none');
  assert.equal(await make('fc-5', 'videos', 'ap-05'), 'TooManyAccessPointsForObjectProcess');
});

test('an access point that is in use stays, and the refusal names its users', async () => {
  const { alias } = await create();
  const { alias: fcAlias } = await points.createObjectFc('photos', objectFc);
  await points.createObjectFc('photos', { name: 'another', accessPointName: 'ap-01' });
  await assert.rejects(
    points.remove('photos', 'ap-01'),
    (error: unknown) => error instanceof Fault && error.code === 'AccessPointInUse' && /another, fc-ap-01/.test(error.message),
  );
  assert.ok(points.resolve(alias));
  await points.removeObjectFc('photos', 'another');
  await points.removeObjectFc('photos', 'fc-ap-01');
  assert.equal(points.resolve(fcAlias), undefined);
  assert.equal(await code(() => points.removeObjectFc('photos', 'fc-ap-01')), 'NoSuchAccessPointForObjectProcess');
  await points.remove('photos', 'ap-01');
  assert.equal(points.resolve(alias), undefined);
  assert.equal(await code(() => points.remove('photos', 'ap-01')), 'NoSuchAccessPoint');
  assert.equal(open().resolve(alias), undefined);
});

test('removing and using an access point at the same moment leaves no orphan', async () => {
  await create();
  const outcome = await Promise.all([code(() => points.remove('photos', 'ap-01')), code(() => points.createObjectFc('photos', objectFc))]);
  assert.deepEqual(outcome, ['none', 'NoSuchAccessPoint']);
  await create();
  const other = await Promise.all([code(() => points.createObjectFc('photos', objectFc)), code(() => points.remove('photos', 'ap-01'))]);
  assert.deepEqual(other, ['none', 'AccessPointInUse']);
});

test('a bucket that goes at the same moment gets no access point, and one that gets it stays', async () => {
  const remove = (name: string) => code(() => buckets.deleteBucket(name, { guard: points.deletionGuard(name) }));
  assert.deepEqual(await Promise.all([remove('photos'), code(() => create())]), ['none', 'NoSuchBucket']);
  assert.deepEqual(await Promise.all([code(() => create('ap-02', 'videos')), remove('videos')]), ['none', 'BucketNotEmpty']);
  assert.match(points.deletionGuard('videos').fault().message, /delete them first: ap-02\./);
  await points.remove('videos', 'ap-02');
  assert.equal(await remove('videos'), 'none');
});

test('blocking names what keeps a bucket', async () => {
  assert.deepEqual(points.blocking('photos'), []);
  await create('ap-02');
  await create('ap-01');
  await create('ap-03', 'videos');
  assert.deepEqual(points.blocking('photos'), ['ap-01', 'ap-02']);
});

test('lists in order of names, page by page, of the account or of a bucket', async () => {
  for (const name of ['c-1', 'a-10', 'b-1', 'a-9']) {
    await create(name, name.startsWith('b') ? 'videos' : 'photos');
    await points.createObjectFc(name.startsWith('b') ? 'videos' : 'photos', { name: `fc-${name}`, accessPointName: name });
  }
  const names = (page: { accessPoints: readonly { name: string }[] }) => page.accessPoints.map((point) => point.name);
  const all = points.list({});
  assert.deepEqual(names(all), ['a-10', 'a-9', 'b-1', 'c-1']);
  assert.equal(all.truncated, false);
  assert.equal(all.nextToken, undefined);
  const first = points.list({ maxKeys: 2 });
  assert.deepEqual([names(first), first.truncated], [['a-10', 'a-9'], true]);
  await points.removeObjectFc('photos', 'fc-a-9');
  await points.remove('photos', 'a-9');
  const second = points.list({ maxKeys: 2, token: first.nextToken });
  assert.deepEqual([names(second), second.truncated], [['b-1', 'c-1'], false]);
  assert.deepEqual(names(points.list({ bucket: 'photos', maxKeys: 100 })), ['a-10', 'c-1']);
  const fcs = points.listObjectFc({ maxKeys: 2 });
  assert.deepEqual(names(fcs), ['fc-a-10', 'fc-b-1']);
  assert.deepEqual(names(points.listObjectFc({ token: fcs.nextToken })), ['fc-c-1']);
  for (const request of [
    { maxKeys: 0 },
    { maxKeys: 1_001 },
    { maxKeys: 1.5 },
    { bucket: 'photos', maxKeys: 101 },
    { token: 'x' },
    { token: '' },
  ]) {
    assert.equal(await code(() => points.list(request)), 'InvalidArgument', JSON.stringify(request));
  }
});

test('a configuration may be absent at first, and changes in parts', async () => {
  await create();
  const bare = await points.createObjectFc('photos', { name: 'fc-ap-01', accessPointName: 'ap-01' });
  assert.deepEqual([bare.allowedFeatures, bare.transformations], [[], []]);
  const { transformations, allowedFeatures } = objectFc;
  const changed = await points.configureObjectFc('photos', 'fc-ap-01', { transformations, allowedFeatures });
  assert.equal(changed.transformations[0]?.actions[0], 'GetObject');
  const blocked = await points.configureObjectFc('photos', 'fc-ap-01', { blockPublicAccess: true, allowAnonymous: true });
  assert.deepEqual([blocked.blockPublicAccess, blocked.allowAnonymous, blocked.transformations], [true, true, changed.transformations]);
  const replaced = await points.configureObjectFc('photos', 'fc-ap-01', { transformations });
  assert.deepEqual(replaced.allowedFeatures, []);
  assert.equal(await code(() => points.configureObjectFc('photos', 'fc-ap-01', { allowedFeatures: ['x'] })), 'InvalidArgument');
  const resolved = open().resolve(bare.alias);
  assert.ok(resolved?.kind === 'object-fc');
  assert.deepEqual(resolved.objectFc, replaced);
});

test('policies are kept byte for byte and come parsed and named', async () => {
  const { alias } = await create();
  const { alias: fcAlias } = await points.createObjectFc('photos', objectFc);
  await points.setObjectFcPolicy('photos', 'fc-ap-01', policy);
  await points.setPolicy('photos', 'ap-01', policy);
  await points.setPublicAccessBlock('photos', 'ap-01', true);
  for (const room of [points, open()]) {
    const resolved = room.resolve(fcAlias);
    assert.ok(resolved?.kind === 'object-fc');
    for (const [point, name] of [
      [resolved.supporting, 'the policy of access point ap-01'],
      [resolved.objectFc, 'the policy of Object FC access point fc-ap-01'],
    ] as const) {
      assert.equal(point.policy, policy);
      assert.deepEqual(
        point.policies.map((one) => [one.name, one.document.Statement[0]?.Effect]),
        [[name, 'Deny']],
      );
    }
    assert.equal(resolved.supporting.blockPublicAccess, true);
  }
  assert.equal(await code(() => points.setPolicy('photos', 'ap-01', '{}')), 'InvalidArgument');
  assert.equal(await code(() => points.setObjectFcPolicy('photos', 'fc-ap-01', '{}')), 'InvalidArgument');
  await points.setPolicy('photos', 'ap-01', undefined);
  const resolved = points.resolve(alias);
  assert.ok(resolved?.kind === 'access-point');
  assert.deepEqual([resolved.accessPoint.policy, resolved.accessPoint.policies], [undefined, []]);
});
