import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import fcSdk from '@alicloud/fc20230330';
import { findInterpreter } from '../../instances/index.ts';
import { Crc64, packZip } from '../../kit/index.ts';
import { codeZip, type House, key, openHouse } from './fixture.ts';

// The package is CommonJS: its default export arrives as a property.
const sdk = fcSdk as unknown as typeof import('@alicloud/fc20230330');
const version: string = createRequire(import.meta.url)('@alicloud/fc20230330/package.json').version;
const withoutPython = process.env.CI !== 'true' && !(await findInterpreter({ dropPrivileges: process.getuid?.() === 0 }));

const source = `
import json
import logging

def initialize(context):
    global started
    started = context.function.name

def handler(event, context):
    if event == b"raise":
        raise ValueError("no good")
    logging.getLogger().info("got %d bytes", len(event))
    return json.dumps({"event": event.decode(), "id": context.request_id, "started": started})
`;

let house: House;
let client: InstanceType<typeof sdk.default>;

before(async () => {
  house = await openHouse(undefined);
  // The SDK types its configuration by a class of a package of its own; it reads plain fields.
  const config = { endpoint: `127.0.0.1:${house.port}`, protocol: 'HTTP', ...key, regionId: 'cn-qingdao' };
  client = new sdk.default(config as unknown as ConstructorParameters<typeof sdk.default>[0]);
});

after(() => house.close());

function creation(functionName: string, zip: Buffer, more: object = {}) {
  const code = new sdk.InputCodeLocation({ zipFile: zip.toString('base64'), checksum: Crc64.of(zip).toString() });
  const body = new sdk.CreateFunctionInput({ functionName, runtime: 'python3.10', handler: 'index.handler', code, ...more });
  return new sdk.CreateFunctionRequest({ body });
}

test('@alicloud/fc20230330 creates, reads, lists, updates and deletes a function', async () => {
  assert.match(version, /^4\./);
  const zip = await codeZip();
  const created = await client.createFunction(creation('sdk_crud', zip, { memorySize: 256, environmentVariables: { MODE: 'x' } }));
  assert.equal(created.statusCode, 200);
  assert.equal(created.body?.functionName, 'sdk_crud');
  assert.equal(created.body?.functionArn, `acs:fc:cn-qingdao:${house.identity.accountId}:functions/sdk_crud`);
  assert.equal(created.body?.codeChecksum, Crc64.of(zip).toString());
  assert.equal(created.body?.codeSize, zip.length);
  assert.equal(created.body?.state, 'Active');
  assert.equal(created.body?.stateReason, undefined);
  assert.equal(created.body?.lastUpdateStatus, 'Successful');
  assert.deepEqual({ ...created.body?.environmentVariables }, { MODE: 'x' });
  assert.match(created.body?.createdTime ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);

  const got = await client.getFunction('sdk_crud', new sdk.GetFunctionRequest({ qualifier: 'LATEST' }));
  assert.deepEqual(got.body, created.body);

  const input = new sdk.UpdateFunctionInput({
    timeout: 30,
    code: new sdk.InputCodeLocation({ zipFile: (await codeZip('x = 1\n')).toString('base64') }),
  });
  const updated = await client.updateFunction('sdk_crud', new sdk.UpdateFunctionRequest({ body: input }));
  assert.equal(updated.body?.timeout, 30);
  assert.equal(updated.body?.memorySize, 256);
  assert.notEqual(updated.body?.codeChecksum, created.body?.codeChecksum);

  for (const name of ['sdk_crud_a', 'sdk_crud_b']) await client.createFunction(creation(name, zip));
  const first = await client.listFunctions(new sdk.ListFunctionsRequest({ prefix: 'sdk_crud_', limit: 1 }));
  assert.deepEqual(
    first.body?.functions?.map((fn) => fn.functionName),
    ['sdk_crud_a'],
  );
  const second = await client.listFunctions(
    new sdk.ListFunctionsRequest({ prefix: 'sdk_crud_', limit: 1, nextToken: first.body?.nextToken }),
  );
  assert.deepEqual(
    second.body?.functions?.map((fn) => fn.functionName),
    ['sdk_crud_b'],
  );
  assert.equal(second.body?.nextToken, undefined);

  const deleted = await client.deleteFunction('sdk_crud');
  assert.equal(deleted.statusCode, 204);
  await assert.rejects(client.getFunction('sdk_crud', new sdk.GetFunctionRequest({})), { code: 'FunctionNotFound', statusCode: 404 });
  await assert.rejects(client.createFunction(creation('sdk_crud_a', zip)), { code: 'FunctionAlreadyExists', statusCode: 409 });
});

test('code may be an object of a bucket', async () => {
  await house.buckets.createBucket({
    name: 'code-bucket',
    owner: house.identity.accountId,
    region: 'cn-qingdao',
    acl: 'private',
    storageClass: 'Standard',
    redundancy: 'LRS',
  });
  // Larger than what the store gives in one piece.
  const zip = await packZip([
    { name: 'index.py', data: Buffer.from(source) },
    { name: 'noise', data: randomBytes(200_000) },
  ]);
  const source_ = (async function* () {
    yield zip;
  })();
  await house.buckets.put({
    bucket: 'code-bucket',
    key: 'a/b c.zip',
    source: source_,
    contentType: 'application/zip',
    headers: {},
    meta: {},
  });
  const code = (ossBucketName: string, ossObjectName: string) => ({ code: new sdk.InputCodeLocation({ ossBucketName, ossObjectName }) });
  const created = await client.createFunction(creation('from_bucket', zip, code('code-bucket', 'a/b c.zip')));
  assert.equal(created.body?.codeChecksum, Crc64.of(zip).toString());
  await assert.rejects(client.createFunction(creation('other', zip, code('code-bucket', 'none'))), { code: 'NoSuchKey' });
  await assert.rejects(client.createFunction(creation('other', zip, code('no-bucket', 'none'))), { code: 'NoSuchBucket' });
});

test('a package of many megabytes goes through', async () => {
  const zip = await packZip([
    { name: 'index.py', data: Buffer.from(source) },
    { name: 'noise', data: randomBytes(3 << 20) },
  ]);
  assert.ok(zip.length > 1 << 20);
  const created = await client.createFunction(creation('large', zip));
  assert.equal(created.body?.codeSize, zip.length);
});

test('@alicloud/fc20230330 invokes a function', { skip: withoutPython && 'no Python 3.9 or newer was found' }, async () => {
  const zip = await codeZip(source);
  await client.createFunction(
    creation('sdk_invoke', zip, { instanceLifecycleConfig: { initializer: { handler: 'index.initialize', timeout: 10 } }, timeout: 20 }),
  );
  const invoke = async (event: string) => {
    const answer = await client.invokeFunctionWithOptions(
      'sdk_invoke',
      new sdk.InvokeFunctionRequest({ body: Readable.from([Buffer.from(event)]) }),
      new sdk.InvokeFunctionHeaders({ xFcLogType: 'Tail', xFcInvocationType: 'Sync' }),
      {} as Parameters<typeof client.invokeFunctionWithOptions>[3],
    );
    return { answer, headers: answer.headers ?? {}, text: (await buffer(answer.body as Readable)).toString() };
  };
  const { answer, headers, text } = await invoke('hello');
  assert.equal(answer.statusCode, 200);
  assert.deepEqual(JSON.parse(text), { event: 'hello', id: headers['x-fc-request-id'], started: 'sdk_invoke' });
  assert.equal(headers['x-fc-error-type'], undefined);
  assert.equal(headers['x-fc-code-checksum'], Crc64.of(zip).toString());
  assert.equal(headers['x-fc-invocation-service-version'], 'LATEST');
  assert.match(String(headers['x-fc-invocation-duration']), /^\d+$/);
  assert.match(String(headers['x-fc-max-memory-usage']), /^\d+$/);
  assert.ok(headers['x-fc-instance-id']);
  assert.match(Buffer.from(String(headers['x-fc-log-result']), 'base64').toString(), /got 5 bytes/);

  const failed = await invoke('raise');
  assert.equal(failed.answer.statusCode, 200);
  assert.equal(failed.headers['x-fc-error-type'], 'UnhandledInvocationError');
  const error = JSON.parse(failed.text) as { errorMessage: string; errorType: string };
  assert.equal(error.errorMessage, 'no good');
  assert.equal(error.errorType, 'ValueError');

  await client.updateFunction(
    'sdk_invoke',
    new sdk.UpdateFunctionRequest({
      body: new sdk.UpdateFunctionInput({
        code: new sdk.InputCodeLocation({
          zipFile: (await codeZip(`${source}\n    `.replace('"started": started', '"new": 1'))).toString('base64'),
        }),
      }),
    }),
  );
  assert.equal(JSON.parse((await invoke('again')).text).new, 1);
  await client.deleteFunction('sdk_invoke');
  await assert.rejects(invoke('gone'), { code: 'FunctionNotFound' });
});
