import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { json, openStage, type Stage, until, withoutPython } from '../fixture.ts';

const skip = await withoutPython();

const code = `
import logging, os, sys, threading, time
count = [0]
def overlap(event, context):
    name = event.decode()
    print("begin " + name)
    print("half of " + name, end="")
    time.sleep(0.3)
    print(" and the rest")
    logging.info("logged by %s", name)
    context.getLogger().info("context of %s", name)
    print("to stderr by " + name, file=sys.stderr)
    if name == "fails":
        raise ValueError("by " + name)
    return {"name": name, "request": context.request_id, "pid": os.getpid(), "key": context.credentials.access_key_id}
def hang(event, context):
    time.sleep(60 if event == b"hang" else 2)
    return "late"
def leave(event, context):
    if event == b"leave":
        time.sleep(0.2)
        sys.exit(3)
    time.sleep(2)
def background(event, context):
    threading.Thread(target=lambda: print("by a thread of its own")).start()
    os.system("echo by a child")
def quick(event, context):
    return event
def initialize(context):
    print("initializing")
    count[0] += 1
def stop(context):
    print("stopping", context.request_id, context.credentials.access_key_id, count)
    with open(os.environ["MARK"], "a") as file:
        file.write("stopped\\n")
def stop_fails(context):
    raise RuntimeError("it does not want to stop")
def memory(event, context):
    hoard = []
    while True:
        hoard.append(bytearray(8 << 20))
def context_of(event, context):
    tracing = context.tracing
    return [context.retry_count, tracing.span_context, tracing.parseOpenTracingBaggages(), tracing.jaeger_endpoint]
`;

const many = { instanceConcurrency: 4 };

function linesOf(stage: Stage, request: string): string[] {
  return stage.lines.filter((it) => it.request === request).map((it) => it.line);
}

test('invocations overlap in threads, each with its own context and its own lines', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const fn = stage.fn({ handler: 'index.overlap', ...many, initializer: { handler: 'index.initialize', timeoutMs: 3_000 } });
  const names = ['a', 'b', 'c', 'fails'];
  const calls = names.map((name) => stage.call({ event: Buffer.from(name), logTail: true }));
  const begun = performance.now();
  const results = await Promise.all(calls.map((call) => stage.instances.invoke(fn, call)));
  assert.ok(performance.now() - begun < 1_500, 'they ran side by side');
  assert.equal(new Set(results.map((it) => it.instanceId)).size, 1);
  for (const [at, name] of names.entries()) {
    const { requestId } = calls[at] as { requestId: string };
    const result = results[at];
    if (name === 'fails') assert.equal(result?.failure?.message, 'by fails');
    else assert.equal(json(result as never).request, requestId);
    const own = linesOf(stage, requestId).filter((line) => line !== 'initializing');
    assert.deepEqual(own.slice(0, 2), [`begin ${name}`, `half of ${name} and the rest`]);
    assert.match(own[2] ?? '', new RegExp(`Z ${requestId} \\[INFO\\] logged by ${name}$`));
    assert.match(own[3] ?? '', new RegExp(` ${requestId} \\[INFO\\] context of ${name}$`));
    assert.equal(own[4], `to stderr by ${name}`);
    assert.match(result?.logTail ?? '', new RegExp(`Start RequestId: ${requestId}\n(initializing\n)?begin ${name}\n`));
  }
  assert.equal(stage.lines.filter((it) => it.line === 'initializing').length, 1);
  await stage.instances.invoke(stage.fn({ handler: 'index.background', ...many }), stage.call());
  await until(() => stage.lines.filter((it) => /^by a (child|thread)/.test(it.line)).length === 2, 'both lines');
  assert.ok(stage.lines.filter((it) => /^by a (child|thread)/.test(it.line)).every((it) => it.request === ''));
});

test('more calls than slots start another instance; fewer than slots do not', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const results = await Promise.all(Array.from({ length: 8 }, (_, at) => stage.run('index.overlap', String(at), many)));
  assert.equal(new Set(results.map((it) => it.instanceId)).size, 2);
  const quick = await Promise.all(Array.from({ length: 60 }, (_, at) => stage.run('index.quick', String(at), { ...many, revision: 'q' })));
  assert.deepEqual(
    quick.map((it) => it.payload.toString()),
    Array.from({ length: 60 }, (_, at) => String(at)),
  );
});

test('a timeout and an exit take the neighbours along, with a reason', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const changes = { ...many, timeoutMs: 700 };
  const [hung, other] = await Promise.all([stage.run('index.hang', 'hang', changes), stage.run('index.hang', 'short', changes)]);
  assert.equal(hung?.failure?.message, 'Function timed out after 0.7 seconds');
  assert.ok(['timeout', 'exited'].includes(other?.failure?.kind ?? ''));
  const left = await Promise.all([stage.run('index.leave', 'leave', many), stage.run('index.leave', 'stay', many)]);
  for (const result of left) assert.match(String(json(result).errorMessage), /^Process exited unexpectedly before completing request/);
});

test('preStop runs when an instance is reaped, replaced, and when the server ends', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const changes = {
    preStop: { handler: 'index.stop', timeoutMs: 3_000 },
    initializer: { handler: 'index.initialize', timeoutMs: 3_000 },
    env: { MARK: '/dev/null' },
  };
  const stops = () => stage.lines.filter((it) => it.line.startsWith('stopping'));
  await stage.run('index.quick', 'x', { ...changes, idleTimeoutMs: 50, revision: 'reaped' });
  await until(() => stops().length === 1, 'reaped');
  assert.match(stops()[0]?.line ?? '', /^stopping prestop-[0-9a-f]+ STS\.env \[1\]$/);
  assert.match(stops()[0]?.request ?? '', /^prestop-/);
  await until(() => stage.instances.stats().instances === 0, 'it is gone');
  await stage.run('index.quick', 'x', { ...changes, ...many, revision: 'replaced' });
  await stage.run('index.quick', 'x', { ...changes, revision: 'next' });
  await until(() => stops().length === 2, 'replaced');
  await stage.instances.close();
  await until(() => stops().length === 3, 'ended');
});

test('a preStop that fails or hangs holds nothing up', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  await stage.run('index.quick', 'x', { preStop: { handler: 'index.stop_fails', timeoutMs: 3_000 } });
  const begun = performance.now();
  await stage.instances.retire('resize');
  assert.ok(performance.now() - begun < 2_500);
  await until(() => stage.lines.some((it) => it.line.includes('RuntimeError: it does not want to stop')), 'why it failed');
  await stage.run('index.quick', 'x', { preStop: { handler: 'index.absent', timeoutMs: 3_000 }, revision: '2' });
  await stage.instances.retire('resize');
  await until(() => stage.lines.some((it) => it.line.includes("has no function 'absent'")), 'what is absent');
});

test('memory: the limit is named, whoever notices it', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const result = await stage.run('index.memory', '', { memoryMb: 128 });
  assert.equal(result.failure?.kind, 'out-of-memory');
  assert.match(String(json(result).errorType), /^(MemoryError|FunctionOutOfMemory)$/);
  assert.equal((await stage.run('index.quick', 'x', { memoryMb: 128 })).failure, undefined);
});

test('retry count and tracing reach the context', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const baggages = Buffer.from('{"user":"7"}').toString('base64');
  const call = stage.call({ retryCount: 2, tracing: { spanContext: 'a:b:c:1', spanBaggages: baggages, jaegerEndpoint: 'http://jaeger' } });
  const result = await stage.instances.invoke(stage.fn({ handler: 'index.context_of' }), call);
  assert.deepEqual(json(result), [2, 'a:b:c:1', { user: '7' }, 'http://jaeger']);
});

test('layers: their python folders come behind the function’s own, the first layer wins', { skip }, async (t) => {
  const stage = await openStage(t, {
    'index.py': 'import own, first, both, deep, sys\ndef handler(e, c):\n    return [own.WHO, first.WHO, both.WHO, deep.WHO]',
    'own.py': 'WHO = "function"',
  });
  const site = `lib/python${await versionOf(stage)}/site-packages`;
  const files = {
    'one/python/own.py': 'WHO = "layer"',
    'one/python/first.py': 'WHO = "first layer"',
    'one/python/both.py': 'WHO = "first layer"',
    'two/python/both.py': 'WHO = "second layer"',
    [`two/python/${site}/deep.py`]: 'WHO = "site-packages"',
  };
  for (const [name, text] of Object.entries(files)) {
    const path = join(stage.folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  for (const layer of ['one', 'two']) await chmod(join(stage.folder, layer), 0o755);
  const layerDirs = [join(stage.folder, 'one'), join(stage.folder, 'two')];
  const result = await stage.run('index.handler', '{}', { layerDirs, revision: 'layers' });
  assert.deepEqual(json(result), ['function', 'first layer', 'first layer', 'site-packages']);
});

async function versionOf(stage: Stage): Promise<string> {
  const ready = stage.instances.ready().find((it) => it.runtime === 'python3.10');
  return (ready?.version ?? '').split('.').slice(0, 2).join('.');
}

test('what a function printed is told by request id', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const call = stage.call({ event: Buffer.from('a') });
  await stage.instances.invoke(stage.fn({ handler: 'index.overlap' }), call);
  const own = () => stage.lines.filter(({ request }) => request === call.requestId);
  await until(() => own().length === 5, 'all lines');
  assert.equal(own()[0]?.line, 'begin a');
});
