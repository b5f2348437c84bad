// types, linter, formatter, dead code (--fix mends what can be mended)
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(import.meta.dirname, '..');

interface Check {
  name: string;
  command: string[];
}

const checks: Check[] = [
  { name: 'types (tsc, strict)', command: ['tsc', '-p', '.'] },
  { name: 'lint and format (biome)', command: ['biome', 'check', '--error-on-warnings', '.'] },
  { name: 'dead code (knip)', command: ['knip', '--no-progress'] },
];

/** Runs every check and says how each ended; output of a failed one is printed. */
export function lint(options: { fix?: boolean } = {}): { name: string; passed: boolean }[] {
  if (options.fix) spawnSync('biome', ['check', '--write', '.'], { cwd: root, stdio: 'inherit' });
  return checks.map(({ name, command }) => {
    const [program = '', ...args] = command;
    const result = spawnSync(program, args, { cwd: root, encoding: 'utf8' });
    const passed = result.status === 0;
    if (!passed) process.stdout.write(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}\n`);
    process.stdout.write(`${passed ? 'ok  ' : 'FAIL'} ${name}\n`);
    return { name, passed };
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const failed = lint({ fix: process.argv.includes('--fix') }).filter((check) => !check.passed);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
