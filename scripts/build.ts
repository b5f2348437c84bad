// compiled JavaScript of the server, as the published package has it (a folder to put it in; the repository's own dist/ when left out)
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { compileHost } from '../src/instances/java/compile.ts';
import { run } from './toolchain/command.ts';

const root = resolve(import.meta.dirname, '..');

/**
 * Compiles src/ into `<target>/dist` and puts the shim and package.json beside it. Tests and fixtures stay out; the hosts of other languages go along as
 * they are, that of Java compiled. @throws Error when a compiler finds a fault, or where a package to be published would have no Java host
 */
export async function build(target: string): Promise<void> {
  const dist = join(target, 'dist');
  rmSync(dist, { recursive: true, force: true });
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const result = spawnSync(tsc, ['-p', join(root, 'tsconfig.build.json'), '--outDir', dist], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`tsc failed:\n${result.stdout}${result.stderr}`);
  cpSync(join(root, 'src', 'instances', 'hosts'), join(dist, 'instances', 'hosts'), {
    recursive: true,
    filter: (source) => !source.includes('__pycache__') && !/\/hosts\/java\/./.test(source),
  });
  await buildJavaHost(join(dist, 'instances', 'hosts', 'java'));
  if (resolve(target) === root) return;
  mkdirSync(join(target, 'bin'), { recursive: true });
  cpSync(join(root, 'bin', 'sluice'), join(target, 'bin', 'sluice'));
  cpSync(join(root, 'package.json'), join(target, 'package.json'));
}

async function buildJavaHost(target: string): Promise<void> {
  const compiler = await run('javac', ['--version']);
  if (compiler.code === 0) return compileHost('javac', join(root, 'src', 'instances', 'hosts', 'java'), target);
  const missing = 'javac was not found: what is built here cannot run Java functions';
  if (process.env.CI === 'true' || process.env.npm_lifecycle_event === 'prepack') throw new Error(missing);
  console.error(missing);
}

if (import.meta.main) await build(resolve(process.argv[2] ?? root));
