import { reserve } from '../test/acceptance/harness/fc.ts';
import { invoke } from './invoke.ts';
import { compare, type Row } from './report.ts';
import type { Stage } from './stage.ts';

const name = 'naps';
const napMs = 20;
const windowMs = 2_000;
/** More clients than instances, so that an instance never waits for one. */
const clientsEach = 2;

/** Invocations a second of a function that sleeps 20 ms, with so many instances. */
async function rate(stage: Stage, instances: number): Promise<number> {
  await reserve(stage.sluice, name, instances);
  const clients = instances * clientsEach;
  const run = async (ms: number) => {
    const end = performance.now() + ms;
    let count = 0;
    const client = async () => {
      for (; performance.now() < end; count += 1) await invoke(stage, name, String(napMs));
    };
    await Promise.all(Array.from({ length: clients }, client));
    return count;
  };
  // The first round starts the instances.
  await run(windowMs / 2);
  const begun = performance.now();
  const count = await run(windowMs);
  return (count * 1000) / (performance.now() - begun);
}

/** How throughput grows with instances, against what so many sleepers can do at most. The stage must allow 16 instances. */
export async function scaleOut(stage: Stage): Promise<Row[]> {
  await stage.deploy(name, 'naps');
  const rows: Row[] = [];
  for (const instances of [1, 2, 4, 8, 16]) {
    rows.push(
      compare({
        name: `scale-out, ${instances} instances of a function that sleeps ${napMs} ms`,
        ours: await rate(stage, instances),
        reference: (instances * 1000) / napMs,
        unit: 'req/s',
        referenceName: 'sleep alone',
      }),
    );
  }
  return rows;
}
