/** The command line against a running server: `sluice deploy` with s.yaml, and the nouns of versions, aliases, triggers and layers. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Cli } from './harness/cli.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';

let sluice: Sluice;
let cli: Cli;

before(async () => {
  sluice = await startSluice();
  cli = new Cli(sluice);
  mkdirSync(cli.path('code'));
  writeFileSync(cli.path('code/index.js'), 'exports.handler = async (event) => process.env.WORD + " " + event;');
});
after(async () => {
  const functions = (await cli.good('function list --json')).json as unknown as { functionName: string }[];
  for (const { functionName } of functions) await cli.good(['function', 'delete', functionName]);
  cli.remove();
  await sluice.finish(async () => {});
});

const edition3 = (word: string, more = '') => `edition: 3.0.0
name: greetings
vars: { word: ${word} }
resources:
  greet:
    component: fc3
    actions:
      pre-deploy: [{ run: 'echo built >> built.txt', path: . }]
    props:
      region: cn-qingdao
      functionName: greet-\${env('STAGE', 'dev')}
      runtime: nodejs24
      handler: index.handler
      code: ./code
      role: AliyunFCDefaultRole
      environmentVariables: { WORD: "\${vars.word}", ACCOUNT: "\${config('AccountID')}" }
      triggers:
        - { triggerName: nightly, triggerType: timer, triggerConfig: { cronExpression: '@every 1h', enable: true } }
      asyncInvokeConfig: { maxAsyncRetryAttempts: 1 }
      tags: [{ key: team, value: web }]
${more}`;

test('s.yaml of edition 3.0.0 is deployed, and deployed again without sending equal code', async () => {
  writeFileSync(cli.path('s.yaml'), edition3('hello'));
  const made = await cli.good('deploy', { env: { STAGE: 'test' } });
  assert.equal(made.out, 'greet: greet-test is made; code sent; kept: trigger nightly, asyncInvokeConfig, tags.\n');
  assert.equal((await cli.good('function invoke greet-test --event you')).out, 'hello you');
  const { json } = await cli.good('function get greet-test --json');
  assert.equal(json.timeout, 3);
  assert.equal((json.environmentVariables as Record<string, string>).ACCOUNT, sluice.accountId);
  assert.match((await cli.good('function trigger list greet-test')).out, /nightly +timer/);
  writeFileSync(cli.path('s.yaml'), edition3('bye', '      customDomain: { domainName: auto }\n'));
  const again = await cli.good('deploy greet --file s.yaml --no-actions --json', { env: { STAGE: 'test' } });
  assert.deepEqual(again.json, [
    { resource: 'greet', function: 'greet-test', created: false, codeSent: false, kept: ['trigger nightly', 'asyncInvokeConfig', 'tags'] },
  ]);
  assert.match(again.err, /^s\.yaml:21: resources\.greet\.props\.customDomain: is not carried out/);
  assert.equal((await cli.good('function invoke greet-test --event you')).out, 'bye you');
  assert.equal(readFileSync(cli.path('built.txt'), 'utf8'), 'built\n', '--no-actions runs no command');
});

test('the layout of 2.0 makes a service with its function', async () => {
  writeFileSync(
    cli.path('old.yaml'),
    `services:
  api:
    component: fc
    props:
      service: { name: shop, description: of old }
      function:
        name: api
        runtime: nodejs24
        handler: index.handler
        codeUri: ./code
        timeout: 20
        environmentVariables: { WORD: service }
      triggers:
        - { name: web, type: http, config: { authType: anonymous, methods: [GET] } }
`,
  );
  assert.equal((await cli.good('deploy -f old.yaml')).out, 'api: shop/api is made; code sent; kept: trigger web.\n');
  assert.equal((await cli.good('deploy -f old.yaml')).out, 'api: shop/api is up to date; no code had to be sent; kept: trigger web.\n');
  assert.equal((await cli.good('function invoke shop$api --event call')).out, 'service call');
});

test('what is wrong in the file, before and behind the server, is told with line and field', async () => {
  writeFileSync(cli.path('bad.yaml'), edition3('hello', '      timeout: 0\n'));
  await cli.fails(
    'deploy -f bad.yaml',
    1,
    /^sluice: bad\.yaml:21: resources\.greet\.props\.timeout: InvalidArgument: timeout: .*\(request /,
  );
  writeFileSync(cli.path('bad.yaml'), edition3('hello', '      memorySize: many\n'));
  await cli.fails(
    'deploy -f bad.yaml',
    2,
    /^sluice: bad\.yaml is not understood\.\nbad\.yaml:21: resources\.greet\.props\.memorySize: must be a number\n$/,
  );
  writeFileSync(cli.path('bad.yaml'), edition3('hello').replace('./code', './none'));
  await cli.fails('deploy -f bad.yaml', 2, /bad\.yaml:14: resources\.greet\.props\.code: cannot be read: ENOENT/);
  await cli.fails('deploy -f none.yaml', 2, /none\.yaml cannot be read[\s\S]*--file/);
});

test('versions, aliases, triggers and layers have verbs for their whole life', async () => {
  await cli.good('function deploy code --name life --runtime nodejs24 --env WORD=one');
  await cli.good('function publish life');
  await cli.good('function deploy code --name life --env WORD=two');
  await cli.good('function publish life');
  assert.match((await cli.good('function alias create life prod 1')).out, /^name +prod\nversion +1\n/);
  assert.equal((await cli.good('function invoke life --qualifier prod --event x')).out, 'one x');
  await cli.good('function alias update life prod 2 --also 1=0.25 --description newest');
  assert.match((await cli.good('function alias list life')).out, /prod +2 +1=0\.25 +newest/);
  await cli.good('function alias update life prod --also 1=0');
  assert.equal((await cli.good('function invoke life --qualifier prod --event x')).out, 'two x');
  await cli.fails('function alias update life prod --also 1', 2, /VERSION=SHARE/);
  await cli.fails('function unpublish life 2', 1, /VersionInUse/);
  await cli.good('function unpublish life 1');
  assert.equal((await cli.good('function alias get life prod --json')).json.versionId, '2');
  await cli.good('function alias delete life prod');
  await cli.fails('function alias get life prod', 1, /AliasNotFound/);

  await cli.good('function trigger create life t - --type timer', { stdin: '{"cronExpression":"@every 1h"}' });
  assert.match((await cli.good('function trigger get life t')).out, /config +\{"cronExpression":"@every 1h"\}/);
  await cli.good('function trigger delete life t');
  assert.equal((await cli.good('function trigger list life')).out, 'TRIGGER  TYPE  QUALIFIER  DESCRIPTION\n');

  mkdirSync(cli.path('opt/words'), { recursive: true });
  writeFileSync(cli.path('opt/words/word'), 'from the layer');
  const layer = (await cli.good('layer publish words opt --runtime nodejs24 --json')).json;
  await cli.good('layer publish words opt');
  assert.match((await cli.good('layer list')).out, /words +2 /);
  assert.match((await cli.good('layer versions words')).out, /words +2 [\s\S]*words +1 /);
  assert.match((await cli.good('layer get words 1')).out, /runtimes +nodejs24/);
  await cli.good(['function', 'deploy', 'code', '--name', 'life', '--layer', String(layer.layerVersionArn)]);
  assert.match((await cli.good('function get life')).out, /layers +acs:fc:.*words/);
  await cli.good('layer delete words 1');
  await cli.good('layer delete words 2');
  assert.equal((await cli.good('layer list --json')).out, '[]\n');
  await cli.fails('layer get words x', 2, /no version of a layer/);
});
