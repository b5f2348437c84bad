import { deleteFunction } from '../../test/acceptance/harness/deploy.ts';
import { python } from '../../test/acceptance/harness/toolchain.ts';
import { fuzz, prepareFuzz } from '../../test/security/fuzz.ts';
import type { Scenario } from './scenario.ts';

const slice = 200;

/** `total` mutated requests at every door, in slices. Each slice has a seed of its own, which is told when it fails. */
export function fuzzing(total: number): Scenario {
  let alias = '';
  let sent = 0;
  return {
    name: 'fuzz',
    skip: python.skip,
    clients: 1,
    prepare: async (sluice) => {
      alias = await prepareFuzz(sluice);
    },
    round: async (sluice) => {
      const seed = Math.floor(Math.random() * 1e9);
      const count = Math.min(slice, total - sent);
      sent += count;
      try {
        const { statuses } = await fuzz(sluice, alias, count, seed);
        return `slices of ${slice} requests${statuses['200'] ? '' : ' without any 200'}`;
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    },
    done: () => sent >= total,
    tidy: (sluice) => deleteFunction(sluice, 'fuzz'),
  };
}
