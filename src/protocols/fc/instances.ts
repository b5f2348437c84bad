import { Fault } from '../../faults/index.ts';
import type { Answer, Call } from './call.ts';

/** ListInstances: one entry for each that runs now; instances of one version are told apart by number alone. */
export async function listInstances(call: Call): Promise<Answer> {
  const { functions, instances } = call.rooms;
  if (!functions.get(call.name)) throw new Fault('FunctionNotFound', `There is no function ${call.name.slice(0, 200)}.`);
  const qualifier = call.qualifier;
  const pools = (instances.stats?.().functions ?? []).filter(
    (pool) => pool.name === call.name && (!qualifier || pool.qualifier === qualifier),
  );
  const shown = pools.flatMap((pool) =>
    Array.from({ length: pool.instances }, (_, index) => ({
      instanceId: `${pool.revision}-${index + 1}`,
      qualifier: pool.qualifier,
      versionId: pool.qualifier,
      status: pool.draining ? 'Draining' : 'Running',
    })),
  );
  return { status: 200, body: { requestId: call.ctx.id, instances: shown } };
}
