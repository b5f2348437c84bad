// every test: lint, unit, security, acceptance with the vendor SDKs (--unit for the quick ones only, or files to run)
import { globSync } from 'node:fs';
import { resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { lint } from './lint.ts';
import { installToolchains } from './toolchain/install.ts';

const root = resolve(import.meta.dirname, '..');

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/** Runs test files, several at a time, and counts single tests (not suites). A file that fails to load counts as failed. */
async function runFiles(files: string[], concurrency: number, timeoutMs: number): Promise<Count> {
  const count: Count = { passed: 0, failed: 0, skipped: 0 };
  const stream = run({ files, concurrency, timeout: timeoutMs });
  stream.on('test:pass', (event) => {
    if (event.details.type === 'suite') return;
    if (event.skip !== undefined || event.todo !== undefined) count.skipped += 1;
    else count.passed += 1;
  });
  stream.on('test:fail', (event) => {
    if (event.details.type !== 'suite') count.failed += 1;
  });
  await new Promise<void>((done, fail) => {
    stream.once('error', fail);
    const report = stream.compose(spec());
    report.on('data', (text: Buffer | string) => process.stdout.write(text));
    report.once('end', done);
    report.once('error', fail);
  });
  return count;
}

function find(patterns: string[]): string[] {
  return globSync(patterns, { cwd: root })
    .map((file) => resolve(root, file))
    .sort();
}

const words = process.argv.slice(2);
const named = words.filter((word) => !word.startsWith('--'));
const unit = find(['src/**/*.test.ts', 'test/*.test.ts']);
const acceptance = find(['test/acceptance/**/*.test.ts']);
// One at a time: some of them fill memory, disk and processes on purpose.
const security = find(['test/security/**/*.test.ts']);
const total: Count = { passed: 0, failed: 0, skipped: 0 };

function add(count: Count): void {
  total.passed += count.passed;
  total.failed += count.failed;
  total.skipped += count.skipped;
}

if (named.length > 0) {
  add(await runFiles(find(named), 2, 600_000));
} else {
  if (unit.length === 0 || acceptance.length === 0 || security.length === 0) throw new Error('no test files were found');
  for (const check of lint()) add({ passed: check.passed ? 1 : 0, failed: check.passed ? 0 : 1, skipped: 0 });
  if (!words.includes('--unit')) await installToolchains();
  add(await runFiles(unit, 2, 300_000));
  if (!words.includes('--unit')) {
    add(await runFiles(acceptance, 2, 900_000));
    add(await runFiles(security, 1, 900_000));
  }
}
if (total.passed + total.failed === 0) {
  process.stdout.write('no test ran\n');
  process.exitCode = 1;
}
if (total.failed > 0) process.exitCode = 1;
process.stdout.write(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}\n`);
