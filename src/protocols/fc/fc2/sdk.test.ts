import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import openSdk from '@alicloud/fc-open20210406';
import fc20230330 from '@alicloud/fc20230330';
import { findInterpreter } from '../../../instances/index.ts';
import { Crc64 } from '../../../kit/index.ts';
import { codeZip, type House, key, openHouse, region } from '../fixture.ts';

// The packages are CommonJS: their default export arrives as a property.
const open = openSdk as unknown as typeof import('@alicloud/fc-open20210406');
const three = fc20230330 as unknown as typeof import('@alicloud/fc20230330');

/** What the tests look at in an answer. */
interface Data {
  [field: string]: unknown;
  services: { serviceName: string }[];
  functions: { functionName: string }[];
  versions: { versionId: string }[];
  aliases: { aliasName: string; versionId: string }[];
  triggers: unknown[];
  configs: unknown[];
  provisionConfigs: unknown[];
}
interface Classic {
  [method: string]: (...args: unknown[]) => Promise<{ data: Data; headers: Record<string, string> }>;
}
const FC2 = createRequire(import.meta.url)('@alicloud/fc2') as new (account: string, config: object) => Classic;

const withoutPython = process.env.CI !== 'true' && !(await findInterpreter({ dropPrivileges: process.getuid?.() === 0 }));

const source = `
import json
import os

def initialize(context):
    global started
    started = True

def handler(event, context):
    if event == b"raise":
        raise ValueError("no good")
    print("got", len(event))
    return json.dumps({
        "event": event.decode(), "service": context.service.name, "qualifier": context.service.qualifier,
        "version": context.service.version_id, "function": context.function.name, "log": context.service.log_project,
        "env": [os.environ["FC_SERVICE_NAME"], os.environ["FC_FUNCTION_NAME"]], "step": STEP,
    })
`;
const zipOf = (step: number) => codeZip(source.replace('STEP', String(step)));

let house: House;
let classic: Classic;
let tea: InstanceType<typeof open.default>;
let newer: InstanceType<typeof three.default>;

before(async () => {
  house = await openHouse(undefined);
  const endpoint = `127.0.0.1:${house.port}`;
  const { accessKeyId: accessKeyID, accessKeySecret } = key;
  classic = new FC2(house.identity.accountId, { accessKeyID, accessKeySecret, region, endpoint: `http://${endpoint}` });
  const config = { endpoint, protocol: 'HTTP', ...key, regionId: region };
  tea = new open.default(config as unknown as ConstructorParameters<typeof open.default>[0]);
  newer = new three.default(config as unknown as ConstructorParameters<typeof three.default>[0]);
});

after(() => house.close());

const call = (name: string, ...args: unknown[]) => (classic[name] as Classic[string]).apply(classic, args);
const role = () => `acs:ram::${house.identity.accountId}:role/aliyunfcdefaultrole`;

describe('@alicloud/fc2 (API 2016-08-15)', () => {
  test('services are created, read, changed under If-Match, listed and removed', async () => {
    const created = await call('createService', 'shop', { description: 'first', role: role(), logConfig: { project: 'p', logstore: 's' } });
    assert.equal(created.data.serviceName, 'shop');
    assert.equal(created.data.role, role());
    assert.deepEqual(created.data.logConfig, { project: 'p', logstore: 's' });
    assert.equal(created.data.internetAccess, true);
    const etag = created.headers.etag;
    assert.ok(etag);
    await assert.rejects(call('createService', 'shop'), { code: 'ServiceAlreadyExists', name: 'FCServiceAlreadyExistsError' });
    const updated = await call('updateService', 'shop', { description: 'second', internetAccess: false }, { 'if-match': etag });
    assert.deepEqual([updated.data.description, updated.data.role, updated.data.internetAccess], ['second', role(), false]);
    assert.notEqual(updated.headers.etag, etag);
    await assert.rejects(call('updateService', 'shop', { description: 'third' }, { 'if-match': etag }), { code: 'PreconditionFailed' });
    assert.deepEqual((await call('getService', 'shop')).data, updated.data);
    for (const name of ['shop-a', 'shop-b']) await call('createService', name);
    const first = await call('listServices', { prefix: 'shop-', limit: 1 });
    assert.deepEqual(
      [...first.data.services].map((it) => it.serviceName),
      ['shop-a'],
    );
    const second = await call('listServices', { prefix: 'shop-', nextToken: first.data.nextToken });
    assert.deepEqual(
      [...second.data.services].map((it) => it.serviceName),
      ['shop-b'],
    );
    assert.equal(second.data.nextToken, undefined);
    const later = await call('listServices', { prefix: 'shop', startKey: 'shop-a' });
    assert.equal(later.data.services.length, 2);
    for (const name of ['shop', 'shop-a', 'shop-b']) await call('deleteService', name);
    await assert.rejects(call('getService', 'shop'), { code: 'ServiceNotFound' });
    await assert.rejects(call('getFunction', 'shop', 'f'), { code: 'ServiceNotFound' });
    await assert.rejects(call('createService', '1st'), { code: 'InvalidArgument', message: /serviceName/ });
  });

  test('functions live in their service, versions and aliases are the service’s', { skip: withoutPython && 'no Python' }, async () => {
    await call('createService', 'svc', { logConfig: { project: 'the-project', logstore: 's' } });
    const zip = await zipOf(1);
    const creation = { functionName: 'fn', runtime: 'python3.10', handler: 'index.handler', code: { zipFile: zip.toString('base64') } };
    const created = await call('createFunction', 'svc', {
      ...creation,
      initializer: 'index.initialize',
      initializationTimeout: 7,
      timeout: 20,
    });
    assert.equal(created.data.functionName, 'fn');
    assert.equal(created.data.codeChecksum, Crc64.of(zip).toString());
    assert.deepEqual([created.data.initializer, created.data.initializationTimeout, created.data.memorySize], ['index.initialize', 7, 128]);
    await assert.rejects(call('createFunction', 'svc', creation), { code: 'FunctionAlreadyExists' });
    await assert.rejects(call('createFunction', 'nowhere', creation), { code: 'ServiceNotFound' });
    await assert.rejects(call('deleteService', 'svc'), { code: 'ServiceNotEmpty' });

    const invoke = async (event: string, qualifier?: string, headers = {}) => {
      const reply = await call('invokeFunction', 'svc', 'fn', event, headers, qualifier);
      return { ...reply, json: (typeof reply.data === 'string' ? JSON.parse(reply.data) : reply.data) as Record<string, unknown> };
    };
    const said = await invoke('hello', undefined, { 'x-fc-log-type': 'Tail' });
    assert.deepEqual(said.json, {
      ...{ event: 'hello', service: 'svc', qualifier: 'LATEST', version: 'LATEST', function: 'fn', log: 'the-project' },
      ...{ env: ['svc', 'fn'], step: 1 },
    });
    assert.match(Buffer.from(said.headers['x-fc-log-result'] ?? '', 'base64').toString(), /got 5/);
    const failed = await invoke('raise');
    assert.equal(failed.headers['x-fc-error-type'], 'UnhandledInvocationError');
    assert.equal(failed.json.errorMessage, 'no good');

    const one = await call('publishVersion', 'svc', 'the first');
    assert.deepEqual([one.data.versionId, one.data.description], ['1', 'the first']);
    await call('createAlias', 'svc', 'prod', '1', { description: 'd' });
    const etag = (await call('getFunction', 'svc', 'fn')).headers.etag;
    const code = { zipFile: (await zipOf(2)).toString('base64') };
    await call('updateFunction', 'svc', 'fn', { code, timeout: 30 }, { 'if-match': etag });
    await assert.rejects(call('updateFunction', 'svc', 'fn', { timeout: 40 }, { 'if-match': etag }), { code: 'PreconditionFailed' });
    assert.equal((await invoke('x')).json.step, 2);
    const old = await invoke('x', 'prod');
    assert.deepEqual([old.json.step, old.json.qualifier, old.json.version], [1, 'prod', '1']);
    assert.equal((await call('getFunction', 'svc', 'fn', {}, '1')).data.timeout, 20);
    await call('publishVersion', 'svc');
    await call('updateAlias', 'svc', 'prod', '2');
    assert.equal((await invoke('x', 'prod')).json.step, 2);
    await assert.rejects(invoke('x', '9'), { code: 'VersionNotFound' });
    await call('createFunction', 'svc', { ...creation, functionName: 'late' });
    const names = async (qualifier?: string) =>
      [...(await call('listFunctions', 'svc', {}, {}, qualifier)).data.functions].map((it) => it.functionName);
    assert.deepEqual(await names(), ['fn', 'late']);
    assert.deepEqual(await names('2'), ['fn']);
    await assert.rejects(call('deleteVersion', 'svc', '2'), { code: 'VersionInUse' });
    await assert.rejects(call('updateFunction', 'svc.2', 'fn', { timeout: 5 }), { code: 'InvalidArgument', message: /only LATEST/ });
    await assert.rejects(call('deleteFunction', 'svc.prod', 'fn'), { code: 'InvalidArgument', message: /only LATEST/ });
    await call('deleteVersion', 'svc', '1');
    const versions = (await call('listVersions', 'svc')).data.versions;
    assert.deepEqual(
      [...versions].map((it) => it.versionId),
      ['2'],
    );
    const aliases = (await call('listAliases', 'svc')).data.aliases;
    assert.deepEqual(
      [...aliases].map((it) => [it.aliasName, it.versionId]),
      [['prod', '2']],
    );
    const located = await call('getFunctionCode', 'svc', 'fn', {}, 'prod');
    assert.equal((await fetch(String(located.data.url))).status, 200);
    await call('deleteAlias', 'svc', 'prod');
    await assert.rejects(call('getAlias', 'svc', 'prod'), { code: 'AliasNotFound' });
    await call('deleteFunction', 'svc', 'late');
    await call('deleteFunction', 'svc', 'fn');
    await assert.rejects(invoke('x'), { code: 'FunctionNotFound' });
    await call('deleteService', 'svc');
  });

  test('triggers, configurations, tags and what is not here', async () => {
    await call('createService', 'rest');
    const code = { zipFile: (await codeZip()).toString('base64') };
    await call('createFunction', 'rest', { functionName: 'f', runtime: 'python3', handler: 'index.handler', code });
    const config = { payload: 'x', cronExpression: '@every 1m', enable: true };
    const made = await call('createTrigger', 'rest', 'f', { triggerName: 't', triggerType: 'timer', triggerConfig: config });
    assert.deepEqual(made.data.triggerConfig, config);
    const changed = await call(
      'updateTrigger',
      'rest',
      'f',
      't',
      { triggerConfig: { ...config, enable: false } },
      { 'if-match': made.headers.etag },
    );
    assert.deepEqual(changed.data.triggerConfig, { ...config, enable: false });
    await assert.rejects(call('deleteTrigger', 'rest', 'f', 't', null, { 'if-match': made.headers.etag }), { code: 'PreconditionFailed' });
    assert.equal((await call('listTriggers', 'rest', 'f')).data.triggers.length, 1);
    await call('deleteTrigger', 'rest', 'f', 't');
    await assert.rejects(call('getTrigger', 'rest', 'f', 't'), { code: 'TriggerNotFound' });

    const resource = `${house.identity.accountId}#rest#LATEST#f`;
    assert.deepEqual((await call('getProvisionConfig', 'rest', 'f', 'LATEST')).data, { resource, target: 0, current: 0, currentError: '' });
    assert.equal((await call('putProvisionConfig', 'rest', 'f', 'LATEST', { target: 0 })).data.resource, resource);
    assert.equal((await call('listProvisionConfigs', { serviceName: 'rest' })).data.provisionConfigs.length, 1);
    await assert.rejects(call('getOnDemandConfig', 'rest', 'f', 'LATEST'), { code: 'OnDemandConfigNotFound' });
    assert.equal((await call('putOnDemandConfig', 'rest', 'f', 'LATEST', { maximumInstanceCount: 3 })).data.maximumInstanceCount, 3);
    assert.equal((await house.send({ path: '/functions/rest%24f/concurrency' })).json.reservedConcurrency, 3);
    await call('deleteOnDemandConfig', 'rest', 'f', 'LATEST');
    await call('putFunctionAsyncConfig', 'rest', 'f', 'LATEST', { maxAsyncRetryAttempts: 1, statefulInvocation: true });
    const asked = (await call('getFunctionAsyncConfig', 'rest', 'f', 'LATEST')).data;
    assert.deepEqual([asked.service, asked.function, asked.qualifier, asked.statefulInvocation], ['rest', 'f', 'LATEST', true]);
    assert.equal((await call('listFunctionAsyncConfigs', 'rest', 'f')).data.configs.length, 1);
    await call('deleteFunctionAsyncConfig', 'rest', 'f', 'LATEST');

    const arn = `acs:fc:${region}:${house.identity.accountId}:services/rest`;
    await call('tagResource', arn, { team: 'a', kind: 'b' });
    await call('untagResource', arn, ['kind']);
    assert.deepEqual((await call('getResourceTags', { resourceArn: arn })).data, { resourceArn: arn, tags: { team: 'a' } });
    assert.equal((await call('listServices', { tags: { team: 'a' } })).data.services.length, 1);
    assert.equal((await call('listServices', { tags: { team: 'b' } })).data.services.length, 0);

    assert.deepEqual((await call('listCustomDomains')).data, { customDomains: [] });
    await assert.rejects(call('getCustomDomain', 'a.example'), { code: 'DomainNameNotFound' });
    await assert.rejects(call('createCustomDomain', 'a.example'), { code: 'NotImplemented', message: /CreateCustomDomain/ });
    assert.deepEqual((await call('listReservedCapacities')).data, { reservedCapacities: [] });
    assert.deepEqual((await call('getAccountSettings')).data, { availableAZs: [], defaultRole: '' });
    assert.equal((await call('getAccountConfigs', { config: ['CodeSizeLimit'] })).data.CodeSizeLimit, 500 * 1024 * 1024);
    const token = await call('getTempCodeBucketPermission', 'rest', 'f', 'e1');
    assert.ok(token.data.objectName && token.data.codeSizeLimit);
    await assert.rejects(call('get', '/proxy/rest/f/a/b', { x: '1' }), { code: 'NotImplemented', message: /InvokeHTTPTrigger/ });
  });

  test('a wrong secret and a changed body are refused', async () => {
    const config = { accessKeyID: key.accessKeyId, accessKeySecret: 'wrong', region, endpoint: `http://127.0.0.1:${house.port}` };
    const stranger = new FC2(house.identity.accountId, config);
    await assert.rejects((stranger.listServices as Classic[string])(), { code: 'SignatureDoesNotMatch' });
    const digest = Buffer.from('0'.repeat(32)).toString('base64');
    const tampered = call('request', 'POST', '/services', null, null, { 'content-md5': digest, 'content-type': 'application/json' });
    await assert.rejects(tampered, { code: 'InvalidDigest' });
  });
});

describe('@alicloud/fc-open20210406', () => {
  test('services and functions, with the qualifier in the query', { skip: withoutPython && 'no Python' }, async () => {
    const service = await tea.createService(new open.CreateServiceRequest({ serviceName: 'tea', role: role(), internetAccess: false }));
    assert.deepEqual([service.body?.serviceName, service.body?.role, service.body?.internetAccess], ['tea', role(), false]);
    const code = async (step: number) => new open.Code({ zipFile: (await zipOf(step)).toString('base64') });
    const fn = await tea.createFunction(
      'tea',
      new open.CreateFunctionRequest({
        ...{ functionName: 'fn', runtime: 'python3.10', handler: 'index.handler', code: await code(1), memorySize: 256, timeout: 20 },
        instanceLifecycleConfig: new open.InstanceLifecycleConfig({
          preStop: new open.LifecycleHook({ handler: 'index.stop', timeout: 4 }),
        }),
      }),
    );
    assert.equal(fn.body?.functionName, 'fn');
    assert.equal(fn.body?.instanceLifecycleConfig?.preStop?.handler, 'index.stop');
    assert.equal((await tea.publishServiceVersion('tea', new open.PublishServiceVersionRequest({}))).body?.versionId, '1');
    await tea.createAlias('tea', new open.CreateAliasRequest({ aliasName: 'prod', versionId: '1' }));
    await tea.updateFunction('tea', 'fn', new open.UpdateFunctionRequest({ code: await code(2) }));
    await tea.updateService('tea', new open.UpdateServiceRequest({ logConfig: new open.LogConfig({ project: 'pp', logstore: 'll' }) }));
    const invoke = async (qualifier: string) => {
      const reply = await tea.invokeFunction('tea', 'fn', new open.InvokeFunctionRequest({ body: Buffer.from('"hi"'), qualifier }));
      return JSON.parse(Buffer.from(reply.body ?? '').toString()) as Record<string, unknown>;
    };
    const now = await invoke('LATEST');
    assert.deepEqual([now.step, now.log, now.service], [2, 'pp', 'tea']);
    // The version keeps what the service was.
    const then = await invoke('prod');
    assert.deepEqual([then.step, then.log, then.qualifier], [1, '', 'prod']);
    const listed = await tea.listFunctions('tea', new open.ListFunctionsRequest({ qualifier: '1' }));
    assert.deepEqual(
      listed.body?.functions?.map((it) => it.functionName),
      ['fn'],
    );
    await assert.rejects(tea.getFunction('tea', 'none', new open.GetFunctionRequest({})), { code: 'FunctionNotFound', statusCode: 404 });
    const trigger = new open.CreateTriggerRequest({ triggerName: 't', triggerType: 'timer', triggerConfig: '{"enable":true}' });
    assert.equal((await tea.createTrigger('tea', 'fn', trigger)).body?.triggerConfig, '{"enable":true}');
    await tea.tagResource(new open.TagResourceRequest({ resourceArn: `acs:fc:${region}::services/tea`, tags: { a: 'b' } }));
    await tea.untagResource(new open.UntagResourceRequest({ resourceArn: `acs:fc:${region}::services/tea`, all: true }));
    assert.deepEqual((await tea.listVpcBindings('tea')).body?.vpcIds, []);
  });

  test('stateful asynchronous invocations', { skip: withoutPython && 'no Python' }, async () => {
    await tea.putFunctionAsyncInvokeConfig('tea', 'fn', new open.PutFunctionAsyncInvokeConfigRequest({ statefulInvocation: true }));
    const headers = new open.InvokeFunctionHeaders({ xFcInvocationType: 'Async', xFcStatefulAsyncInvocationId: 'job-1' });
    const request = new open.InvokeFunctionRequest({ body: Buffer.from('later') });
    const accepted = await tea.invokeFunctionWithOptions(
      'tea',
      'fn',
      request,
      headers,
      {} as Parameters<typeof tea.invokeFunctionWithOptions>[4],
    );
    assert.equal(accepted.headers?.['x-fc-stateful-async-invocation-id'], 'job-1');
    for (let tries = 0; ; tries++) {
      const { body } = await tea.getStatefulAsyncInvocation('tea', 'fn', 'job-1', new open.GetStatefulAsyncInvocationRequest({}));
      if (body?.status === 'Succeeded') {
        assert.deepEqual([body.serviceName, body.functionName, JSON.parse(body.returnPayload ?? '').event], ['tea', 'fn', 'later']);
        break;
      }
      assert.ok(tries < 200, body?.status);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { body } = await tea.listStatefulAsyncInvocations('tea', 'fn', new open.ListStatefulAsyncInvocationsRequest({}));
    assert.equal(body?.invocations?.length, 1);
  });
});

test('the 3.0 API shows a function of a service as SERVICE$FUNCTION, and does not part it from its service', async () => {
  await call('createService', 'seen');
  const code = { zipFile: (await codeZip()).toString('base64') };
  await call('createFunction', 'seen', { functionName: 'f', runtime: 'python3', handler: 'index.handler', code, caPort: 8080 });
  const got = await newer.getFunction('seen$f', new three.GetFunctionRequest({}));
  assert.equal(got.body?.functionName, 'seen$f');
  assert.equal(got.body?.functionArn, `acs:fc:${region}:${house.identity.accountId}:services/seen/functions/f`);
  const list = async (fcVersion: string) => {
    const { body } = await newer.listFunctions(new three.ListFunctionsRequest({ prefix: 'seen', fcVersion }));
    return body?.functions?.map((it) => it.functionName);
  };
  assert.deepEqual([await list('v2'), await list('v3'), await list('')], [['seen$f'], [], ['seen$f']]);
  const update = (input: object) =>
    newer.updateFunction('seen$f', new three.UpdateFunctionRequest({ body: new three.UpdateFunctionInput(input) }));
  assert.equal((await update({ timeout: 9 })).body?.timeout, 9);
  assert.equal((await call('getFunction', 'seen', 'f')).data.timeout, 9);
  await assert.rejects(update({ internetAccess: false }), { code: 'InvalidArgument', message: /internetAccess: the service seen decides/ });
  const input = new three.PublishVersionInput({});
  await assert.rejects(newer.publishFunctionVersion('seen$f', new three.PublishFunctionVersionRequest({ body: input })), {
    code: 'InvalidArgument',
    message: /publish the service/,
  });
});
