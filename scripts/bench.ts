// every figure as a ratio against a reference in the same run; writes bench/results/latest.md (--rounds N)
import { join } from 'node:path';
import { bench } from '../bench/run.ts';
import { build } from './build.ts';
import { cache } from './toolchain/folder.ts';
import { installToolchains } from './toolchain/install.ts';

const at = process.argv.indexOf('--rounds');
await installToolchains();
// What is measured is what the published package runs.
const built = join(cache, 'build');
await build(built);
process.env.SLUICE_BIN = join(built, 'bin', 'sluice');
const missed = await bench(at > 0 ? Number(process.argv[at + 1]) : 5);
for (const row of missed) process.stdout.write(`missed: ${row.name}: ${row.ratio?.toFixed(2)} instead of ${row.gate}\n`);
process.exitCode = missed.length === 0 ? 0 : 1;
