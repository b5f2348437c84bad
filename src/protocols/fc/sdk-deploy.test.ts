import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import fcSdk from '@alicloud/fc20230330';
import type { FunctionVersion } from '../../functions/index.ts';
import type { Invocation, InvocationResult } from '../../instances/index.ts';
import { Crc64, packZip } from '../../kit/index.ts';
import { codeZip, exchange, type House, key, openHouse } from './fixture.ts';

// The package is CommonJS: its default export arrives as a property.
const sdk = fcSdk as unknown as typeof import('@alicloud/fc20230330');

/** Answers with what it was given: which version, and the event. */
const invoked: { version: FunctionVersion; call: Invocation }[] = [];
let outcome: (call: Invocation) => Partial<InvocationResult> = () => ({});
let house: House;
let client: InstanceType<typeof sdk.default>;

before(async () => {
  house = await openHouse({
    invoke: async (version, call) => {
      invoked.push({ version, call });
      const payload = Buffer.from(JSON.stringify({ version: version.versionId, qualifier: version.qualifier, env: version.env }));
      return { payload, instanceId: 'i-1', durationMs: 1, maxMemoryMb: 1, coldStart: false, ...outcome(call) };
    },
  });
  const config = { endpoint: `127.0.0.1:${house.port}`, protocol: 'HTTP', ...key, regionId: 'cn-qingdao' };
  client = new sdk.default(config as unknown as ConstructorParameters<typeof sdk.default>[0]);
});

after(() => house.close());

const arn = (name: string) => `acs:fc:cn-qingdao:${house.identity.accountId}:functions/${name}`;

async function create(functionName: string, more: object = {}): Promise<void> {
  const code = new sdk.InputCodeLocation({ zipFile: (await codeZip()).toString('base64') });
  const body = new sdk.CreateFunctionInput({ functionName, runtime: 'python3.10', handler: 'index.handler', code, ...more });
  await client.createFunction(new sdk.CreateFunctionRequest({ body }));
}

async function invoke(name: string, options: { qualifier?: string; type?: string; task?: string; event?: string } = {}) {
  const request = {
    body: Readable.from([Buffer.from(options.event ?? '{}')]),
    ...(options.qualifier ? { qualifier: options.qualifier } : {}),
  };
  const headers = { xFcInvocationType: options.type ?? 'Sync', ...(options.task ? { xFcAsyncTaskId: options.task } : {}) };
  const answer = await client.invokeFunctionWithOptions(
    name,
    new sdk.InvokeFunctionRequest(request),
    new sdk.InvokeFunctionHeaders(headers),
    {} as Parameters<typeof client.invokeFunctionWithOptions>[3],
  );
  const text = (await buffer(answer.body as Readable)).toString();
  return { status: answer.statusCode, headers: answer.headers ?? {}, text };
}

function fetchUrl(url: string, method = 'GET'): Promise<{ status: number; body: Buffer; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    httpRequest(url, { method, agent: false }, async (res) =>
      resolve({ status: res.statusCode ?? 0, body: await buffer(res), headers: res.headers }),
    )
      .on('error', reject)
      .end();
  });
}

test('versions and aliases', async () => {
  await create('ver', { environmentVariables: { V: '1' } });
  const published = await client.publishFunctionVersion(
    'ver',
    new sdk.PublishFunctionVersionRequest({ body: new sdk.PublishVersionInput({ description: 'first' }) }),
  );
  assert.equal(published.body?.versionId, '1');
  assert.equal(published.body?.description, 'first');
  assert.match(published.body?.createdTime ?? '', /Z$/);
  const change = new sdk.UpdateFunctionInput({ environmentVariables: { V: '2' } });
  await client.updateFunction('ver', new sdk.UpdateFunctionRequest({ body: change }));
  const bare = await client.publishFunctionVersion('ver', new sdk.PublishFunctionVersionRequest({}));
  assert.equal(bare.body?.versionId, '2');
  const listed = await client.listFunctionVersions('ver', new sdk.ListFunctionVersionsRequest({ limit: 1, direction: 'FORWARD' }));
  assert.deepEqual(
    listed.body?.versions?.map((version) => version.versionId),
    ['1'],
  );
  const rest = await client.listFunctionVersions(
    'ver',
    new sdk.ListFunctionVersionsRequest({ direction: 'FORWARD', nextToken: listed.body?.nextToken }),
  );
  assert.deepEqual(
    rest.body?.versions?.map((version) => version.versionId),
    ['2'],
  );

  const aliasBody = new sdk.CreateAliasInput({ aliasName: 'prod', versionId: '1', description: 'live' });
  const alias = await client.createAlias('ver', new sdk.CreateAliasRequest({ body: aliasBody }));
  assert.deepEqual({ name: alias.body?.aliasName, version: alias.body?.versionId }, { name: 'prod', version: '1' });
  await assert.rejects(client.createAlias('ver', new sdk.CreateAliasRequest({ body: aliasBody })), {
    code: 'AliasAlreadyExists',
    statusCode: 409,
  });
  assert.equal(JSON.parse((await invoke('ver', { qualifier: 'prod' })).text).env.V, '1');
  assert.equal(JSON.parse((await invoke('ver', { qualifier: '2' })).text).env.V, '2');
  const answer = await invoke('ver', { qualifier: 'prod' });
  assert.equal(answer.headers['x-fc-invocation-service-version'], '1');
  const update = new sdk.UpdateAliasInput({ versionId: '2', additionalVersionWeight: { 1: 0.5 } });
  const updated = await client.updateAlias('ver', 'prod', new sdk.UpdateAliasRequest({ body: update }));
  assert.deepEqual({ ...updated.body?.additionalVersionWeight }, { 1: 0.5 });
  const seen = new Set<string>();
  for (let i = 0; i < 60; i++) seen.add(JSON.parse((await invoke('ver', { qualifier: 'prod' })).text).version);
  assert.deepEqual([...seen].sort(), ['1', '2']);
  assert.equal((await client.getAlias('ver', 'prod')).body?.description, 'live');
  assert.equal((await client.listAliases('ver', new sdk.ListAliasesRequest({}))).body?.aliases?.length, 1);
  assert.equal((await client.getFunction('ver', new sdk.GetFunctionRequest({ qualifier: '1' }))).body?.environmentVariables?.V, '1');
  await assert.rejects(client.deleteFunctionVersion('ver', '2'), { code: 'VersionInUse' });
  assert.equal((await client.deleteAlias('ver', 'prod')).statusCode, 204);
  await assert.rejects(client.getAlias('ver', 'prod'), { code: 'AliasNotFound', statusCode: 404 });
  assert.equal((await client.deleteFunctionVersion('ver', '2')).statusCode, 204);
  await assert.rejects(client.getFunction('ver', new sdk.GetFunctionRequest({ qualifier: '2' })), { code: 'VersionNotFound' });
});

test('triggers as records', async () => {
  await create('trig');
  await assert.rejects(client.getTrigger('trig', 'http'), { code: 'TriggerNotFound', statusCode: 404 });
  const triggerConfig = JSON.stringify({ authType: 'anonymous', methods: ['GET'] });
  const input = new sdk.CreateTriggerInput({ triggerName: 'http', triggerType: 'http', triggerConfig, qualifier: 'LATEST' });
  const made = await client.createTrigger('trig', new sdk.CreateTriggerRequest({ body: input }));
  assert.equal(made.body?.triggerConfig, triggerConfig);
  assert.equal(made.body?.targetArn, `${arn('trig')}/LATEST`);
  await assert.rejects(client.createTrigger('trig', new sdk.CreateTriggerRequest({ body: input })), { code: 'TriggerAlreadyExists' });
  const update = new sdk.UpdateTriggerRequest({ body: new sdk.UpdateTriggerInput({ description: 'd' }) });
  assert.equal((await client.updateTrigger('trig', 'http', update)).body?.description, 'd');
  assert.equal((await client.listTriggers('trig', new sdk.ListTriggersRequest({}))).body?.triggers?.[0]?.triggerType, 'http');
  assert.equal((await client.deleteTrigger('trig', 'http')).statusCode, 204);
  await assert.rejects(client.listTriggers('none', new sdk.ListTriggersRequest({})), { code: 'FunctionNotFound' });
});

test('concurrency, provisioned instances and scaling', async () => {
  await create('scale');
  await assert.rejects(client.getConcurrencyConfig('scale'), { code: 'OnDemandConfigNotFound', statusCode: 404 });
  const concurrency = new sdk.PutConcurrencyConfigRequest({ body: new sdk.PutConcurrencyInput({ reservedConcurrency: 0 }) });
  assert.equal((await client.putConcurrencyConfig('scale', concurrency)).body?.functionArn, arn('scale'));
  await assert.rejects(invoke('scale'), { code: 'ResourceThrottled', statusCode: 429 });
  assert.equal((await client.getConcurrencyConfig('scale')).body?.reservedConcurrency, 0);
  assert.equal((await client.listConcurrencyConfigs(new sdk.ListConcurrencyConfigsRequest({}))).body?.configs?.length, 1);
  assert.equal((await client.deleteConcurrencyConfig('scale')).statusCode, 204);
  assert.equal((await invoke('scale')).status, 200);

  const absent = await client.getProvisionConfig('scale', new sdk.GetProvisionConfigRequest({ qualifier: 'LATEST' }));
  assert.deepEqual({ target: absent.body?.target, current: absent.body?.current }, { target: 0, current: 0 });
  const provision = new sdk.PutProvisionConfigRequest({ qualifier: 'LATEST', body: new sdk.PutProvisionConfigInput({ target: 2 }) });
  const put = await client.putProvisionConfig('scale', provision);
  assert.deepEqual({ target: put.body?.target, arn: put.body?.functionArn }, { target: 2, arn: `${arn('scale')}/LATEST` });
  assert.equal(house.functions.resolve('scale').provisioned, 2);
  assert.equal((await client.getProvisionConfig('scale', new sdk.GetProvisionConfigRequest({}))).body?.defaultTarget, 2);
  const list = await client.listProvisionConfigs(new sdk.ListProvisionConfigsRequest({ functionName: 'scale' }));
  assert.equal(list.body?.provisionConfigs?.length, 1);
  assert.equal((await client.deleteProvisionConfig('scale', new sdk.DeleteProvisionConfigRequest({}))).statusCode, 204);
  assert.equal(house.functions.resolve('scale').provisioned, 0);

  await assert.rejects(client.getScalingConfig('scale', new sdk.GetScalingConfigRequest({})), {
    code: 'ScalingConfigNotFound',
    statusCode: 404,
  });
  const scaling = new sdk.PutScalingConfigRequest({ body: new sdk.PutScalingConfigInput({ minInstances: 1 }) });
  assert.equal((await client.putScalingConfig('scale', scaling)).body?.minInstances, 1);
  assert.equal((await client.getScalingConfig('scale', new sdk.GetScalingConfigRequest({}))).body?.targetInstances, 1);
  assert.equal((await client.listScalingConfigs(new sdk.ListScalingConfigsRequest({}))).body?.scalingConfigs?.length, 1);
  assert.equal((await client.deleteScalingConfig('scale', new sdk.DeleteScalingConfigRequest({}))).statusCode, 204);
});

test('asynchronous invocation, its configuration and its tasks', async () => {
  await create('later');
  await assert.rejects(client.getAsyncInvokeConfig('later', new sdk.GetAsyncInvokeConfigRequest({})), {
    code: 'AsyncConfigNotExists',
    statusCode: 404,
  });
  const input = new sdk.PutAsyncInvokeConfigInput({ asyncTask: true, maxAsyncRetryAttempts: 1, maxAsyncEventAgeInSeconds: 60 });
  const put = await client.putAsyncInvokeConfig('later', new sdk.PutAsyncInvokeConfigRequest({ body: input }));
  assert.equal(put.body?.maxAsyncRetryAttempts, 1);
  assert.equal((await client.listAsyncInvokeConfigs(new sdk.ListAsyncInvokeConfigsRequest({}))).body?.configs?.length, 1);
  invoked.length = 0;
  outcome = () => ({
    payload: Buffer.from('{"errorMessage":"x"}'),
    failure: { kind: 'raised', errorType: 'UnhandledInvocationError', message: 'x' },
  });
  const accepted = await invoke('later', { type: 'Async', task: 'task-1', event: 'hello' });
  assert.equal(accepted.status, 202);
  assert.equal(accepted.text, '');
  assert.equal(accepted.headers['x-fc-async-task-id'], 'task-1');
  let task = (await client.getAsyncTask('later', 'task-1', new sdk.GetAsyncTaskRequest({}))).body;
  while (!task?.endTime) task = (await client.getAsyncTask('later', 'task-1', new sdk.GetAsyncTaskRequest({}))).body;
  outcome = () => ({});
  assert.deepEqual(
    { status: task.status, retried: task.alreadyRetriedTimes, payload: task.taskPayload, calls: invoked.length },
    { status: 'Failed', retried: 1, payload: 'hello', calls: 2 },
  );
  assert.equal(invoked[0]?.call.event.toString(), 'hello');
  assert.equal((await client.listAsyncTasks('later', new sdk.ListAsyncTasksRequest({ status: 'Failed' }))).body?.tasks?.length, 1);
  await assert.rejects(invoke('later', { type: 'Async', task: 'task-1' }), { code: 'AsyncTaskAlreadyExists' });
  await assert.rejects(client.getAsyncTask('later', 'none', new sdk.GetAsyncTaskRequest({})), { code: 'AsyncTaskNotFound' });
  assert.equal((await client.stopAsyncTask('later', 'task-1', new sdk.StopAsyncTaskRequest({}))).statusCode, 204);
  assert.equal((await client.deleteAsyncInvokeConfig('later', new sdk.DeleteAsyncInvokeConfigRequest({}))).statusCode, 204);
});

test('layers', async () => {
  const zip = await packZip([{ name: 'python/tool.py', data: Buffer.from('v = 1\n') }]);
  const code = new sdk.InputCodeLocation({ zipFile: zip.toString('base64'), checksum: Crc64.of(zip).toString() });
  const input = new sdk.CreateLayerVersionInput({ code, compatibleRuntime: ['python3.10'], description: 'tools', license: 'MIT' });
  const made = await client.createLayerVersion('tools', new sdk.CreateLayerVersionRequest({ body: input }));
  const layerArn = made.body?.layerVersionArn ?? '';
  assert.equal(layerArn, `acs:fc:cn-qingdao:${house.identity.accountId}:layers/tools/versions/1`);
  assert.equal(made.body?.codeChecksum, Crc64.of(zip).toString());
  const got = await client.getLayerVersion('tools', '1');
  assert.equal(got.body?.description, 'tools');
  assert.deepEqual((await fetchUrl(got.body?.code?.location ?? '')).body, zip);
  assert.equal((await client.getLayerVersionByArn(layerArn)).body?.version, 1);
  assert.equal((await client.listLayers(new sdk.ListLayersRequest({ prefix: 'to' }))).body?.layers?.length, 1);
  assert.deepEqual((await client.listLayers(new sdk.ListLayersRequest({ official: 'true' }))).body?.layers, []);
  await client.createLayerVersion('tools', new sdk.CreateLayerVersionRequest({ body: input }));
  const versions = await client.listLayerVersions('tools', new sdk.ListLayerVersionsRequest({ startVersion: '2', limit: 1 }));
  assert.deepEqual({ got: versions.body?.layers?.map((layer) => layer.version), next: versions.body?.nextVersion }, { got: [2], next: 1 });
  await client.putLayerACL('tools', new sdk.PutLayerACLRequest({ acl: '1' }));
  assert.equal((await client.getLayerVersion('tools', '1')).body?.acl, '1');
  await create('layered', { layers: [layerArn] });
  const fn = await client.getFunction('layered', new sdk.GetFunctionRequest({}));
  assert.deepEqual(
    fn.body?.layers?.map((layer) => ({ ...layer })),
    [{ arn: layerArn, size: zip.length }],
  );
  assert.equal((await client.deleteLayerVersion('tools', '1')).statusCode, 204);
  await assert.rejects(client.getLayerVersion('tools', '1'), { code: 'LayerVersionNotFound', statusCode: 404 });
  await assert.rejects(client.getLayerVersion('none', '1'), { code: 'LayerNotFound' });
  assert.equal(house.functions.resolve('layered').layerDirs.length, 1);
  await assert.rejects(create('other', { layers: [layerArn] }), { code: 'LayerVersionNotFound' });
});

test('tags', async () => {
  await create('tagged');
  const resource = [arn('tagged')];
  const tag = [new sdk.Tag({ key: 'team', value: 'a' }), new sdk.Tag({ key: 'stage', value: 'b' })];
  const body = new sdk.TagResourcesInput({ resourceId: resource, resourceType: 'function', tag });
  await client.tagResources(new sdk.TagResourcesRequest({ body }));
  const list = () => client.listTagResources(new sdk.ListTagResourcesRequest({ resourceId: resource, resourceType: 'function' }));
  assert.deepEqual(
    (await list()).body?.tagResources?.map((one) => `${one.tagKey}=${one.tagValue}`),
    ['team=a', 'stage=b'],
  );
  assert.deepEqual(
    (await client.getFunction('tagged', new sdk.GetFunctionRequest({}))).body?.tags?.map((one) => one.key),
    ['team', 'stage'],
  );
  await client.untagResources(new sdk.UntagResourcesRequest({ resourceId: resource, resourceType: 'function', tagKey: ['team'] }));
  assert.equal((await list()).body?.tagResources?.length, 1);
  const byTag = await client.listTagResources(
    new sdk.ListTagResourcesRequest({ resourceType: 'function', tag: [new sdk.ListTagResourcesRequestTag({ key: 'stage', value: 'b' })] }),
  );
  assert.equal(byTag.body?.tagResources?.[0]?.resourceId, arn('tagged'));
  await create('born-tagged', { tags: [new sdk.Tag({ key: 'a', value: '1' })] });
  assert.equal((await client.getFunction('born-tagged', new sdk.GetFunctionRequest({}))).body?.tags?.[0]?.value, '1');
  assert.deepEqual(
    house.functions.tags.list(['born-tagged']).map((one) => one.key),
    ['a'],
  );
});

test('the package can be fetched again, by its URL alone and for a while', async () => {
  await create('code');
  const zip = await codeZip();
  const { body } = await client.getFunctionCode('code', new sdk.GetFunctionCodeRequest({}));
  assert.equal(body?.checksum, Crc64.of(zip).toString());
  const url = new URL(body?.url ?? '');
  const got = await fetchUrl(url.href);
  assert.deepEqual(
    { status: got.status, same: got.body.equals(zip), type: got.headers['content-type'] },
    { status: 200, same: true, type: 'application/zip' },
  );
  const head = await fetchUrl(url.href, 'HEAD');
  assert.deepEqual({ status: head.status, length: head.headers['content-length'] }, { status: 200, length: String(zip.length) });
  for (const [name, value] of [
    ['package', JSON.stringify({ function: 'ver', qualifier: 'LATEST' })],
    ['package', '{'],
    ['expires', String(Number(url.searchParams.get('expires')) + 1)],
    ['signature', 'x'],
  ] as const) {
    const changed = new URL(url);
    changed.searchParams.set(name, value);
    assert.equal((await fetchUrl(changed.href)).status, 403, `${name}=${value}`);
  }
  assert.equal((await fetchUrl(url.href, 'POST')).status, 405);
  await assert.rejects(client.getFunctionCode('none', new sdk.GetFunctionCodeRequest({})), { code: 'FunctionNotFound' });
});

test('invocation can be disabled and enabled', async () => {
  await create('off');
  assert.equal(
    (await client.disableFunctionInvocation('off', new sdk.DisableFunctionInvocationRequest({ reason: 'maintenance' }))).body?.success,
    true,
  );
  await assert.rejects(invoke('off'), { code: 'FunctionInvocationDisabled', statusCode: 403 });
  await assert.rejects(invoke('off', { type: 'Async' }), { code: 'FunctionInvocationDisabled' });
  const shown = (await client.getFunction('off', new sdk.GetFunctionRequest({}))).body?.invocationRestriction;
  assert.deepEqual({ disable: shown?.disable, reason: shown?.reason }, { disable: true, reason: 'maintenance' });
  assert.equal((await client.enableFunctionInvocation('off')).body?.success, true);
  assert.equal((await invoke('off')).status, 200);
});

test('what this server has none of is answered as for an account that has none', async () => {
  await create('plain');
  assert.equal((await client.describeRegions(new sdk.DescribeRegionsRequest({}))).body?.regions?.region?.[0]?.regionId, 'cn-qingdao');
  assert.deepEqual((await client.listVpcBindings('plain')).body?.vpcIds, []);
  assert.deepEqual((await client.listCustomDomains(new sdk.ListCustomDomainsRequest({}))).body?.customDomains, []);
  await assert.rejects(client.getCustomDomain('a.example.com'), { code: 'DomainNameNotFound', statusCode: 404 });
  assert.deepEqual((await client.listInstances('plain', new sdk.ListInstancesRequest({}))).body?.instances, []);
  await assert.rejects(client.listVpcBindings('none'), { code: 'FunctionNotFound' });
});

test('a package URL needs no signature of the caller, everything beside it does', async () => {
  const reply = await exchange(house.port, 'GET', '/2023-03-30/functions/code/code', {});
  assert.equal(reply.json.Code, 'AccessDenied');
});
