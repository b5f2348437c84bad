import { figure, interleave } from './measure.ts';
import { compare, type Row } from './report.ts';
import { openStage, small } from './stage.ts';

/** What invocation records cost: the same transform on two servers, one with records and one without, in turns. */
export async function records(rounds: number): Promise<Row[]> {
  const env = { SLUICE_LOG_LEVEL: 'warn', SLUICE_MAX_INSTANCES: '8' };
  const kept = await openStage({ env });
  const none = await openStage({ env: { ...env, SLUICE_INVOCATIONS_RECORDS: 'off' } });
  try {
    const targets = [];
    for (const [name, stage] of [
      ['records', kept],
      ['none', none],
    ] as const) {
      const alias = await stage.deploy('answer', 'answer');
      targets.push({ name, plan: stage.get(alias, small, 16, 1), pid: stage.sluice.pid });
    }
    const samples = await interleave(targets, 2 * rounds);
    return [
      compare({
        name: 'invocation records, gateway CPU of a transformed GET',
        ours: figure(samples.get('records'), ({ cpuUs }) => cpuUs)?.median,
        reference: figure(samples.get('none'), ({ cpuUs }) => cpuUs)?.median,
        unit: 'us CPU/request',
        most: 1.1,
        referenceName: 'without records',
      }),
    ];
  } finally {
    await Promise.all([kept.sluice.stop(), none.sluice.stop()]);
  }
}
