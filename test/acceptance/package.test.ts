/** The package as it is published: packed, installed into an empty folder, and used from there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
});
