/**
 * Prepares what the acceptance tests and the demo need beyond npm packages: Pillow and oss2 for Python, client programs for Go.
 * Everything goes into `.cache/`; a second run finds it done. A missing toolchain is told and skipped, except where CI=true: there it fails.
 * What was prepared is written to `.cache/toolchain.json`, which the tests read.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from './folder.ts';
import { prepareGo } from './go.ts';
import { preparePython } from './python.ts';

type Prepared<T> = T | { missing: string };

async function attempt<T>(name: string, work: () => Promise<T>): Promise<Prepared<T>> {
  const begin = performance.now();
  try {
    const tools = await work();
    console.log(`toolchain ${name}: ready (${((performance.now() - begin) / 1000).toFixed(1)} s)`);
    return tools;
  } catch (cause) {
    const missing = cause instanceof Error ? cause.message : String(cause);
    console.log(`toolchain ${name}: SKIPPED: ${missing}`);
    return { missing };
  }
}

/** Prepares every toolchain. @throws Error in CI (CI=true) when one is missing */
export async function installToolchains(): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const [python, go] = await Promise.all([attempt('python', preparePython), attempt('go', prepareGo)]);
  const file = join(cache, 'toolchain.json');
  writeFileSync(`${file}.new`, `${JSON.stringify({ python, go }, null, 2)}\n`);
  renameSync(`${file}.new`, file);
  if (process.env.CI === 'true' && ('missing' in python || 'missing' in go)) throw new Error('CI needs every toolchain; see above');
}

if (import.meta.main) await installToolchains();
