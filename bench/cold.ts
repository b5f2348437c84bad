import { execFileSync } from 'node:child_process';
import { deployFunction, filesOf } from '../test/acceptance/harness/deploy.ts';
import { python } from '../test/acceptance/harness/toolchain.ts';
import { invoke } from './invoke.ts';
import { median } from './meter.ts';
import { compare, type Row } from './report.ts';
import type { Stage } from './stage.ts';

const source = `import json
import time
import oss2

def handler(event, context):
    time.sleep(int(event or b"0") / 1000)
    return b"ok"
`;
const busyMs = 1500;

function bareStart(interpreter: string, packages: string): number {
  const started = performance.now();
  execFileSync(interpreter, ['-S', '-c', 'import json, time, oss2'], { env: { PYTHONPATH: packages, PATH: '/usr/bin:/bin' }, cwd: '/' });
  return performance.now() - started;
}

/** A new Python instance while its fork server lives (hit), the very first one (miss), and a bare interpreter with the same imports. */
export async function coldStarts(stage: Stage): Promise<Row[]> {
  if (!python.tools)
    return [
      compare({ name: 'cold start Python', ours: undefined, reference: undefined, unit: 'ms', referenceName: 'no Python toolchain' }),
    ];
  const { interpreter, oss2 } = python.tools;
  const files = [{ name: 'index.py', data: Buffer.from(source) }, ...filesOf(oss2.newest)];
  await deployFunction(stage.sluice, 'cold', files);
  const miss = await invoke(stage, 'cold', '0');
  const warm: number[] = [];
  for (let i = 0; i < 50; i += 1) warm.push(await invoke(stage, 'cold', '0'));
  const hits: number[] = [];
  const bare: number[] = [];
  bareStart(interpreter, oss2.newest);
  for (let round = 1; round <= 3; round += 1) {
    // As many calls as there are instances keep them all busy; one more must start a new one.
    const busy = Array.from({ length: round }, () => invoke(stage, 'cold', String(busyMs)));
    await new Promise((resolve) => setTimeout(resolve, 200));
    hits.push((await invoke(stage, 'cold', '0')) - median(warm));
    await Promise.all(busy);
    bare.push(bareStart(interpreter, oss2.newest));
  }
  const reference = { reference: median(bare), unit: 'ms', referenceName: 'bare interpreter, same imports' };
  return [
    compare({ name: 'cold start Python with oss2, fork server up', ours: median(hits), ...reference, most: 0.1 }),
    compare({ name: 'cold start Python with oss2, first of its function', ours: miss - median(warm), ...reference }),
  ];
}
