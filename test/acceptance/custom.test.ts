/**
 * Functions that are HTTP servers: custom runtimes that the server starts, and functions that run elsewhere and are reached by URL. Both answer
 * GetObject by WriteGetObjectResponse; the URL of one that is not allowed is never asked.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import {
  type CodeFile,
  createAccessPoint,
  createBucket,
  createObjectFc,
  deleteFunction,
  deployFunction,
  filesOf,
  ossDo,
} from './harness/deploy.ts';
import { send } from './harness/http.ts';
import { invoke } from './harness/invoke.ts';
import { pathOf, queryOf, signHeaderV4 } from './harness/sign.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { python, root } from './harness/toolchain.ts';

const bucket = 'acc-custom';
const key = 'letters/plain.txt';
const text = 'the original letter';
const server = join(root, 'test', 'acceptance', 'functions', 'http', 'server.mjs');
const functions: string[] = [];
let sluice: Sluice;
let elsewhere: { child: ChildProcess; url: string };
let forbidden: { url: string; requests: number; close: () => void };

/** A Node.js that functions, which run as other users, can run too. */
const node = ['/usr/local/bin/node', '/usr/bin/node'].find((path) => existsSync(path));
const skip = node || process.env.CI === 'true' ? false : 'no Node.js that functions could use was found in /usr';

before(async () => {
  elsewhere = await startElsewhere();
  forbidden = await startForbidden();
  sluice = await startSluice({ env: { SLUICE_OUTGOING_ALLOW: new URL(elsewhere.url).host } });
  await createBucket(sluice, bucket);
  await ossDo(sluice, { method: 'PUT', bucket, key, headers: { 'content-type': 'text/plain' }, body: text });
  await createAccessPoint(sluice, bucket, 'ap-custom');
});
after(async () => {
  try {
    await sluice.finish(async () => {
      for (const name of functions) await deleteFunction(sluice, name);
      // Its connections to the functions listener are its own to keep.
      elsewhere.child.kill();
    });
  } finally {
    elsewhere.child.kill();
    forbidden.close();
  }
});

/** The function that runs on "another machine": a process of the test. */
async function startElsewhere() {
  const child = spawn(process.execPath, [server], { env: { ...process.env, FC_SERVER_PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /^listening (\d+)$/.exec(line)?.[1];
    if (port) {
      child.stdout.resume();
      return { child, url: `http://127.0.0.1:${port}` };
    }
  }
  throw new Error('the other server did not start');
}

/** A server of this machine that no function may be made to reach. */
async function startForbidden() {
  const server = createServer((_request, response) => {
    about.requests += 1;
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const about = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests: 0, close: () => server.close() };
  return about;
}

async function deploy(name: string, files: CodeFile[], settings: Record<string, unknown>): Promise<void> {
  await deployFunction(sluice, name, files, { timeout: 20, settings: { handler: 'index.handler', ...settings } });
  functions.push(name);
}

const script: CodeFile = { name: 'server.mjs', data: readFileSync(server) };
const file = (name: string, data: string, mode = 0o755): CodeFile => ({ name, data: Buffer.from(data), mode });

async function through(
  functionName: string,
  query: Record<string, string> = {},
  name = functionName,
): Promise<Awaited<ReturnType<typeof send>>> {
  const alias = await createObjectFc(sluice, { bucket, accessPoint: 'ap-custom', name, functionName });
  const request = { method: 'GET', bucket: alias, key, query };
  return send(sluice.data, { path: pathOf(request) + queryOf(query), headers: signHeaderV4(request, sluice.key) });
}

describe('custom runtime', { skip }, () => {
  test('bootstrap, without its mode bits, answers GetObject', async () => {
    await deploy('custom-bootstrap', [script, file('bootstrap', `#!/bin/sh\nexec ${node} server.mjs\n`, 0o644)], {
      runtime: 'custom.debian12',
    });
    const reply = await through('custom-bootstrap');
    assert.equal(reply.status, 200, reply.body.toString());
    assert.equal(reply.body.toString(), `HTTP saw: ${text}`);
    assert.equal(reply.headers['content-type'], 'text/plain');
  });

  test('command and arguments, hooks, headers, log, failure and exit', async () => {
    const hook = { handler: 'index.hook', timeout: 5 };
    await deploy('custom-command', [script], {
      runtime: 'custom',
      customRuntimeConfig: { command: [node], args: ['server.mjs'], port: 8080 },
      instanceLifecycleConfig: { initializer: hook, preStop: hook },
      instanceConcurrency: 1,
    });
    const headers = await invoke(sluice, 'custom-command', 'headers');
    const sent = JSON.parse(headers.body) as Record<string, string>;
    assert.equal(sent['x-fc-request-id'], headers.requestId);
    assert.match(sent['x-fc-access-key-id'] ?? '', /^STS\./);
    assert.equal(sent['x-fc-control-path'], '/invoke');
    assert.match(headers.log, new RegExp(`obeying headers for ${headers.requestId}`));
    assert.deepEqual(JSON.parse((await invoke(sluice, 'custom-command', 'seen')).body), [
      'POST /initialize /initialize',
      'POST /invoke /invoke',
      'POST /invoke /invoke',
    ]);
    const failed = await invoke(sluice, 'custom-command', 'fail');
    assert.equal(failed.error, 'UnhandledInvocationError');
    assert.equal(JSON.parse(failed.body).errorMessage, 'fail');
    const exit = await invoke(sluice, 'custom-command', 'exit');
    assert.match(exit.body, /Process exited unexpectedly.*CAExited/);
    assert.equal((await invoke(sluice, 'custom-command', 'again')).error, undefined, 'another instance serves');
    const logged = sluice.log.length;
    await deleteFunction(sluice, functions.pop() as string);
    for (let round = 0; round < 100 && !sluice.log.slice(logged).includes('hook /pre-stop'); round++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    assert.match(sluice.log.slice(logged), /hook \/pre-stop/);
  });

  test('an empty event; a server without the hooks is fine unless the function has an initializer', async () => {
    const source = `require('node:http').createServer((request, response) => {
      let length = 0;
      request.on('data', (chunk) => { length += chunk.length; });
      request.on('end', () => response.writeHead(request.url === '/invoke' ? 200 : 404).end(request.url + ' ' + length));
    }).listen(Number(process.env.FC_SERVER_PORT), '0.0.0.0');`;
    const settings = { runtime: 'custom.debian10', customRuntimeConfig: { command: [node], args: ['bare.cjs'], port: 9000 } };
    const hook = { handler: 'index.hook', timeout: 5 };
    await deploy('custom-bare', [file('bare.cjs', source)], { ...settings, instanceLifecycleConfig: { preStop: hook } });
    assert.equal((await invoke(sluice, 'custom-bare', '')).body, '/invoke 0');
    await deploy('custom-hookless', [file('bare.cjs', source)], { ...settings, instanceLifecycleConfig: { initializer: hook } });
    const failed = await invoke(sluice, 'custom-hookless', '');
    assert.deepEqual([failed.error, failed.body], ['UnhandledInvocationError', '/initialize 0']);
  });

  test('the original by oss2 with the credentials of the headers, V1 and V4', { skip: python.skip }, async () => {
    const source = `
import http.server, json, os, urllib.parse
import oss2
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        waiting, url = event["getObjectContext"], urllib.parse.urlsplit(event["userRequest"]["url"])
        query = dict(urllib.parse.parse_qsl(url.query))
        keys = [self.headers["x-fc-" + name] for name in ("access-key-id", "access-key-secret", "security-token")]
        auth, route = oss2.StsAuth(*keys, auth_version=query["auth"]), waiting["outputRoute"]
        body = oss2.Bucket(auth, route, query["bucket"], region="cn-qingdao").get_object(query["key"]).read()
        oss2.Service(auth, route, region="cn-qingdao").write_get_object_response(route, waiting["outputToken"], "200", body, {})
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer(("0.0.0.0", int(os.environ["FC_SERVER_PORT"])), Handler).serve_forever()
`;
    const files = [file('server.py', source), ...filesOf(python.tools?.oss2.newest as string)];
    // Without the packages of the machine, which need not go with those that the function brings.
    const command = [python.tools?.interpreter, '-S', 'server.py'];
    await deploy('custom-sdk', files, { runtime: 'custom.debian11', customRuntimeConfig: { command, port: 9000 } });
    for (const auth of ['v1', 'v4']) {
      const reply = await through('custom-sdk', { auth, bucket, key }, `custom-sdk-${auth}`);
      assert.deepEqual([reply.status, reply.body.toString()], [200, text]);
    }
  });

  test('a package without a program says what is missing', async () => {
    await deploy('custom-empty', [script], { runtime: 'custom' });
    await assert.rejects(invoke(sluice, 'custom-empty', '{}'), /no program bootstrap in the code package/);
  });
});

describe('a function that runs elsewhere', () => {
  const image = (url: string) => ({ runtime: 'custom-container', customContainerConfig: { image: url } });

  test('answers GetObject and InvokeFunction', async () => {
    await deploy('far', [], image(elsewhere.url));
    const reply = await through('far');
    assert.equal(reply.status, 200, reply.body.toString());
    assert.equal(reply.body.toString(), `HTTP saw: ${text}`);
    const failed = await invoke(sluice, 'far', 'fail');
    assert.deepEqual([failed.error, JSON.parse(failed.body).errorMessage], ['UnhandledInvocationError', 'fail']);
    const redirected = await invoke(sluice, 'far', 'redirect');
    assert.equal(redirected.error, 'UnhandledInvocationError', 'a redirect is not followed');
  });

  test('is not asked unless it is allowed', async () => {
    const port = new URL(forbidden.url).port;
    const urls = [
      forbidden.url,
      `http://localhost:${port}/`,
      `http://[::1]:${port}/`,
      'http://169.254.169.254/latest/meta-data/',
      sluice.control,
    ];
    for (const [index, url] of urls.entries()) {
      await deploy(`denied-${index}`, [], image(url)).then(
        () => assert.rejects(invoke(sluice, `denied-${index}`, '{}'), /may not make requests to .*outgoing\.allow/s),
        (error: Error) => assert.match(error.message, /outgoing\.allow/),
      );
    }
    assert.equal(forbidden.requests, 0);
  });
});
