/** Deploying with the tools that people have: the calls of the vendor's deploy tool, versions and aliases, layers, provisioned instances. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { Agent } from 'node:http';
import { createRequire } from 'node:module';
import type { LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import OSS from 'ali-oss';
import { createAccessPoint, createBucket, createObjectFc, deployFunction, fcClient, ossDo, zip } from './harness/deploy.ts';
import { type Reply, send } from './harness/http.ts';
import { pathOf, signHeaderV4 } from './harness/sign.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { python } from './harness/toolchain.ts';

const fc = createRequire(import.meta.url)('@alicloud/fc20230330') as typeof import('@alicloud/fc20230330');

const FC2 = createRequire(import.meta.url)('@alicloud/fc2') as new (
  account: string,
  config: object,
) => { getTempBucketToken(): Promise<{ data: Token }> };

const skip = python.tools ? false : 'no Python with pip';

let sluice: Sluice;
let client: ReturnType<typeof fcClient>;

before(async () => {
  sluice = await startSluice();
  client = fcClient(sluice);
});
after(() =>
  sluice.finish(async () => {
    const { body } = await client.listFunctions(new fc.ListFunctionsRequest({ limit: 100 }));
    for (const { functionName = '' } of body?.functions ?? []) await client.deleteFunction(functionName);
  }),
);

const source = (answer: string) => `
import os

def handler(event, context):
    return ${JSON.stringify(answer)} + " " + os.environ["FC_QUALIFIER"] + " " + context.function.name
`;

async function packed(answer: string): Promise<Buffer> {
  return zip([{ name: 'index.py', data: Buffer.from(source(answer)) }]);
}

async function invoke(name: string, qualifier?: string): Promise<string> {
  const answer = await client.invokeFunctionWithOptions(
    name,
    new fc.InvokeFunctionRequest({ body: Readable.from([Buffer.from('{}')]), ...(qualifier ? { qualifier } : {}) }),
    new fc.InvokeFunctionHeaders({}),
    {} as Parameters<typeof client.invokeFunctionWithOptions>[3],
  );
  return (await buffer(answer.body as Readable)).toString();
}

/** The signature of the classic Function Compute SDKs over a request without a body. */
function classic(method: string, path: string): Record<string, string> {
  const headers: Record<string, string> = {
    date: new Date().toUTCString(),
    'content-type': 'application/json',
    'x-fc-account-id': sluice.accountId,
  };
  const text = `${method}\n\n${headers['content-type']}\n${headers.date}\nx-fc-account-id:${sluice.accountId}\n${path}`;
  const signature = createHmac('sha256', sluice.key.secret).update(text).digest('base64');
  return { ...headers, authorization: `FC ${sluice.key.id}:${signature}` };
}

interface Token {
  credentials: { AccessKeyId: string; AccessKeySecret: string; SecurityToken: string; Expiration: string };
  ossRegion: string;
  ossBucket: string;
  objectName: string;
}

/** As the tool asks for it: with the SDK of Function Compute 2.0. */
async function uploadToken(): Promise<Token> {
  const { id: accessKeyID, secret: accessKeySecret } = sluice.key;
  const access = { accessKeyID, accessKeySecret, region: 'cn-qingdao', endpoint: sluice.control };
  return (await new FC2(sluice.accountId, access).getTempBucketToken()).data;
}

/** Not every resolver knows the names below localhost. */
const lookup = ((_name: string, options: { all?: boolean }, done: (...given: unknown[]) => void) =>
  options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)) as unknown as LookupFunction;
const agent = new Agent({ lookup });

function uploader({ credentials, ossBucket }: Token, host: string): OSS {
  return new OSS({
    endpoint: `http://${host}:${new URL(sluice.data).port}`,
    accessKeyId: credentials.AccessKeyId,
    accessKeySecret: credentials.AccessKeySecret,
    stsToken: credentials.SecurityToken,
    bucket: ossBucket,
    agent,
    refreshSTSToken: async () => ({}),
    refreshSTSTokenInterval: 3_600_000,
  });
}

describe('the calls of `s deploy`', () => {
  for (const host of ['127.0.0.1', 'localhost']) {
    test(`with the upload through ${host}`, { skip }, async () => {
      const functionName = `deployed-${host.replaceAll('.', '-')}`;
      await assert.rejects(client.getFunction(functionName, new fc.GetFunctionRequest({})), { code: 'FunctionNotFound', statusCode: 404 });
      const deploy = async (answer: string) => {
        const token = await uploadToken();
        const ossObjectName = `${sluice.accountId}/${token.objectName}`;
        const put = await uploader(token, host).put(ossObjectName, await packed(answer), {});
        assert.equal(put.res.status, 200);
        return new fc.InputCodeLocation({ ossBucketName: token.ossBucket, ossObjectName });
      };
      const settings = {
        functionName,
        runtime: 'python3.10',
        handler: 'index.handler',
        memorySize: 512,
        timeout: 30,
        cpu: 0.35,
        diskSize: 512,
        internetAccess: true,
      };
      const creation = async (answer: string) =>
        client.createFunction(
          new fc.CreateFunctionRequest({ body: new fc.CreateFunctionInput({ ...settings, code: await deploy(answer) }) }),
        );
      await creation('one');
      await assert.rejects(creation('two'), { code: 'FunctionAlreadyExists' });
      const code = await deploy('two');
      const updated = await client.updateFunction(
        functionName,
        new fc.UpdateFunctionRequest({ body: new fc.UpdateFunctionInput({ ...settings, code }) }),
      );
      assert.equal(updated.body?.lastUpdateStatus, 'Successful');
      await assert.rejects(client.getTrigger(functionName, 'httpTrigger'), { code: 'TriggerNotFound' });
      const trigger = new fc.CreateTriggerInput({
        triggerName: 'httpTrigger',
        triggerType: 'http',
        triggerConfig: '{"authType":"anonymous","methods":["GET"]}',
        qualifier: 'LATEST',
      });
      await client.createTrigger(functionName, new fc.CreateTriggerRequest({ body: trigger }));
      await assert.rejects(client.getAsyncInvokeConfig(functionName, new fc.GetAsyncInvokeConfigRequest({ qualifier: 'LATEST' })), {
        code: 'AsyncConfigNotExists',
      });
      assert.deepEqual((await client.listVpcBindings(functionName)).body?.vpcIds, []);
      assert.equal(
        (await client.getProvisionConfig(functionName, new fc.GetProvisionConfigRequest({ qualifier: 'LATEST' }))).body?.target,
        0,
      );
      await assert.rejects(client.getConcurrencyConfig(functionName), { statusCode: 404 });
      assert.equal((await client.getFunction(functionName, new fc.GetFunctionRequest({}))).body?.state, 'Active');
      assert.equal(await invoke(functionName), `two LATEST ${functionName}`);
      const left = await ossDo(sluice, { method: 'GET', bucket: code.ossBucketName as string });
      assert.equal(
        (left.body.toString().match(/<Key>/g) ?? []).length,
        host === '127.0.0.1' ? 1 : 2,
        'only what was refused is still there',
      );
    });
  }

  test('a token puts its one object and nothing else', async () => {
    const token = await uploadToken();
    assert.ok(Date.parse(token.credentials.Expiration) > Date.now());
    const oss = uploader(token, 'localhost');
    await assert.rejects(oss.put(`${sluice.accountId}/other`, Buffer.from('x'), {}), { code: 'AccessDenied' });
    await oss.put(`${sluice.accountId}/${token.objectName}`, Buffer.from('x'), {});
    await assert.rejects(oss.get(`${sluice.accountId}/${token.objectName}`, {}), { code: 'AccessDenied' });
    await assert.rejects(oss.list({}, {}), { code: 'AccessDenied' });
    oss.useBucket('another');
    await assert.rejects(oss.put(token.objectName, Buffer.from('x'), {}));
    const path = '/2016-08-15/tempBucketToken';
    const unsigned = await send(sluice.control, { path });
    assert.deepEqual({ status: unsigned.status, code: unsigned.code }, { status: 403, code: 'AccessDenied' });
    assert.match(unsigned.body.toString(), /"ErrorCode":"AccessDenied"/);
    const forged = await send(sluice.control, {
      path,
      headers: { ...classic('GET', path), date: new Date(Date.now() - 1000).toUTCString() },
    });
    assert.equal(forged.code, 'SignatureDoesNotMatch');
  });
});

describe('what is deployed', { skip }, () => {
  test('versions and aliases answer side by side, and a deploy loses no request', async () => {
    await deployFunction(sluice, 'ver', [{ name: 'index.py', data: Buffer.from(source('one')) }]);
    assert.equal((await client.publishFunctionVersion('ver', new fc.PublishFunctionVersionRequest({}))).body?.versionId, '1');
    await client.createAlias('ver', new fc.CreateAliasRequest({ body: new fc.CreateAliasInput({ aliasName: 'prod', versionId: '1' }) }));
    const answers: Promise<string>[] = [];
    for (let i = 0; i < 20; i++) answers.push(invoke('ver', 'prod'), invoke('ver'));
    const zipFile = (await packed('two')).toString('base64');
    await client.updateFunction(
      'ver',
      new fc.UpdateFunctionRequest({ body: new fc.UpdateFunctionInput({ code: new fc.InputCodeLocation({ zipFile }) }) }),
    );
    for (let i = 0; i < 5; i++) answers.push(invoke('ver', 'prod'), invoke('ver', '1'), invoke('ver'));
    const seen = new Set(await Promise.all(answers));
    for (const answer of seen) assert.match(answer, /^(one (prod|1|LATEST)|two LATEST) ver$/);
    assert.ok(seen.has('one prod ver') && seen.has('one 1 ver') && seen.has('two LATEST ver'));
    await client.publishFunctionVersion('ver', new fc.PublishFunctionVersionRequest({}));
    await client.updateAlias('ver', 'prod', new fc.UpdateAliasRequest({ body: new fc.UpdateAliasInput({ versionId: '2' }) }));
    assert.equal(await invoke('ver', 'prod'), 'two prod ver');
    assert.equal(await invoke('ver', '1'), 'one 1 ver');
  });

  test('an Object FC access point may name an alias', async () => {
    const writer = (answer: string) => `
import json, urllib.request

def handler(event, context):
    request = json.loads(event)["getObjectContext"]
    put = urllib.request.Request(request["outputRoute"] + "/?x-oss-write-get-object-response", data=b"${answer}", method="POST")
    return json.dumps(request["outputRoute"])
`;
    await deployFunction(sluice, 'pointed', [{ name: 'index.py', data: Buffer.from(writer('x')) }]);
    await client.publishFunctionVersion('pointed', new fc.PublishFunctionVersionRequest({}));
    await client.createAlias(
      'pointed',
      new fc.CreateAliasRequest({ body: new fc.CreateAliasInput({ aliasName: 'live', versionId: '1' }) }),
    );
    await createBucket(sluice, 'acc-fc');
    await ossDo(sluice, { method: 'PUT', bucket: 'acc-fc', key: 'a.txt', body: 'x' });
    await createAccessPoint(sluice, 'acc-fc', 'ap-fc');
    const alias = await createObjectFc(sluice, { bucket: 'acc-fc', accessPoint: 'ap-fc', name: 'pointed', functionName: 'pointed/live' });
    const request = { method: 'GET', bucket: alias, key: 'a.txt' };
    const get = (): Promise<Reply> =>
      send(sluice.data, { method: 'GET', path: pathOf(request), headers: signHeaderV4(request, sluice.key) });
    // It returns without an answer: what matters is that the alias was found and its version ran.
    assert.equal((await get()).code, 'FunctionResponseMissing');
    await client.putConcurrencyConfig(
      'pointed',
      new fc.PutConcurrencyConfigRequest({ body: new fc.PutConcurrencyInput({ reservedConcurrency: 0 }) }),
    );
    const throttled = await get();
    assert.deepEqual({ status: throttled.status, code: throttled.code }, { status: 503, code: 'FunctionThrottled' });
    await client.deleteConcurrencyConfig('pointed');
    await client.disableFunctionInvocation('pointed', new fc.DisableFunctionInvocationRequest({ reason: 'maintenance' }));
    assert.equal((await get()).code, 'FunctionInvocationError');
    await client.enableFunctionInvocation('pointed');
    assert.equal((await get()).code, 'FunctionResponseMissing');
    await client.deleteAlias('pointed', 'live');
    assert.equal((await get()).code, 'FunctionNotFound');
  });

  test('a layer is on the path of a function, and its deletion harms nobody', async () => {
    const layer = await zip([{ name: 'python/shared_tool.py', data: Buffer.from('VALUE = "from the layer"\n') }]);
    const input = new fc.CreateLayerVersionInput({
      code: new fc.InputCodeLocation({ zipFile: layer.toString('base64') }),
      compatibleRuntime: ['python3.10'],
    });
    const made = await client.createLayerVersion('tools', new fc.CreateLayerVersionRequest({ body: input }));
    const text = 'import shared_tool\n\ndef handler(event, context):\n    return shared_tool.VALUE\n';
    const settings = { layers: [made.body?.layerVersionArn] };
    await deployFunction(sluice, 'layered', [{ name: 'index.py', data: Buffer.from(text) }], { settings });
    assert.equal(await invoke('layered'), 'from the layer');
    await client.deleteLayerVersion('tools', '1');
    assert.equal(await invoke('layered'), 'from the layer');
    await client.updateFunction('layered', new fc.UpdateFunctionRequest({ body: new fc.UpdateFunctionInput({ timeout: 61 }) }));
    assert.equal(await invoke('layered'), 'from the layer');
  });

  test('provisioned instances are there before anybody calls, and go when they are not wanted', async () => {
    await deployFunction(sluice, 'warm', [{ name: 'index.py', data: Buffer.from(source('warm')) }]);
    await client.putProvisionConfig('warm', new fc.PutProvisionConfigRequest({ body: new fc.PutProvisionConfigInput({ target: 2 }) }));
    const current = async () => (await client.getProvisionConfig('warm', new fc.GetProvisionConfigRequest({}))).body?.current ?? 0;
    while ((await current()) < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    const answer = await client.invokeFunctionWithOptions(
      'warm',
      new fc.InvokeFunctionRequest({ body: Readable.from([Buffer.from('{}')]) }),
      new fc.InvokeFunctionHeaders({}),
      {} as Parameters<typeof client.invokeFunctionWithOptions>[3],
    );
    assert.equal((await buffer(answer.body as Readable)).toString(), 'warm LATEST warm');
    assert.equal((await client.listInstances('warm', new fc.ListInstancesRequest({}))).body?.instances?.length, 2);
    await client.deleteProvisionConfig('warm', new fc.DeleteProvisionConfigRequest({}));
    await client.putConcurrencyConfig(
      'warm',
      new fc.PutConcurrencyConfigRequest({ body: new fc.PutConcurrencyInput({ reservedConcurrency: 0 }) }),
    );
    await assert.rejects(invoke('warm'), { code: 'ResourceThrottled', statusCode: 429 });
    await client.deleteConcurrencyConfig('warm');
    assert.equal(await invoke('warm'), 'warm LATEST warm');
  });

  test('an asynchronous invocation runs later, and survives a failure', async () => {
    const text = `
import os
def handler(event, context):
    mark = "/tmp/" + event.decode()
    if os.path.exists(mark):
        return "second"
    open(mark, "w").close()
    raise ValueError("first")
`;
    await deployFunction(sluice, 'later', [{ name: 'index.py', data: Buffer.from(text) }]);
    const config = new fc.PutAsyncInvokeConfigInput({ asyncTask: true, maxAsyncRetryAttempts: 2 });
    await client.putAsyncInvokeConfig('later', new fc.PutAsyncInvokeConfigRequest({ body: config }));
    const answer = await client.invokeFunctionWithOptions(
      'later',
      new fc.InvokeFunctionRequest({ body: Readable.from([Buffer.from('mark-1')]) }),
      new fc.InvokeFunctionHeaders({ xFcInvocationType: 'Async', xFcAsyncTaskId: 'task-1' }),
      {} as Parameters<typeof client.invokeFunctionWithOptions>[3],
    );
    assert.equal(answer.statusCode, 202);
    await buffer(answer.body as Readable);
    for (;;) {
      const { body } = await client.getAsyncTask('later', 'task-1', new fc.GetAsyncTaskRequest({}));
      if (body?.endTime) {
        assert.deepEqual(
          { status: body.status, retried: body.alreadyRetriedTimes, returned: body.returnPayload },
          { status: 'Succeeded', retried: 1, returned: 'second' },
        );
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  test('the package comes back byte for byte', async () => {
    const { body } = await client.getFunctionCode('layered', new fc.GetFunctionCodeRequest({}));
    const url = new URL(body?.url ?? '');
    assert.equal(url.origin, sluice.control);
    const reply = await send(url.origin, { path: url.pathname + url.search });
    assert.equal(reply.status, 200);
    assert.equal(reply.body.subarray(0, 2).toString(), 'PK');
    assert.equal(reply.headers['x-fc-code-checksum'], body?.checksum);
  });
});
