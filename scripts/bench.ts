// every figure as a ratio against a reference in the same run; writes bench/results/latest.md (--rounds N, --reference URL of an S3 or OSS bucket elsewhere, or of a transform at a real MinIO)
import { join } from 'node:path';
import { bench } from '../bench/run.ts';
import { build } from './build.ts';
import { cache } from './toolchain/folder.ts';
import { installToolchains } from './toolchain/install.ts';

if (process.argv.includes('--help')) {
  process.stdout.write('./run bench [--rounds N] [--reference URL]: about a quarter of an hour; exits with 1 when a gate is missed\n');
  process.exit(0);
}
const at = process.argv.indexOf('--rounds');
const reference = process.argv.indexOf('--reference');
await installToolchains();
// What is measured is what the published package runs.
const built = join(cache, 'build');
await build(built);
process.env.SLUICE_BIN = join(built, 'bin', 'sluice');
const missed = await bench(at > 0 ? Number(process.argv[at + 1]) : 5, reference > 0 ? process.argv[reference + 1] : undefined);
for (const row of missed) process.stdout.write(`missed: ${row.name}: ${row.ratio?.toFixed(2)} instead of ${row.gate}\n`);
process.exitCode = missed.length === 0 ? 0 : 1;
