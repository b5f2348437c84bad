import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Principal, parsePolicy } from '../../identity/index.ts';
import { explainOss, type OssExplanation } from './explain.ts';
import { accountId, codeOf, fetchUrl, type Harness, openHarness, openPhotos, region, sessionOf } from './fixture.ts';

let oss: Harness;
let apAlias: string;
let fcAlias: string;
const key = 'dir/cat.png';

before(async () => {
  oss = await openHarness();
  ({ apAlias, fcAlias } = await openPhotos(oss));
});
after(() => oss.close());

const arn = (rest: string) => `acs:oss:${region}:${accountId}:${rest}`;
const allow = (Resource: string, more = {}) => ({ Effect: 'Allow', Action: ['oss:GetObject'], Resource: [arn(Resource)], ...more });
const policyOf = (...Statement: object[]) => JSON.stringify({ Version: '1', Statement });

function user(statements: object[] = [{ Effect: 'Allow', Action: 'oss:None', Resource: '*' }]): Principal {
  return {
    ...{ kind: 'RAMUser', accountId, id: '20', arn: `acs:ram::${accountId}:user/eve`, accessKeyId: '' },
    policies: [parsePolicy(policyOf(...statements))],
    policyNames: ['eves-policy'],
    holder: 'user eve',
  };
}

function explain(principal: Principal, resource: string, action = 'oss:GetObject', context = {}): OssExplanation {
  return explainOss({ ...oss, region })({ principal, action, resource, context });
}
/** What decided, in a line. */
const line = ({ allowed, source, policy, statement }: OssExplanation) =>
  [allowed ? 'allowed' : 'denied', source, policy, statement].filter((each) => each !== undefined).join(' ');

describe('explain names what decides', () => {
  const photo = `photos/${key}`;
  const account = () => oss.identity.principal({ kind: 'account' });

  test('the account, a policy of the caller, nothing', () => {
    assert.equal(line(explain(account(), arn(photo))), 'allowed account');
    assert.equal(line(explain(user([allow('photos/*')]), arn(photo))), 'allowed ram-policy eves-policy 1');
    assert.equal(
      line(explain(user([allow('*'), { ...allow('photos/*'), Effect: 'Deny', Sid: 'No' }]), photo)),
      'denied ram-policy eves-policy 2',
    );
    assert.equal(line(explain(user(), photo)), 'denied bucket-acl');
    assert.equal(line(explain(user(), 'photos', 'oss:GetBucketInfo')), 'denied nothing');
    assert.equal(
      line(explain(user([{ Effect: 'Allow', Action: 'oss:ListBuckets', Resource: '*' }]), '*', 'oss:ListBuckets')),
      'allowed ram-policy eves-policy 1',
    );
    assert.equal(line(explain(user(), 'accesspoint/ap-01', 'oss:GetAccessPointPolicy')), 'denied nothing');
    const bound = explain(user([{ ...allow('photos/*'), Condition: { IpAddress: { 'acs:SourceIp': '10.0.0.0/8' } } }]), photo);
    assert.equal(bound.allowed, false);
    assert.equal(
      explain(user([{ ...allow('photos/*'), Condition: { IpAddress: { 'acs:SourceIp': '10.0.0.0/8' } } }]), photo, 'oss:GetObject', {
        'acs:SourceIp': '10.1.1.1',
      }).allowed,
      true,
    );
  });

  test('bucket policy and ACLs, and the block on public access', async () => {
    await oss.store.setBucketPolicy(
      'photos',
      policyOf(allow('photos/open/*', { Principal: ['20'], Sid: 'Open' }), {
        ...allow('photos/shut/*', { Principal: ['*'] }),
        Effect: 'Deny',
      }),
    );
    const open = explain(user(), 'photos/open/1');
    assert.deepEqual(
      [line(open), open.sid, open.attachedTo],
      ['allowed bucket-policy the policy of bucket photos 1', 'Open', 'bucket photos'],
    );
    assert.equal(line(explain(user([allow('*')]), 'photos/shut/1')), 'denied bucket-policy the policy of bucket photos 2');
    assert.equal(line(explain(account(), 'photos/shut/1')), 'allowed account');
    await oss.store.setObjectAcl('photos', key, 'public-read');
    assert.equal(line(explain(oss.identity.anonymous, photo)), 'allowed object-acl');
    assert.equal(line(explain(oss.identity.anonymous, photo, 'oss:PutObject')), 'denied object-acl');
    assert.equal(line(explain(oss.identity.anonymous, photo, 'oss:PutObjectAcl')), 'denied nothing');
    await oss.store.setBucketAcl('photos', 'public-read-write');
    assert.equal(line(explain(oss.identity.anonymous, 'photos/other', 'oss:PutObject')), 'allowed bucket-acl');
    await oss.store.setPublicAccessBlock(true);
    const blocked = explain(oss.identity.anonymous, photo);
    assert.deepEqual([line(blocked), blocked.blocked], ['denied public-access-block', true]);
    await oss.store.setPublicAccessBlock(false);
    await oss.store.setBucketAcl('photos', 'private');
    await oss.store.setObjectAcl('photos', key, 'default');
    await oss.store.setBucketPolicy('photos', undefined);
  });

  test('access points, side by side', async () => {
    const through = explain(user([allow('accesspoint/ap-01/object/*')]), `accesspoint/ap-01/object/${key}`);
    assert.equal(line(through), 'allowed ram-policy eves-policy 1');
    assert.deepEqual(
      through.sides.map(({ allowed, resource }) => [allowed, resource]),
      [
        [true, arn(`accesspoint/ap-01/object/${key}`)],
        [true, arn(`accesspoint/ap-01/object/${key}`)],
      ],
    );
    const half = explain(user([allow('photos/*')]), `${apAlias}/${key}`);
    assert.deepEqual([half.allowed, half.resource], [false, arn(`accesspoint/ap-01/object/${key}`)]);
    assert.deepEqual(
      half.sides.map(({ allowed, source }) => `${allowed} ${source}`),
      ['false nothing', 'true ram-policy'],
    );
    await oss.accesspoints.setObjectFcPolicy(
      'photos',
      'fc-ap-01',
      policyOf({ ...allow('accesspointforobjectprocess/fc-ap-01/object/*', { Principal: ['20'] }), Effect: 'Deny' }),
    );
    const denied = explain(user([{ Effect: 'Allow', Action: '*', Resource: '*' }]), `${fcAlias}/${key}`);
    assert.equal(line(denied), 'denied object-fc-policy the policy of Object FC access point fc-ap-01 1');
    assert.deepEqual(
      denied.sides.map(({ allowed }) => allowed),
      [false, true, true],
    );
    assert.equal(line(explain(oss.identity.anonymous, `${fcAlias}/${key}`)), 'denied anonymous-access');
    await oss.accesspoints.setObjectFcPolicy('photos', 'fc-ap-01', undefined);
  });

  test('what is no resource of the account is refused', () => {
    for (const resource of [
      'acs:fc:*:*:functions/x',
      'acs:oss:*:999:photos',
      'acs:oss:elsewhere:*:photos',
      'acs:oss:*:*',
      'accesspoint/ap-01/x',
    ]) {
      assert.throws(() => explain(user(), resource), { code: 'InvalidArgument' }, resource);
    }
    assert.throws(() => explain(user(), 'accesspoint/nobody'), { code: 'NoSuchAccessPoint' });
    assert.equal(explain(user(), 'nowhere/x').allowed, false);
  });
});

test('what explain says is what the guard does', async () => {
  const names: string[] = [];
  await oss.store.setBucketPolicy(
    'photos',
    policyOf(allow('photos/open/*', { Principal: ['*'] }), { ...allow('photos/open/shut*', { Principal: ['*'] }), Effect: 'Deny' }),
  );
  for (const object of ['open/1', 'open/shut', key]) await oss.send('PUT', 'photos', object, { body: 'x' });
  const roles = {
    none: { Effect: 'Allow', Action: 'oss:None', Resource: '*' },
    all: { Effect: 'Allow', Action: '*', Resource: '*' },
    bucket: allow('photos/*'),
    point: allow('accesspoint/ap-01/object/*'),
  };
  for (const [role, statement] of Object.entries(roles)) {
    const session = await sessionOf(oss, role, [statement]);
    const credential = oss.identity.credential(session.id, session.token);
    assert.ok('principal' in credential);
    for (const name of ['photos', apAlias]) {
      for (const object of ['open/1', 'open/shut', key]) {
        const answer = await oss.send('GET', name, object, { key: session });
        const expected: boolean = explain(credential.principal, `${name}/${object}`).allowed;
        assert.equal(answer.status === 200, expected, `${role} ${name}/${object}: ${answer.status}`);
        names.push(`${expected}`);
      }
    }
  }
  for (const object of ['open/1', 'open/shut', key]) {
    const answer = await fetchUrl(`http://127.0.0.1:${oss.port}/photos/${object}`);
    assert.equal(codeOf(answer) === '', explain(oss.identity.anonymous, `photos/${object}`).allowed, object);
  }
  assert.deepEqual([names.filter((each) => each === 'true').length, names.length], [10, 24]);
});
