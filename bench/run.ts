import { cpus } from 'node:os';
import { coldStarts } from './cold.ts';
import { fairness } from './fairness.ts';
import { coldGo, transports } from './go.ts';
import { idleMemory, weighedRuntimes } from './idle.ts';
import { invocations } from './invoke.ts';
import { javaStarts } from './java.ts';
import { largeObjects, memory } from './large.ts';
import { besideMinio } from './minio.ts';
import { nodeFunctions, nodeStarts } from './node.ts';
import { records } from './records.ts';
import { publish, type Row } from './report.ts';
import { scaleOut } from './scale.ts';
import { smallObjects } from './small.ts';
import { openStage } from './stage.ts';
import { storeBench } from './store.ts';

/** Prints what is being measured: a run takes long, and a failure should say where. */
async function step(rows: Row[], name: string, measure: () => Promise<Row[]>): Promise<void> {
  const begun = performance.now();
  process.stderr.write(`bench: ${name}`);
  const measured = await measure();
  rows.push(...measured);
  process.stderr.write(` (${((performance.now() - begun) / 1000).toFixed(0)} s)\n`);
  for (const row of measured)
    process.stderr.write(`  ${row.name}: ${row.ours} / ${row.reference} = ${row.ratio?.toFixed(2) ?? 'not measured'} ${row.gate}\n`);
}

/**
 * Runs every benchmark; each figure stands beside a reference of the same run. Returns the rows whose gate was missed.
 * @param reference what is running elsewhere and measured too: a presigned URL with lambdaArn of a transform at a real MinIO, or a store (see signed.ts)
 */
export async function bench(rounds: number, reference?: string): Promise<Row[]> {
  const rows: Row[] = [];
  const transform = reference?.includes('lambdaArn') === true;
  const stage = await openStage({ env: { SLUICE_LOG_LEVEL: 'warn', SLUICE_MAX_INSTANCES: String(2 * cpus().length) } });
  try {
    await step(rows, 'small objects', () => smallObjects(stage, rounds));
    await step(rows, 'large objects', () => largeObjects(stage, rounds));
    await step(rows, 'invocations', () => invocations(stage));
    await step(rows, 'cold starts', () => coldStarts(stage));
    await step(rows, 'Node functions', () => nodeFunctions(stage, rounds));
    await step(rows, 'beside MinIO', () => besideMinio(stage, rounds, transform ? reference : undefined));
    await step(rows, 'fairness', () => fairness(stage, rounds));
    await step(rows, 'Node starts', () => nodeStarts(stage));
    await step(rows, 'Java starts', () => javaStarts(stage));
    await step(rows, 'Go starts', () => coldGo(stage));
    await step(rows, 'transports', () => transports(stage));
  } finally {
    await stage.sluice.stop();
  }
  const wide = await openStage({ env: { SLUICE_LOG_LEVEL: 'warn', SLUICE_MAX_INSTANCES: '32' } });
  try {
    await step(rows, 'scale-out', () => scaleOut(wide));
    await step(rows, 'idle memory', () => idleMemory(wide, weighedRuntimes()));
  } finally {
    await wide.sluice.stop();
  }
  await step(rows, 'invocation records', () => records(rounds));
  await step(rows, 'memory at 1 GiB', () => memory());
  await step(rows, 'the store', () => storeBench(rounds, transform ? undefined : reference));
  publish(rows, rounds);
  return rows.filter((row) => row.held === false);
}
