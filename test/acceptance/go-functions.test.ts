/**
 * Go functions as the vendor's users build them: unmodified programs linked with three versions of fc-runtime-go-sdk, deployed and invoked with
 * the vendor's Function Compute SDK; transforms that answer with the OSS SDK for Go; the vendor document's Go function as it stands, built with the
 * newest aliyun-oss-go-sdk, when SLUICE_VENDOR_DOC names the document.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ZipFile } from 'yazl';
import {
  type CodeFile,
  createAccessPoint,
  createBucket,
  createObjectFc,
  deleteFunction,
  deployFunction,
  fcClient,
  ossDo,
} from './harness/deploy.ts';
import { send } from './harness/http.ts';
import { invoke } from './harness/invoke.ts';
import { assertSolidPng } from './harness/png.ts';
import { descendants } from './harness/processes.ts';
import { pathOf, queryOf, signHeaderV4 } from './harness/sign.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { go, root } from './harness/toolchain.ts';

const bucket = 'acc-go';
const key = 'letters/plain.txt';
const text = 'the original letter';
const functions: string[] = [];
let sluice: Sluice;

before(async () => {
  sluice = await startSluice();
  await createBucket(sluice, bucket);
  await ossDo(sluice, { method: 'PUT', bucket, key, headers: { 'content-type': 'text/plain' }, body: text });
  await createAccessPoint(sluice, bucket, 'ap-go');
});
after(() =>
  sluice.finish(async () => {
    for (const name of functions) await deleteFunction(sluice, name);
  }),
);

type Program = keyof NonNullable<typeof go.tools>['functions'];

function program(name: Program): Buffer {
  return readFileSync(go.tools?.functions[name] as string);
}

interface Deploy {
  handler?: string;
  mode?: number;
  settings?: Record<string, unknown>;
  environment?: Record<string, string>;
  timeout?: number;
  memorySize?: number;
}

async function deploy(name: string, data: Buffer, options: Deploy = {}): Promise<void> {
  const { handler = 'main', mode = 0o755, settings, ...rest } = options;
  const files: CodeFile[] = [{ name: handler, data, mode }];
  await deployFunction(sluice, name, files, { ...rest, settings: { runtime: 'go1', handler, ...settings } });
  functions.push(name);
}

const json = (body: string) => JSON.parse(body) as Record<string, unknown>;

describe('programs linked with fc-runtime-go-sdk', { skip: go.skip }, () => {
  for (const version of ['0.0.2', '0.2.11', '0.3.1'] as const) {
    const name = `acts-${version.replaceAll('.', '-')}`;

    test(`${version}: context, surroundings, log`, async () => {
      await deploy(name, program(`acts-${version}`), { handler: 'bin/main', environment: { OWN: 'value' }, timeout: 30 });
      const { body, error, requestId, log } = await invoke(sluice, name, '{"do":"context"}');
      assert.equal(error, undefined, body);
      const context = json(body) as {
        requestId: string;
        credentials: Record<string, string>;
        function: Record<string, unknown>;
        service: Record<string, string>;
        region: string;
        account: string;
        remaining: number;
      };
      assert.equal(context.requestId, requestId);
      assert.match(context.credentials.AccessKeyId ?? '', /^STS\./);
      assert.ok((context.credentials.SecurityToken ?? '').length > 50);
      const about = Object.fromEntries(Object.entries(context.function).map(([field, value]) => [field.toLowerCase(), value]));
      assert.deepEqual(about, { name, handler: 'bin/main', memory: '512', timeout: 30 });
      assert.deepEqual([context.region, context.account], ['cn-qingdao', sluice.accountId]);
      assert.ok(context.remaining > 25_000 && context.remaining <= 30_000, `${context.remaining} ms remain`);
      const lines = log.split('\n');
      assert.equal(lines.filter((line) => line === `FC Invoke Start RequestId: ${requestId}`).length, 1, log);
      assert.equal(lines.filter((line) => line === `FC Invoke End RequestId: ${requestId}`).length, 1, log);
      const around = json((await invoke(sluice, name, '{"do":"surroundings"}')).body) as {
        folder: string;
        environment: Record<string, string>;
      };
      assert.equal(around.environment.OWN, 'value');
      assert.equal(around.environment.FC_FUNC_CODE_PATH, around.folder);
      assert.equal(around.environment.SLUICE_ACCESS_KEY_SECRET, undefined);
    });

    test(`${version}: an error, a panic and an exit`, async () => {
      const error = await invoke(sluice, name, '{"do":"error","text":"no such cat"}');
      assert.equal(error.error, 'UnhandledInvocationError');
      assert.deepEqual(json(error.body), { errorMessage: 'no such cat', errorType: 'errorString' });
      const panic = await invoke(sluice, name, '{"do":"panic","text":"all is lost"}');
      const { errorMessage, errorType, stackTrace } = json(panic.body) as {
        errorMessage: string;
        errorType: string;
        stackTrace: { label: string }[];
      };
      assert.deepEqual([errorMessage, errorType], ['all is lost', 'string']);
      assert.ok(stackTrace.some(({ label }) => label === 'act'));
      assert.match(panic.log, /\[ERROR\]/, 'what the SDK writes to stderr is in the log');
      assert.match(panic.log, /FC Invoke End RequestId: \S+, Error: Unhandled function error/);
      const exit = await invoke(sluice, name, '{"do":"exit"}');
      assert.match(String(json(exit.body).errorMessage), /^Process exited unexpectedly before completing request/);
      assert.equal((await invoke(sluice, name, '{"do":"other"}')).error, undefined, 'another instance serves');
    });

    test(`${version}: an empty event, into bytes and into a struct, and no result`, async () => {
      await deploy(`${name}-bytes`, program(`acts-${version}`), { handler: 'bytes' });
      const bytes = await invoke(sluice, `${name}-bytes`, '');
      // Before v0.1 the SDK takes bytes for JSON.
      if (version !== '0.0.2') assert.equal(bytes.body, '"0 bytes"');
      else assert.equal(json(bytes.body).errorMessage, 'unexpected end of JSON input');
      await deploy(`${name}-typed`, program(`acts-${version}`), { handler: 'typed' });
      assert.equal((await invoke(sluice, `${name}-typed`, '{"name":"Go"}')).body, '"hello Go"');
      assert.deepEqual(json((await invoke(sluice, `${name}-typed`, '')).body), {
        errorMessage: 'unexpected end of JSON input',
        errorType: 'SyntaxError',
      });
      await deploy(`${name}-quiet`, program(`acts-${version}`), { handler: 'quiet' });
      const quiet = await invoke(sluice, `${name}-quiet`, '{}');
      assert.deepEqual([quiet.body, quiet.error], ['null', undefined]);
    });

    test(`${version}: initializer and preStop, and hooks that the program does not have`, async () => {
      const hook = { handler: 'x', timeout: 5 };
      const both = { instanceLifecycleConfig: { initializer: hook, preStop: hook } };
      // v0.0 numbers the hooks otherwise, and takes what is registered as preStop for the initializer: its complaint keeps nothing up.
      const handler = version === '0.0.2' ? 'initializer' : 'initializer-prestop';
      await deploy(`${name}-hooks`, program(`acts-${version}`), { handler, settings: both });
      const first = json((await invoke(sluice, `${name}-hooks`, '{"do":"context"}')).body);
      const second = json((await invoke(sluice, `${name}-hooks`, '{"do":"context"}')).body);
      assert.deepEqual([first.initialised, second.initialised], [1, 1]);
      const logged = sluice.log.length;
      await deleteFunction(sluice, functions.pop() as string);
      const last = version === '0.0.2' ? 'no prefreeze handler registered' : 'preStop ran';
      await until(() => sluice.log.slice(logged).includes(last), `the hook ran before the end: ${last}`);
      await deploy(`${name}-fails`, program(`acts-${version}`), {
        handler: 'initializer',
        settings: { instanceLifecycleConfig: { initializer: hook } },
        environment: { FAIL_INITIALIZER: 'yes' },
      });
      const failed = await invoke(sluice, `${name}-fails`, '{}');
      assert.equal(json(failed.body).errorMessage, 'the initializer failed');
      await deploy(`${name}-missing`, program(`acts-${version}`), { settings: { instanceLifecycleConfig: { initializer: hook } } });
      const missing = await invoke(sluice, `${name}-missing`, '{}');
      assert.equal(json(missing.body).errorMessage, 'no initializer handler registered');
    });

    test(`${version}: as many events at a time as the function allows and the SDK takes`, async () => {
      for (const instanceConcurrency of [1, 5]) {
        const own = `${name}-at-once-${instanceConcurrency}`;
        await deploy(own, program(`acts-${version}`), { settings: { instanceConcurrency } });
        await invoke(sluice, own, '{"do":"sleep"}');
        const calls = Array.from({ length: 10 }, () => invoke(sluice, own, '{"do":"sleep","millis":150}'));
        const results = await Promise.all(calls);
        assert.deepEqual(
          results.filter(({ error }) => error),
          [],
        );
        const most = Math.max(...results.map(({ body }) => Number(json(body).most)));
        // Before v0.1 the SDK takes one event after the other.
        if (instanceConcurrency === 1 || version === '0.0.2') assert.equal(most, 1);
        else assert.ok(most > 1 && most <= 5, `${most} at a time`);
      }
    });
  }

  test('timeout, too much memory, a large result', async () => {
    const name = 'acts-limits';
    await deploy(name, program('acts-0.3.1'), { timeout: 1, memorySize: 128 });
    const late = await invoke(sluice, name, '{"do":"sleep","millis":20000}');
    assert.match(String(json(late.body).errorMessage), /^Function timed out after 1 seconds/);
    await deploy('acts-eats', program('acts-0.3.1'), { timeout: 30, memorySize: 128 });
    const eaten = await invoke(sluice, 'acts-eats', '{"do":"eat","millis":2000}');
    assert.match(String(json(eaten.body).errorMessage), /ran out of memory: its limit is 128 MB/);
    const large = await invoke(sluice, 'acts-eats', '{"do":"large","millis":5000000}');
    assert.equal(large.body.length, 5_000_002);
  });

  test('a program for another architecture, and one that is none, are named as such', async () => {
    await deploy('acts-foreign', program('acts-foreign'));
    await assert.rejects(invoke(sluice, 'acts-foreign', '{}'), /built for (arm64|amd64), but this machine is (amd64|arm64).*GOARCH=/s);
    await deploy('acts-source', Buffer.from('package main\n'));
    await assert.rejects(invoke(sluice, 'acts-source', '{}'), /no program that Linux can run/);
    await deploy('acts-silent', program('acts-0.3.1'), { handler: 'early' });
    const early = await invoke(sluice, 'acts-silent', '{}');
    assert.match(early.log, /it cannot begin/);
  });

  test('a ZIP whose mode bits are lost, and one with a symlink as build-fc-zip makes', async () => {
    await deploy('acts-modes', program('acts-0.3.1'), { mode: 0o644 });
    assert.equal((await invoke(sluice, 'acts-modes', '{"do":"other"}')).error, undefined);
    const archive = new ZipFile();
    archive.addBuffer(Buffer.from('app'), 'bootstrap', { mode: 0o120755 });
    archive.addBuffer(program('acts-0.3.1'), 'app', { mode: 0o100777, compressionLevel: 1 });
    archive.end();
    const parts: Buffer[] = [];
    for await (const part of archive.outputStream) parts.push(Buffer.from(part as Buffer));
    const fc = await import('@alicloud/fc20230330');
    const code = new fc.InputCodeLocation({ zipFile: Buffer.concat(parts).toString('base64') });
    const body = new fc.CreateFunctionInput({
      functionName: 'acts-link',
      runtime: 'go1',
      handler: 'bootstrap',
      memorySize: 512,
      timeout: 10,
      code,
    });
    await fcClient(sluice).createFunction(new fc.CreateFunctionRequest({ body }));
    functions.push('acts-link');
    assert.equal((await invoke(sluice, 'acts-link', '{"do":"other"}')).error, undefined);
  });

  test('a new version takes over, and the old program ends', async () => {
    await deploy('acts-update', program('acts-0.2.11'));
    const first = json((await invoke(sluice, 'acts-update', '{"do":"surroundings"}')).body);
    const busy = invoke(sluice, 'acts-update', '{"do":"sleep","millis":500}');
    const fc = await import('@alicloud/fc20230330');
    const body = new fc.UpdateFunctionInput({ environmentVariables: { NEW: 'yes' } });
    await fcClient(sluice).updateFunction('acts-update', new fc.UpdateFunctionRequest({ body }));
    const second = json((await invoke(sluice, 'acts-update', '{"do":"surroundings"}')).body);
    assert.equal((first.environment as Record<string, string>).NEW, undefined);
    assert.equal((second.environment as Record<string, string>).NEW, 'yes');
    assert.equal((await busy).error, undefined, 'what ran was not cut off');
  });
});

/** GetObject through a function, signed by the tests' own hand. */
async function getThrough(alias: string, query: Record<string, string> = {}) {
  const request = { method: 'GET', bucket: alias, key, query };
  return send(sluice.data, { path: pathOf(request) + queryOf(query), headers: signHeaderV4(request, sluice.key) });
}

describe('GetObject through Go', { skip: go.skip }, () => {
  test('the original is read by inputOssUrl and with the OSS SDK', async () => {
    await deploy('go-answer', program('answer'));
    const alias = await createObjectFc(sluice, { bucket, accessPoint: 'ap-go', name: 'go-answer', functionName: 'go-answer' });
    for (const by of ['url', 'sdk']) {
      const reply = await getThrough(alias, { by });
      assert.equal(reply.status, 200, `${by}: ${reply.body}`);
      assert.equal(reply.body.toString(), `Go saw: ${text}`);
      assert.equal(reply.headers['content-type'], 'text/plain');
    }
  });

  test('the example red-png', async () => {
    await deploy('go-red', program('red-png'));
    const alias = await createObjectFc(sluice, { bucket, accessPoint: 'ap-go', name: 'go-red', functionName: 'go-red' });
    const reply = await getThrough(alias);
    assert.equal(reply.status, 200, reply.body.toString());
    assertSolidPng(reply.body, 200, 200, [255, 0, 0]);
  });

  const document = process.env.SLUICE_VENDOR_DOC;
  test('the vendor sample as it stands', { skip: document ? false : 'SLUICE_VENDOR_DOC does not name the vendor document' }, async () => {
    await deploy('go-vendor', buildSample(vendorSample(document as string)));
    const alias = await createObjectFc(sluice, { bucket, accessPoint: 'ap-go', name: 'go-vendor', functionName: 'go-vendor' });
    for (const _ of [1, 2]) {
      const reply = await getThrough(alias);
      assert.equal(reply.status, 200, reply.body.toString());
      assertSolidPng(reply.body, 200, 200, [255, 0, 0]);
    }
    const running = descendants(sluice.pid).length;
    assert.ok(running > 0, 'it runs as a process of its own');
  });
});

/** The Go sample of the document: the lines between its requirement and the next step. */
function vendorSample(path: string): string {
  const lines = readFileSync(path, 'utf8').split('\n');
  const begin = lines.findIndex((line) => line.startsWith('Requires OSS SDK for Go'));
  const end = lines.findIndex((line, at) => at > begin && line.startsWith('Step 2'));
  assert.ok(begin > 0 && end > begin, `no Go sample in ${path}`);
  const sample = `${lines
    .slice(begin + 1, end)
    .join('\n')
    .trim()}\n`;
  assert.match(sample, /func HandleRequest\(ctx context\.Context/);
  return sample;
}

/** Builds it with the modules of our own function: the newest SDKs. */
function buildSample(source: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-sample-'));
  try {
    writeFileSync(join(folder, 'main.go'), source);
    for (const name of ['go.mod', 'go.sum'])
      copyFileSync(join(root, 'test', 'acceptance', 'functions', 'go', 'answer', name), join(folder, name));
    const env = { ...process.env, GOTOOLCHAIN: 'local', CGO_ENABLED: '0', GOFLAGS: '' };
    const built = spawnSync('go', ['build', '-trimpath', '-buildvcs=false', '-o', 'main', '.'], { cwd: folder, env, encoding: 'utf8' });
    assert.equal(built.status, 0, built.stderr);
    return readFileSync(join(folder, 'main'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let round = 0; round < 200 && !condition(); round++) await new Promise((resolve) => setTimeout(resolve, 25));
  assert.ok(condition(), what);
}
