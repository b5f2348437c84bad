import { figure, interleave, type Sample, type Target } from './measure.ts';
import { compare, type Row } from './report.ts';
import { openStage, type Stage, small } from './stage.ts';

/** Processes of the same code differ by a tenth, by where things lie in memory and what was compiled when: one pair alone would tell of that. */
const pairs = 4;

/** What invocation records cost: the same transform on servers with records and on servers without, in turns. */
export async function records(rounds: number): Promise<Row[]> {
  const kept: Sample[] = [];
  const none: Sample[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const env = { SLUICE_LOG_LEVEL: 'warn', SLUICE_MAX_INSTANCES: '8' };
    const stages = [await openStage({ env }), await openStage({ env: { ...env, SLUICE_INVOCATIONS_RECORDS: 'off' } })] as const;
    try {
      const samples = await interleave([await transform('kept', stages[0]), await transform('none', stages[1])], rounds);
      kept.push(...(samples.get('kept') ?? []));
      none.push(...(samples.get('none') ?? []));
    } finally {
      await Promise.all(stages.map(({ sluice }) => sluice.stop()));
    }
  }
  return [
    compare({
      name: 'invocation records, gateway CPU of a transformed GET',
      ours: figure(kept, ({ cpuUs }) => cpuUs)?.median,
      reference: figure(none, ({ cpuUs }) => cpuUs)?.median,
      unit: 'us CPU/request',
      most: 1.1,
      referenceName: 'without records',
    }),
  ];
}

async function transform(name: string, stage: Stage): Promise<Target> {
  const alias = await stage.deploy('answer', 'answer');
  return { name, plan: stage.get(alias, small, 16, 1), pid: stage.sluice.pid };
}
