import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { faultOf, openRoom, pythonZip, type Room } from './fixture.ts';

let room: Room;
let zip: Buffer;
let made = 0;

before(async () => {
  room = await openRoom();
  zip = await pythonZip();
});

after(() => room.close());

function create(runtime: string, handler: string | undefined, more: object = {}) {
  made += 1;
  return room.functions.create({ functionName: `f${made}`, runtime, handler, ...more }, { zip });
}

const right: [string, (string | undefined)[]][] = [
  ['python3', ['index.handler', 'dir/index.handler', 'a.b.c']],
  ['python3.9', ['index.handler']],
  ['python3.12', ['index.handler']],
  ['nodejs16', ['index.handler', 'dist/index.handler']],
  ['nodejs18', ['index.handler']],
  ['nodejs20', ['index.handler', 'index', 'src/index']],
  ['nodejs22', ['index']],
  ['nodejs24', ['index.fetch']],
  ['java8', ['example.App::handleRequest']],
  ['java11', ['Example1::handleRequest', 'com.example.a_b.App$Inner::handle', 'größe.Klasse::los']],
  ['go1', ['main', 'bin/main', './main', 'a..b']],
  ['custom', ['', undefined, 'anything goes', 'index.handler']],
  ['custom.debian10', ['index.handler']],
  ['custom.debian11', ['']],
  ['custom.debian12', [undefined]],
];

const wrong: [string, string[], RegExp][] = [
  ['python3.10', ['index', '', 'index.', '.handler', 'index.a/b', 'a\n.b'], /^handler: must be FILE\.METHOD/],
  ['nodejs20', ['', 'a\nb', 'x'.repeat(129)], /^handler: must be FILE/],
  [
    'java11',
    ['index.handler', 'App', '::run', 'App::', 'a..App::run', '1App::run', 'App::a::b', 'a b::c'],
    /^handler: must be \[PACKAGE\.\]CLASS::METHOD/,
  ],
  ['go1', ['', '/bin/sh', '../main', 'a/../../b', '..', 'bin/..'], /^handler: must be the path of the program/],
  ['custom', ['a\nb', 'x'.repeat(129)], /^handler: must be one line/],
];

test('every runtime takes handlers of its own form, and only those', async () => {
  for (const [runtime, handlers] of right) {
    for (const handler of handlers) {
      const record = await create(runtime, handler);
      assert.equal(record.handler, handler ?? '', `${runtime} ${handler}`);
    }
  }
  for (const [runtime, handlers, message] of wrong) {
    for (const handler of handlers)
      await assert.rejects(async () => create(runtime, handler), faultOf('InvalidArgument', message), `${runtime} ${handler}`);
  }
  await assert.rejects(async () => create('java11', undefined), faultOf('InvalidArgument', /^handler: /));
});

test('old runtimes are refused with the one to use instead, unknown ones with the list', async () => {
  for (const [runtime, instead] of [
    ['nodejs8', 'nodejs16'],
    ['nodejs14', 'nodejs16'],
    ['python2.7', 'python3.9'],
    ['python3.6', 'python3.9'],
    ['php7.2', 'custom'],
    ['dotnetcore3.1', 'custom'],
  ] as const) {
    await assert.rejects(
      async () => create(runtime, 'index.handler'),
      faultOf('InvalidArgument', new RegExp(`^runtime ${runtime} .*use ${instead}$`)),
    );
  }
  await assert.rejects(
    async () => create('cobol', 'index.handler'),
    faultOf('InvalidArgument', /not known; supported: python3, .*custom-container$/),
  );
});

test('hooks follow the rule of their runtime and reach the version', async () => {
  const hooks = (initializer: object, preStop?: object) => ({ instanceLifecycleConfig: { initializer, preStop } });
  const java = await create(
    'java11',
    'example.App::handleRequest',
    hooks({ handler: 'example.App::initialize', timeout: 30 }, { handler: 'example.App::preStop' }),
  );
  const version = room.functions.resolve(java.functionName);
  assert.deepEqual(version.initializer, { handler: 'example.App::initialize', timeoutMs: 30_000 });
  assert.deepEqual(version.preStop, { handler: 'example.App::preStop', timeoutMs: 3_000 });
  await assert.rejects(
    async () => create('java11', 'a.App::run', hooks({ handler: 'index.initialize' })),
    faultOf('InvalidArgument', /^instanceLifecycleConfig\.initializer\.handler: must be \[PACKAGE/),
  );
  const go = await create('go1', 'main', hooks({ handler: 'any.text' }, { handler: '/also this' }));
  assert.equal(room.functions.resolve(go.functionName).preStop?.handler, '/also this');
  const none = await create('go1', 'main', hooks({ handler: '', timeout: 10 }, { handler: null }));
  assert.equal(room.functions.resolve(none.functionName).initializer, undefined);
  await assert.rejects(
    async () => create('custom', '', hooks({ command: ['/bin/true'] })),
    faultOf('InvalidArgument', /a hook that is a command is not carried out/),
  );
});

test('instanceConcurrency is 1 to 200 for every runtime', async () => {
  for (const runtime of ['python3.10', 'nodejs20', 'go1', 'custom']) {
    const record = await create(runtime, runtime === 'go1' ? 'main' : 'index.handler', { instanceConcurrency: 200 });
    assert.equal(room.functions.resolve(record.functionName).instanceConcurrency, 200);
  }
  for (const instanceConcurrency of [0, 201, 1.5]) {
    await assert.rejects(async () => create('go1', 'main', { instanceConcurrency }), faultOf('InvalidArgument', /^instanceConcurrency: /));
  }
});

test('a custom runtime has its command, port and health check', async () => {
  const resolved = async (customRuntimeConfig?: object) =>
    room.functions.resolve((await create('custom.debian12', '', { customRuntimeConfig })).functionName).custom;
  assert.deepEqual(await resolved(), { command: [], port: 9000 });
  assert.deepEqual(await resolved({ command: ['node', 'server.js'], args: ['-v'], port: 8080 }), {
    command: ['node', 'server.js', '-v'],
    port: 8080,
  });
  assert.deepEqual(await resolved({ args: ['-v'] }), { command: ['./bootstrap', '-v'], port: 9000 });
  const healthCheckConfig = {
    httpGetUrl: '/ready',
    initialDelaySeconds: 1,
    periodSeconds: 5,
    timeoutSeconds: 2,
    failureThreshold: 7,
    successThreshold: 2,
  };
  assert.deepEqual((await resolved({ healthCheckConfig }))?.healthCheck, {
    path: '/ready',
    initialDelayMs: 1_000,
    periodMs: 5_000,
    timeoutMs: 2_000,
    failureThreshold: 7,
    successThreshold: 2,
  });
  assert.deepEqual(await resolved({ port: null, healthCheckConfig: null }), { command: [], port: 9000 });
  for (const [config, message] of [
    [{ port: 0 }, /^customRuntimeConfig\.port: /],
    [{ command: 'node' }, /^customRuntimeConfig\.command: /],
    [{ command: [''] }, /^customRuntimeConfig\.command\.0: /],
    [{ healthCheckConfig: { httpGetUrl: 'ready' } }, /^customRuntimeConfig\.healthCheckConfig\.httpGetUrl: must be a path/],
  ] as const) {
    await assert.rejects(async () => resolved(config), faultOf('InvalidArgument', message));
  }
});

test('a custom container is the URL of a running server', async () => {
  const image = async (value: unknown) =>
    room.functions.resolve(
      (await create('custom-container', undefined, { customContainerConfig: { image: value, port: 9000 } })).functionName,
    ).url;
  assert.equal(await image('http://10.0.0.7:8080'), 'http://10.0.0.7:8080/');
  assert.equal(await image('https://transform.example.com/base'), 'https://transform.example.com/base');
  for (const wrong of ['registry.cn-hangzhou.aliyuncs.com/fc/demo:v1', 'nginx', 'file:///etc/passwd', 'http://', '', undefined, 3]) {
    await assert.rejects(
      async () => image(wrong),
      faultOf('InvalidArgument', /images are not run; give the URL of a running server/),
      String(wrong),
    );
  }
  for (const wrong of ['http://user:pass@host', 'http://host/?x=1', 'http://host/#a']) {
    await assert.rejects(async () => image(wrong), faultOf('InvalidArgument', /no user, password, query or fragment/));
  }
  const input = { functionName: 'without-code', runtime: 'custom-container', customContainerConfig: { image: 'http://10.0.0.7' } };
  assert.equal((await room.functions.create(input)).state, 'Active');
  await assert.rejects(
    async () => room.functions.create({ ...input, runtime: 'custom' }),
    faultOf('InvalidArgument', /^code: give zipFile/),
  );
  assert.equal(room.functions.resolve('f1').custom, undefined);
  assert.equal(room.functions.resolve('f1').url, undefined);
});
