import { cpus } from 'node:os';
import { coldStarts } from './cold.ts';
import { coldGo, transports } from './go.ts';
import { idleMemory, weighedRuntimes } from './idle.ts';
import { invocations } from './invoke.ts';
import { javaStarts } from './java.ts';
import { largeObjects, memory } from './large.ts';
import { nodeFunctions, nodeStarts } from './node.ts';
import { publish, type Row } from './report.ts';
import { scaleOut } from './scale.ts';
import { smallObjects } from './small.ts';
import { openStage } from './stage.ts';

/** Runs every benchmark; each figure stands beside a reference of the same run. Returns the rows whose gate was missed. */
export async function bench(rounds: number): Promise<Row[]> {
  const rows: Row[] = [];
  const stage = await openStage({ env: { SLUICE_LOG_LEVEL: 'warn', SLUICE_MAX_INSTANCES: String(2 * cpus().length) } });
  try {
    rows.push(...(await smallObjects(stage, rounds)));
    rows.push(...(await largeObjects(stage, rounds)));
    rows.push(...(await invocations(stage)));
    rows.push(...(await coldStarts(stage)));
    rows.push(...(await nodeFunctions(stage, rounds)));
    rows.push(...(await nodeStarts(stage)));
    rows.push(...(await javaStarts(stage)));
    rows.push(...(await coldGo(stage)));
    rows.push(...(await transports(stage)));
  } finally {
    await stage.sluice.stop();
  }
  const wide = await openStage({ env: { SLUICE_LOG_LEVEL: 'warn', SLUICE_MAX_INSTANCES: '32' } });
  try {
    rows.push(...(await scaleOut(wide)));
    rows.push(...(await idleMemory(wide, weighedRuntimes())));
  } finally {
    await wide.sluice.stop();
  }
  rows.push(...(await memory()));
  publish(rows, rounds);
  return rows.filter((row) => row.held === false);
}
