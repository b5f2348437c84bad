/**
 * Java functions as the vendor's users build them, with Maven: fat JARs with several versions of fc-java-core and aliyun-sdk-oss, a thin one,
 * and, when SLUICE_VENDOR_DOC names the vendor document, its Java function as it stands. Deployed and invoked with the vendor's SDKs.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { clients, runClient, type Step } from './harness/clients.ts';
import { createAccessPoint, createBucket, createObjectFc, deleteFunction, deployArchive, filesOf, ossDo, zip } from './harness/deploy.ts';
import { type Reply, send } from './harness/http.ts';
import { invoke } from './harness/invoke.ts';
import { assertSolidPng } from './harness/png.ts';
import { pathOf, queryOf, signHeaderV4 } from './harness/sign.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { java } from './harness/toolchain.ts';

const bucket = 'acc-java';
const key = 'letters/größe 1.txt';
const text = 'Grüße aus dem Original\n';
const document = process.env.SLUICE_VENDOR_DOC;
const noDocument = document ? false : 'SLUICE_VENDOR_DOC does not name the vendor document';
const functions: string[] = [];
let sluice: Sluice;

before(async () => {
  sluice = await startSluice();
  await createBucket(sluice, bucket);
  await ossDo(sluice, { method: 'PUT', bucket, key, headers: { 'content-type': 'text/plain' }, body: text });
  await createAccessPoint(sluice, bucket, 'ap-java');
});
after(() =>
  sluice.finish(async () => {
    for (const name of functions) await deleteFunction(sluice, name);
  }),
);

async function deploy(name: string, archive: Buffer, settings: Record<string, unknown>): Promise<void> {
  await deployArchive(sluice, name, archive, { runtime: 'java11', ...settings });
  functions.push(name);
}

type Jar = keyof NonNullable<typeof java.tools>['jars'];

function jar(name: Jar): Buffer {
  return readFileSync(java.tools?.jars[name] as string);
}

/** A GetObject of the letter through a new Object FC access point of the function, signed with V4. */
async function openAlias(name: string): Promise<string> {
  return createObjectFc(sluice, { bucket, accessPoint: 'ap-java', name, functionName: name });
}

function get(alias: string, query: Record<string, string>): Promise<Reply> {
  const request = { method: 'GET', bucket: alias, key, query };
  return send(sluice.data, { path: pathOf(request) + queryOf(query), headers: signHeaderV4(request, sluice.key) });
}

async function everyClientSeesRed(alias: string): Promise<void> {
  const read: Step = { op: 'get', bucket: alias, key };
  const presign: Step = { op: 'presign', bucket: alias, key, expires: 60 };
  for (const client of [clients.oss2Newest, clients.aliOss]) {
    if (client.skip) continue;
    for (const signature of ['v1', 'v4'] as const) {
      const { results } = await runClient(client, sluice, signature, [read, presign]);
      assert.equal(results[0]?.ok, true, `${client.name} ${signature}: ${JSON.stringify(results[0])}`);
      assertSolidPng(Buffer.from(results[0]?.body ?? '', 'base64'), 200, 200, [255, 0, 0]);
      const url = new URL(results[1]?.url ?? '');
      const reply = await send(sluice.data, { path: url.pathname + url.search, headers: { host: url.host } });
      assert.equal(reply.status, 200, `${client.name} ${signature} presigned: ${reply.body}`);
      assertSolidPng(reply.body, 200, 200, [255, 0, 0]);
      assert.equal(reply.headers['content-length'], String(reply.body.length));
    }
  }
}

/** The Java sample of the document: the lines between its requirement and the heading of the Python sample. */
function vendorSample(path: string): string {
  const lines = readFileSync(path, 'utf8').split('\n');
  const begin = lines.findIndex((line, at) => line.startsWith('Requires OSS SDK for Java') && lines[at - 2] === 'Java');
  const end = lines.findIndex(
    (line, at) => at > begin && line === 'Python' && (lines[at + 2] ?? '').startsWith('Requires OSS SDK for Python'),
  );
  assert.ok(begin > 0 && end > begin, `no Java sample in ${path}`);
  const sample = `${lines
    .slice(begin + 1, end)
    .join('\n')
    .trim()}\n`;
  assert.match(sample, /public class Example1 implements StreamRequestHandler/);
  return sample;
}

/** Builds a source file of the default package with the project's pom.xml. */
function build(name: string, source: string, ossVersion: string): Buffer {
  const work = mkdtempSync(join(tmpdir(), 'sluice-vendor-'));
  try {
    cpSync(join(java.tools?.project as string, 'pom.xml'), join(work, 'pom.xml'));
    cpSync(join(java.tools?.project as string, 'src'), join(work, 'src'), { recursive: true });
    writeFileSync(join(work, 'src/main/java', `${name}.java`), source);
    const made = spawnSync('mvn', ['--batch-mode', '--quiet', '--offline', `-Doss.version=${ossVersion}`, 'package'], {
      cwd: work,
      encoding: 'utf8',
    });
    assert.equal(made.status, 0, made.stdout + made.stderr);
    return readFileSync(join(work, 'target', 'function-jar-with-dependencies.jar'));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

describe('a red picture for every GetObject', { skip: java.skip }, () => {
  for (const version of ['3.17.2', 'newest'] as const) {
    test(`our own function with aliyun-sdk-oss ${version}`, async () => {
      const name = `many-${version.replaceAll('.', '-')}`;
      await deploy(name, jar(`many-${version}`), { handler: 'Many::handleRequest' });
      const alias = await openAlias(name);
      await everyClientSeesRed(alias);
    });

    test(`the vendor sample with aliyun-sdk-oss ${version}`, { skip: noDocument }, async () => {
      const name = `vendor-${version.replaceAll('.', '-')}`;
      const archive = build('Example1', vendorSample(document as string), java.tools?.oss[version] as string);
      await deploy(name, archive, { handler: 'Example1::handleRequest' });
      await everyClientSeesRed(await openAlias(name));
    });
  }

  test('the example', async () => {
    await deploy('example', jar('red-png'), { handler: 'example.RedPng::handleRequest', runtime: 'java8' });
    await everyClientSeesRed(await openAlias('example'));
  });
});

describe('the original, and what goes wrong', { skip: java.skip }, () => {
  for (const version of ['3.17.2', 'newest'] as const) {
    test(`read by inputOssUrl, and by aliyun-sdk-oss ${version} with the credentials of the context`, async () => {
      const name = `read-${version.replaceAll('.', '-')}`;
      await deploy(name, jar(`many-${version}`), { handler: 'Many::handleRequest' });
      const alias = await openAlias(name);
      const upper = await get(alias, { do: 'upper' });
      assert.equal(upper.status, 200, upper.body.toString());
      assert.equal(upper.body.toString(), text.toUpperCase().replace('ß', 'SS'));
      assert.equal(upper.headers['content-type'], 'text/plain');
      for (const sign of ['v1', 'v4']) {
        const reply = await get(alias, { do: 'bucket', bucket, key, sign });
        assert.equal(reply.status, 200, `${sign}: ${reply.body}`);
        assert.equal(reply.body.toString(), text);
      }
      for (const act of ['raise', 'exit']) assert.ok((await get(alias, { do: act })).status >= 500, act);
      assert.equal((await get(alias, { do: 'upper' })).status, 200);
    });
  }
});

describe('versions of fc-java-core, and none', { skip: java.skip }, () => {
  const initializer = { instanceLifecycleConfig: { initializer: { handler: 'Plain::initialize', timeout: 10 } } };

  for (const version of ['1.2.0', '1.3.0', '1.4.1'] as const) {
    test(`a fat JAR with ${version}`, async () => {
      const name = `core-${version.replaceAll('.', '-')}`;
      await deploy(name, jar(`plain-${version}`), { handler: 'Plain::handleRequest', ...initializer });
      const { body, error, requestId, log } = await invoke(sluice, name, 'world');
      assert.equal(error, undefined, body);
      assert.equal(body, `${name} true false`);
      assert.match(log, new RegExp(`^\\d{4}-\\d\\d-\\d\\dT\\S+Z ${requestId} \\[INFO\\] hello world$`, 'm'));
    });
  }

  test('a thin JAR gets the interfaces of the runtime', async () => {
    await deploy('thin', readFileSync(java.tools?.thin as string), { handler: 'Plain::handleRequest', ...initializer });
    assert.equal((await invoke(sluice, 'thin', '')).body, 'thin true true');
    const failed = await invoke(sluice, 'thin', 'throw');
    assert.equal(failed.error, 'UnhandledInvocationError');
    const { errorMessage, errorType, errorCause, stackTrace } = JSON.parse(failed.body) as Record<string, unknown>;
    assert.deepEqual([errorMessage, errorType, errorCause], ['oops', 'java.io.IOException', 'oops']);
    assert.match(String((stackTrace as string[])[0]), /^Plain\.handleRequest\(Plain\.java:\d+\)$/);
    const exited = await invoke(sluice, 'thin', 'exit');
    assert.match(
      exited.body,
      /^\{"errorMessage":"Process exited unexpectedly before completing request \(duration: \d+ms, maxMemoryUsage: \d+MB\)"\}$/,
    );
  });

  test('an initializer whose class is not there, and one whose class is none', async () => {
    for (const [name, handler, message] of [
      ['gone', 'Gone::initialize', /ClassNotFoundException: Gone$/],
      ['other', 'Sizes::initialize', /does not implement com\.aliyun\.fc\.runtime\.FunctionInitializer$/],
    ] as const) {
      const hooks = { instanceLifecycleConfig: { initializer: { handler, timeout: 10 } } };
      await deploy(`hook-${name}`, readFileSync(java.tools?.thin as string), { handler: 'Plain::handleRequest', ...hooks });
      const { body, error } = await invoke(sluice, `hook-${name}`, '');
      const { errorMessage, errorType } = JSON.parse(body) as Record<string, string>;
      assert.deepEqual([error, errorType], ['UnhandledInvocationError', 'HandlerNotFound']);
      assert.match(errorMessage ?? '', message);
    }
  });

  test('a Pojo handler by the Jackson of the package, as ZIP of classes with lib/', async () => {
    const work = mkdtempSync(join(tmpdir(), 'sluice-pojo-'));
    try {
      const unpacked = spawnSync('jar', ['xf', java.tools?.jars['plain-1.4.1'] as string], { cwd: work });
      assert.equal(unpacked.status, 0);
      const classes = filesOf(work);
      const own = classes.filter(({ name }) => /^(Plain|Sizes)/.test(name));
      const rest = classes.filter(({ name }) => /^com\/.*\.class$/.test(name));
      await deploy('sizes', await zip([...own, { name: 'lib/all.jar', data: await zip(rest) }]), { handler: 'Sizes::handleRequest' });
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
    assert.equal((await invoke(sluice, 'sizes', '{"a":"xyz","b":""}')).body, '{"sizes-of":{"a":3,"b":0}}');
    assert.match(
      (await invoke(sluice, 'sizes', '[1]')).body,
      /"errorType":"com\.fasterxml\.jackson\.databind\.exc\.MismatchedInputException"/,
    );
  });
});
