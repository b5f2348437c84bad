/**
 * Prepares what the tests and the demo need beyond npm packages: bubblewrap, a font, Pillow and oss2 for Python, programs for Go, functions for Java,
 * further versions of Node and Java.
 * Everything goes into `.cache/`; a second run finds it done. A missing toolchain is told and skipped, except where CI=true: there it fails.
 * What was prepared is written to `.cache/toolchain.json`, which the tests read.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepareBubblewrap } from './bubblewrap.ts';
import { cache } from './folder.ts';
import { prepareFonts } from './fonts.ts';
import { prepareGo } from './go.ts';
import { prepareJava } from './java.ts';
import { preparePython } from './python.ts';
import { prepareRuntimes } from './runtimes.ts';
import { systemProgram } from './system.ts';

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

/** Watches in which order the server syncs. */
async function prepareStrace(): Promise<{ program: string }> {
  if (process.platform !== 'linux') throw new Error('strace is for Linux');
  return { program: await systemProgram('strace', 'strace') };
}

/** Prepares every toolchain. @throws Error in CI (CI=true) when one is missing */
export async function installToolchains(): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const [python, go, java, runtimes, system] = await Promise.all([
    attempt('python', preparePython),
    attempt('go', prepareGo),
    attempt('java', prepareJava),
    attempt('runtimes', prepareRuntimes),
    // One after the other: each may call for apt, which knows no company.
    attempt('bubblewrap', prepareBubblewrap).then(
      async (bubblewrap) => [bubblewrap, await attempt('strace', prepareStrace), await attempt('fonts', prepareFonts)] as const,
    ),
  ]);
  const [bubblewrap, strace, fonts] = system;
  const file = join(cache, 'toolchain.json');
  writeFileSync(`${file}.new`, `${JSON.stringify({ python, go, java, runtimes, bubblewrap }, null, 2)}\n`);
  renameSync(`${file}.new`, file);
  if (process.env.CI === 'true' && [python, go, java, runtimes, bubblewrap, strace, fonts].some((tools) => 'missing' in tools))
    throw new Error('CI needs every toolchain; see above');
}

if (import.meta.main) await installToolchains();
