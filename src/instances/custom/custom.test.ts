import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FunctionVersion } from '../../functions/index.ts';
import { isRoot, json, openStage, type Stage, until } from '../fixture.ts';
import { findInterpreter } from '../index.ts';

const python = (await findInterpreter({ dropPrivileges: isRoot }))?.path;
const skip = python || process.env.CI === 'true' ? false : 'no Python 3.9 or newer was found';

/** A server as a user writes one; `act(self, body)` answers POST /invoke with (status, headers, body). */
const serve = (act: string, port = 'int(os.environ["FC_SERVER_PORT"])') => `#!${python} -ISB
import http.server, json, os, sys, threading, time
seen = []
${act}
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        seen.append(self.command + " " + self.path)
        status, headers, out = act(self, body)
        self.send_response(status)
        for name, value in headers.items(): self.send_header(name, value)
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)
    do_GET = do_POST = answer
if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("0.0.0.0", ${port}), Handler).serve_forever()
`;

const echo = serve(`
def act(request, body):
    about = {name.lower(): value for name, value in request.headers.items()}
    return 200, {}, json.dumps({"headers": about, "body": body.decode("latin1"), "seen": seen, "folder": os.getcwd(), "pid": os.getpid()}).encode()
`);

async function stageOf(t: Parameters<typeof openStage>[0], files: Record<string, string>): Promise<Stage> {
  const stage = await openStage(t, files);
  for (const name of Object.keys(files)) await chmod(join(stage.folder, 'code', name), 0o755);
  return stage;
}

type Custom = NonNullable<FunctionVersion['custom']>;

function custom(changes: Partial<Custom> = {}, more: Partial<FunctionVersion> = {}): Partial<FunctionVersion> {
  const revision = JSON.stringify([changes, more]);
  return { runtime: 'custom', handler: 'none', revision, custom: { command: [], port: 9000, ...changes }, ...more };
}

test('bootstrap is started, and each event is POST /invoke with the headers of the contract', { skip }, async (t) => {
  const stage = await stageOf(t, { bootstrap: echo });
  const event = Buffer.from([0, 255, 10, 13]);
  const result = await stage.instances.invoke(stage.fn(custom({}, { logStore: 'store' })), stage.call({ event, requestId: 'ID1' }));
  assert.equal(result.failure, undefined, result.payload.toString());
  const { headers, body, seen, folder } = json(result) as { headers: Record<string, string>; body: string; seen: string[]; folder: string };
  assert.deepEqual(seen, ['POST /invoke']);
  assert.equal(body, event.toString('latin1'));
  assert.match(folder, /code$/);
  const expected: Record<string, string> = {
    'content-type': 'application/octet-stream',
    'content-length': '4',
    'x-fc-request-id': 'ID1',
    'x-fc-control-path': '/invoke',
    'x-fc-access-key-id': 'STS.call',
    'x-fc-access-key-secret': 'call-secret-value',
    'x-fc-security-token': 'call-token-value',
    'x-fc-function-name': 'resize',
    'x-fc-function-handler': 'none',
    'x-fc-function-memory': '256',
    'x-fc-function-timeout': '10',
    'x-fc-region': 'cn-qingdao',
    'x-fc-account-id': '1234567890123456',
    'x-fc-qualifier': 'LATEST',
    'x-fc-version-id': 'LATEST',
    'x-fc-service-logstore': 'store',
    'x-fc-retry-count': '0',
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(headers[name], value, name);
});

test('a command starts the program; arguments below /code lead to the code', { skip }, async (t) => {
  const stage = await stageOf(t, { 'app/server.py': echo });
  const result = await stage.instances.invoke(stage.fn(custom({ command: [python as string, '/code/app/server.py'] })), stage.call());
  assert.equal(result.failure, undefined, result.payload.toString());
});

test('instances have ports of their own, and calls at once go where there is room', { skip }, async (t) => {
  const stage = await stageOf(t, {
    bootstrap: serve('def act(r, body):\n    time.sleep(0.3)\n    return 200, {}, str(os.getpid()).encode()'),
  });
  const many = async (instanceConcurrency: number, maxInstances: number, calls: number) => {
    const fn = stage.fn(custom({}, { instanceConcurrency, maxInstances }));
    const results = await Promise.all(Array.from({ length: calls }, () => stage.instances.invoke(fn, stage.call())));
    assert.deepEqual(
      results.filter((result) => result.failure),
      [],
    );
    return new Set(results.map((result) => result.instanceId)).size;
  };
  assert.equal(await many(5, 1, 5), 1);
  assert.ok((await many(1, 3, 9)) > 1, 'several instances');
});

test('a function that listens on its configured port all the same gets one instance, and the log says so', { skip }, async (t) => {
  const port = 30_000 + (process.pid % 2_000);
  const stage = await stageOf(t, {
    bootstrap: serve('def act(r, body):\n    time.sleep(0.05)\n    return 200, {}, str(os.getpid()).encode()', `${port}`),
  });
  const fn = stage.fn(custom({ port }));
  const results = await Promise.all(Array.from({ length: 8 }, () => stage.instances.invoke(fn, stage.call())));
  assert.deepEqual(
    results.map((result) => result.failure),
    Array(8).fill(undefined),
    results[0]?.payload.toString(),
  );
  assert.equal(new Set(results.map((result) => result.payload.toString())).size, 1);
  assert.ok(
    stage.notes.some((note) => note.includes(`listens on port ${port} whatever it is told`)),
    stage.notes.join(),
  );
  await until(() => stage.lines.some(({ line }) => line.includes('one instance only')), 'the line that says why');
  // The next revision waits until the port is free.
  const next = await stage.instances.invoke({ ...fn, revision: 'next' }, stage.call());
  assert.equal(next.failure, undefined, next.payload.toString());
});

test('a port that another program listens on is never taken for the function’s', { skip }, async (t) => {
  let requests = 0;
  const other = createServer((_req, res) => {
    requests++;
    res.end();
  }).listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  const stage = await stageOf(t, {
    bootstrap: `#!/bin/sh\nexec sleep 60\n`,
    slow: `#!/bin/sh\nsleep 1\nexec ${python} -ISB server.py\n`,
    'server.py': echo,
  });
  const result = await stage.instances.invoke(stage.fn(custom({ command: ['./slow'], port })), stage.call());
  assert.equal(result.failure, undefined, 'found on its own port');
  const silent = stage.instances.invoke(stage.fn(custom({ port })), stage.call({ deadline: Date.now() + 1_500 }));
  await assert.rejects(silent, { code: 'ResourceExhausted' });
  assert.equal(requests, 0);
});

test('failure: a status that is not 2xx, or x-fc-status', { skip }, async (t) => {
  const act = `
def act(request, body):
    order = json.loads(body)
    return order["status"], order["headers"], order["body"].encode()
`;
  const stage = await stageOf(t, { bootstrap: serve(act) });
  const ask = (status: number, headers: object, body: string) =>
    stage.instances.invoke(stage.fn(custom()), stage.call({ event: Buffer.from(JSON.stringify({ status, headers, body })) }));
  assert.equal((await ask(200, {}, 'a')).failure, undefined);
  assert.equal((await ask(201, { 'x-fc-status': '200' }, 'a')).payload.toString(), 'a');
  const own = await ask(200, { 'x-fc-status': '404' }, '{"errorMessage":"no such cat"}');
  assert.deepEqual(own.failure, { kind: 'raised', errorType: 'UnhandledInvocationError', message: 'no such cat' });
  assert.equal(own.payload.toString(), '{"errorMessage":"no such cat"}');
  const bare = await ask(404, {}, '');
  assert.match(bare.payload.toString(), /answered POST \/invoke with status 404/);
  const moved = await ask(302, { location: 'http://127.0.0.1:1/' }, '');
  assert.match(moved.failure?.message ?? '', /status 302/, 'a redirect is not followed');
});

test('hooks: /initialize before the first event, /pre-stop before the end', { skip }, async (t) => {
  const act = `
def act(request, body):
    if request.path == "/initialize": print("initialising", request.headers["x-fc-request-id"], flush=True)
    if request.path == "/pre-stop": print("stopping", flush=True)
    if request.path == "/initialize" and "FAIL" in os.environ: return 500, {}, b'{"errorMessage":"no model"}'
    return 200, {}, json.dumps(seen).encode()
`;
  const stage = await stageOf(t, { bootstrap: serve(act) });
  const hooks = { initializer: { handler: 'x', timeoutMs: 3_000 }, preStop: { handler: 'x', timeoutMs: 3_000 } };
  const fn = stage.fn(custom({}, hooks));
  const result = await stage.instances.invoke(fn, stage.call({ requestId: 'FIRST' }));
  assert.deepEqual(json(result), ['POST /initialize', 'POST /invoke']);
  await until(() => stage.lines.some(({ request, line }) => request === 'FIRST' && line === 'initialising FIRST'), 'its output');
  await stage.instances.retire('resize');
  await until(() => stage.lines.some(({ line }) => line === 'stopping'), 'the line of preStop');
  const failed = await stage.instances.invoke(stage.fn(custom({}, { ...hooks, env: { FAIL: '1' } })), stage.call());
  assert.equal(failed.failure?.kind, 'initializer');
  assert.match(failed.payload.toString(), /no model/);
});

test('health check: waited for, and its failure told', { skip }, async (t) => {
  const act = `
checks = []
def act(request, body):
    if request.path == "/healthz":
        checks.append(1)
        return 200 if len(checks) > 1 and "SICK" not in os.environ else 503, {}, b""
    return 200, {}, json.dumps(seen).encode()
`;
  const stage = await stageOf(t, { bootstrap: serve(act) });
  const healthCheck = { path: '/healthz', initialDelayMs: 0, periodMs: 100, timeoutMs: 1_000, failureThreshold: 10, successThreshold: 2 };
  const result = await stage.instances.invoke(stage.fn(custom({ healthCheck })), stage.call());
  const seen = json(result) as unknown as string[];
  assert.ok(seen.filter((line) => line === 'GET /healthz').length >= 3, seen.join());
  const sick = stage.fn(custom({ healthCheck: { ...healthCheck, failureThreshold: 2 } }, { env: { SICK: '1' } }));
  const failed = await stage.instances.invoke(sick, stage.call());
  assert.match(failed.failure?.message ?? '', /not healthy: GET \/healthz failed 2 times in a row/);
});

test('what goes wrong is named, with what to do', { skip }, async (t) => {
  const act = `
def act(request, body):
    if body == b"exit": os._exit(7)
    if body == b"sleep": time.sleep(60)
    if body == b"close": request.connection.shutdown(2)
    return 200, {}, b"fine"
`;
  const stage = await stageOf(t, {
    bootstrap: serve(act),
    early: '#!/bin/sh\necho no port for me >&2\nexit 3\n',
    bare: 'echo hello\n',
    windows: '#!/bin/sh\r\nexit 0\r\n',
    'data.txt': 'x',
  });
  const ask = (event: string, changes: Partial<FunctionVersion> = {}) =>
    stage.instances.invoke(stage.fn({ ...custom(), ...changes }), stage.call({ event: Buffer.from(event), logTail: true }));
  const exit = await ask('exit');
  assert.equal(exit.failure?.kind, 'exited');
  assert.match(exit.payload.toString(), /Process exited unexpectedly.*"CAExited"/);
  const sleep = await ask('sleep', { timeoutMs: 400, revision: 'short' });
  assert.equal(sleep.failure?.kind, 'timeout');
  const close = await ask('close');
  assert.match(close.payload.toString(), /not called again, because it may have acted already.*"CAExited"/);
  const early = await ask('', custom({ command: ['./early'] }));
  assert.match(early.payload.toString(), /has to keep running and listen on 0\.0\.0\.0:\$FC_SERVER_PORT/);
  assert.match(early.logTail ?? '', /no port for me/);
  for (const [name, message] of [
    ['./bare', /no program that Linux can run; build it for GOOS=linux GOARCH=\w+, or begin a script with a line such as #!\/bin\/sh/],
    ['./windows', /Windows line ends/],
    ['./missing', /no program \.\/missing in the code package/],
    ['/nowhere/program', /nowhere|could not be started|exited/],
  ] as const) {
    const end = await ask('', custom({ command: [name] })).then(
      (result) => result.payload.toString(),
      (error: Error) => error.message,
    );
    assert.match(end, message, name);
  }
});

test('output belongs to the request, without secrets', { skip }, async (t) => {
  const act = `
def act(request, body):
    print("FC Invoke Start RequestId: " + request.headers["x-fc-request-id"])
    print("working on", request.headers["x-fc-request-id"], request.headers["x-fc-security-token"], flush=True)
    return 200, {}, b""
`;
  const stage = await stageOf(t, { bootstrap: serve(act) });
  const fn = stage.fn(custom());
  for (const requestId of ['A1', 'B2', 'C3']) {
    const { logTail } = await stage.instances.invoke(fn, stage.call({ requestId, logTail: true }));
    assert.match(logTail ?? '', new RegExp(`^FC Invoke Start RequestId: ${requestId}\nworking on ${requestId} \\*\\*\\*\nFC Invoke End`));
  }
});

test('a wall that was built ahead goes with the function, however soon', { skip }, async (t) => {
  const stage = await stageOf(t, { bootstrap: echo });
  const left = () =>
    readdirSync('/proc').filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(stage.runDir);
      } catch {
        return false;
      }
    });
  await stage.instances.prepare(stage.fn(custom()));
  await until(() => left().length > 0, 'it is built');
  await stage.instances.close();
  await until(() => left().length === 0, 'nothing is left');
});
