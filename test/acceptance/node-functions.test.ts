/** Node.js functions as their users meet them: deployed and invoked by unmodified SDKs, in the vendor's form and in that of the web. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from '@alicloud/fc20230330';
import OSS from 'ali-oss';
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
} from './harness/deploy.ts';
import { type Reply, send, start } from './harness/http.ts';
import { residentBytes } from './harness/processes.ts';
import { pathOf, queryOf, signHeaderV4 } from './harness/sign.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { reachable, root, runtimes } from './harness/toolchain.ts';

const MiB = 1 << 20;
const bucket = 'acc-node';
const key = 'notes/größe 1.txt';
const text = 'Grüße aus dem Original\n';
const own = join(root, 'test', 'acceptance', 'functions', 'node');
const file = (name: string, as = name): CodeFile => ({ name: as, data: readFileSync(join(own, name)) });

/** Where the server finds further versions of Node. */
const programs = mkdtempSync(join(tmpdir(), 'sluice-nodes-'));
chmodSync(programs, 0o755);
let sluice: Sluice;
const functions: string[] = [];
const aliases = new Map<string, string>();

interface Deployment {
  files: CodeFile[];
  handler: string;
  runtime?: string;
  settings?: Record<string, unknown>;
  /** Binds it to objects as well. */
  bound?: boolean;
}

async function deploy(name: string, { files, handler, runtime = 'nodejs24', settings = {}, bound = false }: Deployment): Promise<void> {
  await deployFunction(sluice, name, files, { settings: { runtime, handler, ...settings } });
  functions.push(name);
  if (bound) aliases.set(name, await createObjectFc(sluice, { bucket, accessPoint: 'ap-node', name, functionName: name }));
}

/** A package of node_modules with all that it needs. */
function packageFiles(name: string): CodeFile[] {
  const found = new Map<string, string>();
  const visit = (wanted: string, from: string) => {
    let at = from;
    while (!existsSync(join(at, 'node_modules', wanted, 'package.json'))) {
      if (at === root) return;
      at = dirname(at);
    }
    const folder = join(at, 'node_modules', wanted);
    if (found.has(folder)) return;
    found.set(folder, folder.slice(root.length + 1));
    const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    for (const dependency of Object.keys(dependencies)) visit(dependency, folder);
  };
  visit(name, root);
  const files = [...found].flatMap(([folder, prefix]) => filesOf(folder, `${prefix}/`));
  return [...new Map(files.filter(({ name }) => /\.(js|cjs|mjs|json)$/.test(name)).map((it) => [it.name, it])).values()];
}

before(async () => {
  for (const [major, program] of Object.entries(runtimes.tools?.node ?? {}))
    symlinkSync(reachable(program, programs), join(programs, `node${major}`));
  sluice = await startSluice({ env: { PATH: `${process.env.PATH}:${programs}` } });
  await createBucket(sluice, bucket);
  await ossDo(sluice, { method: 'PUT', bucket, key, headers: { 'content-type': 'text/plain' }, body: text });
  await createAccessPoint(sluice, bucket, 'ap-node');
  await deploy('web', { files: [file('web.ts', 'index.ts')], handler: 'index.fetch', settings: { instanceConcurrency: 8 }, bound: true });
});
after(async () => {
  await sluice.finish(async () => {
    for (const name of functions) await deleteFunction(sluice, name);
  });
  rmSync(programs, { recursive: true, force: true });
});

async function invoke(name: string, event: string): Promise<{ body: string; error: string | undefined; log: string }> {
  const runtime = {};
  const headers = new fc.InvokeFunctionHeaders({ xFcLogType: 'Tail' });
  const request = new fc.InvokeFunctionRequest({ body: Readable.from([Buffer.from(event)]) });
  const reply = await fcClient(sluice).invokeFunctionWithOptions(name, request, headers, runtime as never);
  const body = (await buffer(reply.body as Readable)).toString();
  const log = Buffer.from(reply.headers?.['x-fc-log-result'] ?? '', 'base64').toString();
  return { body, error: reply.headers?.['x-fc-error-type'], log };
}

/** A GetObject through a function. */
function through(
  name: string,
  query: Record<string, string>,
  options: { method?: string; key?: string; headers?: Record<string, string> } = {},
) {
  const request = { method: options.method ?? 'GET', bucket: aliases.get(name) as string, key: options.key ?? key, query };
  const headers = { ...signHeaderV4(request, sluice.key), ...options.headers };
  return { method: request.method, path: pathOf(request) + queryOf(query), headers };
}

function get(query: Record<string, string>, options: Parameters<typeof through>[2] = {}): Promise<Reply> {
  return send(sluice.data, through('web', query, options));
}

describe('functions in the vendor’s form, invoked by the Function Compute SDK', () => {
  for (const runtime of ['nodejs16', 'nodejs18', 'nodejs20', 'nodejs22', 'nodejs24'] as const) {
    const named = (name: string) => `${name}-${runtime}`;
    const skip = runtime === 'nodejs24' || runtime === 'nodejs20' ? false : runtimes.skip;

    test(`${runtime}: the context, and the very version`, { skip }, async () => {
      const code =
        'exports.handler = async (event, context) => ({ ...context, credentials: Object.keys(context.credentials), node: process.version });';
      await deploy(named('context'), { files: [{ name: 'index.js', data: Buffer.from(code) }], handler: 'index.handler', runtime });
      const { node, ...context } = JSON.parse((await invoke(named('context'), '')).body) as Record<string, unknown>;
      const { requestId, function: own, service, region, accountId, credentials } = context as Record<string, Record<string, unknown>>;
      assert.match(String(requestId), /^[0-9A-Za-z-]{16,}$/);
      assert.equal(own?.name, named('context'));
      assert.deepEqual([typeof service, region, accountId], ['object', 'cn-qingdao', sluice.accountId]);
      assert.deepEqual(credentials, ['accessKeyId', 'accessKeySecret', 'securityToken']);
      assert.equal(String(node).split('.')[0], `v${runtime.slice('nodejs'.length)}`);
    });

    test(`${runtime}: an initializer that fails`, { skip }, async () => {
      const code = 'exports.begin = async () => { throw new RangeError("not today"); }; exports.handler = async () => "never";';
      const settings = { instanceLifecycleConfig: { initializer: { handler: 'index.begin', timeout: 5 } } };
      await deploy(named('refuses'), {
        files: [{ name: 'index.js', data: Buffer.from(code) }],
        handler: 'index.handler',
        runtime,
        settings,
      });
      const { body, error } = await invoke(named('refuses'), '');
      const { errorMessage, errorType } = JSON.parse(body) as Record<string, string>;
      assert.deepEqual([error, errorType, errorMessage], ['UnhandledInvocationError', 'RangeError', 'not today']);
    });

    test(`${runtime}: callback, initializer, errors, exit and log lines`, { skip }, async () => {
      const settings = { instanceLifecycleConfig: { initializer: { handler: 'plain.initialize', timeout: 5 } } };
      await deploy(named('plain'), { files: [file('plain.js')], handler: 'plain.handler', runtime, settings });
      const first = await invoke(named('plain'), 'grüße');
      const { id, ...rest } = JSON.parse(first.body) as { id: string };
      assert.deepEqual([rest, first.error], [{ started: 1, text: 'grüße' }, undefined]);
      assert.match(first.log, new RegExp(`\\d{4}-\\d\\d-\\d\\dT[\\d:.]{12}Z ${id} \\[INFO\\] got 7 bytes\n`));
      const thrown = await invoke(named('plain'), 'throw');
      assert.equal(thrown.error, 'UnhandledInvocationError');
      const error = JSON.parse(thrown.body) as { errorMessage: string; errorType: string; stackTrace: string[] };
      assert.deepEqual([error.errorMessage, error.errorType, error.stackTrace[0]], ['oops', 'RangeError', 'RangeError: oops']);
      assert.match(error.stackTrace[1] ?? '', /\/code\/plain\.js:/);
      const handed = await invoke(named('plain'), 'callback-error');
      assert.deepEqual([handed.error, (JSON.parse(handed.body) as typeof error).errorMessage], ['HandledInvocationError', 'handed over']);
      const exit = await invoke(named('plain'), 'exit');
      assert.match((JSON.parse(exit.body) as typeof error).errorMessage, /^Process exited unexpectedly before completing request/);
      assert.equal((JSON.parse((await invoke(named('plain'), 'again')).body) as { started: number }).started, 1, 'a new instance');
    });

    test(`${runtime}: an empty event; preStop; a hook that is not there`, { skip }, async () => {
      const code =
        'exports.stop = async () => console.log("stopped"); exports.handler = async (event) => [Buffer.isBuffer(event), event.length];';
      const files = [{ name: 'index.js', data: Buffer.from(code) }];
      const hooks = (hook: string, handler: string) => ({ instanceLifecycleConfig: { [hook]: { handler, timeout: 5 } } });
      await deploy(named('stops'), { files, handler: 'index.handler', runtime, settings: hooks('preStop', 'index.stop') });
      assert.equal((await invoke(named('stops'), '')).body, '[true,0]');
      const logged = sluice.log.length;
      await deleteFunction(sluice, functions.pop() as string);
      for (let round = 0; round < 100 && !sluice.log.slice(logged).includes('stopped'); round++)
        await new Promise((resolve) => setTimeout(resolve, 50));
      assert.match(sluice.log.slice(logged), /\[INFO\] stopped/);
      await deploy(named('hookless'), { files, handler: 'index.handler', runtime, settings: hooks('initializer', 'index.never') });
      const missing = JSON.parse((await invoke(named('hookless'), '')).body) as { errorMessage: string; errorType: string };
      assert.equal(missing.errorType, 'HandlerNotFound');
      assert.match(missing.errorMessage, /'index\.never' was not found/);
    });

    test(`${runtime}: five at once on one instance, and each has its own lines`, { skip }, async () => {
      await deploy(named('together'), {
        files: [file('together.mjs')],
        handler: 'together.handler',
        runtime,
        settings: { instanceConcurrency: 5 },
      });
      await invoke(named('together'), 'first');
      const replies = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => invoke(named('together'), name)));
      assert.equal(Math.max(...replies.map(({ body }) => (JSON.parse(body) as { most: number }).most)), 5);
      for (const [index, { log }] of replies.entries()) {
        const lines = log.split('\n').filter((line) => line.includes(' step '));
        const name = 'abcde'[index];
        assert.deepEqual(
          lines.map((line) => line.replace(/^.*\[INFO\] /, '')),
          [1, 2, 3].map((step) => `${name} step ${step}`),
        );
      }
    });
  }

  for (const [runtime, name, code, expected] of [
    ['nodejs24', 'index.js', 'exports.handler = async (event) => "cjs " + event;', 'cjs x'],
    ['nodejs24', 'index.mjs', 'export const handler = async (event) => "esm " + event;', 'esm x'],
    ['nodejs24', 'index.ts', 'export const handler = async (event: Buffer): Promise<string> => "ts " + event;', 'ts x'],
    ['nodejs22', 'index.ts', 'export const handler = async (event: Buffer): Promise<string> => "ts " + event;', 'ts x'],
    ['nodejs22', 'index.mjs', 'export const handler = async (event) => "esm " + event;', 'esm x'],
    ['nodejs20', 'index.mjs', 'export const handler = async (event) => "esm " + event;', 'esm x'],
    ['nodejs18', 'index.mjs', 'export const handler = async (event) => "esm " + event;', 'esm x'],
    ['nodejs16', 'index.mjs', 'export const handler = async (event) => "esm " + event;', 'esm x'],
    ['nodejs16', 'index.js', 'exports.handler = (event, context, callback) => callback(null, "cjs " + event);', 'cjs x'],
  ] as const) {
    test(`${name} on ${runtime}`, async () => {
      const named = `form-${functions.length}`;
      await deploy(named, { files: [{ name, data: Buffer.from(code) }], handler: 'index.handler', runtime });
      assert.equal((await invoke(named, 'x')).body, expected);
    });
  }
});

describe('transforms in the vendor’s form', () => {
  before(() => deploy('vendor', { files: [file('vendor.js')], handler: 'vendor.callback', bound: true }));

  test('WriteGetObjectResponse as a signed POST, the original by inputOssUrl', async () => {
    const reply = await send(sluice.data, through('vendor', {}));
    assert.deepEqual([reply.status, reply.body.toString()], [200, text.toUpperCase()]);
    assert.equal(reply.headers['content-type'], 'text/plain');
  });

  test('the original by ali-oss with the credentials of the context, V1 and V4', async () => {
    await deploy('sdk', {
      files: [file('vendor.js'), ...packageFiles('ali-oss')],
      handler: 'vendor.sdk',
      settings: { timeout: 30 },
      bound: true,
    });
    for (const auth of ['v1', 'v4']) {
      const reply = await send(sluice.data, through('sdk', { bucket, key, auth }));
      assert.deepEqual([reply.status, reply.body.toString()], [200, text]);
      assert.equal(reply.headers['content-type'], 'text/x-sdk');
    }
  });
});

describe('transforms in the form of the web', () => {
  test('the original in, a Response out, in TypeScript as it stands; fetched by ali-oss', async () => {
    const alias = aliases.get('web') as string;
    const client = new OSS({
      accessKeyId: sluice.key.id,
      accessKeySecret: sluice.key.secret,
      endpoint: sluice.data.replace('127.0.0.1', 'localhost'),
      region: 'oss-cn-qingdao',
      secure: false,
      sldEnable: true,
      bucket: alias,
      // Nothing is kept open that the server would have to wait for.
      agent: new Agent({ keepAlive: false }),
    });
    const { content, res } = await client.get(key, { headers: { 'x-do': 'upper' } });
    assert.equal(content.toString(), text.toUpperCase());
    assert.equal(res.headers['content-type'], 'text/plain');
    assert.equal(res.headers['content-length'], String(Buffer.byteLength(text.toUpperCase())));
    assert.equal(res.headers.etag, '"own"');
    assert.equal(res.headers['x-oss-meta-size'], String(Buffer.byteLength(text)));
  });

  test('the request is the client’s: method, URL and headers, without secrets', async () => {
    const reply = await get({ do: 'json', w: '1 2' }, { headers: { 'x-own': 'seen', cookie: 'secret' } });
    const seen = JSON.parse(reply.body.toString()) as { method: string; url: string; own: string; cookie: unknown; id: string };
    assert.deepEqual([seen.method, seen.own, seen.cookie, seen.id], ['GET', 'seen', null, reply.headers['x-oss-request-id']]);
    assert.deepEqual(
      [...new URL(seen.url).searchParams],
      [
        ['do', 'json'],
        ['w', '1 2'],
      ],
    );
  });

  test('HEAD has the length of the body that GET has; empty bodies, redirects and 304 arrive as they are', async () => {
    const head = await get({ do: 'upper' }, { method: 'HEAD' });
    assert.deepEqual(
      [head.status, head.headers['content-length'], head.body.length],
      [200, String(Buffer.byteLength(text.toUpperCase())), 0],
    );
    const passed = await get({ do: 'pass' }, { method: 'HEAD' });
    assert.deepEqual([passed.status, passed.headers['content-length']], [200, String(Buffer.byteLength(text))]);
    const empty = await get({ do: 'empty' });
    assert.deepEqual([empty.status, empty.headers['content-length'], empty.headers['content-type']], [200, '0', 'text/x-empty']);
    const redirect = await get({ do: 'redirect' });
    assert.deepEqual([redirect.status, redirect.headers.location], [302, 'http://example.com/there']);
    assert.equal((await get({ do: 'status', code: '304' })).status, 304);
    assert.deepEqual([(await get({ do: 'status', code: '404' })).code], ['NoSuchKey']);
  });

  test('ranges: the client’s are the function’s affair, who may read a part', async () => {
    const whole = await get({ do: 'upper' }, { headers: { range: 'bytes=0-3' } });
    assert.deepEqual([whole.status, whole.body.toString()], [200, text.toUpperCase()]);
    const part = await get({ do: 'part' }, { headers: { range: 'bytes=0-2' } });
    assert.deepEqual([part.status, part.headers['content-length']], [206, '3']);
    assert.deepEqual(part.body, Buffer.from(text).subarray(0, 3));
    assert.equal(part.headers['content-range'], `bytes 0-2/${Buffer.byteLength(text)}`);
    const missing = await get({ do: 'pass' }, { key: 'never/was' });
    assert.deepEqual([missing.status, missing.code], [404, 'NoSuchKey']);
  });

  test('64 MiB pass through with flat memory, byte for byte', async (t) => {
    const large = Buffer.alloc(64 * MiB);
    for (let at = 0; at < large.length; at += 4096) large.writeUInt32LE(at, at);
    await ossDo(sluice, { method: 'PUT', bucket, key: 'large.bin', body: large });
    const once = () => send(sluice.data, through('web', { do: 'pass' }, { key: 'large.bin' }));
    await once();
    const before = residentBytes(sluice.pid);
    let peak = before;
    const timer = setInterval(() => {
      peak = Math.max(peak, residentBytes(sluice.pid));
    }, 10);
    for (let round = 0; round < 3; round++) {
      const reply = await once();
      assert.ok(reply.body.equals(large), 'every byte in its place');
      assert.equal(reply.headers['content-length'], String(large.length));
    }
    clearInterval(timer);
    t.diagnostic(`resident MiB: ${Math.round(before / MiB)} before, ${Math.round(peak / MiB)} at most`);
    assert.ok(peak - before < 48 * MiB, `three times 64 MiB took ${Math.round((peak - before) / MiB)} MiB`);
  });

  test('a slow client slows the function, once buffer and file are full', async () => {
    const response = await start(sluice.data, through('web', { do: 'endless' }));
    response.once('error', () => {});
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const early = Number((await get({ do: 'made' })).body.toString());
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.ok(early < 256 * MiB, `the function had made ${early / MiB} MiB for a client that read nothing`);
    response.destroy();
    await sluice.quiet();
  });

  test('an error midway breaks the connection; before the first byte it is an error of the function', async () => {
    const broken = through('web', { do: 'midway' });
    await assert.rejects(send(sluice.data, broken), /aborted|ECONNRESET|socket hang up/);
    for (const [action, message] of [
      ['early', /no byte was sent/],
      ['throws', /RangeError: before any answer/],
      ['text', /returned not a Response instead of a Response/],
    ] as const) {
      const reply = await get({ do: action });
      assert.deepEqual([reply.status, reply.code], [500, 'FunctionInvocationError'], action);
      assert.match(reply.body.toString(), message);
    }
    const status = await get({ do: 'status', code: '418' });
    assert.equal(status.status, 500);
    assert.match(status.body.toString(), /The status of the Response must be one of 200/);
    await sluice.quiet();
  });
});

describe('the examples', () => {
  test('gunzip', async () => {
    const plain = 'line\n'.repeat(100_000);
    await ossDo(sluice, { method: 'PUT', bucket, key: 'log.gz', body: gzipSync(plain) });
    await deploy('gunzip', { files: filesOf(join(root, 'examples', 'nodejs', 'gunzip')), handler: 'index.fetch', bound: true });
    const reply = await send(sluice.data, through('gunzip', {}, { key: 'log.gz' }));
    assert.deepEqual([reply.status, reply.headers['content-type']], [200, 'text/plain; charset=utf-8']);
    assert.ok(reply.body.equals(Buffer.from(plain)));
    assert.equal((await send(sluice.data, through('gunzip', {}, { key: 'none.gz' }))).status, 404);
  });

  test('markdown', async () => {
    const body = '# Title\n\nSome *text* & `<code>`.\n\n- one\n- [two](https://example.com/)\n\n```js\nif (a < b) {}\n```\n';
    await ossDo(sluice, { method: 'PUT', bucket, key: 'page.md', body });
    await deploy('markdown', { files: filesOf(join(root, 'examples', 'nodejs', 'markdown')), handler: 'index.fetch', bound: true });
    const reply = await send(sluice.data, through('markdown', {}, { key: 'page.md' }));
    assert.equal(reply.headers['content-type'], 'text/html; charset=utf-8');
    assert.equal(
      reply.body.toString(),
      [
        '<!doctype html>\n<meta charset="utf-8">\n<title>page.md</title>\n<h1>Title</h1>',
        '<p>Some <em>text</em> &amp; <code>&lt;code></code>.</p>',
        '<ul><li>one</li><li><a href="https://example.com/">two</a></li></ul>',
        '<pre>if (a &lt; b) {}\n</pre>\n',
      ].join('\n'),
    );
  });
});
