import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../../../faults/index.ts';
import type { FunctionRecord } from '../../../functions/index.ts';
import { inputOf, renderFunction2 } from './translation.ts';

const record: FunctionRecord = {
  ...{ functionName: 'svc$fn', description: '', runtime: 'custom', handler: '', memorySize: 128, cpu: 0.35, diskSize: 512, timeout: 3 },
  ...{ instanceConcurrency: 1, environmentVariables: {}, role: 'r', layers: [], internetAccess: true, kept: {} },
  ...{ functionId: 'i', functionArn: 'a', codeSize: 1, codeChecksum: '1', codeDigest: 'd', createdTime: 0, lastModifiedTime: 0 },
  ...{ state: 'Active', lastUpdateStatus: 'Successful', revision: 'x' },
};

/** The record after an input of 2.0, without the checks of the functions. */
function after(input: object, before = record): FunctionRecord {
  const { fc2, customRuntimeConfig, customContainerConfig, ...own } = inputOf(input, before) as Record<string, unknown>;
  const given = Object.entries({ fc2, customRuntimeConfig, customContainerConfig }).filter(([, value]) => value !== undefined);
  return { ...before, ...own, kept: { ...before.kept, ...Object.fromEntries(given) } };
}
const shown = (it: FunctionRecord) => renderFunction2(it) as Record<string, unknown>;

test('what the service decides, and what 2.0 does not know, is not the function\u2019s to set', () => {
  const input = inputOf({ functionName: 'f', role: 'r', vpcConfig: {}, internetAccess: false, disableOndemand: true }, undefined);
  assert.deepEqual(input, { functionName: 'f', memorySize: 128, timeout: 3, fc2: {} });
  assert.equal(inputOf(null, undefined), null);
});

test('hooks: each is set, kept and taken away by itself', () => {
  const one = after({ initializer: 'index.init', initializationTimeout: 9 });
  assert.deepEqual(one.instanceLifecycleConfig, { initializer: { handler: 'index.init', timeout: 9 } });
  const two = after(
    { instanceLifecycleConfig: { preStop: { handler: 'index.stop' }, preFreeze: { handler: 'index.freeze', timeout: 2 } } },
    one,
  );
  assert.deepEqual([shown(two).initializer, shown(two).initializationTimeout], ['index.init', 9]);
  assert.deepEqual(shown(two).instanceLifecycleConfig, {
    preFreeze: { handler: 'index.freeze', timeout: 2 },
    preStop: { handler: 'index.stop', timeout: 3 },
  });
  const three = after({ initializer: '' }, two);
  assert.deepEqual(three.instanceLifecycleConfig, { preStop: { handler: 'index.stop', timeout: 3 } });
  assert.equal(inputOf({ timeout: 4 }, three) !== null && 'instanceLifecycleConfig' in (inputOf({ timeout: 4 }, three) as object), false);
});

test('custom runtimes: port, command and health check are one configuration in 3.0', () => {
  const check = { httpGetUrl: '/ok', periodSeconds: 2 };
  const one = after({ caPort: 8080, customRuntimeConfig: { command: ['node'], args: ['a.js'] }, customHealthCheckConfig: check });
  assert.deepEqual(one.kept.customRuntimeConfig, { command: ['node'], args: ['a.js'], port: 8080, healthCheckConfig: check });
  const two = after({ caPort: 9090 }, one);
  assert.deepEqual(
    [shown(two).caPort, shown(two).customRuntimeConfig, shown(two).customHealthCheckConfig],
    [9090, { command: ['node'], args: ['a.js'] }, check],
  );
});

test('containers: command and args are JSON texts in 2.0', () => {
  const container = { image: 'http://127.0.0.1:1/', command: '["/bin/sh"]', args: '["-c","x"]', webServerMode: true };
  const one = after({ caPort: 80, customContainerConfig: container }, { ...record, runtime: 'custom-container' });
  assert.deepEqual(one.kept.customContainerConfig, {
    ...{ image: 'http://127.0.0.1:1/', webServerMode: true, entrypoint: ['/bin/sh'], command: ['-c', 'x'], port: 80 },
  });
  assert.deepEqual([shown(one).customContainerConfig, shown(one).caPort], [container, 80]);
});

test('what only 2.0 has is shown as it was given', () => {
  const one = after({ instanceType: 'c1', gpuMemorySize: 4, instanceSoftConcurrency: 3 });
  assert.deepEqual([shown(one).instanceType, shown(one).gpuMemorySize, shown(one).instanceSoftConcurrency], ['c1', 4, 3]);
  assert.equal(shown(record).instanceType, 'e1');
  assert.equal(shown(record).functionName, 'fn');
  assert.throws(
    () => inputOf({ caPort: 'x' }, undefined),
    (error: unknown) => error instanceof Fault && error.code === 'InvalidArgument' && /caPort/.test(error.message),
  );
});
