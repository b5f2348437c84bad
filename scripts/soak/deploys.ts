import { deleteFunction, deployFunction } from '../../test/acceptance/harness/deploy.ts';
import { invokeFunction, provision, updateFunction } from '../../test/acceptance/harness/fc.ts';
import { python } from '../../test/acceptance/harness/toolchain.ts';
import { expect, type Scenario } from './scenario.ts';

const name = 'soak-deploys';
const files = (version: number) => [
  {
    name: 'index.py',
    data: Buffer.from(`import time\ndef handler(event, context):\n    time.sleep(0.01)\n    return "version ${version}"\n`),
  },
];

let version = 1;
let isDeploying = false;

/** Calls that go on while their function is deployed again and again, created and deleted, and kept warm or not. */
export const deploys: Scenario = {
  name: 'deploys',
  skip: python.skip,
  clients: 3,
  prepare: (sluice) => deployFunction(sluice, name, files(version), { timeout: 10, memorySize: 128 }),
  round: async (sluice) => {
    if (isDeploying || Math.random() < 0.9) return expect(await invokeFunction(sluice, name), { body: /^version \d+$/ });
    isDeploying = true;
    try {
      const next = version + 1;
      await updateFunction(sluice, name, { files: files(next) });
      version = next;
      if (next % 3 === 0) await provision(sluice, name, (next / 3) % 2);
      expect(await invokeFunction(sluice, name), { body: new RegExp(`^version ${next}$`) });
      return 'deployed';
    } finally {
      isDeploying = false;
    }
  },
  tidy: (sluice) => deleteFunction(sluice, name),
};
