/** Function Compute 2.0 with unmodified SDKs: services, versions and aliases, and a transform through an alias bound to an ARN of 2.0. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { json, text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { createAccessPoint, createBucket, filesOf, objectFcXml, ossCall, ossDo, zip } from './harness/deploy.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { python, root } from './harness/toolchain.ts';

const require = createRequire(import.meta.url);
const open = require('@alicloud/fc-open20210406') as typeof import('@alicloud/fc-open20210406');

interface ClassicReply {
  data: { [field: string]: unknown };
  headers: Record<string, string>;
}
type Classic = Record<string, (...args: unknown[]) => Promise<ClassicReply>>;
const FC2 = require('@alicloud/fc2') as new (account: string, config: object) => Classic;

const skip = python.tools ? false : 'no Python with pip';

let sluice: Sluice;
let tea: InstanceType<typeof open.default>;
let classic: Classic;
const call = (name: string, ...args: unknown[]) => (classic[name] as Classic[string]).apply(classic, args);

before(async () => {
  sluice = await startSluice();
  const { id: accessKeyId, secret: accessKeySecret } = sluice.key;
  const config = { accessKeyId, accessKeySecret, endpoint: new URL(sluice.control).host, protocol: 'HTTP', regionId: 'cn-qingdao' };
  tea = new open.default({ ...config, readTimeout: 60_000, connectTimeout: 60_000 } as ConstructorParameters<typeof open.default>[0]);
  classic = new FC2(sluice.accountId, { accessKeyID: accessKeyId, accessKeySecret, region: 'cn-qingdao', endpoint: sluice.control });
});
after(() =>
  sluice.finish(async () => {
    await call('deleteFunction', 'media', 'upper');
    await call('deleteService', 'media');
  }),
);

/** Says where it runs; as a transform it answers with that. */
const source = (step: number) => `
import json
import os
import urllib.request

def handler(event, context):
    said = "%s %s.%s %s" % (${step}, os.environ["FC_SERVICE_NAME"], context.service.qualifier, context.function.name)
    print("said", said)
    if not event.startswith(b"{"):
        return json.dumps({"said": said})
    import oss2
    waiting = json.loads(event)["getObjectContext"]
    session = context.credentials
    service = oss2.Service(oss2.StsAuth(session.access_key_id, session.access_key_secret, session.security_token), waiting["outputRoute"])
    original = urllib.request.urlopen(waiting["inputOssUrl"]).read()
    service.write_get_object_response(waiting["outputRoute"], waiting["outputToken"], "200", original.upper() + b" " + said.encode())
`;

const oss2 = python.tools ? filesOf(python.tools.oss2['2.18.3']) : [];

async function codeOf(step: number): Promise<string> {
  return (await zip([{ name: 'index.py', data: Buffer.from(source(step)) }, ...oss2])).toString('base64');
}

describe('Function Compute 2.0', { skip }, () => {
  test('@alicloud/fc-open20210406 makes a service, @alicloud/fc2 publishes and calls it', async () => {
    await tea.createService(new open.CreateServiceRequest({ serviceName: 'media', description: 'd' }));
    const creation = { functionName: 'upper', runtime: 'python3.10', handler: 'index.handler', memorySize: 512, timeout: 30 };
    await tea.createFunction('media', new open.CreateFunctionRequest({ ...creation, code: new open.Code({ zipFile: await codeOf(1) }) }));
    assert.equal((await call('publishVersion', 'media', 'first')).data.versionId, '1');
    await call('createAlias', 'media', 'prod', '1');
    await call('updateFunction', 'media', 'upper', { code: { zipFile: await codeOf(2) } });
    const invoked = await call('invokeFunction', 'media', 'upper', 'go', { 'x-fc-log-type': 'Tail' }, 'prod');
    assert.deepEqual(JSON.parse(String(invoked.data)), { said: '1 media.prod upper' });
    assert.match(Buffer.from(invoked.headers['x-fc-log-result'] ?? '', 'base64').toString(), /said 1 media\.prod upper/);
    const request = new open.InvokeFunctionRequest({ body: Buffer.from('go'), qualifier: 'LATEST' });
    const { body } = await tea.invokeFunction('media', 'upper', request);
    assert.deepEqual(JSON.parse(Buffer.from(body ?? '').toString()), { said: '2 media.LATEST upper' });
    assert.equal((await call('invokeFunction', 'media', 'upper', 'go', { 'x-fc-invocation-type': 'Async' })).data, '');
    await assert.rejects(call('invokeFunction', 'media', 'lower', 'go'), { code: 'FunctionNotFound' });
  });

  test('a transform through an alias that is bound to an ARN of 2.0 follows the alias of the service', async () => {
    await createBucket(sluice, 'acc-fc2');
    await ossDo(sluice, { method: 'PUT', bucket: 'acc-fc2', key: 'a.txt', body: 'original' });
    await createAccessPoint(sluice, 'acc-fc2', 'ap-fc2');
    const arn = `acs:fc:cn-qingdao:${sluice.accountId}:services/media.prod/functions/upper`;
    const made = await ossDo(sluice, {
      method: 'PUT',
      bucket: 'acc-fc2',
      query: { accessPointForObjectProcess: '' },
      headers: { 'content-type': 'application/xml', 'x-oss-access-point-for-object-process-name': 'fc-fc2' },
      body: objectFcXml('ap-fc2', arn, `acs:ram::${sluice.accountId}:role/aliyunfcdefaultrole`),
    });
    const alias = /<AccessPointForObjectProcessAlias>([^<]+)</.exec(made.body.toString())?.[1] ?? '';
    const get = async () => {
      const reply = await ossCall(sluice, { method: 'GET', bucket: alias, key: 'a.txt' });
      return `${reply.status} ${reply.body}`;
    };
    assert.equal(await get(), '200 ORIGINAL 1 media.prod upper');
    await call('publishVersion', 'media');
    await call('updateAlias', 'media', 'prod', '2');
    assert.equal(await get(), '200 ORIGINAL 2 media.prod upper');
    await call('deleteAlias', 'media', 'prod');
    assert.match(await get(), /^400 .*FunctionNotFound/s);
  });

  const fc2 = python.tools?.fc2;
  test('aliyun-fc2 for Python takes a service through its life', { skip: fc2 ? false : 'no aliyun-fc2 in the toolchain' }, async () => {
    const child = spawn(python.tools?.interpreter ?? '', ['-S', join(root, 'test', 'acceptance', 'clients', 'python', 'classic_fc.py')], {
      env: { PATH: process.env.PATH, PYTHONPATH: fc2, PYTHONDONTWRITEBYTECODE: '1', NO_PROXY: '127.0.0.1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const { id: accessKeyId, secret: accessKeySecret } = sluice.key;
    child.stdin.end(JSON.stringify({ endpoint: sluice.control, accessKeyId, accessKeySecret, code: await codeOf(3) }));
    const errors = text(child.stderr);
    const said = (await json(child.stdout).catch(async () => assert.fail(await errors))) as Record<string, unknown>;
    assert.match(String(said.log), /said 3 py\.prod fn/);
    assert.deepEqual(
      { ...said, log: undefined },
      {
        ...{ stale: [412, 'PreconditionFailed'], description: 'second', memory: 256, version: '1' },
        ...{ invoked: { said: '3 py.prod fn' }, log: undefined },
        trigger: { payload: 'p', cronExpression: '@every 1m', enable: true },
        ...{ functions: ['fn'], missing: [404, 'FunctionNotFound'], full: [409, 'ServiceNotEmpty'], gone: [404, 'ServiceNotFound'] },
      },
    );
  });
});
