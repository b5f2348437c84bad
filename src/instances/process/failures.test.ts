import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instanceFolders, json, openStage, processesWith, until, withoutPython } from '../fixture.ts';

const skip = await withoutPython();

const code = `
import os, signal, subprocess, sys, time
def ok(event, context):
    return "ok"
def fail(event, context):
    return inner({})
def inner(value):
    return value["missing"]
def exits(event, context):
    sys.exit(3)
def exits_by_builtin(event, context):
    exit(1)
def exits_at_once(event, context):
    os._exit(1)
def kills_itself(event, context):
    os.kill(os.getpid(), signal.SIGKILL)
def interrupts(event, context):
    raise KeyboardInterrupt()
def hangs(event, context):
    print("before", flush=True)
    time.sleep(60)
def leaves_daemons(event, context):
    subprocess.Popen(["sleep", "61"])
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            subprocess.Popen(["sleep", "62"])
            time.sleep(60)
        os._exit(0)
    if event == b"exit":
        time.sleep(0.1)
        os._exit(0)
    time.sleep(60)
def forks_and_returns(event, context):
    return str(os.fork() == 0)
def memory(event, context):
    return str(len(bytearray(4 << 30)))
def big(event, context):
    return bytes(32 * 1024 * 1024 + int(event))
def frames():
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and "socket" in os.readlink("/proc/self/fd/" + name):
            return int(name)
def oversized_frame(event, context):
    os.write(frames(), b"\\xff\\xff\\xff\\xff\\x13")
    time.sleep(60)
def garbage(event, context):
    os.write(frames(), b"\\x00\\x00\\x00\\x06\\x13\\x00\\x00\\x00\\x01x")
    time.sleep(60)
def closes(event, context):
    os.close(frames())
    time.sleep(60)
def kills_the_fork_server(event, context):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)
`;

test('an exception becomes the error JSON without frames of the host, and the instance lives on', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const first = await stage.run('index.fail');
  assert.deepEqual(json(first), {
    errorMessage: "'missing'",
    errorType: 'KeyError',
    stackTrace: ['File "/code/index.py", line 6, in fail', 'File "/code/index.py", line 8, in inner'],
  });
  assert.deepEqual(first.failure, { kind: 'raised', errorType: 'UnhandledInvocationError', message: "'missing'" });
  await until(() => stage.lines.some((it) => it.line.includes('[ERROR] Traceback')), 'the traceback is logged');
  assert.equal((await stage.run('index.fail')).instanceId, first.instanceId);
  const call = stage.call({ logTail: true });
  const tail = (await stage.instances.invoke(stage.fn({ handler: 'index.fail' }), call)).logTail ?? '';
  assert.match(tail, new RegExp(`FC Invoke End RequestId: ${call.requestId}, Error: Unhandled function error`));
  assert.match(tail, /KeyError: 'missing'/);
});

test('a process that ends in the middle is named, and the next call gets a new one', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  for (const handler of ['exits', 'exits_by_builtin', 'exits_at_once', 'kills_itself', 'interrupts']) {
    const result = await stage.run(`index.${handler}`);
    assert.equal(result.failure?.kind, 'exited', handler);
    const message = /^Process exited unexpectedly before completing request \(duration: \d+ms, maxMemoryUsage: [1-9]\d*MB\)$/;
    assert.match(String(json(result).errorMessage), message);
    const next = await stage.run(`index.${handler}`);
    assert.notEqual(next.instanceId, result.instanceId);
    assert.equal(next.coldStart, true);
  }
});

test('a function that hangs is stopped at its timeout with everything it started', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  await stage.run('index.ok');
  const call = stage.call({ logTail: true });
  const result = await stage.instances.invoke(stage.fn({ handler: 'index.hangs', timeoutMs: 500 }), call);
  assert.equal(result.failure?.kind, 'timeout');
  assert.equal(json(result).errorMessage, 'Function timed out after 0.5 seconds');
  assert.ok(result.durationMs >= 490 && result.durationMs < 5_000);
  assert.ok(result.maxMemoryMb > 0 || process.platform !== 'linux');
  assert.match(result.logTail ?? '', /\nbefore\n/);
  const shorter = await stage.instances.invoke(stage.fn({ handler: 'index.hangs' }), stage.call({ deadline: Date.now() + 300 }));
  assert.equal(shorter.failure?.kind, 'timeout');
});

test('daemons die with the instance, in its group or not, on timeout and on exit', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  for (const event of ['exit', 'hang']) {
    const call = stage.call({ event: Buffer.from(event) });
    const fn = stage.fn({ handler: 'index.leaves_daemons', timeoutMs: 600 });
    const result = await stage.instances.invoke(fn, call);
    assert.equal(result.failure?.kind, event === 'exit' ? 'exited' : 'timeout');
    await until(() => stage.instances.stats().instances === 0, 'the instance is gone');
    // Only the fork server is left.
    assert.ok((await processesWith(stage.runDir)).length <= 1);
    assert.deepEqual(await instanceFolders(stage.runDir), []);
  }
});

test('a handler that forks answers once', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  for (let round = 0; round < 3; round++) assert.equal((await stage.run('index.forks_and_returns')).payload.toString(), 'False');
});

test('too much memory is named and ends the instance', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const first = await stage.run('index.memory');
  assert.equal(first.failure?.kind, 'out-of-memory');
  assert.equal(json(first).errorType, 'MemoryError');
  assert.notEqual((await stage.run('index.memory')).instanceId, first.instanceId);
});

test('a result may have 32 MiB and not a byte more; an event too', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  assert.equal((await stage.run('index.big', '0')).payload.length, 32 * 1024 * 1024);
  const refused = await stage.run('index.big', '1');
  assert.equal(refused.failure?.kind, 'raised');
  assert.equal(json(refused).errorType, 'ResultTooLarge');
  assert.match(String(json(refused).errorMessage), /returned 33554433 bytes; the limit is 33554432/);
  const event = Buffer.alloc(32 * 1024 * 1024);
  assert.equal((await stage.instances.invoke(stage.fn({ handler: 'index.ok' }), stage.call({ event }))).payload.toString(), 'ok');
  await assert.rejects(stage.instances.invoke(stage.fn(), stage.call({ event: Buffer.concat([event, Buffer.from('x')]) })), {
    code: 'EntityTooLarge',
  });
});

test('a function that writes into the connection of the host is ended', { skip: skip || process.platform !== 'linux' }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  for (const handler of ['oversized_frame', 'garbage', 'closes']) {
    const result = await stage.run(`index.${handler}`);
    assert.equal(result.failure?.kind, 'exited', handler);
  }
  assert.equal((await stage.run('index.ok')).payload.toString(), 'ok');
});

test('without its fork server everything dies and the next call starts over', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  const result = await stage.run('index.kills_the_fork_server');
  assert.equal(result.failure?.kind, 'exited');
  await until(async () => (await processesWith(stage.runDir)).length === 0, 'no process is left');
  assert.equal((await stage.run('index.kills_the_fork_server')).failure?.kind, 'exited');
});

test('initializers and imports that fail answer one call and leave no instance', { skip }, async (t) => {
  const stage = await openStage(t, {
    'index.py':
      'import time\ndef handler(e, c):\n    return "ok"\ndef init(c):\n    raise ValueError("not today")\ndef slow(c):\n    time.sleep(60)\ndef exits(c):\n    raise SystemExit(2)',
    'broken.py': 'import json\nimport not_there\ndef handler(e, c): pass',
    'syntax.py': 'def handler(e, c)\n    pass',
    'dies.py': 'import os\nos._exit(4)',
  });
  const init = (handler: string, timeoutMs = 3_000) => ({ initializer: { handler, timeoutMs }, revision: handler });
  const raised = await stage.run('index.handler', '{}', init('index.init'));
  assert.equal(raised.failure?.kind, 'initializer');
  assert.deepEqual(json(raised), {
    errorMessage: 'not today',
    errorType: 'ValueError',
    stackTrace: ['File "/code/index.py", line 5, in init'],
  });
  const late = await stage.run('index.handler', '{}', init('index.slow', 300));
  assert.equal(late.failure?.kind, 'initializer');
  assert.match(String(json(late).errorMessage), /initialization timed out: the initializer took longer than 0.3 seconds/);
  assert.equal((await stage.run('index.handler', '{}', init('index.exits'))).failure?.kind, 'exited');
  assert.equal((await stage.run('dies.handler')).failure?.kind, 'exited');
  const cases: [string, string, RegExp][] = [
    ['broken.handler', 'ImportModuleError', /^Unable to import module 'broken': ModuleNotFoundError: No module named 'not_there'$/],
    ['syntax.handler', 'ImportModuleError', /^Unable to import module 'syntax': SyntaxError/],
    ['absent.handler', 'ImportModuleError', /^Unable to import module 'absent'/],
    ['index.absent', 'HandlerNotFound', /has no function 'absent'/],
    ['handler', 'HandlerNotFound', /not of the form file\.method/],
  ];
  for (const [handler, type, message] of cases) {
    const call = stage.call({ logTail: true });
    const result = await stage.instances.invoke(stage.fn({ handler }), call);
    assert.equal(result.failure?.kind, 'raised', handler);
    assert.equal(json(result).errorType, type);
    assert.match(String(json(result).errorMessage), message);
    assert.match(result.logTail ?? '', /\[ERROR\] Traceback/);
  }
  await until(() => stage.instances.stats().instances === 0, 'no instance is left');
});

test('a code folder that cannot be entered is a fault', { skip }, async (t) => {
  const stage = await openStage(t, { 'index.py': code });
  await assert.rejects(stage.run('index.ok', '{}', { codeDir: `${stage.folder}/absent` }), {
    code: 'FunctionNotStarted',
    message: /The code folder cannot be entered/,
  });
  await assert.rejects(stage.run('index.ok', '{}', { runtime: 'php7.2', revision: 'php' }), { code: 'FunctionNotStarted' });
});
