import { deleteFunction, deployFunction } from '../../test/acceptance/harness/deploy.ts';
import { invokeFunction } from '../../test/acceptance/harness/fc.ts';
import { python } from '../../test/acceptance/harness/toolchain.ts';
import { expect, type Scenario } from './scenario.ts';

const source = `
import time
def handler(event, context):
    print("begin", context.request_id)
    time.sleep(0.02)
    if event == b"raise":
        raise ValueError("raised as told")
    print("end", context.request_id)
    return event
`;

/** Calls that share instances, eight at a time. */
export const shared: Scenario = {
  name: 'shared',
  skip: python.skip,
  clients: 6,
  prepare: (sluice) =>
    deployFunction(sluice, 'soak-shared', [{ name: 'index.py', data: Buffer.from(source) }], {
      timeout: 10,
      settings: { instanceConcurrency: 8, idleTimeout: 2 },
    }),
  round: async (sluice) => {
    const fails = Math.random() < 0.1;
    const outcome = await invokeFunction(sluice, 'soak-shared', fails ? 'raise' : 'fine', { tail: true });
    const result = expect(outcome, fails ? { failed: /raised as told/ } : { body: /^fine$/ });
    const ids = new Set([...outcome.log.matchAll(/^(?:begin|end) (\S+)$/gm)].map((match) => match[1]));
    if (outcome.status === 200 && ids.size !== 1) throw new Error(`lines of ${ids.size} requests in one log:\n${outcome.log}`);
    return result;
  },
  tidy: (sluice) => deleteFunction(sluice, 'soak-shared'),
};
