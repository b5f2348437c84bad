/** The package as it is published: packed, installed into an empty folder, and used from there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { createAccessPoint, createBucket, createObjectFc, deployArchive, deployFunction, filesOf, ossDo } from './harness/deploy.ts';
import { decodePng } from './harness/png.ts';
import { startSluice } from './harness/sluice.ts';
import { java, python, root } from './harness/toolchain.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'sluice-package-'));
chmodSync(folder, 0o711);
after(() => rmSync(folder, { recursive: true, force: true }));

const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env;
const bucket = 'acc-package';

/** The folder of the installed package. Packing compiles it first, the host of Java included. */
async function install(): Promise<string> {
  await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root, env });
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  assert.ok(archive, 'npm pack leaves an archive');
  const words = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', join(folder, archive)];
  await run('npm', [...words, '--prefix', folder], { cwd: folder, env });
  return join(folder, 'node_modules', 'sluice');
}

/** The instructions of the Containerfile in order, lines joined and comments left out. */
function instructions(): { name: string; text: string }[] {
  const lines = readFileSync(join(root, 'Containerfile'), 'utf8')
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => ({ name: line.split(' ')[0] as string, text: line.slice(line.indexOf(' ') + 1).trim() }));
}

/** The package as the Containerfile installs it, in a plain folder instead of a container; nothing else of the image is made here. */
async function installAsContainer(archive: string): Promise<string> {
  const prefix = join(folder, 'container');
  const copies = instructions().filter(({ name }) => name === 'COPY');
  assert.deepEqual(
    copies.map(({ text }) => text),
    ['sluice-*.tgz /tmp/sluice.tgz'],
  );
  assert.match(archive, /^sluice-[\d.]+\.tgz$/, 'what npm pack leaves is what is copied');
  const line =
    instructions()
      .find(({ text }) => text.includes('npm install') && text.includes('/tmp/sluice.tgz'))
      ?.text.split(' && ')[0] ?? '';
  const words = line.split(' ').map((word) => (word === '/tmp/sluice.tgz' ? join(folder, archive) : word));
  await run(words[0] as string, [...words.slice(1), '--prefix', prefix, '--prefer-offline', '--loglevel=error'], { cwd: folder, env });
  return prefix;
}

describe('the published package', { skip: java.skip }, () => {
  test('holds what it needs and nothing else, and serves transforms from an empty folder', async () => {
    const home = await install();
    const top = readdirSync(home).sort();
    assert.deepEqual(top, ['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'dist', 'package.json', 'types']);
    const files = readdirSync(join(home, 'dist'), { recursive: true }) as string[];
    assert.deepEqual(
      files.filter((name) => /\.test\.js$|fixture|\.ts$|__pycache__/.test(name)),
      [],
    );
    // The shim starts on whatever `node` is first on the PATH.
    const program = join(folder, 'node_modules', '.bin', 'sluice');
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    assert.equal((await run(program, ['--version'], { cwd: folder, env })).stdout.trim(), version);
    assert.match((await run(program, ['config', 'reference'], { cwd: folder, env })).stdout, /maxInstances/);

    const sluice = await startSluice({ program: join(home, 'bin', 'sluice') });
    try {
      await createBucket(sluice, bucket);
      await createAccessPoint(sluice, bucket, 'ap-package');
      const page = readFileSync(join(root, 'examples', 'objects', 'welcome.md'));
      await ossDo(sluice, { method: 'PUT', bucket, key: 'welcome.md', body: page });
      const answerOf = async (name: string) => {
        const alias = await createObjectFc(sluice, { bucket, accessPoint: 'ap-package', name, functionName: name });
        return (await ossDo(sluice, { method: 'GET', bucket: alias, key: 'welcome.md' })).body;
      };
      const isRedSquare = (body: Buffer) => {
        const { width, height, pixels } = decodePng(body);
        assert.deepEqual([width, height, pixels.subarray(0, 3).toString('hex')], [200, 200, 'ff0000']);
      };

      const picture = readFileSync(join(root, 'examples', 'objects', 'landscape.jpg'));
      await ossDo(sluice, { method: 'PUT', bucket, key: 'landscape.jpg', body: picture });
      const info = await ossDo(sluice, { method: 'GET', bucket, key: 'landscape.jpg', query: { 'x-oss-process': 'image/info' } });
      assert.match(info.body.toString(), /"ImageWidth":\{"value":"1600"\}/);

      const example = (name: string) => filesOf(join(root, 'examples', name));
      await deployFunction(sluice, 'page', example('nodejs/markdown'), { settings: { runtime: 'nodejs24', handler: 'index.fetch' } });
      assert.match((await answerOf('page')).toString(), /<h1>Welcome<\/h1>/);
      if (python.tools) {
        await deployFunction(sluice, 'red', [...example('python/red-png'), ...filesOf(python.tools.oss2.newest)]);
        isRedSquare(await answerOf('red'));
      }
      if (java.tools) {
        const settings = { runtime: 'java11', handler: 'example.RedPng::handleRequest' };
        await deployArchive(sluice, 'red-java', readFileSync(java.tools.jars['red-png']), settings);
        isRedSquare(await answerOf('red-java'));
      }
    } finally {
      await sluice.stop();
    }
  });

  test('is what the Containerfile makes a server of, and what the unit of systemd starts', async () => {
    const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) as string;
    const prefix = await installAsContainer(archive);
    const of = (wanted: string) =>
      instructions()
        .filter(({ name }) => name === wanted)
        .map(({ text }) => text);
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      engines: { node: string };
      optionalDependencies: Record<string, string>;
    };
    const { engines, optionalDependencies } = manifest;
    assert.equal(/ sharp@(\S+)/.exec(of('RUN').join('\n'))?.[1], optionalDependencies.sharp, 'sharp as the package has it');
    const [base = ''] = of('FROM');
    assert.equal(`>=${/node:(\d+)-/.exec(base)?.[1]}`, engines.node, 'the base image has the Node that the package needs');
    const [program] = JSON.parse(of('ENTRYPOINT')[0] as string) as string[];
    const words = JSON.parse(of('CMD')[0] as string) as string[];
    assert.deepEqual([program, words], ['sluice', ['serve']]);
    const installed = join(prefix, 'bin', program as string);
    // The image has Node 24 as its `node`.
    const path = { ...env, PATH: `${dirname(process.execPath)}:${env.PATH}` };
    assert.match((await run(installed, ['--version'], { cwd: folder, env: path })).stdout, /^\d+\.\d+\.\d+\n$/);
    const reference = JSON.parse((await run(installed, ['config', 'reference', '--json'], { cwd: folder, env: path })).stdout) as {
      environment: string;
      default?: unknown;
    }[];
    const settings = Object.fromEntries((of('ENV')[0] as string).split(/\s+/).map((pair) => pair.split('=') as [string, string]));
    const known = reference.map(({ environment }) => environment);
    assert.deepEqual(
      Object.keys(settings).filter((name) => !known.includes(name)),
      [],
      'every variable is a setting',
    );
    assert.equal(settings.SLUICE_DATA, of('VOLUME')[0]);
    const ports = ['SLUICE_PORT', 'SLUICE_CONTROL_PORT'].map((name) =>
      String(reference.find(({ environment }) => environment === name)?.default),
    );
    assert.deepEqual(of('EXPOSE')[0]?.split(' '), ports);
    const { SLUICE_DATA: _data, SLUICE_PYTHON_PACKAGES: packages, ...rest } = settings;
    assert.ok(
      of('RUN').some((text) => text.includes(`--target ${packages} `)),
      'packages are installed where they are looked for',
    );
    const sluice = await startSluice({ program: installed, env: rest });
    await sluice.stop();

    const unit = /```ini\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs', 'operate.md'), 'utf8'))?.[1] ?? '';
    const start = /^ExecStart=\/usr\/local\/bin\/(\S+) (\S+) (--\S+) /m.exec(unit);
    assert.deepEqual(start?.slice(1), ['sluice', 'serve', '--config']);
    const drain = Number(reference.find(({ environment }) => environment === 'SLUICE_DRAIN_MS')?.default);
    assert.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) * 1000 > drain, 'systemd waits for the drain');
  });
});
