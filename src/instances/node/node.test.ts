import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { json, openStage, processesWith, until } from '../fixture.ts';

const runtime = 'nodejs24';

describe('what a handler may be', () => {
  const files = {
    'index.js': `
      exports.echo = (event, context, callback) => callback(null, event);
      exports.later = (event, context, callback) => setTimeout(() => callback(null, { later: event.toString() }), 5);
      exports.promised = async (event, context) => ({ got: Buffer.isBuffer(event), id: context.requestId });
      exports.wins = async (event, context, callback) => { callback(null, 'callback'); return 'promise'; };
      exports.both = async (event, context, callback) => { callback(null, 'callback'); };
      exports.plain = () => 'plain text';
      exports.rest = (...args) => { setTimeout(() => args[2](null, 'called back'), 1); };
      exports.silent = () => {};
      exports.nothing = (event, context) => {};
      exports.bytes = async () => new Uint8Array([1, 2, 255]);
      exports.failed = (event, context, callback) => callback(new TypeError('told'));
      exports.thrown = async () => { throw new RangeError('oops'); };
      exports.text = () => { throw 'a text'; };
      exports.circle = async () => { const a = {}; a.a = a; return a; };
      exports.large = async () => Buffer.alloc(33 * 1024 * 1024);
      exports.number = 7;
    `,
    'dir/deep.cjs': "exports.handler = async () => __filename.endsWith('dir/deep.cjs');",
    'esm.mjs': "import { basename } from 'node:path'; export const handler = async () => basename(import.meta.url);",
    'typed.ts': `
      interface Shape { sides: number }
      export const handler = async (event: Buffer, context: { requestId: string }): Promise<Shape> => ({ sides: Number(event.toString()) as number });
    `,
    'typed2.mts': 'export const handler = async (event: Uint8Array): Promise<string> => typeof event;',
    'typed3.cts': 'exports.handler = async (event: Buffer): Promise<string> => typeof module;',
    'pkg/package.json': '{"type":"module"}',
    'pkg/index.js': 'export const handler = async () => import.meta.url.slice(-12); export default { handler };',
    'await.mjs': "const value = await new Promise((done) => setTimeout(done, 5, 'ready')); export const handler = () => value;",
    'syntax.js': 'exports.handler = () => {',
    'needs.js': "require('not-there');",
    'noisy.js': "console.log('while loading'); throw new Error('no');",
  };

  test('callback, promise and plain values; bytes, text and JSON', async (t) => {
    const stage = await openStage(t, files);
    const result = async (handler: string, event = '{}') => (await stage.run(handler, event, { runtime })).payload;
    assert.deepEqual(await result('index.echo', 'ä\0b'), Buffer.from('ä\0b'));
    assert.equal((await result('index.later', 'x')).toString(), '{"later":"x"}');
    const promised = await stage.run('index.promised', '{}', { runtime });
    assert.equal(promised.failure, undefined);
    assert.equal(json(promised).got, true);
    assert.match(String(json(promised).id), /^REQUEST-/);
    assert.equal((await result('index.wins')).toString(), 'promise');
    assert.equal((await result('index.both')).toString(), 'callback');
    assert.equal((await result('index.plain')).toString(), 'plain text');
    assert.equal((await result('index.nothing')).toString(), 'null');
    assert.equal((await result('index.silent')).toString(), 'null');
    assert.equal((await result('index.rest')).toString(), 'called back');
    assert.deepEqual(await result('index.bytes'), Buffer.from([1, 2, 255]));
  });

  test('errors come as the error JSON of Function Compute', async (t) => {
    const stage = await openStage(t, files);
    const failed = async (handler: string) => {
      const result = await stage.run(handler, '{}', { runtime });
      assert.equal(result.failure?.kind, 'raised', handler);
      return json(result) as { errorMessage: string; errorType: string; stackTrace: string[] };
    };
    const thrown = await failed('index.thrown');
    assert.deepEqual([thrown.errorMessage, thrown.errorType, thrown.stackTrace[0]], ['oops', 'RangeError', 'RangeError: oops']);
    assert.match(thrown.stackTrace[1] ?? '', /^ {4}at .*\/code\/index\.js:\d+:\d+/);
    assert.ok(!thrown.stackTrace.join().includes('hosts/node'), 'frames of the host are left out');
    assert.deepEqual((await failed('index.failed')).errorType, 'TypeError');
    assert.equal((await stage.run('index.failed', '{}', { runtime })).failure?.errorType, 'HandledInvocationError');
    assert.deepEqual((await failed('index.text')).errorMessage, 'a text');
    assert.equal((await failed('index.circle')).errorType, 'TypeError');
    assert.equal((await failed('index.large')).errorType, 'ResultTooLarge');
    assert.deepEqual(
      (await failed('index.number')).errorMessage,
      "The handler 'index.number' was not found: module 'index' has no function 'number'",
    );
    assert.equal((await failed('gone.handler')).errorType, 'ImportModuleError');
    const syntax = await failed('syntax.handler');
    assert.equal(syntax.errorType, 'ImportModuleError');
    assert.match(syntax.errorMessage, /^Unable to import module 'syntax': SyntaxError: Unexpected end of input/);
    assert.match(syntax.stackTrace.join('\n'), /\/code\/syntax\.js:1/);
    assert.match((await failed('needs.handler')).errorMessage, /Cannot find module 'not-there'/);
    assert.equal((await failed('noisy.handler')).errorType, 'ImportModuleError');
    const loading = () => stage.lines.find(({ line }) => /\[INFO\] while loading$/.test(line));
    await until(() => loading() !== undefined, 'what it logged while it was loaded');
    assert.notEqual(loading()?.request, '');
  });

  for (const [name, handler, expected] of [
    ['CommonJS by extension in a folder', 'dir/deep.handler', 'true'],
    ['an ES module by extension', 'esm.handler', 'esm.mjs'],
    ['an ES module by package.json', 'pkg/index.handler', 'pkg/index.js'],
    ['an await at the top', 'await.handler', 'ready'],
    ['TypeScript', 'typed.handler', '{"sides":4}'],
    ['TypeScript, .mts', 'typed2.handler', 'object'],
    ['TypeScript, .cts', 'typed3.handler', 'object'],
  ] as const) {
    test(`${name} is loaded`, async (t) => {
      const stage = await openStage(t, files);
      const result = await stage.run(handler, '4', { runtime });
      assert.equal(result.payload.toString(), expected);
      assert.deepEqual(stage.lines, [], 'without a warning');
    });
  }

  test('a Node that does not run TypeScript says so', async (t) => {
    const stage = await openStage(t, files);
    const node20 = stage.instances.ready().find((it) => it.runtime === 'nodejs20');
    if (!node20?.version?.startsWith('20.')) return t.skip(`no Node 20 here: ${node20?.note}`);
    const result = await stage.run('typed.handler', '4', { runtime: 'nodejs20' });
    assert.match(
      String(json(result).errorMessage),
      /typed\.ts is TypeScript, and Node 20\.[\d.]+ does not run TypeScript\. Use the runtime nodejs24/,
    );
    assert.equal((await stage.run('index.plain', '', { runtime: 'nodejs20' })).payload.toString(), 'plain text');
    assert.equal((await stage.run('pkg/index.handler', '', { runtime: 'nodejs20' })).payload.toString(), 'pkg/index.js');
  });
});

describe('the life of an instance', () => {
  const files = {
    'index.js': `
      let initialised = 0;
      exports.initialize = (context, callback) => { initialised++; console.log('init', context.credentials.accessKeyId); setTimeout(callback, 5); };
      exports.refuse = async () => { throw new Error('not today'); };
      exports.handler = async (event, context) => ({ initialised, pid: process.pid, tmp: process.env.TMPDIR, cwd: process.cwd() });
      exports.context = async (event, context) => ({ ...context, logger: typeof context.logger.setLogLevel });
      exports.environment = async () => process.env;
      exports.exit = () => process.exit(3);
      exports.uncaught = (event, context, callback) => { setTimeout(() => { throw new SyntaxError('in a timer'); }, 1); };
      exports.unhandled = (event, context, callback) => { Promise.reject(new EvalError('nobody listens')); };
      exports.hungry = async () => { const all = []; for (;;) all.push(new Array(1e5).fill({})); };
      exports.slow = (event, context, callback) => setTimeout(callback, 30_000);
      exports.busy = () => { for (;;); };
      exports.sockets = async () => process.getActiveResourcesInfo();
      exports.spawn = async () => { require('node:child_process').spawn('sleep', ['1000'], { stdio: 'ignore', detached: true }); return 'ok'; };
    `,
  };

  test('the initializer runs once; the process serves many events', async (t) => {
    const stage = await openStage(t, files);
    const changes = { runtime, initializer: { handler: 'index.initialize', timeoutMs: 5000 } };
    const [first, second] = [await stage.run('index.handler', '', changes), await stage.run('index.handler', '', changes)];
    assert.deepEqual([first.coldStart, second.coldStart], [true, false]);
    assert.deepEqual(json(first), json(second));
    assert.equal(json(first).initialised, 1);
    assert.equal(json(first).cwd, `${stage.folder}/code`);
    assert.ok(first.maxMemoryMb > 10);
    await until(() => stage.lines.length > 0, 'the line of the initializer');
    assert.match(stage.lines[0]?.line ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z REQUEST-\d+ \[INFO\] init STS\.env$/);
  });

  test('a failed initializer fails the request, and the instance goes', async (t) => {
    const stage = await openStage(t, files);
    const result = await stage.run('index.handler', '', { runtime, initializer: { handler: 'index.refuse', timeoutMs: 5000 } });
    assert.equal(result.failure?.kind, 'initializer');
    assert.equal(json(result).errorMessage, 'not today');
    await until(() => stage.instances.stats().instances === 0, 'the instance is gone');
  });

  test('the whole context, and the environment without anything of the server', async (t) => {
    process.env.SLUICE_TEST_SECRET = 'of-the-server';
    const stage = await openStage(t, files);
    const result = json(await stage.run('index.context', '', { runtime, logProject: 'p', logStore: 's' }));
    const { requestId, ...rest } = result;
    assert.match(String(requestId), /^REQUEST-/);
    assert.deepEqual(rest, {
      credentials: { accessKeyId: 'STS.call', accessKeySecret: 'call-secret-value', securityToken: 'call-token-value' },
      function: { name: 'resize', handler: 'index.context', memory: 256, timeout: 10, initializer: '', initializationTimeout: 0 },
      service: { name: '', logProject: 'p', logStore: 's', qualifier: 'LATEST', versionId: 'LATEST' },
      region: 'cn-qingdao',
      accountId: '1234567890123456',
      retryCount: 0,
      logger: 'function',
      tracing: { openTracingSpanContext: '', jaegerEndpoint: '', openTracingSpanBaggages: '' },
    });
    const environment = json(await stage.run('index.environment', '', { runtime, env: { COLOUR: 'blue' } }));
    delete process.env.SLUICE_TEST_SECRET;
    assert.equal(environment.SLUICE_TEST_SECRET, undefined);
    assert.equal(environment.COLOUR, 'blue');
    assert.equal(environment.ALIBABA_CLOUD_ACCESS_KEY_ID, 'STS.env');
    assert.equal(environment.FC_FUNC_CODE_PATH, `${stage.folder}/code`);
  });

  test('process.exit, uncaught errors and rejections are named, and the next call finds a new instance', async (t) => {
    const stage = await openStage(t, files);
    const exit = await stage.run('index.exit', '', { runtime });
    assert.equal(exit.failure?.kind, 'exited');
    assert.match(
      String(json(exit).errorMessage),
      /^Process exited unexpectedly before completing request \(duration: \d+ms, maxMemoryUsage: \d+MB\)/,
    );
    const uncaught = await stage.run('index.uncaught', '', { runtime });
    assert.deepEqual([json(uncaught).errorMessage, json(uncaught).errorType], ['Uncaught exception: in a timer', 'SyntaxError']);
    const unhandled = await stage.run('index.unhandled', '', { runtime });
    assert.equal(json(unhandled).errorMessage, 'Unhandled promise rejection: nobody listens');
    const uncaughtLine = '[ERROR] Uncaught exception: SyntaxError: in a timer';
    await until(() => stage.lines.some(({ line }) => line.includes(uncaughtLine)), 'the line of the exception');
    await until(() => stage.instances.stats().instances === 0, 'all three are gone');
    assert.equal(json(await stage.run('index.handler', '', { runtime })).initialised, 0);
  });

  test('too much memory is named', async (t) => {
    const stage = await openStage(t, files);
    const result = await stage.run('index.hungry', '', { runtime, memoryMb: 128, timeoutMs: 60_000 });
    assert.equal(result.failure?.kind, 'out-of-memory', result.payload.toString());
    assert.match(result.failure?.message ?? '', /128 MB/);
  });

  test('a timeout ends a waiting and a busy process', async (t) => {
    const stage = await openStage(t, files);
    for (const handler of ['index.slow', 'index.busy']) {
      const result = await stage.run(handler, '', { runtime, timeoutMs: 300 });
      assert.equal(result.failure?.kind, 'timeout');
    }
    await until(() => stage.instances.stats().instances === 0, 'both are gone');
  });

  test('close ends every process, the warm one and what they started', async (t) => {
    const mark = `mark-${process.pid}`;
    const stage = await openStage(t, files);
    const fn = stage.fn({ runtime, handler: 'index.spawn', env: { MARK: mark } });
    await stage.instances.prepare(fn);
    assert.equal((await stage.instances.invoke(fn, stage.call())).payload.toString(), 'ok');
    await until(async () => (await processesWith(mark)).length >= 3, 'instance, sleep and the next warm process');
    await stage.instances.close();
    await until(async () => (await processesWith(mark)).length === 0, 'nothing is left');
  });
});

describe('a process that waits warm', () => {
  const files = {
    'node_modules/early/index.js': "console.log('package loaded'); exports.at = Date.now();",
    'node_modules/modern/package.json': '{"type":"module","exports":{"import":"./index.js"}}',
    'node_modules/modern/index.js': 'export const at = Date.now();',
    'node_modules/picky/index.js': 'if (!globalThis.prepared) process.exit(1);',
    'lib/own.js': "exports.early = require('early'); exports.at = Date.now();",
    'index.js': "const own = require('./lib/own.js'); exports.handler = async () => ({ package: own.early.at, own: own.at });",
    'index.mjs': "import { at } from 'modern'; const own = Date.now(); export const handler = async () => ({ package: at, own });",
    'picky.js': "globalThis.prepared = true; require('picky'); exports.handler = async () => 'fine';",
    'stop.js':
      "exports.handler = async () => 'x'; exports.stop = (context, callback) => { console.log('stopping', context.function.name); callback(); };",
  };

  for (const [kind, own] of [
    ['CommonJS, also behind the function’s own files', { ...files, 'index.mjs': '' }],
    ['ES modules', { ...files, 'index.js': '' }],
  ] as const) {
    test(`has loaded the packages that the code names, but none of the code: ${kind}`, async (t) => {
      const chosen = Object.fromEntries(Object.entries(own).filter(([, text]) => text !== ''));
      const stage = await openStage(t, chosen);
      const fn = stage.fn({ runtime });
      await stage.instances.prepare(fn);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const loaded = json(await stage.instances.invoke(fn, stage.call())) as { package: number; own: number };
      assert.ok(loaded.own - loaded.package >= 300, `the package was loaded ${loaded.own - loaded.package} ms before the handler`);
    });
  }

  test('what packages print while they are loaded ahead is shown with the first start', async (t) => {
    const stage = await openStage(t, files);
    const fn = stage.fn({ runtime });
    await stage.instances.prepare(fn);
    const call = stage.call();
    await stage.instances.invoke(fn, call);
    await until(() => stage.lines.length > 0, 'the line of the package');
    assert.deepEqual(
      stage.lines.map(({ request, line }) => [request, line.replace(/^\S+ +/, '')]),
      [[call.requestId, '[INFO] package loaded']],
    );
  });

  test('a package that must not be loaded ahead is then loaded with the handler', async (t) => {
    const stage = await openStage(t, files);
    const fn = stage.fn({ runtime, handler: 'picky.handler' });
    await stage.instances.prepare(fn);
    await until(() => stage.notes.some((note) => note.includes('loaded packages ahead')), 'the log tells');
    await stage.instances.prepare(fn);
    assert.equal((await stage.instances.invoke(fn, stage.call())).payload.toString(), 'fine');
    assert.equal(stage.notes.length, 1, stage.notes.join());
  });

  test('preStop runs before an instance ends', async (t) => {
    const stage = await openStage(t, files);
    const fn = stage.fn({ runtime, handler: 'stop.handler', preStop: { handler: 'stop.stop', timeoutMs: 5000 } });
    assert.equal((await stage.instances.invoke(fn, stage.call())).payload.toString(), 'x');
    await stage.instances.retire('resize');
    await until(() => stage.lines.some(({ line }) => /\[INFO\] stopping resize/.test(line)), 'what preStop logged');
  });
});

describe('several events at once', () => {
  const files = {
    'index.js': `
      let now = 0, most = 0;
      const wait = (ms) => new Promise((done) => setTimeout(done, ms));
      exports.handler = async (event, context) => {
        const name = event.toString();
        most = Math.max(most, ++now);
        console.log('begin', name);
        await wait(30);
        process.stdout.write('raw ' + name + '\\n');
        setTimeout(() => console.warn('two\\nlines', name), 1);
        await wait(20);
        context.logger.error('end %s', name);
        now--;
        return { most };
      };
      exports.fails = async (event) => {
        await wait(event.toString() === 'bad' ? 20 : 200);
        if (event.toString() === 'bad') setTimeout(() => { throw new Error('mine'); });
        await wait(300);
      };
    `,
  };

  test('five run on one instance, and every line is assigned to its own request', async (t) => {
    const stage = await openStage(t, files);
    const fn = stage.fn({ runtime, instanceConcurrency: 5, maxInstances: 1 });
    const calls = Array.from({ length: 5 }, (_, i) => stage.call({ event: Buffer.from(`n${i}`), logTail: true }));
    const results = await Promise.all(calls.map((call) => stage.instances.invoke(fn, call)));
    assert.equal(new Set(results.map((result) => result.instanceId)).size, 1);
    assert.equal(Math.max(...results.map((result) => Number(json(result).most))), 5);
    for (const [i, call] of calls.entries()) {
      const own = stage.lines.filter(({ request }) => request === call.requestId).map(({ line }) => line);
      assert.equal(own.length, 5, own.join('\n'));
      assert.match(own[0] ?? '', new RegExp(`Z ${call.requestId} \\[INFO\\] begin n${i}$`));
      assert.equal(own[1], `raw n${i}`);
      assert.match(own[2] ?? '', /\[WARN\] two$/);
      assert.equal(own[3], `lines n${i}`);
      assert.match(own[4] ?? '', new RegExp(`${call.requestId} \\[ERROR\\] end n${i}$`));
      assert.ok(results[i]?.logTail?.includes(`raw n${i}`));
      assert.ok(!results[i]?.logTail?.includes(`raw n${(i + 1) % 5}`));
    }
  });

  test('what one of them breaks ends them all, with a reason', async (t) => {
    const stage = await openStage(t, files);
    const fn = stage.fn({ runtime, handler: 'index.fails', instanceConcurrency: 5, maxInstances: 1 });
    const [good, bad] = await Promise.all(
      ['good', 'bad'].map((text) => stage.instances.invoke(fn, stage.call({ event: Buffer.from(text) }))),
    );
    assert.equal(json(bad as never).errorMessage, 'Uncaught exception: mine');
    assert.ok(good?.failure);
  });
});
