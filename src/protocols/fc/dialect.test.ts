import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { parsePolicy } from '../../identity/index.ts';
import type { Invocation, InvocationResult } from '../../instances/index.ts';
import { codeZip, exchange, type House, key, openHouse, type Reply, type Sent } from './fixture.ts';
import { fcOperations } from './index.ts';

const result: InvocationResult = {
  payload: Buffer.from([0, 255, 1]),
  instanceId: 'i-1',
  durationMs: 1.2,
  maxMemoryMb: 30,
  coldStart: false,
};
let invoked: Invocation[] = [];
let next: (call: Invocation) => Promise<InvocationResult>;
let house: House;
let zipFile: string;

before(async () => {
  house = await openHouse({
    invoke: (_fn, call) => {
      invoked.push(call);
      return next(call);
    },
  });
  zipFile = (await codeZip()).toString('base64');
  await ok({ method: 'POST', path: '/functions', body: input('echo') });
});

after(() => house.close());

beforeEach(() => {
  invoked = [];
  next = async () => result;
});

function input(functionName: string, more: object = {}): object {
  return { functionName, runtime: 'python3.10', handler: 'index.handler', code: { zipFile }, ...more };
}

async function ok(request: Sent): Promise<Reply> {
  const reply = await house.send(request);
  assert.ok(reply.status < 300, `${reply.status} ${reply.body}`);
  return reply;
}

async function refused(request: Sent, status: number, code: string, message = /./): Promise<Reply> {
  const reply = await house.send(request);
  assert.equal(reply.json.Code, code, reply.body.toString());
  assert.equal(reply.status, status);
  assert.match(String(reply.json.Message), message);
  assert.equal(reply.json.RequestId, reply.headers['x-fc-request-id']);
  return reply;
}

const create = (body: Sent['body']): Sent => ({ method: 'POST', path: '/functions', body });

test('every known operation that is not carried out says so by its name; others are no paths', async () => {
  assert.ok(fcOperations.length > 60);
  assert.equal(new Set(fcOperations.map(({ name }) => name)).size, fcOperations.length);
  assert.equal(new Set(fcOperations.map(({ method, path }) => `${method} ${path.replace(/\{\w+\}/g, '{}')}`)).size, fcOperations.length);
  for (const operation of fcOperations.filter(({ run }) => !run)) {
    const path = operation.path.replace(/\{\w+\}/g, 'x');
    await refused({ method: operation.method, path }, 400, 'NotImplemented', new RegExp(`${operation.name}\\.$`));
  }
  for (const path of ['/nothing', '/functions/', '/functions/a/b/c/d/e', '/', '/functions//code'])
    await refused({ path }, 404, 'PathNotSupported');
  await refused({ path: '/functions', tamper: { path: '/2016-08-15/functions' } }, 404, 'PathNotSupported');
  await refused({ path: '/functions', tamper: { path: '/2023-03-30/functions/%zz' } }, 400, 'InvalidURI');
  const reply = await refused({ method: 'PATCH', path: '/functions/echo' }, 405, 'MethodNotAllowed');
  assert.equal(reply.headers.allow, 'PUT, GET, DELETE');
});

test('without a right signature nothing is answered', async () => {
  const path = '/functions/echo';
  assert.equal((await exchange(house.port, 'GET', `/2023-03-30${path}`, {})).json.Code, 'AccessDenied');
  const wrong = (change: Partial<Sent>, code: string, status = 403) => refused({ path, ...change }, status, code);
  await wrong({ credentials: { ...key, accessKeyId: 'nobody' } }, 'InvalidAccessKeyId');
  await wrong({ credentials: { ...key, accessKeySecret: 'wrong' } }, 'SignatureDoesNotMatch');
  await wrong({ credentials: { ...key, securityToken: 'forged' } }, 'InvalidSecurityToken');
  await wrong({ tamper: { path: '/2023-03-30/functions/other' } }, 'SignatureDoesNotMatch');
  await wrong({ tamper: { headers: { 'x-acs-content-sha256': 'f'.repeat(64) } } }, 'SignatureDoesNotMatch');
  await wrong({ tamper: { headers: { 'x-acs-content-sha256': 'none' } } }, 'InvalidArgument', 400);
  await wrong({ tamper: { headers: { 'x-acs-date': undefined } } }, 'AuthorizationHeaderMalformed', 400);
  await wrong({ now: Date.now() - 16 * 60_000 }, 'RequestTimeTooSkewed');
  await wrong({ now: Date.now() + 16 * 60_000 }, 'RequestTimeTooSkewed');
  await refused({ ...create(input('forged')), tamper: { body: '{"functionName":"other"}' } }, 400, 'InvalidDigest');
  assert.equal(house.functions.get('forged'), undefined);
});

test('a signed request is accepted once', async () => {
  const now = Date.now();
  await ok({ path: '/functions/echo', nonce: 'once', now });
  await refused({ path: '/functions/echo', nonce: 'once', now }, 400, 'SignatureNonceUsed');
  await ok({ path: '/functions/echo', nonce: 'twice', now });
});

test('a role may do what its policies say, on the function that they say', async () => {
  const { accountId } = house.identity;
  const arn = (name: string) => `acs:fc:cn-qingdao:${accountId}:functions/${name}`;
  const trust = { Version: '1', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: ['fc.aliyuncs.com'] } }] };
  const actions = ['fc:GetFunction', 'fc:CreateFunction'];
  const policy = { Version: '1', Statement: [{ Effect: 'Allow', Action: actions, Resource: [arn('echo'), arn('mine-*')] }] };
  await house.identity.putRole({
    name: 'deployer',
    trust: parsePolicy(JSON.stringify(trust), 'trust'),
    policies: [{ name: 'deploy', document: parsePolicy(JSON.stringify(policy)) }],
  });
  const session = house.identity.assume('deployer', { sessionName: 's', ttlMs: 60_000 });
  const credentials = { accessKeyId: session.accessKeyId, accessKeySecret: session.accessKeySecret, securityToken: session.securityToken };
  await ok({ path: '/functions/echo', credentials });
  await ok({ ...create(input('mine-1')), credentials });
  await refused({ path: '/functions/other', credentials }, 403, 'AccessDenied', /fc:GetFunction/);
  const withRole = input('mine-3', { role: `acs:ram::${accountId}:role/AliyunFCDefaultRole` });
  await refused({ ...create(withRole), credentials }, 403, 'AccessDenied', /ram:PassRole/);
  await refused({ path: '/layers/tools/versions', credentials }, 403, 'AccessDenied', /fc:ListLayerVersions on .*layers\/tools/);
  await refused(
    { method: 'PUT', path: '/functions/echo/concurrency', body: { reservedConcurrency: 1 }, credentials },
    403,
    'AccessDenied',
    /fc:PutConcurrencyConfig/,
  );
  await refused({ ...create(input('yours')), credentials }, 403, 'AccessDenied', /fc:CreateFunction/);
  await refused({ path: '/functions', credentials }, 403, 'AccessDenied', /fc:ListFunctions/);
  await refused({ method: 'DELETE', path: '/functions/echo', credentials }, 403, 'AccessDenied', /fc:DeleteFunction/);
  await refused({ method: 'POST', path: '/functions/echo/invocations', credentials }, 403, 'AccessDenied', /fc:InvokeFunction/);
  await refused({ path: '/functions/echo/code', credentials }, 403, 'AccessDenied', /fc:GetFunctionCode/);
  const fromBucket = input('mine-2', { code: { ossBucketName: 'secret-bucket', ossObjectName: 'a.zip' } });
  await refused({ ...create(fromBucket), credentials }, 403, 'AccessDenied', /oss:GetObject/);
});

test('bodies against the rules have their own faults and leave nothing', async () => {
  const before = await readdir(join(house.dataDir, 'packages'));
  for (const body of ['', '{', '{"a":}', '{"a":"', 'nul', '{}{}', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])]) {
    await refused(create(body), 400, 'MalformedJSON');
  }
  for (const body of ['null', '[]', '"x"', '3']) await refused(create(body), 400, 'InvalidArgument');
  await refused(create(`{"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`), 400, 'InvalidArgument', /nested deeper than 32/);
  await refused(create(`{"x":${'{"a":'.repeat(40)}1${'}'.repeat(40)}}`), 400, 'InvalidArgument', /nested deeper than 32/);
  await refused(create(`{"x":[${'0,'.repeat(30_000)}0]}`), 400, 'InvalidArgument', /elements/);
  await refused(create(`{"x":1${' '.repeat(5 << 20)}}`), 400, 'InvalidArgument', /4 MB/);
  await refused(create(`{"description":"${'x'.repeat(300_000)}"}`), 400, 'InvalidArgument', /Only code\.zipFile/);
  await refused(create({ code: { zipFile: 'A'.repeat(300_000) }, x: 'y'.repeat(300_000) }), 400, 'InvalidArgument', /Only code\.zipFile/);
  await refused(create(input('a', { memorySize: 'much' })), 400, 'InvalidArgument', /^memorySize/);
  await refused(create(input('a', { code: 'x' })), 400, 'InvalidArgument', /^code: /);
  await refused(create(input('a', { code: { zipFile: 1 } })), 400, 'InvalidArgument', /^code\.zipFile: /);
  await refused(create(input('a', { code: { zipFile: 'äöü' } })), 400, 'InvalidArgument', /base64/);
  await refused(create(input('a', { code: { zipFile: 'abc' } })), 400, 'InvalidArgument', /base64/);
  await refused(create(input('a', { code: { zipFile: `${'A'.repeat(400_000)}!AAA` } })), 400, 'InvalidArgument', /base64/);
  await refused(create(input('a', { code: { zipFile: 'A'.repeat(400_000) } })), 400, 'InvalidCodePackage');
  await refused(create(input('a', { code: { zipFile, ossBucketName: 'x', ossObjectName: 'y' } })), 400, 'InvalidArgument', /not both/);
  await refused(create(input('a', { code: { ossBucketName: 'x' } })), 400, 'InvalidArgument', /belong together/);
  await refused(create(input('a', { code: undefined })), 400, 'InvalidArgument', /^code: give/);
  await refused(create(input('a', { code: { zipFile, checksum: '12' } })), 400, 'InvalidArgument', /^code\.checksum/);
  await refused(
    create(input('a', { runtime: 'nodejs14' })),
    400,
    'InvalidArgument',
    /nodejs14 is not carried out by this version; use nodejs16/,
  );
  await refused({ ...create(''), headers: { 'content-length': String(200 << 20) } }, 400, 'EntityTooLarge');
  assert.deepEqual(await readdir(join(house.dataDir, 'packages')), before);
  await refused(create('{"__proto__":{"functionName":"a"},"handler":"index.handler"}'), 400, 'InvalidArgument');
  await ok(create(JSON.stringify(input('escaped')).replaceAll('/', '\\/')));
  await ok({ method: 'DELETE', path: '/functions/escaped' });
});

test('lists refuse filters that they would have to ignore', async () => {
  const page = await ok({ path: '/functions', query: 'prefix=ec&limit=10' });
  assert.deepEqual(
    (page.json.functions as { functionName: string }[]).map((fn) => fn.functionName),
    ['echo'],
  );
  assert.deepEqual((await ok({ path: '/functions', query: 'fcVersion=v2' })).json, { functions: [] });
  await refused({ path: '/functions', query: 'runtime=python3' }, 400, 'NotImplemented', /runtime/);
  await refused({ path: '/functions', query: 'limit=0' }, 400, 'InvalidArgument', /^limit/);
  await refused({ path: '/functions', query: 'limit=x' }, 400, 'InvalidArgument', /^limit/);
  await refused({ path: '/functions', query: 'nextToken=!' }, 400, 'InvalidArgument', /^nextToken/);
  await refused({ path: '/functions/echo', query: 'qualifier=2' }, 404, 'VersionNotFound');
});

const invoke = (more: Partial<Sent> = {}): Sent => ({ method: 'POST', path: '/functions/echo/invocations', ...more });

test('an invocation hands the bytes over and the result back', async () => {
  const reply = await ok(invoke({ body: Buffer.from([1, 0, 254]), query: 'qualifier=LATEST' }));
  assert.deepEqual(reply.body, result.payload);
  assert.equal(reply.headers['content-type'], 'application/octet-stream');
  assert.equal(reply.headers['x-fc-invocation-duration'], '2');
  assert.equal(reply.headers['x-fc-log-result'], undefined);
  const [call] = invoked;
  assert.deepEqual(call?.event, Buffer.from([1, 0, 254]));
  assert.equal(call?.requestId, reply.headers['x-fc-request-id']);
  assert.equal(call?.logTail, false);
  const { accessKeyId = '', securityToken } = call?.credentials ?? {};
  const credential = house.identity.credential(accessKeyId, securityToken);
  assert.ok(!('fault' in credential));
  assert.equal(credential.principal.session?.function, house.functions.resolve('echo').arn);
});

test('a failure of the function is HTTP 200 with x-fc-error-type; one of the server is not', async () => {
  const failure = { kind: 'exited', errorType: 'UnhandledInvocationError', message: 'x' } as const;
  next = async () => ({ ...result, payload: Buffer.from('{"errorMessage":"x"}'), failure, logTail: 'líne\n' });
  const reply = await ok(invoke({ headers: { 'x-fc-log-type': 'Tail' } }));
  assert.equal(reply.headers['x-fc-error-type'], 'UnhandledInvocationError');
  assert.deepEqual(reply.json, { errorMessage: 'x' });
  assert.equal(Buffer.from(String(reply.headers['x-fc-log-result']), 'base64').toString(), 'líne\n');
  assert.equal(invoked[0]?.logTail, true);
  next = () => Promise.reject(new Error('secret detail'));
  const internal = await refused(invoke(), 500, 'InternalError');
  assert.doesNotMatch(internal.body.toString(), /secret detail/);
});

test('an invocation of an unknown kind, or too large, is refused before the function starts', async () => {
  await refused(invoke({ headers: { 'x-fc-invocation-type': 'Later' } }), 400, 'InvalidArgument');
  await refused(invoke({ headers: { 'x-fc-log-type': 'Head' } }), 400, 'InvalidArgument');
  await refused(invoke({ query: 'qualifier=prod' }), 404, 'VersionNotFound');
  await refused({ method: 'POST', path: '/functions/none/invocations' }, 404, 'FunctionNotFound');
  await refused(invoke({ body: Buffer.alloc((32 << 20) + 1) }), 400, 'EntityTooLarge');
  await refused(invoke({ body: 'x', tamper: { body: 'y' } }), 400, 'InvalidDigest');
  assert.equal(invoked.length, 0);
});

test('a client that hangs up takes its call out of the queue', async () => {
  const reached = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  next = ({ signal }) => {
    reached.resolve();
    return new Promise((_, reject) => {
      signal?.addEventListener('abort', () => {
        left.resolve();
        reject(signal.reason);
      });
    });
  };
  const client = new AbortController();
  const sent = house.send(invoke({ signal: client.signal }));
  await reached.promise;
  client.abort();
  await assert.rejects(sent, { name: 'AbortError' });
  await left.promise;
  next = async () => result;
  await ok(invoke());
});
