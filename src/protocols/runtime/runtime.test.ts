import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { interpreter, openRuntimeStage, sdk } from './fixture.ts';

const python = await interpreter();
const skip = python || process.env.CI === 'true' ? false : 'no Python 3.9 or newer was found';
const program = (act: string, loop = 'loop(False)') => `#!${python} -ISB\n${sdk}\n${act}\n${loop}\n`;

const echo = program(`
def act(headers, body):
    return {"headers": {name.lower(): value for name, value in headers.items()}, "body": body.decode("latin1"), "folder": os.getcwd()}
`);

test('a call carries the headers that the SDK reads, and the event byte for byte', { skip }, async (t) => {
  const stage = await openRuntimeStage(t, { 'bin/main': echo });
  const event = Buffer.from([0, 255, 10, 13, 0]);
  const before = Date.now();
  const result = await stage.instances.invoke(stage.fn({ handler: 'bin/main', logProject: 'project' }), stage.call({ event }));
  assert.equal(result.failure, undefined, result.payload.toString());
  const seen = JSON.parse(result.payload.toString()) as { headers: Record<string, string>; body: string; folder: string };
  assert.equal(seen.body, event.toString('latin1'));
  assert.match(seen.folder, /code$/);
  const { 'x-fc-function-deadline': deadline, ...rest } = seen.headers;
  assert.ok(Number(deadline) >= before + 10_000 && Number(deadline) <= Date.now() + 10_000);
  const expected: Record<string, string> = {
    'x-fc-request-id': 'REQUEST-1',
    'x-fc-function-type': '0',
    'x-fc-function-timeout': '10',
    'x-fc-function-name': 'go',
    'x-fc-function-handler': 'bin/main',
    'x-fc-function-memory': '256',
    'x-fc-access-key-id': 'STS.call',
    'x-fc-access-key-secret': 'call-secret-value',
    'x-fc-security-token': 'call-token-value',
    'x-fc-service-logproject': 'project',
    'x-fc-qualifier': 'LATEST',
    'x-fc-version-id': '3',
    'x-fc-region': 'cn-qingdao',
    'x-fc-account-id': '1234567890123456',
    'x-fc-retry-count': '0',
    'content-length': '5',
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(rest[name], value, name);
});

test('output belongs to the request that printed it, on both streams, without secrets and without the SDK’s own frame', {
  skip,
}, async (t) => {
  const act = `
def act(headers, body):
    id = headers["x-fc-request-id"]
    print("FC Invoke Start RequestId: " + id)
    for turn in range(100):
        print("out", id, turn)
        print("err", id, turn, file=sys.stderr)
    print(os.environ["ALIBABA_CLOUD_SECURITY_TOKEN"], headers["x-fc-access-key-secret"], os.environ["FC_RUNTIME_API"])
    print("FC Invoke End RequestId: " + id)
`;
  const stage = await openRuntimeStage(t, { main: program(act) });
  const ids = ['A1', 'B2', 'C3', 'D4'];
  const calls = ids.map((requestId) => stage.call({ requestId, logTail: true }));
  const fn = stage.fn({ maxInstances: 1 });
  const results = await Promise.all(calls.map((call) => stage.instances.invoke(fn, call)));
  for (const [index, id] of ids.entries()) {
    const own = stage.lines.filter(({ request }) => request === id).map(({ line }) => line);
    assert.equal(own.filter((line) => line.startsWith('out ')).length, 100, id);
    assert.equal(own.filter((line) => line.startsWith('err ')).length, 100, id);
    assert.ok(
      own.every((line) => !/ [A-D]\d /.test(line) || line.includes(` ${id} `)),
      id,
    );
    const tail = results[index]?.logTail ?? '';
    assert.equal(tail.split(`FC Invoke End RequestId: ${id}`).length, 2);
    assert.match(tail, new RegExp(`out ${id} 99`));
  }
  const text = stage.lines.map(({ line }) => line).join('\n');
  assert.match(text, /\*\*\* \*\*\* 127\.0\.0\.1:\d+\/i\/\*\*\*/);
  assert.doesNotMatch(text + stage.log(), /env-token-value|call-secret-value|\/i\/[0-9a-f]{16}/);
});

test('more than one event at a time only where the function allows it', { skip }, async (t) => {
  const act = `
running = most = 0
def act(headers, body):
    global running, most
    running += 1
    most = max(most, running)
    time.sleep(0.15)
    running -= 1
    sys.stdout.write("done " + headers["x-fc-request-id"] + "\\n")
    return most
`;
  const stage = await openRuntimeStage(t, { main: program(act, 'loop(True)') });
  for (const instanceConcurrency of [1, 5]) {
    const fn = stage.fn({ instanceConcurrency, maxInstances: 1 });
    const results = await Promise.all(Array.from({ length: 10 }, () => stage.instances.invoke(fn, stage.call())));
    assert.equal(Math.max(...results.map((result) => Number(result.payload))), instanceConcurrency);
    assert.equal(new Set(results.map((result) => result.instanceId)).size, 1);
  }
  const owned = () => stage.lines.filter(({ request, line }) => line === `done ${request}`).length;
  // The last line may be read after the last result.
  for (let turns = 0; owned() < 20 && turns < 100; turns++) await sleep(10);
  assert.equal(owned(), 20, 'a line that names its request is assigned to it');
});

test('an error is the function’s own JSON, and the instance goes on', { skip }, async (t) => {
  const stage = await openRuntimeStage(t, { main: program('def act(headers, body): raise ValueError("no such thing")') });
  const [first, second] = [await stage.instances.invoke(stage.fn(), stage.call()), await stage.instances.invoke(stage.fn(), stage.call())];
  assert.deepEqual(first?.failure, { kind: 'raised', errorType: 'UnhandledInvocationError', message: 'no such thing' });
  assert.equal(first?.payload.toString(), '{"errorMessage": "no such thing", "errorType": "ValueError"}');
  assert.equal(second?.instanceId, first?.instanceId);
});

test('initializer: a call of its own kind before the first event, once, and its failure is the start’s', { skip }, async (t) => {
  const act = `
kinds = []
def act(headers, body):
    kinds.append([headers["x-fc-function-type"], headers["x-fc-request-id"], len(body)])
    if headers["x-fc-function-type"] == "1" and "FAIL" in os.environ: raise RuntimeError("not today")
    if headers["x-fc-function-type"] == "1": print("initialising")
    return kinds
`;
  const stage = await openRuntimeStage(t, { main: program(act) });
  const initializer = { handler: 'main', timeoutMs: 3_000 };
  const fn = stage.fn({ initializer });
  await stage.instances.invoke(fn, stage.call());
  const result = await stage.instances.invoke(fn, stage.call());
  assert.deepEqual(JSON.parse(result.payload.toString()), [
    ['1', 'REQUEST-1', 0],
    ['0', 'REQUEST-1', 2],
    ['0', 'REQUEST-2', 2],
  ]);
  assert.ok(stage.lines.some(({ request, line }) => request === 'REQUEST-1' && line === 'initialising'));
  const failed = await stage.instances.invoke(stage.fn({ initializer, env: { FAIL: '1' } }), stage.call());
  assert.equal(failed.failure?.kind, 'initializer');
  assert.match(failed.payload.toString(), /not today/);
});

test('preStop: a call of its own kind before the end', { skip }, async (t) => {
  const act = `
def act(headers, body):
    if headers["x-fc-function-type"] == "2": print("farewell", flush=True)
`;
  const stage = await openRuntimeStage(t, { main: program(act) });
  await stage.instances.invoke(stage.fn({ preStop: { handler: 'main', timeoutMs: 3_000 } }), stage.call());
  await stage.instances.retire('go');
  assert.ok(stage.lines.some(({ line }) => line === 'farewell'));
});

test('a timeout, an exit and a program that asks for nothing are named as such', { skip }, async (t) => {
  const stage = await openRuntimeStage(t, {
    slow: program('def act(headers, body): time.sleep(60)'),
    exits: program('def act(headers, body): print("last words", flush=True); os._exit(3)'),
    early: `#!${python}\nimport sys\nprint("cannot begin", file=sys.stderr)\nsys.exit(4)\n`,
  });
  const slow = await stage.instances.invoke(stage.fn({ handler: 'slow', timeoutMs: 300 }), stage.call());
  assert.equal(slow.failure?.kind, 'timeout');
  assert.match(slow.payload.toString(), /Function timed out after 0\.3 seconds/);
  const exits = await stage.instances.invoke(stage.fn({ handler: 'exits' }), stage.call({ logTail: true }));
  assert.equal(exits.failure?.kind, 'exited');
  assert.match(exits.payload.toString(), /Process exited unexpectedly before completing request/);
  assert.match(exits.logTail ?? '', /last words/);
  const early = await stage.instances.invoke(stage.fn({ handler: 'early' }), stage.call({ logTail: true }));
  assert.equal(early.failure?.kind, 'exited');
  assert.match(early.logTail ?? '', /cannot begin/);
});

test('memory: an instance that takes more than it may is ended, and the error says so', { skip }, async (t) => {
  const act = `
def act(headers, body):
    held = []
    while True:
        held.append(b"x" * 4_000_000)
        time.sleep(0.005)
`;
  const stage = await openRuntimeStage(t, { main: program(act) });
  const result = await stage.instances.invoke(stage.fn({ memoryMb: 128 }), stage.call());
  assert.ok(result.failure, 'it failed');
  assert.match(result.payload.toString(), /memory|MemoryError/i);
});

test('a result that is larger than the limit fails, and the program is told 200 all the same', { skip }, async (t) => {
  const stage = await openRuntimeStage(t, {
    main: program('def act(headers, body): return b"x" * int(body)'),
  });
  const invoke = (bytes: number) => stage.instances.invoke(stage.fn({ memoryMb: 512 }), stage.call({ event: Buffer.from(String(bytes)) }));
  const limit = 32 * 1024 * 1024;
  assert.equal((await invoke(limit)).payload.length, limit);
  const larger = await invoke(limit + 1);
  assert.match(larger.failure?.message ?? '', /larger than 33554432 bytes/);
  assert.equal((await invoke(1)).payload.length, 1);
});

test('what is no program for this machine is named before it is started', async (t) => {
  const elf = (machine: number) => {
    const head = Buffer.alloc(64);
    head.write('\x7fELF\x02\x01\x01', 'latin1');
    head.writeUInt16LE(2, 16);
    head.writeUInt16LE(machine, 18);
    return head;
  };
  const stage = await openRuntimeStage(t, {
    foreign: elf(process.arch === 'arm64' ? 62 : 183),
    windows: Buffer.from('MZ\x90\x00'),
    apple: Buffer.from([0xcf, 0xfa, 0xed, 0xfe]),
    text: 'package main\n',
    'folder/file': '',
  });
  const cases: Record<string, RegExp> = {
    foreign: /built for (arm64|amd64), but this machine is (amd64|arm64); rebuild it with GOOS=linux GOARCH=/,
    windows: /for Windows; rebuild/,
    apple: /for macOS; rebuild/,
    text: /no program that Linux can run/,
    folder: /is a folder/,
    missing: /no file missing in the code package/,
  };
  for (const [handler, message] of Object.entries(cases)) {
    await assert.rejects(stage.instances.invoke(stage.fn({ handler }), stage.call()), { code: 'FunctionNotStarted', message }, handler);
    await assert.rejects(stage.instances.prepare(stage.fn({ handler })), { code: 'FunctionNotStarted', message }, handler);
  }
});

test('a wrong key gets nothing, late; other paths go on', async (t) => {
  const stage = await openRuntimeStage(t, {});
  const root = `http://127.0.0.1:${stage.port}`;
  const begun = Date.now();
  const refused = await Promise.all(
    ['next', 'A1/response', 'A1/error'].map((path) =>
      fetch(`${root}/i/${'0'.repeat(64)}/2020-11-11/runtime/invocation/${path}`, path === 'next' ? {} : { method: 'POST', body: 'x' }),
    ),
  );
  assert.deepEqual(
    refused.map((reply) => reply.status),
    [403, 403, 403],
  );
  assert.ok(Date.now() - begun >= 990, 'a program that asks again at once is slowed down');
  for (const path of ['/', '/bucket/key', '/i/x', '/i/0123456789abcdef/other']) {
    assert.equal(await (await fetch(root + path)).text(), `passed on: ${path}`);
  }
});
