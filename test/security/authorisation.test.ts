/**
 * Tests made from the operation tables: each operation that a listener carries out is asked for by a caller who is allowed just this, by one who
 * is allowed everything else, and by one to whom just this is denied. An operation that cannot be asked for so fails the suite.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { parsePolicy } from '../../src/identity/index.ts';
import { operations as fc2Operations } from '../../src/protocols/fc/fc2/operations.ts';
import { type House, openHouse } from '../../src/protocols/fc/fixture.ts';
import { operations as fcOperations } from '../../src/protocols/fc/operations.ts';
import {
  type Answer,
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
} from '../../src/protocols/oss/fixture.ts';
import { encodePolicy, formOf, signatureFields } from '../../src/protocols/oss/form.fixture.ts';
import type { Operation } from '../../src/protocols/oss/operation.ts';
import { operations } from '../../src/protocols/oss/operations.ts';

type Statement = Record<string, unknown>;
type Key = { id: string; secret: string; token: string };

const key = 'dir/cat.png';
const pointHeader = { 'x-oss-access-point-name': 'ap-01' };
const all: Statement = { Effect: 'Allow', Action: '*', Resource: '*' };
const nothing: Statement = { Effect: 'Allow', Action: 'oss:None', Resource: '*' };

/** What each kind of resource is called in policies; the fixture has the bucket photos with the points ap-01 and fc-ap-01. */
const arns: Record<Operation['resource'], string> = {
  service: `acs:oss:*:${accountId}:*`,
  bucket: `acs:oss:*:${accountId}:photos`,
  object: `acs:oss:*:${accountId}:photos/${key}`,
  keys: `acs:oss:*:${accountId}:photos/${key}`,
  'access-point': `acs:oss:*:${accountId}:accesspoint/ap-01`,
  'object-fc': `acs:oss:*:${accountId}:accesspointforobjectprocess/fc-ap-01`,
  any: '*',
};

/** What an operation that copies needs besides its own action. */
const readSource: Statement = { Effect: 'Allow', Action: ['oss:GetObject'], Resource: arns.object };
const besides = ({ source }: Operation): Statement[] => (source === undefined ? [] : [readSource]);

const deleteXml = `<Delete><Object><Key>${key}</Key></Object></Delete>`;
const blockXml = '<PublicAccessBlockConfiguration><BlockPublicAccess>false</BlockPublicAccess></PublicAccessBlockConfiguration>';
/** Bodies without which an operation ends before it asks for permission, or would change what the next ones need. */
const bodies: Record<string, string> = {
  DeleteMultipleObjects: deleteXml,
  PutPublicAccessBlock: blockXml,
  PutBucketPublicAccessBlock: blockXml,
};

let oss: Harness;
let roles = 0;
const covered = new Map<Operation, Set<string>>(operations.map((operation) => [operation, new Set()]));

before(async () => {
  oss = await openHarness();
  await openPhotos(oss);
});
after(() => oss.close());

/** Puts back what an operation that was carried out has taken away. */
async function restore(): Promise<void> {
  await oss.send('PUT', 'photos', '', { headers: { 'x-oss-acl': 'private' } });
  await oss.send('PUT', 'photos', key, { body: original });
  const point = '<CreateAccessPointConfiguration><AccessPointName>ap-01</AccessPointName></CreateAccessPointConfiguration>';
  await oss.send('PUT', 'photos', '', { query: { accessPoint: '' }, body: point });
  const wrap = (inner: string) =>
    `<CreateAccessPointForObjectProcessConfiguration>${inner}</CreateAccessPointForObjectProcessConfiguration>`;
  const query = { accessPointForObjectProcess: '' };
  await oss.send('PUT', 'photos', '', { query, headers: fcHeader, body: wrap(`<AccessPointName>ap-01</AccessPointName>${processing}`) });
}

async function caller(statements: Statement[]): Promise<Key> {
  roles += 1;
  return sessionOf(oss, `role-${roles}`, statements);
}

/** Asks for an operation as its row says; without a key the request has no signature. */
async function ask(
  operation: Operation,
  signer: Key | undefined,
  more: { headers?: Record<string, string>; query?: Record<string, string> } = {},
): Promise<Answer> {
  const { level, method, selector, parameter, resource, name, source } = operation;
  const headers: Record<string, string> = { ...more.headers };
  if (source !== undefined) headers[source] = `/photos/${key}`;
  if (resource === 'access-point' && parameter === undefined) Object.assign(headers, pointHeader);
  if (resource === 'object-fc') Object.assign(headers, fcHeader);
  if (name === 'DeleteMultipleObjects') headers['content-md5'] = createHash('md5').update(deleteXml).digest('base64');
  const query: Record<string, string> = { ...more.query };
  if (selector !== undefined) query[selector] = '';
  if (parameter !== undefined) query[parameter] = 'ap-01';
  if (name.startsWith('UploadPart')) query.partNumber = '1';
  const bucket = level === 'service' ? '' : 'photos';
  if (operation.signedInBody) {
    const signed = signer && signatureFields(encodePolicy([]), signer);
    return fetchUrl(`http://127.0.0.1:${oss.port}/photos`, { method, ...formOf({ key, ...headers, ...signed }, {}) });
  }
  const body = bodies[name] ?? (method === 'PUT' || method === 'POST' ? '' : undefined);
  if (signer) return oss.send(method, bucket, level === 'object' ? key : '', { query, headers, body, key: signer });
  const path = level === 'service' ? '/' : `/photos/${level === 'object' ? key : ''}`;
  const search = Object.entries(query)
    .map(([each, value]) => (value === '' ? each : `${each}=${value}`))
    .join('&');
  return fetchUrl(`http://127.0.0.1:${oss.port}${path}${search && `?${search}`}`, { method, headers, body });
}

/** The fault's own words, which HEAD carries in a header. */
function words({ text, headers }: Answer): string {
  const encoded = headers['x-oss-err'];
  return typeof encoded === 'string' ? Buffer.from(encoded, 'base64').toString() : text;
}

function refused(answer: Answer, why: RegExp, what: string): void {
  assert.deepEqual([answer.status, codeOf(answer)], [403, 'AccessDenied'], `${what}: ${words(answer)}`);
  assert.match(words(answer), why, what);
}

function admitted(answer: Answer, what: string): void {
  assert.notEqual(codeOf(answer), 'AccessDenied', `${what}: ${words(answer)}`);
  assert.ok(answer.status < 500, `${what}: ${answer.status}`);
}

const titled = operations.map((operation) => {
  const { name, level, method, selector, parameter } = operation;
  const query = [selector, parameter].filter((each) => each !== undefined).join('&');
  return { operation, title: `${name} (${level} ${method}${query && ` ?${query}`})` };
});

describe('every OSS operation, by policies of the caller', () => {
  before(restore);
  for (const { operation, title } of titled) {
    const { action, resource } = operation;
    const arn = arns[resource];
    const done = (kind: string) => covered.get(operation)?.add(kind);

    test(`${title}: allowed everything else, it is refused`, async () => {
      const others = await caller([{ Effect: 'Allow', NotAction: [action], Resource: '*' }]);
      refused(await ask(operation, others), /implicit deny/, 'another action');
      if (resource !== 'any' && resource !== 'service') {
        const elsewhere = await caller([{ Effect: 'Allow', Action: '*', NotResource: [arn] }]);
        refused(await ask(operation, elsewhere), /implicit deny/, 'another resource');
      }
      done('implicit deny');
    });

    test(`${title}: denied just this, it is refused`, async () => {
      const denied = await caller([all, { Effect: 'Deny', Action: [action], Resource: arn }]);
      refused(await ask(operation, denied), /statement 2 of .*explicit deny/, 'explicit deny');
      done('explicit deny');
    });
  }
  // Last, as these take effect.
  for (const { operation, title } of titled) {
    test(`${title}: allowed just this, it is carried out`, async () => {
      const own = { Effect: 'Allow', Action: [operation.action], Resource: arns[operation.resource] };
      const allowed = await caller([own, ...besides(operation)]);
      admitted(await ask(operation, allowed), title);
      covered.get(operation)?.add('allow');
    });
  }
});

describe('headers and parameters that ask for more', () => {
  before(restore);
  for (const { operation, title } of titled) {
    for (const { header, parameter, action } of operation.also ?? []) {
      test(`${title} with ${header ?? parameter} needs ${action}`, async () => {
        const asked = header === undefined ? { query: { [parameter]: 'null' } } : { headers: { [header]: 'private' } };
        const arn = arns[operation.resource];
        const one = { Effect: 'Allow', Action: [operation.action], Resource: arn };
        const without = await caller([one, ...besides(operation)]);
        const both = await caller([one, ...besides(operation), { Effect: 'Allow', Action: [action], Resource: arn }]);
        refused(await ask(operation, without, asked), /implicit deny/, 'without');
        admitted(await ask(operation, both, asked), 'with');
      });
    }
  }
});

describe('operations that read another object', () => {
  before(restore);
  for (const { operation, title } of titled.filter(({ operation: { source } }) => source !== undefined)) {
    test(`${title} needs oss:GetObject on what it reads`, async () => {
      const own = { Effect: 'Allow', Action: [operation.action], Resource: arns.object };
      refused(
        await ask(operation, await caller([own])),
        /not allowed to oss:GetObject on .*photos\/dir\/cat.png.*implicit deny/,
        'no grant',
      );
      const denied = { Effect: 'Deny', Action: ['oss:GetObject'], Resource: arns.object };
      refused(await ask(operation, await caller([all, denied])), /oss:GetObject .*explicit deny/, 'denied');
      const elsewhere = { Effect: 'Allow', Action: ['oss:GetObject'], Resource: `${arns.object}/other` };
      refused(await ask(operation, await caller([own, elsewhere])), /oss:GetObject .*implicit deny/, 'another object');
    });
  }
});

describe('every operation on buckets and objects, by the policy of the bucket', () => {
  before(restore);
  const onBucket = titled.filter(({ operation: { resource } }) => ['bucket', 'object', 'keys'].includes(resource));
  const put = (...statements: Statement[]) => oss.store.setBucketPolicy('photos', JSON.stringify({ Version: '1', Statement: statements }));

  for (const { operation, title } of onBucket) {
    const { action, resource } = operation;
    const statement = (Effect: string, Principal: string) => ({
      Effect,
      Action: Effect === 'Allow' && operation.source !== undefined ? [action, 'oss:GetObject'] : [action],
      Resource: [arns[resource]],
      Principal: [Principal],
    });
    const role = () => `arn:sts::${accountId}:assumed-role/role-${roles}/*`;

    test(`${title}: it denies and allows`, async () => {
      const mighty = await caller([all]);
      await put(statement('Deny', role()));
      refused(await ask(operation, mighty), /statement 1 of the policy of bucket photos denies it/, 'deny');
      const poor = await caller([nothing]);
      await put(statement('Allow', 'acs:ram::*:assumed-role/somebody/*'));
      refused(await ask(operation, poor), /implicit deny/, 'somebody else');
      await put(statement('Allow', role()));
      admitted(await ask(operation, poor), 'allow');
    });

    test(`${title}: ${operation.anonymous ? 'it may open it to everybody' : 'it cannot open it to anonymous callers'}`, async () => {
      await put(statement('Allow', '*'));
      if (operation.anonymous) admitted(await ask(operation, undefined), 'open');
      else refused(await ask(operation, undefined), /Anonymous access is not allowed/, 'closed');
      await put({ Effect: 'Allow', Action: ['oss:None'], Resource: ['*'], Principal: ['*'] });
      refused(await ask(operation, undefined), /Anonymous access is not allowed|no right to access/, 'without a grant');
    });
  }
  after(() => oss.store.setBucketPolicy('photos', undefined));
});

describe('every operation, by ACL', () => {
  const open: Record<string, string[]> = { private: [], 'public-read': ['READ'], 'public-read-write': ['READ', 'WRITE'] };
  for (const acl of Object.keys(open)) {
    for (const { operation, title } of titled) {
      const opens = operation.acl !== undefined && open[acl]?.includes(operation.acl);
      test(`${title}: ${acl} ${opens ? 'opens it to everybody' : 'does not open it'}`, async () => {
        await restore();
        await oss.store.setBucketAcl('photos', acl);
        const answer = await ask(operation, undefined);
        if (opens) admitted(answer, title);
        else refused(answer, /Anonymous access is not allowed|no right to access this object because of bucket acl/, title);
      });
    }
  }
  after(() => oss.store.setBucketAcl('photos', 'private'));
});

test('no OSS operation is without its three tests', () => {
  const missing = [...covered].filter(([, kinds]) => kinds.size !== 3).map(([{ name, level, method }]) => `${name} (${level} ${method})`);
  assert.deepEqual(missing, []);
  assert.ok(operations.length >= 48, `${operations.length} operations`);
});

describe('every Function Compute operation, by policies of the caller', () => {
  let house: House;
  let made = 0;
  before(async () => {
    house = await openHouse({ invoke: () => Promise.reject(new Error('never')) });
  });
  after(() => house.close());

  const trust = parsePolicy(
    JSON.stringify({ Version: '1', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: ['x'] } }] }),
    'trust',
  );
  /** What operations need to know what they are asked for: those whose permission hangs on their input. */
  const arn = `acs:fc:cn-qingdao:${accountId}:services/x`;
  const inputs: Record<string, Record<string, unknown>> = {
    CreateFunction: { functionName: 'f' },
    CreateService: { serviceName: 's' },
    TagResource: { resourceArn: arn, tags: {} },
    UntagResource: { resourceArn: arn, all: true },
  };

  async function ask(operation: (typeof fcOperations)[number], statements: Statement[], api: string) {
    made += 1;
    const name = `role-${made}`;
    const document = parsePolicy(JSON.stringify({ Version: '1', Statement: statements }));
    await house.identity.putRole({ name, trust, policies: [{ name: 'test', document }] });
    const { accessKeyId, accessKeySecret, securityToken } = house.identity.assume(name, { sessionName: 's', ttlMs: 60_000 });
    const { method } = operation;
    return house.send({
      api,
      method: method === '*' ? 'POST' : method,
      path: operation.path.replace(/\{[^}]*\}/g, 'x'),
      credentials: { accessKeyId, accessKeySecret, securityToken },
      ...(operation.name === 'GetResourceTags' ? { query: `resourceArn=${arn}` } : {}),
      ...((method === 'GET' || method === 'DELETE') && operation.name !== 'UntagResource' ? {} : { body: inputs[operation.name] ?? {} }),
    });
  }

  const asked = [
    ...fcOperations.map((operation) => ({ operation, api: '2023-03-30' })),
    ...fc2Operations.flatMap((operation) =>
      (operation.versions ?? ['2021-04-06', '2016-08-15']).map((api: string) => ({ operation, api })),
    ),
  ];
  for (const { operation, api } of asked) {
    test(`${api} ${operation.name} (${operation.method} ${operation.path})`, async () => {
      const { action } = operation;
      const others = await ask(operation, [{ Effect: 'Allow', NotAction: [action], Resource: '*' }], api);
      assert.deepEqual([others.status, others.json.Code], [403, 'AccessDenied'], `allowed everything else: ${others.body}`);
      assert.match(String(others.json.Message), /implicit deny/);
      const denied = await ask(operation, [all, { Effect: 'Deny', Action: [action], Resource: '*' }], api);
      assert.deepEqual([denied.status, denied.json.Code], [403, 'AccessDenied'], `denied just this: ${denied.body}`);
      assert.match(String(denied.json.Message), /statement 2 of .*explicit deny/);
      const allowed = await ask(operation, [{ Effect: 'Allow', Action: [action], Resource: '*' }], api);
      assert.notEqual(allowed.json.Code, 'AccessDenied', `allowed just this: ${allowed.body}`);
    });
  }

  test('a function of a service has one name in policies, whichever API is spoken', async () => {
    const [invoke] = fcOperations.filter(({ name }) => name === 'InvokeFunction');
    const three = { ...(invoke as (typeof fcOperations)[number]), path: '/functions/x%24x/invocations' };
    const [older] = fc2Operations.filter(({ name }) => name === 'InvokeFunction');
    const named = `acs:fc:*:*:services/x/functions/x`;
    for (const [operation, api] of [
      [three, '2023-03-30'],
      [older as typeof three, '2021-04-06'],
    ] as const) {
      const denied = await ask(operation, [all, { Effect: 'Deny', Action: 'fc:*', Resource: named }], api);
      assert.equal(denied.json.Code, 'AccessDenied', `${api}: ${denied.body}`);
      const otherwise = await ask(operation, [{ Effect: 'Allow', Action: 'fc:*', Resource: 'acs:fc:*:*:functions/*' }], api);
      assert.equal(otherwise.json.Code, 'AccessDenied', `${api}: ${otherwise.body}`);
      const allowed = await ask(operation, [{ Effect: 'Allow', Action: 'fc:*', Resource: named }], api);
      assert.notEqual(allowed.json.Code, 'AccessDenied', `${api}: ${allowed.body}`);
    }
  });
});
