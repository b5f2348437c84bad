/** The command line against a running server: bin/sluice function, access-point, object-fc and completion. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Cli } from './harness/cli.ts';
import { filesOf, zip } from './harness/deploy.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { python } from './harness/toolchain.ts';

let sluice: Sluice;
let cli: Cli;

before(async () => {
  sluice = await startSluice();
  cli = new Cli(sluice);
  await cli.good('bucket create acc-fn');
  await cli.good('object put - acc-fn/a.txt', { stdin: 'hello\n' });
  await cli.good('access-point create acc-fn acc-fn');
});
after(async () => {
  const functions = (await cli.good('function list --json')).json as unknown as { functionName: string }[];
  for (const { functionName } of functions) await cli.good(['function', 'delete', functionName]);
  cli.remove();
  await sluice.finish(async () => {});
});

/** Binds a function and gets a.txt through it. */
async function through(name: string): Promise<string> {
  const made = await cli.good(`object-fc create acc-fn ap-${name} --access-point acc-fn --function ${name} --json`);
  return (await cli.good(['object', 'get', `${made.json.alias}/a.txt`, '-'])).out;
}

test('from nothing to a transformed object: init, deploy, bind, get; equal code is not sent again', async () => {
  const init = await cli.good('function init shout');
  assert.match(init.out, /index\.ts, function\.d\.ts/);
  assert.match(
    (await cli.good('function deploy shout')).out,
    /^shout is made; .* of code sent\.\nacs:fc:cn-qingdao:\d{16}:functions\/shout\n$/,
  );
  assert.match((await cli.good('function deploy shout')).out, /^shout is as it was; the code was there already\./);
  assert.equal(await through('shout'), 'HELLO\n');
  const { json } = await cli.good('function get shout --json');
  assert.deepEqual([json.timeout, json.runtime, json.handler], [60, 'nodejs24', 'index.fetch']);
  // Settings alone, then code alone.
  const settings = await cli.good('function deploy shout --env WHO=me --memory 256 --json');
  assert.deepEqual([settings.json.changed, settings.json.codeSent], [true, false]);
  writeFileSync(cli.path('shout/index.ts'), readFileSync(cli.path('shout/index.ts'), 'utf8').replace('toUpperCase', 'toLowerCase'));
  const code = (await cli.good('function deploy shout --json')).json as { codeSent: boolean; function: Record<string, unknown> };
  assert.equal(code.codeSent, true);
  // What sluice.yaml says holds again; what it does not mention stays.
  assert.deepEqual([code.function.memorySize, code.function.environmentVariables], [512, { WHO: 'me' }]);
  await cli.fails('function init shout', 2, /not empty/);
});

test('a new function without timeout gets 60 s, one with it keeps it', async () => {
  mkdirSync(cli.path('plain'));
  writeFileSync(cli.path('plain/index.js'), 'exports.handler = async (event) => event.toString().split("").reverse().join("");');
  await cli.fails('function deploy plain', 2, /say what runs it[\s\S]*--runtime/);
  await cli.good('function deploy plain --runtime nodejs24');
  assert.equal((await cli.good('function get plain --json')).json.timeout, 60);
  await cli.good('function deploy plain --timeout 7');
  assert.equal((await cli.good('function get plain --json')).json.timeout, 7);
  writeFileSync(cli.path('plain.zip'), await zip(filesOf(cli.path('plain'))));
  await cli.good('function deploy plain.zip --name zipped --runtime nodejs24');
  assert.equal((await cli.good(['function', 'invoke', 'zipped', '--event', 'abc'])).out, 'cba');
});

test('invoke: result on standard output, log on standard error, failures with exit code 1', async () => {
  writeFileSync(
    cli.path('plain/index.js'),
    `exports.handler = async (event) => {
      console.log('got', event.length);
      if (event.toString() === 'boom') throw new TypeError('no such thing');
      return event;
    };`,
  );
  await cli.good('function deploy plain');
  const body = Buffer.from([0, 255, 10, 13]);
  const ran = await cli.good('function invoke plain --file -', { stdin: body });
  assert.ok(ran.bytes.equals(body));
  assert.match(ran.err, /\[INFO\] got 4\n[\s\S]*request [0-9A-F]{24}, \d+ ms, \d+ MB\n$/);
  const failed = await cli.fails(
    'function invoke plain --event boom',
    1,
    /The function failed\. TypeError: no such thing \(request [0-9A-F]{24}\)/,
  );
  assert.match(failed.err, /at exports\.handler \(\/code\/index\.js:3:/);
  assert.equal(failed.out, '');
  const json = await cli.fails('function invoke plain --event boom --json', 1, /"code":"UnhandledInvocationError"/);
  assert.match(String(json.json.payload), /no such thing/);
  const request = String(json.json.requestId);
  assert.match((await cli.good('function logs plain')).out, /got 4\n[\s\S]*got 4\n/);
  const own = (await cli.good(['function', 'logs', 'plain', '--request', request])).out;
  assert.match(own, /got 4/);
  assert.ok(
    own
      .split('\n')
      .filter((line) => line !== '')
      .every((line) => line.includes(request)),
    own,
  );
  assert.match((await cli.good('function invoke plain --event x --async')).err, /task .*request/);
  await cli.fails('function invoke none', 1, /FunctionNotFound[\s\S]*function list/);
});

test('logs --follow prints lines as they come, until Ctrl C', async () => {
  const child = cli.start(['function', 'logs', 'plain', '--follow', '--json']);
  let printed = '';
  const seen = new Promise<void>((resolve) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.includes('got 7777')) resolve();
    });
  });
  await cli.good(['function', 'invoke', 'plain', '--event', 'x'.repeat(7777)]);
  await seen;
  child.kill('SIGINT');
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  assert.equal(code, 0);
});

test('versions', async () => {
  await cli.good('function publish plain --description first');
  assert.match((await cli.good('function deploy plain --publish')).out, /Version 2 is published|as it was/);
  assert.match((await cli.good('function versions plain')).out, /1 +\d{4}-.*first/);
  assert.equal((await cli.good('function invoke plain --qualifier 1 --event same')).out, 'same');
  await cli.fails('function get plain --qualifier 99', 1, /VersionNotFound[\s\S]*function versions/);
});

test('a package too large for a request goes through the lent bucket', async () => {
  mkdirSync(cli.path('large'));
  writeFileSync(cli.path('large/index.js'), 'exports.handler = async () => require("node:fs").statSync(__dirname + "/data").size;');
  const noise = spawnSync('head', ['-c', String(40 * 1024 * 1024), '/dev/urandom'], { maxBuffer: 1e9 }).stdout;
  writeFileSync(cli.path('large/data'), noise);
  await cli.good('function deploy large --runtime nodejs24');
  assert.equal((await cli.good('function invoke large')).out, String(noise.length));
  assert.match((await cli.good('function deploy large')).out, /the code was there already/);
  await cli.good('function delete large');
});

test('the template in the vendor’s form answers too', async () => {
  await cli.good('function init vendor --template node-vendor --name vendor_js');
  await cli.good('function deploy vendor');
  const made = await cli.good('object-fc create acc-fn ap-vendor --access-point acc-fn --function vendor_js --json');
  assert.equal((await cli.good(['object', 'get', `${made.json.alias}/a.txt`, '-'])).out, 'HELLO\n');
});

test('the Python template, with packages that are there already', { skip: python.skip }, async () => {
  await cli.good('function init snake --template python');
  cpSync(python.tools?.oss2.newest ?? '', cli.path('snake/build'), { recursive: true });
  // What the build command does, without the network.
  writeFileSync(cli.path('snake/build/.installed'), '');
  const deployed = await cli.good('function deploy snake');
  assert.ok(existsSync(cli.path('snake/build/index.py')));
  assert.match(deployed.out, /snake is made/);
  assert.equal(await through('snake'), 'HELLO\n');
  writeFileSync(cli.path('snake/sluice.yaml'), `build: exit 3\n`);
  await cli.fails('function deploy snake', 1, /The command ended with 3: exit 3/);
  writeFileSync(cli.path('snake/sluice.yaml'), `timeuot: 3\nmemorySize: much\n`);
  await cli.fails('function deploy snake', 2, /timeuot: there is no such field; memorySize: must be a whole number/);
});

test('Java and Go templates name what builds them', async () => {
  await cli.good('function init coffee --template java');
  assert.ok(statSync(cli.path('coffee/src/main/java/example/App.java')).size > 0);
  assert.match(readFileSync(cli.path('coffee/pom.xml'), 'utf8'), /<artifactId>coffee<\/artifactId>/);
  await cli.fails('function deploy coffee --no-build', 2, /nothing to deploy[\s\S]*leave out --no-build/);
  await cli.good('function init gopher --template go');
  assert.match(readFileSync(cli.path('gopher/go.mod'), 'utf8'), /^module gopher\n/);
  await cli.fails('function init x --template cobol', 2, /node, node-vendor, python, java, go/);
});

test('access points and Object FC access points: configuration, policy, lists, deletion', async () => {
  await cli.good('bucket create acc-points');
  assert.match((await cli.good('access-point create acc-points acc-points')).out, /alias +acc-points-[0-9a-f]+-ossalias/);
  const options =
    '--feature GetObject-Range --forward-header x-who --role aliyunfcdefaultrole --payload w=320 --limit in-flight=4 --limit idle-ms=500';
  await cli.good(`object-fc create acc-points acc-config --access-point acc-points --function plain/1 ${options}`);
  const config = (await cli.good('object-fc config get acc-points acc-config --json')).json;
  assert.deepEqual(config, {
    functionArn: `acs:fc:cn-qingdao:${sluice.accountId}:functions/plain/1`,
    roleArn: `acs:ram::${sluice.accountId}:role/aliyunfcdefaultrole`,
    ...{ features: ['GetObject-Range'], forwardHeaders: ['x-who'], anonymous: false, publicAccessBlocked: false },
    ...{ payload: 'w=320', limits: { 'in-flight': 4, 'idle-ms': 500 } },
  });
  const changed = (await cli.good('object-fc config put acc-points acc-config --function plain --json')).json;
  assert.deepEqual(changed, { ...config, functionArn: `acs:fc:cn-qingdao:${sluice.accountId}:functions/plain` });
  const wider = (await cli.good('object-fc config put acc-points acc-config --limit in-flight=0 --json')).json;
  assert.deepEqual(wider, { ...changed, limits: { 'idle-ms': 500 } });
  await cli.fails('object-fc config put acc-points acc-config --limit speed=9', 2, /--limit takes <name>=<number>/);
  for (const [noun, name] of [
    ['access-point', 'acc-points'],
    ['object-fc', 'acc-config'],
  ]) {
    await cli.fails(`${noun} policy get acc-points ${name}`, 1, /NoSuchAccessPointPolicy/);
    const resource = `acs:oss:cn-qingdao:${sluice.accountId}:${noun === 'object-fc' ? 'accesspointforobjectprocess' : 'accesspoint'}/${name}/object/*`;
    const policy = {
      Version: '1',
      Statement: [{ Effect: 'Deny', Principal: [sluice.accountId], Action: 'oss:GetObject', Resource: resource }],
    };
    await cli.good(`${noun} policy put acc-points ${name} -`, { stdin: JSON.stringify(policy) });
    assert.deepEqual((await cli.good(`${noun} policy get acc-points ${name} --json`)).json, policy);
    await cli.good(`${noun} policy delete acc-points ${name}`);
  }
  assert.match((await cli.good('access-point list acc-points')).out, /\nacc-points +acc-points +enable/);
  assert.match((await cli.good('object-fc list')).out, /acc-config +acc-points +enable/);
  await cli.fails('access-point delete acc-points acc-points', 1, /AccessPointInUse[\s\S]*object-fc list/);
  await cli.fails('object-fc create acc-points other-one --access-point acc-points', 2, /--function/);
  await cli.good('object-fc delete acc-points acc-config');
  await cli.good('access-point delete acc-points acc-points');
  await cli.good('bucket delete acc-points');
  await cli.fails('object-fc get acc-fn none', 1, /NoSuchAccessPointForObjectProcess[\s\S]*object-fc list/);
});

test('completion in bash: nouns, verbs, nested verbs and options', async () => {
  const script = (await cli.good('completion bash')).out;
  const complete = (...words: string[]) => {
    const line = `COMP_WORDS=(sluice ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _sluice; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', `${script}\n${line}`], { encoding: 'utf8' });
    assert.equal(stderr, '');
    return stdout.split('\n').filter((word) => word !== '');
  };
  assert.deepEqual(complete('ob'), ['object', 'object-fc']);
  assert.deepEqual(complete('object', 'p'), ['put', 'presign']);
  assert.deepEqual(complete('bucket', 'policy', ''), ['get', 'put', 'delete']);
  assert.deepEqual(complete('object', 'get', '--json', 'b/k', '--qu'), ['--query']);
  assert.ok(complete('').includes('completion'));
  for (const shell of ['zsh', 'fish']) {
    assert.match((await cli.good(['completion', shell])).out, /bucket policy get/);
    const found = spawnSync(shell, ['-n'], { input: (await cli.good(['completion', shell])).out, encoding: 'utf8' });
    if (!found.error) assert.equal(found.stderr, '', shell);
  }
  await cli.fails('completion tcsh', 2, /bash, zsh and fish/);
});
