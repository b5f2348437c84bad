import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { accountId, faultOf, openRoom, python, pythonZip, type Room } from './fixture.ts';

let room: Room;

beforeEach(async () => {
  room = await openRoom();
  await room.functions.create(python('f'), { zip: await pythonZip() });
});

afterEach(() => room.close());

const arn = `acs:fc:cn-qingdao:${accountId}:functions/f`;

test('reserved concurrency is the greatest number of instances, at once for versions that were given out before', async () => {
  const { functions } = room;
  const given = functions.resolve('f');
  assert.equal(given.maxInstances, 100);
  const set = await functions.configurations.put('concurrency', 'f', undefined, { reservedConcurrency: 3 });
  assert.deepEqual({ arn: set.functionArn, value: set.value }, { arn, value: { reservedConcurrency: 3 } });
  assert.equal(given.maxInstances, 3);
  await functions.configurations.put('concurrency', 'f', undefined, { reservedConcurrency: 100_000 });
  assert.equal(given.maxInstances, 100, 'the limit of the server stays');
  await functions.configurations.put('concurrency', 'f', undefined, { reservedConcurrency: 0 });
  assert.throws(() => functions.resolve('f'), faultOf('ResourceThrottled', /reserved concurrency of f is 0; raise it/));
  await room.reopen();
  assert.throws(() => room.functions.resolve('f'), faultOf('ResourceThrottled', /is 0/));
  await room.functions.configurations.remove('concurrency', 'f');
  await room.functions.configurations.remove('concurrency', 'f');
  assert.equal(room.functions.resolve('f').maxInstances, 100);
});

test('provisioned instances are those of one version or alias, and everyone concerned is told', async () => {
  const { functions } = room;
  const told: string[] = [];
  functions.onScale((version) => told.push(`${version.qualifier} ${version.provisioned}`));
  await functions.versions.publish('f');
  await functions.aliases.create('f', { aliasName: 'prod', versionId: '1' });
  const given = functions.resolve('f', 'prod');
  const set = await functions.configurations.put('provision', 'f', 'prod', { target: 2, alwaysAllocateCPU: true, unknown: 1 });
  assert.deepEqual({ arn: set.functionArn, value: set.value }, { arn: `${arn}/prod`, value: { target: 2, alwaysAllocateCPU: true } });
  assert.equal(given.provisioned, 2);
  assert.equal(functions.resolve('f').provisioned, 0);
  assert.deepEqual(
    functions.provisioned().map((version) => version.qualifier),
    ['prod'],
  );
  await functions.configurations.put('provision', 'f', undefined, { defaultTarget: 5 });
  await functions.configurations.put('concurrency', 'f', undefined, { reservedConcurrency: 4 });
  assert.equal(functions.resolve('f').provisioned, 4, 'no more than may run');
  await functions.configurations.remove('provision', 'f', 'prod');
  assert.deepEqual(told, ['prod 2', 'LATEST 5', 'prod 2', 'LATEST 4', 'prod 0']);
  told.length = 0;
  const before = functions.resolve('f').revision;
  await functions.update('f', { timeout: 9 });
  assert.deepEqual(told, ['LATEST 4'], 'a new revision wants its instances');
  assert.notEqual(functions.resolve('f').revision, before);
  await room.reopen();
  assert.deepEqual(
    room.functions.provisioned().map((version) => `${version.qualifier} ${version.provisioned}`),
    ['LATEST 4'],
  );
});

test('scaling in its newer form counts like provisioning; the greater number holds', async () => {
  const { configurations } = room.functions;
  await configurations.put('scaling', 'f', undefined, { minInstances: 3, residentPoolId: 'p' });
  assert.equal(room.functions.resolve('f').provisioned, 3);
  await configurations.put('provision', 'f', undefined, { target: 1 });
  assert.equal(room.functions.resolve('f').provisioned, 3);
  await configurations.remove('scaling', 'f');
  assert.equal(room.functions.resolve('f').provisioned, 1);
});

test('configurations against the rules', async () => {
  const { configurations } = room.functions;
  const refused = (kind: 'concurrency' | 'provision' | 'async', input: unknown, message: RegExp) =>
    assert.rejects(async () => configurations.put(kind, 'f', undefined, input), faultOf('InvalidArgument', message));
  await refused('concurrency', {}, /^reservedConcurrency/);
  await refused('concurrency', { reservedConcurrency: -1 }, /^reservedConcurrency/);
  await refused('provision', { target: 10_001 }, /^target/);
  await refused('provision', { scheduledActions: 'x' }, /^scheduledActions/);
  await refused('async', { maxAsyncRetryAttempts: 9 }, /^maxAsyncRetryAttempts/);
  await refused('async', { destinationConfig: { onSuccess: 'x' } }, /^destinationConfig\.onSuccess/);
  await refused('provision', null, /./);
  await assert.rejects(configurations.put('provision', 'f', '7', { target: 1 }), faultOf('VersionNotFound', /7/));
  await assert.rejects(configurations.put('provision', 'none', undefined, { target: 1 }), faultOf('FunctionNotFound', /none/));
  assert.throws(() => configurations.get('async', 'none'), faultOf('FunctionNotFound', /none/));
  assert.equal(configurations.get('async', 'f'), undefined);
});

test('lists hold the configurations of all functions, or of one', async () => {
  const { functions } = room;
  await functions.create(python('e'), { zip: await pythonZip() });
  for (const name of ['f', 'e']) await functions.configurations.put('async', name, undefined, { maxAsyncRetryAttempts: 1 });
  assert.deepEqual(
    functions.configurations.list('async').map((one) => one.functionName),
    ['e', 'f'],
  );
  assert.deepEqual(functions.configurations.list('async', 'f').length, 1);
  assert.deepEqual(functions.configurations.list('async', 'none'), []);
});

test('a disabled function refuses invocations until it is enabled, also after a restart', async () => {
  await room.functions.configurations.disable('f', 'maintenance');
  assert.throws(() => room.functions.resolve('f'), faultOf('FunctionInvocationDisabled', /maintenance/));
  assert.equal(room.functions.get('f')?.state, 'Active');
  await room.reopen();
  assert.equal(room.functions.configurations.restriction('f')?.reason, 'maintenance');
  await room.functions.configurations.enable('f');
  await room.functions.configurations.enable('f');
  assert.equal(room.functions.resolve('f').name, 'f');
});

test('triggers are records', async () => {
  const { triggers } = room.functions;
  const config = JSON.stringify({ cronExpression: '@every 1m', enable: true });
  const made = await triggers.create('f', { triggerName: 'tick', triggerType: 'timer', triggerConfig: config, qualifier: 'LATEST' });
  assert.equal(made.triggerConfig, config);
  const changed = await triggers.update('f', 'tick', { description: 'd' });
  assert.deepEqual(
    { config: changed.triggerConfig, description: changed.description, id: changed.triggerId },
    { config, description: 'd', id: made.triggerId },
  );
  await assert.rejects(triggers.create('f', { triggerName: 'tick', triggerType: 'timer' }), faultOf('TriggerAlreadyExists', /tick/));
  await assert.rejects(
    async () => triggers.create('f', { triggerName: 'x', triggerType: 'timer', triggerConfig: '{' }),
    faultOf('InvalidArgument', /^triggerConfig: must be JSON/),
  );
  await assert.rejects(async () => triggers.create('f', { triggerName: 'x' }), faultOf('InvalidArgument', /^triggerType/));
  assert.throws(() => triggers.get('f', 'none'), faultOf('TriggerNotFound', /none/));
  assert.throws(() => triggers.list('none'), faultOf('FunctionNotFound', /none/));
  await triggers.remove('f', 'tick');
  await assert.rejects(triggers.remove('f', 'tick'), faultOf('TriggerNotFound', /tick/));
});

test('tags belong to functions, are found by key and value, and have a limit', async () => {
  const { functions } = room;
  await functions.create(python('g'), { zip: await pythonZip() });
  await functions.tags.put([arn, 'g'], { team: 'a', stage: 'prod' });
  await functions.tags.put(['g'], { stage: 'test' });
  assert.deepEqual(functions.tags.list([arn]), [
    { resourceArn: arn, key: 'team', value: 'a' },
    { resourceArn: arn, key: 'stage', value: 'prod' },
  ]);
  assert.equal(functions.tags.list().length, 4);
  assert.equal(functions.tags.list(undefined, [{ key: 'stage', value: 'test' }]).length, 2);
  assert.equal(functions.tags.list(undefined, [{ key: 'team' }]).length, 4);
  await functions.tags.remove([arn], ['team']);
  assert.deepEqual(
    functions.tags.list([arn]).map((tag) => tag.key),
    ['stage'],
  );
  await functions.tags.remove(['g'], undefined);
  assert.equal(functions.tags.list().length, 1);
  const many = Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`k${i}`, 'v']));
  await assert.rejects(functions.tags.put(['f'], many), faultOf('LimitExceeded', /20/));
  await assert.rejects(functions.tags.put(['none'], { a: 'b' }), faultOf('FunctionNotFound', /none/));
  await assert.rejects(functions.tags.put([], { a: 'b' }), faultOf('InvalidArgument', /ResourceId/));
});
