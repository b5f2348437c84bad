// compiled JavaScript of the server, as the published package has it (a folder to put it in; the repository's own dist/ when left out)
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');

/**
 * Compiles src/ into `<target>/dist` and puts the shim and package.json beside it. Tests and fixtures stay out; the hosts of other languages go along as
 * they are. @throws Error when the compiler finds a fault
 */
export function build(target: string): void {
  const dist = join(target, 'dist');
  rmSync(dist, { recursive: true, force: true });
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const result = spawnSync(tsc, ['-p', join(root, 'tsconfig.build.json'), '--outDir', dist], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`tsc failed:\n${result.stdout}${result.stderr}`);
  cpSync(join(root, 'src', 'instances', 'hosts'), join(dist, 'instances', 'hosts'), {
    recursive: true,
    filter: (source) => !source.includes('__pycache__'),
  });
  if (resolve(target) === root) return;
  mkdirSync(join(target, 'bin'), { recursive: true });
  cpSync(join(root, 'bin', 'sluice'), join(target, 'bin', 'sluice'));
  cpSync(join(root, 'package.json'), join(target, 'package.json'));
}

if (import.meta.main) build(resolve(process.argv[2] ?? root));
