import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { functionUid, isRoot, json, openStage, withoutPython } from '../fixture.ts';

const skip = await withoutPython();

const echo = `
import json, logging, os, sys, tempfile
state = {"count": 0}
def handler(event, context):
    return event
def text(event, context):
    return "grüße"
def nothing(event, context):
    pass
def number(event, context):
    state["count"] += 1
    return state["count"]
def sleeps(event, context):
    import resource
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
def kind(event, context):
    return type(event).__name__
def unfit(event, context):
    return {"x": object()}
def whole(event, context):
    c = context
    return {"request_id": c.request_id, "ak": c.credentials.access_key_id, "sk": c.credentials.access_key_secret,
        "token": c.credentials.security_token, "function": vars(c.function), "service": vars(c.service), "region": c.region,
        "account_id": c.account_id, "retry_count": c.retry_count, "baggages": c.tracing.parseOpenTracingBaggages(),
        "span": c.tracing.span_context, "jaeger": c.tracing.jaeger_endpoint, "raw": c.tracing.span_baggages}
def lean(event, context):
    return {"credentials": hasattr(context, "credentials"), "service": hasattr(context, "service"), "logger": context.logger is None,
        "later": context.getLogger() is context.logger, "function": vars(context.function), "log_project": context.log_project}
def environment(event, context):
    return dict(os.environ)
def wall(event, context):
    import resource, stat
    with open(os.path.join(os.environ["TMPDIR"], "scratch"), "w") as file:
        file.write("x")
    status = open("/proc/self/status").read()
    return {"uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(), "cwd": os.getcwd(), "tmp": tempfile.gettempdir(),
        "home": os.environ["HOME"], "mode": stat.S_IMODE(os.stat(os.environ["TMPDIR"] + "/scratch").st_mode),
        "core": resource.getrlimit(resource.RLIMIT_CORE)[1], "files": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "size": resource.getrlimit(resource.RLIMIT_FSIZE)[1], "data": resource.getrlimit(resource.RLIMIT_DATA)[1],
        "leader": os.getsid(0) == os.getpid(), "privileges": "NoNewPrivs:\\t1" in status, "main": sys.modules["__main__"].__dict__.get("__file__")}
def path(event, context):
    return sys.path
def logs(event, context):
    print("printed")
    print("to stderr", file=sys.stderr)
    logging.getLogger("mine").info("by logging")
    logging.debug("hidden")
    context.getLogger().warning("by context")
    os.system("echo by a child")
    os.write(1, b"no newline")
`;

test('results: bytes and text as they are, anything else as JSON, None as null', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': echo });
  const binary = Buffer.from([0, 255, 128, 10, 13]);
  const echoed = await stage.instances.invoke(stage.fn(), stage.call({ event: binary }));
  assert.deepEqual(echoed.payload, binary);
  assert.equal(echoed.failure, undefined);
  assert.equal(echoed.coldStart, true);
  assert.ok(echoed.maxMemoryMb > 5 && echoed.maxMemoryMb < 200, `${echoed.maxMemoryMb} MB`);
  assert.equal((await stage.run('index.text')).payload.toString(), 'grüße');
  assert.equal((await stage.run('index.nothing')).payload.toString(), 'null');
  assert.equal((await stage.run('index.kind')).payload.toString(), 'bytes');
  const unfit = await stage.run('index.unfit');
  assert.equal(unfit.failure?.kind, 'raised');
  assert.equal(json(unfit).errorType, 'TypeError');
  assert.match(String(json(unfit).errorMessage), /not JSON serializable/);
});

test('an instance is woken once for an event, not again when its result is read', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': echo });
  const sleeps = async () => Number((await stage.run('index.sleeps')).payload.toString());
  const first = await sleeps();
  for (let event = 0; event < 99; event += 1) await sleeps();
  const each = ((await sleeps()) - first) / 100;
  assert.ok(each < 1.5, `it went to sleep ${each} times for an event`);
});

test('an instance is kept between events', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': echo });
  const first = await stage.run('index.number');
  const second = await stage.run('index.number');
  assert.deepEqual(
    [first, second].map((it) => it.payload.toString()),
    ['1', '2'],
  );
  assert.deepEqual([first.coldStart, second.coldStart], [true, false]);
  assert.equal(first.instanceId, second.instanceId);
});

test('the whole context of python3.10', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': echo });
  const fn = stage.fn({
    handler: 'index.whole',
    logProject: 'project',
    logStore: 'store',
    initializer: { handler: 'index.nothing1', timeoutMs: 4000 },
    qualifier: 'prod',
    versionId: '7',
  });
  const broken = await stage.instances.invoke(fn, stage.call());
  assert.equal(broken.failure?.kind, 'initializer');
  const { initializer: _none, ...plain } = fn;
  const call = stage.call();
  assert.deepEqual(json(await stage.instances.invoke({ ...plain, revision: 'plain' }, call)), {
    request_id: call.requestId,
    ak: 'STS.call',
    sk: 'call-secret-value',
    token: 'call-token-value',
    function: { name: 'resize', handler: 'index.whole', memory: 256, timeout: 10, initializer: '', initialization_timeout: 0 },
    service: { name: '', log_project: 'project', log_store: 'store', qualifier: 'prod', version_id: '7' },
    region: 'cn-qingdao',
    account_id: '1234567890123456',
    retry_count: 0,
    baggages: {},
    span: '',
    jaeger: '',
    raw: '',
  });
});

test('the context of python3.12 has neither credentials nor service', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': echo });
  const result = json(await stage.run('index.lean', '{}', { runtime: 'python3.12', logProject: 'project' }));
  assert.deepEqual(result, {
    credentials: false,
    service: false,
    logger: true,
    later: true,
    function: { name: 'resize', handler: 'index.lean', memory: 256, timeout: 10, version_id: 'LATEST', qualifier: 'LATEST' },
    log_project: 'project',
  });
});

test('the environment holds the function, never the server', { skip }, async (t) => {
  process.env.SLUICE_TEST_CANARY = 'canary';
  t.after(() => delete process.env.SLUICE_TEST_CANARY);
  const stage = await openStage(t, { 'index.py': echo });
  const env = { MY_NAME: 'mine', NO_PROXY: 'example.com', PYTHONPATH: '/code/lib', HOME: '/elsewhere' };
  const result = await stage.run('index.environment', '{}', { env });
  const seen = json(result) as Record<string, string>;
  assert.equal(seen.SLUICE_TEST_CANARY, undefined);
  const extra = Object.keys(process.env).filter((name) => seen[name] !== undefined && seen[name] === process.env[name]);
  assert.deepEqual(
    extra.filter((name) => !['LANG', 'TZ', 'PATH'].includes(name)),
    [],
  );
  assert.equal(seen.MY_NAME, 'mine');
  assert.equal(seen.NO_PROXY, 'example.com,127.0.0.1,localhost');
  assert.equal(seen.no_proxy, '127.0.0.1,localhost');
  assert.equal(seen.FC_INSTANCE_ID, result.instanceId);
  assert.equal(seen.FC_FUNC_CODE_PATH, stage.fn().codeDir);
  assert.equal(seen.FC_FUNCTION_NAME, 'resize');
  assert.equal(seen.FC_FUNCTION_HANDLER, 'index.environment');
  assert.equal(seen.FC_FUNCTION_MEMORY_SIZE, '256');
  assert.equal(seen.FC_ACCOUNT_ID, '1234567890123456');
  assert.equal(seen.FC_REGION, 'cn-qingdao');
  assert.equal(seen.FC_QUALIFIER, 'LATEST');
  assert.equal(seen.ALIBABA_CLOUD_ACCESS_KEY_ID, 'STS.env');
  assert.equal(seen.ALIBABA_CLOUD_ACCESS_KEY_SECRET, 'env-secret-value');
  assert.equal(seen.ALIBABA_CLOUD_SECURITY_TOKEN, 'env-token-value');
  assert.equal(seen.accessKeyID, 'STS.env');
  assert.equal(seen.HOME, seen.TMPDIR);
});

test('the wall: user, groups, limits, session, a folder of its own that goes with it', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': echo });
  const result = await stage.run('index.wall');
  const seen = json(result);
  if (isRoot) {
    assert.deepEqual([seen.uid, seen.gid, seen.groups], [functionUid, functionUid, []]);
  }
  assert.equal(seen.cwd, stage.fn().codeDir);
  assert.match(String(seen.tmp), new RegExp(`^${stage.runDir}/tmp/[^/]+/${result.instanceId}$`));
  assert.equal(seen.home, seen.tmp);
  assert.equal(seen.mode, 0o600);
  assert.equal(seen.core, 0);
  assert.ok(Number(seen.files) <= 4096);
  assert.equal(seen.size, 512 * 1024 * 1024);
  assert.equal(seen.data, (256 + 512) * 1024 * 1024);
  assert.equal(seen.leader, true);
  assert.equal(seen.privileges, true);
  assert.equal(seen.main, null);
  assert.ok(existsSync(String(seen.tmp)));
  await stage.instances.retire('resize');
  assert.equal(existsSync(String(seen.tmp)), false);
});

test('sys.path: code, its python folder, PYTHONPATH below /code, the interpreter, and the server packages last', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': echo, 'python/vendored.py': '', 'lib/more.py': '', '../packages/shared.py': '' }, {});
  const packages = `${stage.folder}/packages`;
  const code = stage.fn().codeDir;
  const other = await openStage(t, {}, { python: { packages } });
  const path = JSON.parse(
    (await other.run('index.path', '{}', { codeDir: code, env: { PYTHONPATH: '/code/lib' } })).payload.toString(),
  ) as string[];
  assert.deepEqual(path.slice(0, 3), [code, `${code}/python`, `${code}/lib`]);
  assert.equal(path.at(-1), packages);
  assert.ok(path.some((entry) => /python3\.\d+$/.test(entry)));
  assert.ok(!path.some((entry) => entry.includes('hosts')), path.join(' '));
});

test('print, stderr, logging, children: every line in order, under its request', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': echo });
  const call = stage.call({ logTail: true });
  const result = await stage.instances.invoke(stage.fn({ handler: 'index.logs' }), call);
  assert.equal(result.failure, undefined);
  const own = stage.lines.filter((it) => it.request === call.requestId).map((it) => it.line);
  assert.equal(own.length, stage.lines.length);
  assert.equal(own[0], 'printed');
  assert.equal(own[1], 'to stderr');
  assert.match(String(own[2]), new RegExp(`^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z ${call.requestId} \\[INFO\\] by logging$`));
  assert.match(String(own[3]), new RegExp(`^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d ${call.requestId} \\[WARNING\\] by context$`));
  assert.deepEqual(own.slice(4), ['by a child', 'no newline']);
  const tail = result.logTail?.split('\n') ?? [];
  assert.equal(tail[0], `FC Invoke Start RequestId: ${call.requestId}`);
  assert.deepEqual(tail.slice(1, 7), own);
  assert.equal(tail[7], `FC Invoke End RequestId: ${call.requestId}`);
  assert.match(String(tail[9]), /Billed Duration: \d+ ms .* Memory Size: 256 MB .* Max Memory Used: \d+ MB$/);
});

test('handlers in folders, names of the standard library, and two hooks in one module', { skip }, async (t) => {
  const stage = await openStage(t, {
    'deep/er/app.py': 'import helper\ndef go(e, c):\n    return helper.NAME',
    'helper.py': 'NAME = "own helper"',
    'queue.py':
      'import json\nhits = []\ndef handler(e, c):\n    return json.dumps([__file__.endswith("/code/queue.py"), hits])\ndef init(c):\n    hits.append(c.request_id)',
  });
  assert.equal((await stage.run('deep/er/app.go')).payload.toString(), 'own helper');
  assert.equal((await stage.run('deep.er.app.go', '{}', { revision: 'dots' })).payload.toString(), 'own helper');
  const fn = stage.fn({ handler: 'queue.handler', initializer: { handler: 'queue.init', timeoutMs: 3000 } });
  const call = stage.call();
  assert.deepEqual(JSON.parse((await stage.instances.invoke(fn, call)).payload.toString()), [true, [call.requestId]]);
  await stage.instances.invoke(fn, stage.call());
  assert.deepEqual(JSON.parse((await stage.instances.invoke(fn, stage.call())).payload.toString()), [true, [call.requestId]]);
});
