import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { deployArchive } from '../test/acceptance/harness/deploy.ts';
import { java } from '../test/acceptance/harness/toolchain.ts';
import { untilItPrints, type Weighed } from './idle.ts';
import { invoke } from './invoke.ts';
import { median } from './meter.ts';
import { compare, type Row } from './report.ts';
import type { Stage } from './stage.ts';

const busyMs = 2500;
/** The next Java has made itself ready meanwhile. */
const settleMs = 2000;

/** A new Java instance while another one waits warm (hit), the very first one (miss), and a bare `java` whose main does the same. */
export async function javaStarts(stage: Stage): Promise<Row[]> {
  if (!java.tools)
    return [compare({ name: 'cold start Java', ours: undefined, reference: undefined, unit: 'ms', referenceName: 'no Java toolchain' })];
  const jar = java.tools.jars['many-newest'];
  await deployArchive(stage.sluice, 'java-cold', readFileSync(jar), { runtime: 'java11', handler: 'Cold::handleRequest' });
  const miss = await invoke(stage, 'java-cold', '0');
  const warm: number[] = [];
  for (let i = 0; i < 50; i += 1) warm.push(await invoke(stage, 'java-cold', '0'));
  const hits: number[] = [];
  const bare: number[] = [];
  const startBare = () => {
    const started = performance.now();
    execFileSync('java', ['-cp', jar, 'Cold'], { cwd: '/', env: { PATH: process.env.PATH } });
    return performance.now() - started;
  };
  startBare();
  for (let round = 1; round <= 3; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    // As many calls as there are instances keep them all busy; one more must start a new one.
    const busy = Array.from({ length: round }, () => invoke(stage, 'java-cold', String(busyMs)));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    hits.push((await invoke(stage, 'java-cold', '0')) - median(warm));
    await Promise.all(busy);
    bare.push(startBare());
  }
  const reference = { reference: median(bare), unit: 'ms', referenceName: 'bare java, a main that does the same' };
  return [
    compare({ name: 'cold start Java with aliyun-sdk-oss, a process waits warm', ours: median(hits), ...reference, most: 0.35 }),
    compare({ name: 'cold start Java with aliyun-sdk-oss, first of its function', ours: miss - median(warm), ...reference }),
  ];
}

/** An idle Java instance that has used the OSS SDK, beside a bare `java` that has. */
export function weighedJava(): Weighed[] {
  const jar = java.tools?.jars['many-newest'];
  if (jar === undefined) return [];
  return [
    {
      name: 'Java',
      process: /java/,
      deploy: async (stage, name) => {
        await deployArchive(stage.sluice, name, readFileSync(jar), {
          runtime: 'java11',
          handler: 'Cold::handleRequest',
          // Those that get no event have used it too.
          instanceLifecycleConfig: { initializer: { handler: 'Cold::initialize', timeout: 30 } },
        });
        await invoke(stage, name, '0');
        // The one that makes the archive of classes is gone by then.
        await new Promise((resolve) => setTimeout(resolve, 3 * settleMs));
      },
      bare: () => untilItPrints('java', ['-cp', jar, 'Cold', 'wait']),
    },
  ];
}
