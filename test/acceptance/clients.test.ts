/** Unmodified vendor SDKs as clients: each carries out the same steps and must see the same things. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { type Client, clients, type Run, runClient, type Step, type StepResult } from './harness/clients.ts';
import { createAccessPoint, createBucket, functionArn } from './harness/deploy.ts';
import { send } from './harness/http.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';

let sluice: Sluice;
before(async () => {
  sluice = await startSluice();
});
after(() => sluice.finish(async () => {}));

const base64 = (text: string) => Buffer.from(text).toString('base64');
const md5 = (text: string) => createHash('md5').update(text).digest('hex').toUpperCase();

const body = 'The quick brown fox jumps over the lazy dog. Größe 12 µm\n';
const plain = ['a b/ü+%.txt', 'emoji-🦊/🎨.bin', 'deep//x', 'folder/', 'a b/&<>"\'.xml', 'plus+and space ~*()!'];
/** ali-oss resolves `..` in the URL before it sends it, so that key is not for it. */
const oddFor = (client: Client) => (client.sdk === 'ali-oss' ? plain : [...plain, '../up']);
const checkKey = 'check/123456789';

/** Steps by name, so that an assertion names the step that it looks at. */
function script(bucket: string, odd: string[]): Record<string, Step> {
  const object = { bucket, key: 'fox/größe.txt' };
  return {
    create: { op: 'createBucket', bucket },
    buckets: { op: 'listBuckets' },
    put: { ...object, op: 'put', body: base64(body), meta: { author: 'alice', 'two-words': 'a  b' }, contentType: 'text/x-fox' },
    get: { ...object, op: 'get' },
    part: { ...object, op: 'get', range: [4, 8] },
    same: { ...object, op: 'get', ifNoneMatch: `"${md5(body)}"` },
    other: { ...object, op: 'get', ifMatch: '"00000000000000000000000000000000"' },
    matching: { ...object, op: 'get', ifMatch: `"${md5(body)}"` },
    head: { ...object, op: 'head' },
    objectMeta: { ...object, op: 'objectMeta' },
    check: { bucket, key: checkKey, op: 'put', body: base64('123456789') },
    empty: { bucket, key: 'empty', op: 'put', body: '' },
    getEmpty: { bucket, key: 'empty', op: 'get' },
    ...Object.fromEntries(odd.map((key) => [`put ${key}`, { op: 'put', bucket, key, body: base64(key) }])),
    ...Object.fromEntries(odd.map((key) => [`get ${key}`, { op: 'get', bucket, key }])),
    all: { op: 'listV1', bucket },
    all2: { op: 'listV2', bucket },
    top: { op: 'listV1', bucket, delimiter: '/' },
    top2: { op: 'listV2', bucket, delimiter: '/' },
    inside: { op: 'listV1', bucket, prefix: 'a b/', delimiter: '/' },
    inside2: { op: 'listV2', bucket, prefix: 'a b/', delimiter: '/' },
    page: { op: 'listV1', bucket, after: 'deep//x', maxKeys: 2 },
    page2: { op: 'listV2', bucket, after: 'deep//x', maxKeys: 2 },
    missing: { op: 'get', bucket, key: 'no such key' },
    missingHead: { op: 'head', bucket, key: 'no such key' },
    noBucket: { op: 'listV1', bucket: `${bucket}-none` },
    full: { op: 'deleteBucket', bucket },
    delete: { op: 'delete', bucket, key: 'empty' },
    deleteAgain: { op: 'delete', bucket, key: 'empty' },
    deleted: { op: 'get', bucket, key: 'empty' },
    many: { op: 'deleteMany', bucket, keys: [...odd, checkKey, 'never was'] },
    rest: { op: 'listV2', bucket },
    presign: { ...object, op: 'presign', expires: 60 },
  };
}

async function runScript(client: Client, signature: 'v1' | 'v4', bucket: string, presign: boolean): Promise<(step: string) => StepResult> {
  const { presign: last, ...others } = script(bucket, oddFor(client));
  const steps: Record<string, Step> = presign && last ? { ...others, presign: last } : others;
  const run: Run = await runClient(client, sluice, signature, Object.values(steps));
  assert.deepEqual([run.sdk, run.version], [client.sdk, client.version], 'the SDK that was really used');
  const names = Object.keys(steps);
  return (step) => {
    const result = run.results[names.indexOf(step)];
    assert.ok(result, `a result of step ${step}`);
    return result;
  };
}

function good(step: string, result: StepResult): StepResult {
  assert.ok(result.ok, `${step}: ${JSON.stringify(result)}`);
  return result;
}

function checkObjects(result: (step: string) => StepResult, odd: string[]): void {
  const get = good('get', result('get'));
  assert.equal(Buffer.from(get.body ?? '', 'base64').toString(), body);
  assert.equal(get.status, 200);
  for (const step of ['put', 'get', 'head', 'objectMeta']) assert.equal(good(step, result(step)).etag, md5(body), `ETag of ${step}`);
  for (const step of ['get', 'head']) {
    const { contentType, meta, size } = good(step, result(step));
    assert.equal(contentType, 'text/x-fox', step);
    assert.deepEqual(meta, { author: 'alice', 'two-words': 'a  b' }, step);
    assert.equal(size, Buffer.byteLength(body), step);
  }
  const part = good('part', result('part'));
  assert.deepEqual([part.status, Buffer.from(part.body ?? '', 'base64').toString()], [206, body.slice(4, 9)]);
  assert.deepEqual([result('same').ok, result('same').status], [false, 304]);
  assert.deepEqual([result('other').ok, result('other').status, result('other').code], [false, 412, 'PreconditionFailed']);
  assert.equal(good('matching', result('matching')).status, 200);
  assert.equal(good('check', result('check')).crc64, '11051210869376104954', 'CRC-64/XZ of 123456789');
  assert.equal(good('getEmpty', result('getEmpty')).body, '');
  for (const key of odd) {
    good(`put ${key}`, result(`put ${key}`));
    assert.equal(Buffer.from(good(`get ${key}`, result(`get ${key}`)).body ?? '', 'base64').toString(), key);
  }
}

function checkLists(result: (step: string) => StepResult, odd: string[]): void {
  const everyKey = ['fox/größe.txt', checkKey, 'empty', ...odd].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const topKeys = everyKey.filter((key) => !key.includes('/'));
  const topPrefixes = [...new Set(everyKey.filter((key) => key.includes('/')).map((key) => key.slice(0, key.indexOf('/') + 1)))];
  for (const [one, two] of [
    ['all', 'all2'],
    ['top', 'top2'],
    ['inside', 'inside2'],
    ['page', 'page2'],
  ] as const) {
    assert.deepEqual(listOf(good(two, result(two))), listOf(good(one, result(one))), `${two} as ${one}`);
  }
  assert.deepEqual(listOf(result('all')), { keys: everyKey, prefixes: [], truncated: false });
  assert.deepEqual(listOf(result('top')), { keys: topKeys, prefixes: topPrefixes, truncated: false });
  assert.deepEqual(listOf(result('inside')), { keys: everyKey.filter((key) => key.startsWith('a b/')), prefixes: [], truncated: false });
  const after = everyKey.slice(everyKey.indexOf('deep//x') + 1);
  assert.deepEqual(listOf(result('page')), { keys: after.slice(0, 2), prefixes: [], truncated: true });
  assert.deepEqual(good('rest', result('rest')).keys, ['fox/größe.txt']);
}

const listOf = ({ keys, prefixes, truncated }: StepResult) => ({ keys, prefixes: [...(prefixes ?? [])].sort(), truncated });

function checkFaults(result: (step: string) => StepResult): void {
  const faults: [string, number, string][] = [
    ['missing', 404, 'NoSuchKey'],
    ['noBucket', 404, 'NoSuchBucket'],
    ['full', 409, 'BucketNotEmpty'],
    ['deleted', 404, 'NoSuchKey'],
  ];
  for (const [step, status, code] of faults) {
    const fault = result(step);
    assert.deepEqual([fault.ok, fault.status, fault.code], [false, status, code], step);
    assert.match(fault.requestId ?? '', /^[0-9A-F]{24}$/, `${step}: the request id surfaces`);
    assert.ok(fault.message, `${step}: a message surfaces`);
  }
  assert.deepEqual([result('missingHead').ok, result('missingHead').status], [false, 404]);
}

async function matrix(client: Client, signature: 'v1' | 'v4', options: { presign: boolean }): Promise<void> {
  const bucket = `acc-${client.sdk}-${client.version.replaceAll('.', '-')}-${client.style ?? 'ip'}-${signature}`;
  const result = await runScript(client, signature, bucket, options.presign);
  for (const step of ['create', 'delete', 'deleteAgain']) good(step, result(step));
  assert.ok(good('buckets', result('buckets')).names?.includes(bucket));
  const odd = oddFor(client);
  checkObjects(result, odd);
  checkLists(result, odd);
  checkFaults(result);
  const deleted = good('many', result('many')).keys ?? [];
  assert.deepEqual([...deleted].sort(), [...odd, checkKey, 'never was'].sort());
  if (options.presign) await fetchPresigned(good('presign', result('presign')).url ?? '', signature);
  await sluice.quiet();
}

/** A presigned URL is fetched without any SDK, and refused once its signature or its path is another. */
async function fetchPresigned(url: string, signature: 'v1' | 'v4'): Promise<void> {
  const { pathname, search } = new URL(url);
  assert.match(search, signature === 'v4' ? /x-oss-signature-version=OSS4-HMAC-SHA256/ : /OSSAccessKeyId=/);
  const host = { host: new URL(url).host };
  const reply = await send(sluice.data, { path: pathname + search, headers: host });
  assert.equal(reply.status, 200, reply.body.toString());
  assert.equal(reply.body.toString(), body);
  const moved = await send(sluice.data, { path: pathname.replace('txt', 'txu') + search, headers: host });
  assert.deepEqual([moved.status, moved.code], [403, 'SignatureDoesNotMatch']);
}

interface Row {
  client: Client;
  signature: 'v1' | 'v4';
  presign?: boolean;
}

const rows: Row[] = [
  { client: clients.oss2Older, signature: 'v1' },
  // 2.18.3 signs headers with V4 but refuses to presign with it.
  { client: clients.oss2Older, signature: 'v4', presign: false },
  { client: clients.oss2Newest, signature: 'v1' },
  { client: clients.oss2Newest, signature: 'v4' },
  { client: clients.aliOss, signature: 'v1' },
  { client: clients.aliOss, signature: 'v4' },
  // For an IP address ali-oss refuses to presign with V1, and its V4 URL lacks the bucket.
  { client: clients.aliOssByIp, signature: 'v1', presign: false },
  { client: clients.aliOssByIp, signature: 'v4', presign: false },
  { client: clients.goV1Older, signature: 'v1' },
  // v2.2.3 signs headers with V4 but has no V4 presigned URL.
  { client: clients.goV1Older, signature: 'v4', presign: false },
  { client: clients.goV1Newest, signature: 'v1' },
  { client: clients.goV1Newest, signature: 'v4' },
  { client: clients.goV2Newest, signature: 'v1' },
  { client: clients.goV2Newest, signature: 'v4' },
];

describe('vendor SDKs as clients', () => {
  for (const { client, signature, presign = true } of rows) {
    test(
      `${client.name}, ${signature.toUpperCase()}: buckets, objects, lists, conditions, errors${presign ? ', presigned GET' : ''}`,
      {
        skip: client.skip,
      },
      () => matrix(client, signature, { presign }),
    );
  }
});

describe('wrong keys', () => {
  for (const client of Object.values(clients)) {
    test(`${client.name} is told which key is wrong`, { skip: client.skip }, async () => {
      for (const signature of ['v1', 'v4'] as const) {
        const steps: Step[] = [{ op: 'get', bucket: 'any-bucket', key: 'any' }];
        const secret = await runClient(client, sluice, signature, steps, { id: sluice.key.id, secret: 'not the secret' });
        assert.deepEqual([secret.results[0]?.status, secret.results[0]?.code], [403, 'SignatureDoesNotMatch'], signature);
        assert.match(secret.results[0]?.requestId ?? '', /^[0-9A-F]{24}$/);
        const id = await runClient(client, sluice, signature, steps, { id: 'nobody', secret: sluice.key.secret });
        assert.deepEqual([id.results[0]?.status, id.results[0]?.code], [403, 'InvalidAccessKeyId'], signature);
      }
    });
  }
});

describe('access points', () => {
  const client = clients.goV2Newest;
  test(`${client.name} manages access points and Object FC access points`, { skip: client.skip }, async () => {
    const bucket = 'acc-access-points';
    await createBucket(sluice, bucket);
    const roleArn = `acs:ram::${sluice.accountId}:role/aliyunfcdefaultrole`;
    const objectFc = { bucket, name: 'fc-ap-01', accessPoint: 'ap-01', roleArn };
    const [first, second] = [functionArn(sluice, 'first'), functionArn(sluice, 'second')];
    const run = await runClient(client, sluice, 'v4', [
      { op: 'createAccessPoint', bucket, name: 'ap-01' },
      { op: 'getAccessPoint', bucket, name: 'ap-01' },
      { op: 'listAccessPoints', bucket },
      { op: 'listAccessPoints' },
      { ...objectFc, op: 'createObjectFcAccessPoint', functionArn: first },
      { ...objectFc, op: 'getObjectFcAccessPoint' },
      { op: 'listObjectFcAccessPoints' },
      { ...objectFc, op: 'readObjectFcAccessPointConfig' },
      { ...objectFc, op: 'configureObjectFcAccessPoint', functionArn: second, features: ['GetObject-Range'] },
      { ...objectFc, op: 'readObjectFcAccessPointConfig' },
      { op: 'deleteAccessPoint', bucket, name: 'ap-01' },
      { ...objectFc, op: 'createObjectFcAccessPoint', functionArn: first },
      { ...objectFc, op: 'deleteObjectFcAccessPoint' },
      { ...objectFc, op: 'getObjectFcAccessPoint' },
      { op: 'deleteAccessPoint', bucket, name: 'ap-01' },
      { op: 'getAccessPoint', bucket, name: 'ap-01' },
      { op: 'createAccessPoint', bucket, name: 'Not-A-Name' },
    ]);
    const [
      create,
      get,
      inBucket,
      inAccount,
      createFc,
      getFc,
      listFc,
      config,
      configured,
      changed,
      inUse,
      twice,
      removeFc,
      goneFc,
      remove,
      gone,
      badName,
    ] = run.results as [
      StepResult,
      StepResult,
      StepResult,
      StepResult,
      StepResult,
      StepResult,
      StepResult,
      StepResult,
      StepResult,
      StepResult,
      StepResult,
      StepResult,
      StepResult,
      StepResult,
      StepResult,
      StepResult,
      StepResult,
    ];
    assert.match(create.alias ?? JSON.stringify(create), /^ap-01-[0-9a-f]{34}-ossalias$/);
    assert.equal(create.arn, `acs:oss:cn-qingdao:${sluice.accountId}:accesspoint/ap-01`);
    assert.deepEqual([get.name, get.alias, get.status], ['ap-01', create.alias, 'enable']);
    assert.deepEqual([inBucket.names, inAccount.names], [['ap-01'], ['ap-01']]);
    assert.match(createFc.alias ?? JSON.stringify(createFc), /^fc-ap-01-[0-9a-f]{34}-opapalias$/);
    assert.equal(createFc.arn, `acs:oss:cn-qingdao:${sluice.accountId}:accesspointforobjectprocess/fc-ap-01`);
    assert.deepEqual([getFc.name, getFc.alias, getFc.status, getFc.accessPoint], ['fc-ap-01', createFc.alias, 'enable', 'ap-01']);
    assert.deepEqual(listFc.names, ['fc-ap-01']);
    assert.deepEqual([config.functionArn, config.roleArn, config.actions, config.features ?? []], [first, roleArn, ['GetObject'], []]);
    assert.equal(configured.ok, true, JSON.stringify(configured));
    assert.deepEqual([changed.functionArn, changed.features], [second, ['GetObject-Range']]);
    assert.deepEqual([inUse.status, inUse.code], [409, 'AccessPointInUse']);
    assert.deepEqual([twice.status, twice.code], [409, 'AccessPointForObjectProcessAlreadyExists']);
    assert.deepEqual([removeFc.status, remove.status], [204, 204]);
    assert.deepEqual([goneFc.status, goneFc.code], [404, 'NoSuchAccessPointForObjectProcess']);
    assert.deepEqual([gone.status, gone.code], [404, 'NoSuchAccessPoint']);
    assert.equal(badName.status, 400, JSON.stringify(badName));
  });

  test('an access point alias reads and lists like its bucket', async () => {
    const bucket = 'acc-alias';
    await createBucket(sluice, bucket);
    const alias = await createAccessPoint(sluice, bucket, 'ap-alias');
    const { results } = await runClient(clients.aliOss, sluice, 'v1', [
      { op: 'put', bucket, key: 'seen.txt', body: base64(body) },
      { op: 'get', bucket: alias, key: 'seen.txt' },
      { op: 'listV2', bucket: alias },
    ]);
    assert.equal(Buffer.from(results[1]?.body ?? '', 'base64').toString(), body, JSON.stringify(results[1]));
    assert.deepEqual(results[2]?.keys, ['seen.txt'], JSON.stringify(results[2]));
  });
});
