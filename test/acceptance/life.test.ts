/** The life of instances as users meet it: deploys under load, provisioned instances, concurrency, limits, failures that are named, preStop. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { createAccessPoint, createBucket, createObjectFc, deleteFunction, deployFunction, filesOf, ossDo } from './harness/deploy.ts';
import { fcCall, invokeFunction, type Outcome, provision, reserve, updateFunction } from './harness/fc.ts';
import { send } from './harness/http.ts';
import { descendants } from './harness/processes.ts';
import { pathOf, queryOf, signHeaderV4 } from './harness/sign.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { python, root } from './harness/toolchain.ts';

const places = 4;
const queue = 60;
const bucket = 'acc-life';

let sluice: Sluice;
const deployed = new Set<string>();

const source = (version: number) => `
import json, os, sys, time
VERSION = ${version}
def handler(event, context):
    time.sleep(float(event or b"0"))
    return {"version": VERSION, "pid": os.getpid(), "instance": os.environ["FC_INSTANCE_ID"]}
def hoard(event, context):
    kept = []
    while True:
        kept.append(bytearray(4 << 20))
def hang(event, context):
    print("before it hangs", flush=True)
    time.sleep(60)
def quit(event, context):
    os._exit(9)
def fail(event, context):
    raise KeyError("absent")
def broken(context):
    print("trying to start", flush=True)
    raise ConnectionError("no database")
def stop(context):
    print("goodbye from " + os.environ["FC_INSTANCE_ID"], flush=True)
`;

function files(version = 1) {
  return [{ name: 'index.py', data: Buffer.from(source(version)) }];
}

async function deploy(name: string, settings: Record<string, unknown> = {}): Promise<void> {
  await deployFunction(sluice, name, files(), { memorySize: 256, timeout: 20, settings });
  deployed.add(name);
}

async function remove(name: string): Promise<void> {
  await deleteFunction(sluice, name);
  deployed.delete(name);
}

async function until(condition: () => boolean | Promise<boolean>, what: string, ms = 10_000): Promise<void> {
  for (const end = performance.now() + ms; performance.now() < end; ) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`waited ${ms} ms in vain: ${what}`);
}

/** Calls again and again from `clients` clients until told to stop. */
function load(clients: number, call: () => Promise<void>): { stop: () => Promise<number> } {
  let [going, count] = [true, 0];
  const running = Array.from({ length: clients }, async () => {
    for (; going; count++) await call();
  });
  for (const it of running) it.catch(() => {});
  return {
    stop: async () => {
      going = false;
      await Promise.all(running);
      return count;
    },
  };
}

const instances = (state: string) => sluice.metric('sluice_instances', { state }).then((count) => count ?? 0);

describe('the life of instances', { skip: python.skip }, () => {
  before(async () => {
    sluice = await startSluice({ env: { SLUICE_MAX_INSTANCES: String(places), SLUICE_MAX_QUEUE: String(queue) } });
  });
  afterEach(() => sluice.quiet());
  after(() =>
    sluice.finish(async () => {
      for (const name of deployed) await deleteFunction(sluice, name);
    }),
  );

  test('no invocation fails while the function is deployed again and again', async () => {
    await deploy('deployed');
    const seen: Outcome[] = [];
    const busy = load(6, async () => {
      seen.push(await invokeFunction(sluice, 'deployed', '0.01'));
    });
    for (let version = 2; version <= 7; version++) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      await updateFunction(sluice, 'deployed', { files: files(version), settings: { environmentVariables: { ROUND: String(version) } } });
      const fresh = await invokeFunction(sluice, 'deployed', '0');
      assert.equal((JSON.parse(fresh.body) as { version: number }).version, version, 'an acknowledged deploy is in force');
    }
    const count = await busy.stop();
    assert.deepEqual(
      seen.filter((it) => it.status !== 200 || it.errorType !== undefined).map((it) => it.body),
      [],
    );
    assert.ok(count > 50, `${count} calls`);
    await remove('deployed');
  });

  test('no GetObject fails while its function is deployed again and again', async () => {
    const code = [...filesOf(join(root, 'test', 'acceptance', 'functions', 'many')), ...filesOf(python.tools?.oss2.newest as string)];
    await createBucket(sluice, bucket);
    await createAccessPoint(sluice, bucket, 'ap-life');
    await ossDo(sluice, { method: 'PUT', bucket, key: 'text', body: 'small letters' });
    await deployFunction(sluice, 'many', code, { timeout: 20 });
    deployed.add('many');
    const alias = await createObjectFc(sluice, { bucket, accessPoint: 'ap-life', name: 'many', functionName: 'many' });
    const failures: string[] = [];
    const busy = load(4, async () => {
      const request = { method: 'GET', bucket: alias, key: 'text', query: { do: 'upper' } };
      const reply = await send(sluice.data, { path: pathOf(request) + queryOf(request.query), headers: signHeaderV4(request, sluice.key) });
      if (reply.status !== 200 || reply.body.toString() !== 'SMALL LETTERS') failures.push(`${reply.status} ${reply.body}`);
    });
    for (let round = 0; round < 3; round++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      const settings = { environmentVariables: { ROUND: String(round) } };
      await updateFunction(
        sluice,
        'many',
        round % 2 ? { settings } : { settings, files: [...code, { name: `round-${round}`, data: Buffer.from('x') }] },
      );
    }
    const count = await busy.stop();
    assert.deepEqual(failures, []);
    assert.ok(count > 20, `${count} requests`);
    await remove('many');
  });

  test('provisioned instances are there before the first call, come back when killed, and go when no longer wanted', async () => {
    await deploy('warm', { idleTimeout: 1 });
    await provision(sluice, 'warm', 2);
    await until(async () => (await instances('idle')) === 2, 'two are warm');
    const first = await invokeFunction(sluice, 'warm', '0');
    assert.equal(first.status, 200);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    assert.equal(await instances('idle'), 2, 'they outlive idleTimeout');
    const python3 = descendants(sluice.pid).filter((it) => /python/.test(it.command));
    const leaves = python3.filter((it) => descendants(it.pid).length === 0);
    assert.equal(leaves.length, 2);
    process.kill(leaves[0]?.pid as number, 'SIGKILL');
    await until(() => leaves[0]?.stillRuns() === false, 'it is dead');
    await until(async () => (await instances('idle')) === 2, 'it was replaced');
    await updateFunction(sluice, 'warm', { files: files(2) });
    await until(async () => (await instances('idle')) === 2, 'the new code is warm');
    assert.match((await invokeFunction(sluice, 'warm', '0')).body, /"version": 2/);
    await provision(sluice, 'warm', 0);
    await until(async () => (await instances('idle')) === 0, 'they went');
    await remove('warm');
  });

  test('instanceConcurrency: calls share an instance', async () => {
    await deploy('shared', { instanceConcurrency: 5 });
    const begun = performance.now();
    const results = await Promise.all(Array.from({ length: 5 }, () => invokeFunction(sluice, 'shared', '0.5')));
    assert.ok(performance.now() - begun < 2_400, 'side by side');
    assert.equal(new Set(results.map((it) => it.instanceId)).size, 1);
    assert.ok(results.every((it) => it.errorType === undefined));
    await remove('shared');
  });

  test('a function that keeps all instances busy does not starve another', async () => {
    await deploy('noisy');
    await deploy('quiet');
    const busy = load(40, async () => {
      const result = await invokeFunction(sluice, 'noisy', '0.05');
      assert.equal(result.status, 200, result.body);
    });
    await until(async () => (await instances('busy')) === places, 'everything is taken');
    const times: number[] = [];
    for (let round = 0; round < 10; round++) {
      const result = await invokeFunction(sluice, 'quiet', '0');
      assert.equal(result.status, 200, result.body);
      times.push(result.milliseconds);
    }
    const count = await busy.stop();
    times.sort((a, b) => a - b);
    assert.ok((times[5] ?? 0) < 500 && (times[9] ?? 0) < 2_000, times.map(Math.round).join());
    assert.ok(count > 40, `${count} noisy calls went on`);
    await remove('noisy');
    await remove('quiet');
  });

  test('what is too much is refused with the limit that holds', async () => {
    await deploy('narrow');
    await reserve(sluice, 'narrow', 1);
    const results = await Promise.all(Array.from({ length: queue + 20 }, () => invokeFunction(sluice, 'narrow', '0.02')));
    const refused = results.filter((it) => it.status === 429);
    assert.ok(refused.length >= 15 && refused.length <= 20, `${refused.length} refused`);
    assert.match(refused[0]?.body ?? '', /ResourceThrottled.*narrow: 60 calls wait already.*maxQueue/);
    assert.equal(results.filter((it) => it.status === 200).length, results.length - refused.length);
    assert.equal(new Set(results.filter((it) => it.status === 200).map((it) => it.instanceId)).size, 1);
    await remove('narrow');
  });

  test('failures are named: memory, timeout, exit, exception', async () => {
    const cases: [string, RegExp, string][] = [
      ['hoard', /MemoryError|out of memory: its limit is 128 MB/, 'memory'],
      ['hang', /Function timed out after 1 seconds/, 'timeout'],
      ['quit', /Process exited unexpectedly before completing request \(duration: \d+ms, maxMemoryUsage: \d+MB\)/, 'exit'],
      ['fail', /"errorMessage":\s*"'absent'","errorType":\s*"KeyError"|"errorMessage": "'absent'", "errorType": "KeyError"/, 'exception'],
    ];
    for (const [handler, message, name] of cases) {
      await deploy(name, { handler: `index.${handler}`, memorySize: 128, timeout: handler === 'hang' ? 1 : 20 });
      const result = await invokeFunction(sluice, name, '', { tail: true });
      assert.equal(result.status, 200);
      assert.equal(result.errorType, 'UnhandledInvocationError', name);
      assert.match(result.body, message);
      assert.match(result.log, /FC Invoke End RequestId: \S+, Error: Unhandled function error/);
      if (handler === 'hang') assert.match(result.log, /\nbefore it hangs\n/);
      await remove(name);
    }
  });

  test('a function whose start fails again and again does not spin', async () => {
    await deploy('looping', { instanceLifecycleConfig: { initializer: { handler: 'index.broken', timeout: 5 } } });
    const results = await Promise.all(Array.from({ length: 50 }, () => invokeFunction(sluice, 'looping', '0')));
    for (const result of results) assert.match(result.body, /no database/);
    const starts = sluice.log.split('\n').filter((line) => line.includes('trying to start')).length;
    assert.ok(starts <= 8, `${starts} starts for 50 calls`);
    await remove('looping');
  });

  test('preStop runs before an instance ends', async () => {
    await deploy('polite', { idleTimeout: 1, instanceLifecycleConfig: { preStop: { handler: 'index.stop', timeout: 5 } } });
    const { instanceId } = await invokeFunction(sluice, 'polite', '0');
    await until(() => sluice.log.includes(`goodbye from ${instanceId}`), 'its last words');
    await until(async () => (await instances('draining')) === 0, 'it is gone');
    await remove('polite');
  });

  test('reserved names cannot be set', async () => {
    const code = { zipFile: 'UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==' };
    for (const name of ['FC_REGION', 'accessKeySecret', 'securityToken', '1ST']) {
      const body = {
        functionName: 'reserved',
        runtime: 'python3.10',
        handler: 'index.handler',
        environmentVariables: { [name]: 'x' },
        code,
      };
      const reply = await fcCall(sluice, { method: 'POST', path: '/functions', body });
      assert.equal(reply.status, 400, name);
      assert.match(reply.body.toString(), new RegExp(name));
    }
  });
});
