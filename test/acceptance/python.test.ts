/**
 * Python functions by the contract of the vendor's runtimes, deployed and invoked with the unmodified Function Compute SDK: what an event, a result,
 * a context and a line of the log are, hooks, failures, layers, and the original as each runtime reads it.
 */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import fc from '@alicloud/fc20230330';
import {
  type CodeFile,
  createAccessPoint,
  createBucket,
  createObjectFc,
  deleteFunction,
  deployFunction,
  fcClient,
  filesOf,
  ossDo,
  zip,
} from './harness/deploy.ts';
import { send } from './harness/http.ts';
import { invoke } from './harness/invoke.ts';
import { pathOf, queryOf, signHeaderV4 } from './harness/sign.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { python } from './harness/toolchain.ts';

const bucket = 'acc-python';
const key = 'notes/größe 1.txt';
const text = 'Grüße aus dem Original\n';
const functions: string[] = [];
let sluice: Sluice;

before(async () => {
  sluice = await startSluice();
  await createBucket(sluice, bucket);
  await ossDo(sluice, { method: 'PUT', bucket, key, headers: { 'content-type': 'text/plain' }, body: text });
  await createAccessPoint(sluice, bucket, 'ap-python');
});
after(() =>
  sluice.finish(async () => {
    for (const name of functions) await deleteFunction(sluice, name);
  }),
);

async function deploy(name: string, source: string, settings: Record<string, unknown>, more: CodeFile[] = []): Promise<void> {
  await deployFunction(sluice, name, [{ name: 'index.py', data: Buffer.from(source) }, ...more], { timeout: 20, settings });
  functions.push(name);
}

/** InvokeFunction with bytes in and bytes out. */
async function raw(name: string, event: Buffer): Promise<Buffer> {
  const request = new fc.InvokeFunctionRequest({ body: Readable.from(event.length > 0 ? [event] : []) });
  const reply = await fcClient(sluice).invokeFunction(name, request);
  assert.equal(reply.headers?.['x-fc-error-type'], undefined);
  return buffer(reply.body as Readable);
}

const json = (body: string) => JSON.parse(body) as Record<string, unknown>;

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let round = 0; round < 200 && !condition(); round++) await new Promise((resolve) => setTimeout(resolve, 25));
  assert.ok(condition(), what);
}

const runtimes = ['python3.9', 'python3.10', 'python3.12'] as const;
const hook = (handler: string) => ({ handler, timeout: 5 });
const tell = `
import json, os
def fields(thing, *names):
    return {name: getattr(thing, name, "absent") for name in names}
def handler(event, context):
    own = fields(context, "request_id", "region", "account_id", "log_project", "log_store", "logger")
    # Only the newer runtimes have it, and it is empty until it is asked for.
    own["logger"] = own["logger"] is None and [context.getLogger() is context.logger]
    function = fields(context.function, "name", "handler", "memory", "timeout", "version_id", "qualifier", "initializer")
    service = fields(context.service, "name", "log_project", "qualifier", "version_id") if hasattr(context, "service") else "absent"
    keys = context.credentials if hasattr(context, "credentials") else None
    return {
        "own": own, "function": function, "service": service,
        "id": keys.access_key_id[:4] if keys else "absent", "token": keys is not None and len(keys.security_token) > 50,
        "environment": [os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"][:4], os.environ["FC_QUALIFIER"], os.getcwd() == os.environ["FC_FUNC_CODE_PATH"]],
    }
`;
const own = { region: 'cn-qingdao', log_project: 'absent', log_store: 'absent', logger: false as unknown };
const older = {
  own,
  function: { version_id: 'absent', qualifier: 'absent', initializer: '' },
  service: { name: '', log_project: '', qualifier: 'LATEST', version_id: 'LATEST' } as unknown,
  id: 'STS.',
  token: true,
};
const contexts = {
  'python3.9': older,
  'python3.10': older,
  // Neither credentials nor service; what they say is in the environment and beside.
  'python3.12': {
    own: { ...own, log_project: '', log_store: '', logger: [true] },
    function: { version_id: 'LATEST', qualifier: 'LATEST', initializer: 'absent' },
    service: 'absent',
    id: 'absent',
    token: false,
  },
};
const printing = `
import logging, sys
def handler(event, context):
    print("printed")
    print("to stderr", file=sys.stderr)
    logging.getLogger().info("by logging")
    logging.debug("hidden")
    context.getLogger().warning("by the context")
`;
const hooked = `
import os, sys
calls = []
def initialize(context):
    calls.append(context.request_id)
    if "FAIL" in os.environ:
        raise RuntimeError("no model")
def pre_stop(context):
    print("preStop after", len(calls))
def handler(event, context):
    if event == b"raise":
        raise KeyError("no such cat")
    if event == b"exit":
        sys.exit(3)
    return len(calls)
`;
const waiting = `
import time
running, most = [], []
def handler(event, context):
    running.append(event)
    most.append(len(running))
    print("begin", event.decode())
    time.sleep(0.3)
    print("end", event.decode())
    running.remove(event)
    return max(most)
`;

for (const runtime of runtimes) {
  const named = (name: string) => `${name}-${runtime.replace('.', '-')}`;

  describe(runtime, { skip: python.skip }, () => {
    test(`${runtime}: an event is bytes: empty, and not UTF-8`, async () => {
      const name = named('events');
      const source = 'def handler(event, context):\n    assert type(event) is bytes\n    return event + b"|" + str(len(event)).encode()\n';
      await deploy(name, source, { runtime });
      assert.deepEqual(await raw(name, Buffer.alloc(0)), Buffer.from('|0'));
      const event = Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0d, 0x0a, 0xc3]);
      assert.deepEqual(await raw(name, event), Buffer.concat([event, Buffer.from('|7')]));
    });

    test(`${runtime}: results: bytes and text as they are, int, None, lists and dicts as JSON, anything else a TypeError`, async () => {
      const name = named('results');
      const kinds = 'b"\\xff\\x00", "grüße", 42, None, True, 1.5, [1, None], {"a": "ü"}, {1, 2}';
      await deploy(name, `kinds = [${kinds}]\ndef handler(event, context):\n    return kinds[int(event)]\n`, { runtime });
      const result = async (index: number) => (await raw(name, Buffer.from(String(index)))).toString();
      assert.deepEqual(await raw(name, Buffer.from('0')), Buffer.from([0xff, 0x00]));
      const plain = [await result(1), await result(2), await result(3), await result(4), await result(5)];
      assert.deepEqual(plain, ['grüße', '42', 'null', 'true', '1.5']);
      assert.deepEqual(JSON.parse(await result(6)), [1, null]);
      assert.deepEqual(JSON.parse(await result(7)), { a: 'ü' });
      const unfit = await invoke(sluice, name, '8');
      assert.equal(unfit.error, 'UnhandledInvocationError');
      assert.equal(json(unfit.body).errorType, 'TypeError');
    });

    test(`${runtime}: the context, and the environment`, async () => {
      const name = named('context');
      await deploy(name, tell, { runtime });
      const { body, requestId } = await invoke(sluice, name, '');
      const expected = contexts[runtime];
      assert.deepEqual(json(body), {
        ...expected,
        own: { ...expected.own, request_id: requestId, account_id: sluice.accountId },
        function: { ...expected.function, name, handler: 'index.handler', memory: 512, timeout: 20 },
        environment: ['STS.', 'LATEST', true],
      });
    });

    test(`${runtime}: lines of the log: print as it is, logging and getLogger in the vendor’s form`, async () => {
      await deploy(named('lines'), printing, { runtime });
      const { log, requestId } = await invoke(sluice, named('lines'), '');
      const [start, printed, error, logging, byContext, end] = log.split('\n');
      assert.deepEqual([start, printed, error], [`FC Invoke Start RequestId: ${requestId}`, 'printed', 'to stderr']);
      assert.match(logging ?? '', new RegExp(`^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z ${requestId} \\[INFO\\] by logging$`));
      assert.match(byContext ?? '', new RegExp(`^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d ${requestId} \\[WARNING\\] by the context$`));
      assert.equal(end, `FC Invoke End RequestId: ${requestId}`);
    });

    test(`${runtime}: initializer and preStop; one that fails, and one that is not there`, async () => {
      const both = { instanceLifecycleConfig: { initializer: hook('index.initialize'), preStop: hook('index.pre_stop') } };
      const name = named('hooks');
      await deploy(name, hooked, { runtime, ...both });
      assert.deepEqual([(await invoke(sluice, name, '')).body, (await invoke(sluice, name, '')).body], ['1', '1']);
      const logged = sluice.log.length;
      await deleteFunction(sluice, functions.pop() as string);
      await until(() => sluice.log.slice(logged).includes('preStop after 1'), 'preStop ran before the end');
      await deploy(named('fails'), hooked, { runtime, ...both, environmentVariables: { FAIL: 'yes' } });
      assert.equal(json((await invoke(sluice, named('fails'), '')).body).errorMessage, 'no model');
      await deploy(named('missing'), hooked, { runtime, instanceLifecycleConfig: { initializer: hook('index.never') } });
      const missing = await invoke(sluice, named('missing'), '');
      assert.deepEqual([missing.error, json(missing.body).errorType], ['UnhandledInvocationError', 'HandlerNotFound']);
      assert.match(String(json(missing.body).errorMessage), /never/);
    });

    test(`${runtime}: an exception is the vendor’s error JSON and the instance lives on; an exit ends it`, async () => {
      const name = named('failures');
      await deploy(name, hooked, { runtime });
      const first = await invoke(sluice, name, '');
      const raised = await invoke(sluice, name, 'raise');
      assert.deepEqual([raised.error, raised.instanceId], ['UnhandledInvocationError', first.instanceId]);
      const { errorMessage, errorType, stackTrace } = json(raised.body);
      assert.deepEqual([errorMessage, errorType], ["'no such cat'", 'KeyError']);
      assert.match(String((stackTrace as string[]).at(-1)), /^File "\/code\/index\.py", line 12, in handler/);
      const exit = await invoke(sluice, name, 'exit');
      assert.match(String(json(exit.body).errorMessage), /^Process exited unexpectedly before completing request/);
      const next = await invoke(sluice, name, '');
      assert.deepEqual([next.error, next.instanceId === first.instanceId], [undefined, false]);
    });

    test(`${runtime}: five at once on one instance, and each has its own lines`, async () => {
      const name = named('waiting');
      await deploy(name, waiting, { runtime, instanceConcurrency: 5 });
      await invoke(sluice, name, 'first');
      const replies = await Promise.all([...'abcde'].map((letter) => invoke(sluice, name, letter)));
      assert.equal(new Set(replies.map(({ instanceId }) => instanceId)).size, 1);
      assert.equal(Math.max(...replies.map(({ body }) => Number(body))), 5);
      for (const [index, { log }] of replies.entries())
        assert.deepEqual(log.split('\n').slice(1, 3), [`begin ${'abcde'[index]}`, `end ${'abcde'[index]}`]);
    });

    test(`${runtime}: a layer’s packages are found`, async () => {
      const layer = await zip([{ name: 'python/borrowed.py', data: Buffer.from('VALUE = "borrowed"\n') }]);
      const code = new fc.InputCodeLocation({ zipFile: layer.toString('base64') });
      const input = new fc.CreateLayerVersionInput({ code, compatibleRuntime: [runtime] });
      const made = await fcClient(sluice).createLayerVersion(named('layer'), new fc.CreateLayerVersionRequest({ body: input }));
      const source = 'import borrowed\ndef handler(event, context):\n    return borrowed.VALUE\n';
      await deploy(named('layered'), source, { runtime, layers: [made.body?.layerVersionArn] });
      assert.equal((await invoke(sluice, named('layered'), '')).body, 'borrowed');
      await fcClient(sluice).deleteLayerVersion(named('layer'), '1');
    });
  });
}

const reads = `
import json, os, urllib.parse, urllib.request
import oss2
def handler(event, context):
    event = json.loads(event)
    call = event["getObjectContext"]
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(event["userRequest"]["url"]).query))
    if query["keys"] == "context":
        keys = context.credentials
        secrets = (keys.access_key_id, keys.access_key_secret, keys.security_token)
    else:
        secrets = tuple(os.environ["ALIBABA_CLOUD_" + name] for name in ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN"))
    auth = oss2.StsAuth(*secrets, auth_version=query["auth"])
    if query["by"] == "url":
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(call["inputOssUrl"], timeout=10) as response:
            body = response.read()
    else:
        body = oss2.Bucket(auth, call["outputRoute"], query["bucket"], region="cn-qingdao").get_object(query["key"]).read()
    service = oss2.Service(auth, call["outputRoute"], region="cn-qingdao")
    service.write_get_object_response(call["outputRoute"], call["outputToken"], "200", body + query["by"].encode(), {})
`;

describe('the original', { skip: python.skip }, () => {
  for (const [runtime, keys] of [
    ['python3.10', 'context'],
    ['python3.12', 'environment'],
  ] as const) {
    test(`${runtime}: by inputOssUrl, and by oss2 with the credentials of the ${keys}, V1 and V4`, async () => {
      const name = `reads-${keys}`;
      await deploy(name, reads, { runtime }, filesOf(python.tools?.oss2.newest as string));
      const alias = await createObjectFc(sluice, { bucket, accessPoint: 'ap-python', name, functionName: name });
      for (const by of ['url', 'sdk']) {
        for (const auth of ['v1', 'v4']) {
          const query = { by, auth, keys, bucket, key };
          const request = { method: 'GET', bucket: alias, key, query };
          const reply = await send(sluice.data, { path: pathOf(request) + queryOf(query), headers: signHeaderV4(request, sluice.key) });
          assert.equal(reply.status, 200, `${by} ${auth}: ${reply.body}`);
          assert.equal(reply.body.toString(), text + by);
        }
      }
    });
  }
});
