/** Who may do what, as unmodified vendor SDKs ask for it: ACLs, policies, the block on public access, access points and their policies, anonymous reads. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Client, clients, runClient, type Step, type StepResult } from './harness/clients.ts';
import { createAccessPoint, createBucket, functionArn, ossCall, ossDo } from './harness/deploy.ts';
import { send } from './harness/http.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';

let sluice: Sluice;
before(async () => {
  sluice = await startSluice();
});
after(() => sluice.finish(async () => {}));

type Run = Record<string, StepResult>;

/** Runs named steps and gives their results by name. */
async function run(client: Client, signature: 'v1' | 'v4', steps: Record<string, Step>, key = sluice.key): Promise<Run> {
  const { results } = await runClient(client, sluice, signature, Object.values(steps), key);
  return Object.fromEntries(Object.keys(steps).map((name, i) => [name, results[i] as StepResult]));
}

/** Fails unless each step came back with these fields. */
function expect(results: Run, expected: Record<string, Partial<StepResult>>): void {
  for (const [name, fields] of Object.entries(expected)) {
    const result = results[name] as StepResult & Record<string, unknown>;
    const seen = Object.fromEntries(Object.keys(fields).map((field) => [field, result[field]]));
    assert.deepEqual(seen, fields, `${name}: ${JSON.stringify(result)}`);
  }
}

const everySdk = [clients.oss2Older, clients.oss2Newest, clients.goV2Newest, clients.aliOss];
const body = Buffer.from('public or not').toString('base64');
const nobody = { id: '', secret: '' };
const grant = (resource: string, principal = '*') =>
  `{"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:GetObject"],"Principal":["${principal}"],"Resource":["acs:oss:*:*:${resource}"]}]}`;

describe('ACLs and bucket policies', () => {
  for (const client of everySdk) {
    for (const signature of ['v1', 'v4'] as const) {
      test(`${client.name}, ${signature}`, { skip: client.skip }, async () => {
        const bucket = `acl-${client.sdk}-${client.version.replaceAll('.', '-')}-${signature}`;
        const at = { bucket, key: 'a b/ü.txt' };
        const policy = grant(`${bucket}/*`);
        const first = await run(client, signature, {
          create: { op: 'createBucket', bucket },
          put: { ...at, op: 'put', body },
          bucketBefore: { op: 'getBucketAcl', bucket },
          objectBefore: { ...at, op: 'getObjectAcl' },
          open: { op: 'putBucketAcl', bucket, acl: 'public-read' },
          bucketAfter: { op: 'getBucketAcl', bucket },
          shut: { ...at, op: 'putObjectAcl', acl: 'private' },
          objectAfter: { ...at, op: 'getObjectAcl' },
          bad: { op: 'putBucketAcl', bucket, acl: 'open' },
          noPolicy: { op: 'getBucketPolicy', bucket },
        });
        expect(first, {
          bucketBefore: { acl: 'private' },
          objectBefore: { acl: 'default' },
          open: { ok: true },
          bucketAfter: { acl: 'public-read' },
          shut: { ok: true },
          objectAfter: { acl: 'private' },
          bad: { ok: false, status: 400, code: 'InvalidArgument' },
          // ali-oss turns any answer but 200 into no policy.
          noPolicy: client.sdk === 'ali-oss' ? { policy: 'null' } : { ok: false, status: 404, code: 'NoSuchBucketPolicy' },
        });
        const path = `/${bucket}/a%20b/%C3%BC.txt`;
        const status = async () => (await send(sluice.data, { path })).status;
        assert.equal(await status(), 403, 'a private object in a public bucket');
        const second = await run(client, signature, {
          inherit: { ...at, op: 'putObjectAcl', acl: 'default' },
          put: { op: 'putBucketPolicy', bucket, policy },
          get: { op: 'getBucketPolicy', bucket },
        });
        expect(second, { inherit: { ok: true }, put: { ok: true }, get: { policy } });
        assert.equal(await status(), 200);
        const third = await run(client, signature, {
          shut: { op: 'putBucketAcl', bucket, acl: 'private' },
          bad: { op: 'putBucketPolicy', bucket, policy: '{"Version":"2"}' },
          status: client.sdk === 'go-v2' ? { op: 'getBucketPolicyStatus', bucket } : { op: 'getBucketAcl', bucket },
        });
        expect(third, { shut: { ok: true }, bad: { ok: false, status: 400, code: 'InvalidPolicyDocument' } });
        if (client.sdk === 'go-v2') expect(third, { status: { public: true } });
        assert.equal(await status(), 200, 'by the policy alone');
        expect(await run(client, signature, { delete: { op: 'deleteBucketPolicy', bucket } }), { delete: { ok: true } });
        assert.equal(await status(), 403);
      });
    }
  }
});

describe('SDKs without a key', () => {
  for (const client of [clients.oss2Newest, clients.goV2Newest]) {
    test(client.name, { skip: client.skip }, async () => {
      const bucket = `open-${client.sdk}`;
      await ossDo(sluice, { method: 'PUT', bucket, headers: { 'x-oss-acl': 'public-read-write' } });
      await ossDo(sluice, { method: 'PUT', bucket, key: 'shut', headers: { 'x-oss-object-acl': 'private' }, body: 'x' });
      const results = await run(
        client,
        'v4',
        {
          put: { op: 'put', bucket, key: 'k', body },
          get: { op: 'get', bucket, key: 'k' },
          head: { op: 'head', bucket, key: 'k' },
          missing: { op: 'get', bucket, key: 'none' },
          shut: { op: 'get', bucket, key: 'shut' },
          shutHead: { op: 'head', bucket, key: 'shut' },
          list: { op: 'listV2', bucket },
          delete: { op: 'delete', bucket, key: 'k' },
        },
        nobody,
      );
      expect(results, {
        put: { ok: true },
        get: { ok: true, body },
        head: { ok: true, size: 13 },
        missing: { status: 404, code: 'NoSuchKey' },
        shut: { status: 403, code: 'AccessDenied' },
        shutHead: { ok: false, status: 403 },
        list: { status: 403, code: 'AccessDenied' },
        delete: { ok: true },
      });
    });
  }
});

describe('block on public access', () => {
  for (const client of [clients.oss2Newest, clients.goV2Newest]) {
    for (const signature of ['v1', 'v4'] as const) {
      test(`${client.name}, ${signature}`, { skip: client.skip }, async () => {
        const bucket = `block-${client.sdk}-${signature}`;
        await ossDo(sluice, { method: 'PUT', bucket, headers: { 'x-oss-acl': 'public-read' } });
        await ossDo(sluice, { method: 'PUT', bucket, key: 'k', body: 'x' });
        const name = `blk-${client.sdk}-${signature}`;
        await createAccessPoint(sluice, bucket, name);
        const status = async () => (await send(sluice.data, { path: `/${bucket}/k` })).status;
        for (const [kind, open] of [
          ['Account', 403],
          ['Bucket', 403],
          ['AccessPoint', 200],
        ] as const) {
          const at = { bucket, name };
          const on = await run(client, signature, {
            before: { ...at, op: `get${kind}Block` },
            put: { ...at, op: `put${kind}Block`, block: true },
            after: { ...at, op: `get${kind}Block` },
          });
          expect(on, { before: { blocked: false }, put: { ok: true, status: 200 }, after: { blocked: true } });
          assert.equal(await status(), open, kind);
          const off = await run(client, signature, {
            acl: { op: 'putBucketAcl', bucket, acl: 'public-read' },
            delete: { ...at, op: `delete${kind}Block` },
            get: { ...at, op: `get${kind}Block` },
          });
          expect(off, {
            acl: open === 200 ? { ok: true } : { status: 403, code: 'AccessDenied' },
            delete: { status: 204 },
            get: { blocked: false },
          });
          assert.equal(await status(), 200, kind);
        }
        const nowhere = await run(client, signature, {
          bucket: { op: 'getBucketBlock', bucket: `${bucket}-none` },
          point: { op: 'getAccessPointBlock', bucket, name: 'nobody' },
        });
        expect(nowhere, { bucket: { status: 404, code: 'NoSuchBucket' }, point: { status: 404, code: 'NoSuchAccessPoint' } });
      });
    }
  }
});

describe('access points', () => {
  for (const client of [clients.oss2Newest, clients.goV2Newest]) {
    for (const signature of ['v1', 'v4'] as const) {
      test(`${client.name}, ${signature}: policies byte for byte`, { skip: client.skip }, async () => {
        const bucket = `points-${client.sdk}-${signature}`;
        await createBucket(sluice, bucket);
        const name = `ap-${client.sdk}-${signature}`;
        await createAccessPoint(sluice, bucket, name);
        const policy = ` ${grant(`accesspoint/${name}/object/*`, sluice.accountId)}\n`;
        const at = { bucket, name };
        const results = await run(client, signature, {
          none: { ...at, op: 'getAccessPointPolicy' },
          put: { ...at, op: 'putAccessPointPolicy', policy },
          get: { ...at, op: 'getAccessPointPolicy' },
          bad: { ...at, op: 'putAccessPointPolicy', policy: '{}' },
          delete: { ...at, op: 'deleteAccessPointPolicy' },
          gone: { ...at, op: 'getAccessPointPolicy' },
          nowhere: { ...at, bucket: `${bucket}-none`, op: 'getAccessPointPolicy' },
        });
        expect(results, {
          none: { status: 404, code: 'NoSuchAccessPointPolicy' },
          put: { status: 200 },
          get: { policy },
          bad: { status: 400, code: 'InvalidPolicyDocument' },
          delete: { status: 204 },
          gone: { status: 404, code: 'NoSuchAccessPointPolicy' },
          nowhere: { status: 404, code: 'NoSuchBucket' },
        });
      });
    }
  }

  for (const signature of ['v1', 'v4'] as const) {
    test(`${clients.goV2Newest.name}, ${signature}: made, paged, bound to functions, removed`, {
      skip: clients.goV2Newest.skip,
    }, async () => {
      const client = clients.goV2Newest;
      const bucket = `fc-points-${signature}`;
      await createBucket(sluice, bucket);
      const names = [1, 2, 3].map((i) => `many-${signature}-${i}`);
      const roleArn = `acs:ram::${sluice.accountId}:role/aliyunfcdefaultrole`;
      const bound = { bucket, functionArn: functionArn(sluice, 'nothing'), roleArn };
      const fcNames = names.map((name) => `fc-${name}`);
      const made = await run(client, signature, {
        ...Object.fromEntries(names.map((name) => [name, { op: 'createAccessPoint', bucket, name }])),
        ...Object.fromEntries(
          names.map((name) => [`fc-${name}`, { ...bound, op: 'createObjectFcAccessPoint', name: `fc-${name}`, accessPoint: name }]),
        ),
        again: { op: 'createAccessPoint', bucket, name: names[0] as string },
        fcAgain: { ...bound, op: 'createObjectFcAccessPoint', name: fcNames[0] as string, accessPoint: names[0] as string },
        stray: { ...bound, op: 'createObjectFcAccessPoint', name: 'fc-stray', accessPoint: 'nobody' },
      });
      for (const name of names) assert.match(made[name]?.alias ?? '', new RegExp(`^${name}-[0-9a-f]{34}-ossalias$`));
      for (const name of fcNames) assert.match(made[name]?.alias ?? '', /^[a-z0-9-]{1,18}-[0-9a-f]{34}-opapalias$/);
      expect(made, {
        again: { status: 409, code: 'AccessPointAlreadyExists' },
        fcAgain: { status: 409, code: 'AccessPointForObjectProcessAlreadyExists' },
        stray: { status: 404, code: 'NoSuchAccessPoint' },
      });
      const seen: string[] = [];
      let continuation = '';
      do {
        const { page } = await run(client, signature, { page: { op: 'listAccessPoints', bucket, maxKeys: 2, continuation } });
        seen.push(...(page?.names ?? []));
        continuation = page?.continuation ?? '';
      } while (continuation !== '');
      assert.deepEqual(seen, names);
      const fcSeen: string[] = [];
      do {
        const { page } = await run(client, signature, { page: { op: 'listObjectFcAccessPoints', maxKeys: 1, continuation } });
        fcSeen.push(...(page?.names ?? []));
        continuation = page?.continuation ?? '';
      } while (continuation !== '');
      assert.deepEqual(
        fcSeen.filter((name) => fcNames.includes(name)),
        fcNames,
      );
      const [name = '', fcName = ''] = [names[0], fcNames[0]];
      const policy = grant(`accesspointforobjectprocess/${fcName}/object/*`, '27737962156157');
      const fc = { bucket, name: fcName };
      const policies = await run(client, signature, {
        none: { ...fc, op: 'getObjectFcAccessPointPolicy' },
        put: { ...fc, op: 'putObjectFcAccessPointPolicy', policy },
        get: { ...fc, op: 'getObjectFcAccessPointPolicy' },
        delete: { ...fc, op: 'deleteObjectFcAccessPointPolicy' },
        gone: { ...fc, op: 'getObjectFcAccessPointPolicy' },
        config: { ...bound, ...fc, op: 'configureObjectFcAccessPoint', features: ['GetObject-Range'] },
        shown: { ...fc, op: 'readObjectFcAccessPointConfig' },
        inUse: { op: 'deleteAccessPoint', bucket, name },
        full: { op: 'deleteBucket', bucket },
      });
      expect(policies, {
        none: { status: 404, code: 'NoSuchAccessPointPolicy' },
        put: { status: 200 },
        get: { policy },
        delete: { status: 204 },
        gone: { status: 404 },
        config: { ok: true },
        shown: { features: ['GetObject-Range'], actions: ['GetObject'], roleArn },
        inUse: { status: 409, code: 'AccessPointInUse' },
        full: { status: 409, code: 'BucketNotEmpty' },
      });
      assert.match(policies.inUse?.message ?? '', new RegExp(fcName));
      assert.match(policies.full?.message ?? '', new RegExp(names.join(', ')));
      const gone = await run(client, signature, {
        ...Object.fromEntries(fcNames.map((each) => [each, { op: 'deleteObjectFcAccessPoint', bucket, name: each }])),
        fcTwice: { ...fc, op: 'deleteObjectFcAccessPoint' },
        ...Object.fromEntries(names.map((each) => [each, { op: 'deleteAccessPoint', bucket, name: each }])),
        twice: { op: 'deleteAccessPoint', bucket, name },
        bucket: { op: 'deleteBucket', bucket },
      });
      for (const each of [...fcNames, ...names]) expect(gone, { [each]: { status: 204 } });
      expect(gone, {
        fcTwice: { status: 404, code: 'NoSuchAccessPointForObjectProcess' },
        twice: { status: 404, code: 'NoSuchAccessPoint' },
        bucket: { ok: true },
      });
    });
  }
});

test('the log tells what refused', async () => {
  await createBucket(sluice, 'logged');
  const reply = await send(sluice.data, { path: '/logged/k' });
  const id = String(reply.headers['x-oss-request-id']);
  assert.equal(reply.status, 403);
  const deadline = performance.now() + 5_000;
  while (!sluice.log.includes(id) && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.match(sluice.log, new RegExp(`"id":"${id}".*"denied":"bucket-acl"`));
});

test('a vpc access point is stored and serves this machine', async () => {
  await createBucket(sluice, 'inside');
  await ossDo(sluice, { method: 'PUT', bucket: 'inside', key: 'k', body: 'x' });
  const made = await ossDo(sluice, {
    ...{ method: 'PUT', bucket: 'inside', query: { accessPoint: '' } },
    body: '<CreateAccessPointConfiguration><NetworkOrigin>vpc</NetworkOrigin><VpcConfiguration><VpcId>vpc-1</VpcId></VpcConfiguration><AccessPointName>inside</AccessPointName></CreateAccessPointConfiguration>',
  });
  const alias = /<Alias>([^<]+)</.exec(made.body.toString())?.[1] ?? '';
  assert.equal((await ossCall(sluice, { method: 'GET', bucket: alias, key: 'k' })).body.toString(), 'x');
  const shown = await ossDo(sluice, {
    method: 'GET',
    bucket: 'inside',
    query: { accessPoint: '' },
    headers: { 'x-oss-access-point-name': 'inside' },
  });
  assert.match(shown.body.toString(), /<NetworkOrigin>vpc<\/NetworkOrigin><VpcConfiguration><VpcId>vpc-1<\/VpcId>/);
});
