import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CliFailure } from '../failure.ts';
import { ignoresOf } from './ignore.ts';
import { readPlans } from './read.ts';
import { Source } from './source.ts';

const lookups = {
  env: (name: string) => ({ STAGE: 'test', SECONDS: '30' })[name],
  config: (name: string) => (name === 'AccountID' ? '1234567890123456' : undefined),
};

async function open(t: TestContext, text: string): Promise<Source> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-syaml-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 's.yaml'), text);
  return Source.open(join(folder, 's.yaml'));
}

/** What is wrong with a file, a line each, without its folder. */
async function faultsOf(t: TestContext, text: string): Promise<string[]> {
  const source = await open(t, text);
  try {
    readPlans(source, [], lookups);
  } catch (error) {
    assert.ok(error instanceof CliFailure && error.exitCode === 2, String(error));
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.replace(`${source.folder}/`, ''));
  }
  return [];
}

const edition3 = `edition: 3.0.0
name: shop
access: default
vars:
  region: cn-qingdao
  small: { memorySize: 256, timeout: 10 }
resources:
  resize:
    component: fc3
    actions:
      pre-deploy:
        - run: npm ci
          path: ./code
        - plugin: website
    props:
      region: \${vars.region}
      functionName: resize-\${env('STAGE')}
      runtime: nodejs20
      handler: index.handler
      code: ./code
      memorySize: \${vars.small.memorySize}
      timeout: \${env("SECONDS", "60")}
      role: acs:ram::\${config('AccountID')}:role/reader
      environmentVariables:
        LEVEL: \${env(LEVEL, 'info')}
        RETRIES: 3
      customDomain: { domainName: auto }
      vpcConfig: auto
      triggers:
        - triggerName: nightly
          triggerType: timer
          triggerConfig: { cronExpression: '@every 1h', enable: true }
      concurrencyConfig: { reservedConcurrency: 4 }
      provisionConfig: { qualifier: LATEST, target: 1 }
      tags: [{ key: team, value: web }]
  other:
    component: fc3@0.1
    props:
      functionName: \${resources.resize.props.functionName}-too
      runtime: \${this.props.kind}
      kind: python3.10
      handler: index.handler
      code: { ossBucketName: packages, ossObjectName: other.zip }
`;

test('edition 3.0.0: functions with variables of every kind, triggers and configurations', async (t) => {
  const source = await open(t, edition3);
  const [resize, other] = readPlans(source, [], lookups);
  assert.ok(resize && other);
  assert.equal(resize.functionName, 'resize-test');
  assert.deepEqual(resize.settings, {
    ...{ runtime: 'nodejs20', handler: 'index.handler', memorySize: 256, timeout: 30 },
    environmentVariables: { LEVEL: 'info', RETRIES: '3' },
  });
  assert.equal(resize.role, 'acs:ram::1234567890123456:role/reader');
  assert.deepEqual(resize.code, { file: './code' });
  assert.deepEqual(resize.before, [{ command: 'npm ci', folder: join(source.folder, 'code') }]);
  const [trigger] = resize.triggers;
  assert.deepEqual(trigger?.body, {
    ...{ triggerName: 'nightly', triggerType: 'timer', triggerConfig: '{"cronExpression":"@every 1h","enable":true}' },
  });
  assert.deepEqual(
    resize.configurations.map(({ at, body, qualifier }) => [at, body, qualifier]),
    [
      ['concurrency', { reservedConcurrency: 4 }, undefined],
      ['provision-config', { target: 1 }, 'LATEST'],
    ],
  );
  assert.deepEqual(resize.tags, [{ Key: 'team', Value: 'web' }]);
  assert.equal(other.functionName, 'resize-test-too');
  // The API's own, and that of the vendor's tool.
  assert.equal(other.settings.timeout, 3);
  assert.equal(other.settings.runtime, 'python3.10');
  assert.deepEqual(other.code, { ossBucketName: 'packages', ossObjectName: 'other.zip' });
  const notes = source.notes.map((note) => note.replace(`${source.folder}/`, ''));
  assert.deepEqual(notes, [
    's.yaml:14: resources.resize.actions.pre-deploy[1].plugin: only "run" is carried out',
    's.yaml:28: resources.resize.props.vpcConfig: auto would be made at the vendor, and is left out',
    's.yaml:27: resources.resize.props.customDomain: is not carried out, and left out',
    's.yaml:41: resources.other.props.kind: is not carried out, and left out',
  ]);
  assert.deepEqual(
    readPlans(source, ['other'], lookups).map(({ id }) => id),
    ['other'],
  );
  assert.throws(() => readPlans(source, ['none'], lookups), /has no none; it has resize, other/);
});

test('the layout of 2.0: a service, and the function in it', async (t) => {
  const source = await open(
    t,
    `edition: 1.0.0
services:
  api:
    component: fc
    props:
      region: cn-qingdao
      service: { name: shop, description: all of it, role: reader, logConfig: auto }
      function:
        name: api
        runtime: python3.10
        handler: index.handler
        codeUri: ./api
        initializer: index.init
        initializationTimeout: 20
        environmentVariables: { SERVICE: "\${services.api.props.service.name}" }
      triggers:
        - { name: web, type: http, config: { authType: anonymous, methods: [GET] } }
`,
  );
  const [plan] = readPlans(source, [], lookups);
  assert.deepEqual(plan?.service, { name: 'shop', settings: { description: 'all of it' } });
  assert.equal(plan?.role, 'reader');
  assert.deepEqual(plan?.settings, {
    ...{ runtime: 'python3.10', handler: 'index.handler', initializer: 'index.init', initializationTimeout: 20 },
    environmentVariables: { SERVICE: 'shop' },
  });
  assert.deepEqual(plan?.code, { file: './api' });
  assert.equal(plan?.triggers[0]?.body.triggerType, 'http');
  assert.match(source.notes.join(), /s\.yaml:7: services\.api\.props\.service\.logConfig: auto would be made/);
});

test('every fault is told with its line and field', async (t) => {
  const faults = await faultsOf(
    t,
    `edition: 3.0.0
vars:
  a: \${vars.b}
  b: \${vars.a}
resources:
  one:
    component: fc3
    props:
      functionName: \${env('NOBODY')}
      runtime: nodejs20
      handler: \${vars.a}
      timeout: soon
      code: https://example.com/code.zip
      environmentVariables: { LIST: [1] }
      layers: [{ arn: x }]
      triggers:
        - triggerType: timer
  two:
    component: fc3
    props: text
  three:
    component: fc3
    props:
      functionName: \${file('x')}
      runtime: \${vars.none}
`,
  );
  assert.deepEqual(faults, [
    's.yaml:9: resources.one.props.functionName: the environment has no NOBODY',
    `s.yaml:4: vars.b: \${vars.a} refers to itself`,
    's.yaml:12: resources.one.props.timeout: must be a number',
    's.yaml:14: resources.one.props.environmentVariables.LIST: must be a text',
    's.yaml:15: resources.one.props.layers[0]: must be the ARN of a layer version',
    's.yaml:13: resources.one.props.code: a URL is not fetched; download the package and name the file',
    's.yaml:17: resources.one.props.triggers[0].triggerName: is missing',
    's.yaml:20: resources.two.props: must be a mapping',
    `s.yaml:24: resources.three.props.functionName: \${file('x')} is not understood; there are env, vars, config, resources and this`,
    's.yaml:25: resources.three.props.runtime: there is no vars.none',
    's.yaml:24: resources.three.props.code: is missing',
  ]);
});

test('files that are none', async (t) => {
  await assert.rejects(open(t, 'a: [1'), /is no YAML: .* at line 1/);
  await assert.rejects(open(t, '- a'), /must be a mapping/);
  await assert.rejects(Source.open('/nowhere/s.yaml'), /cannot be read/);
  assert.match((await faultsOf(t, 'edition: 3.0.0\n')).join(), /resources: is missing; there is nothing to deploy/);
});

test('.fcignore leaves files out as .gitignore does', () => {
  const ignores = ignoresOf('# tests\n*.log\nnode_modules/\n/build\ndocs/*.md\n!docs/keep.md\n');
  const left = (path: string, isFolder = false) => ignores(path, isFolder);
  assert.deepEqual(
    [left('a.log'), left('deep/b.log'), left('node_modules', true), left('lib/node_modules', true), left('node_modules')],
    [true, true, true, true, false],
  );
  assert.deepEqual(
    [left('build'), left('lib/build'), left('docs/a.md'), left('docs/keep.md'), left('index.js')],
    [true, false, true, false, false],
  );
});
