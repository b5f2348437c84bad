import { deleteFunction, deployFunction } from '../../test/acceptance/harness/deploy.ts';
import { invokeFunction } from '../../test/acceptance/harness/fc.ts';
import { python } from '../../test/acceptance/harness/toolchain.ts';
import { expect, pick, type Scenario } from './scenario.ts';

const source = `
import os, signal, subprocess, sys, time
def handler(event, context):
    what = event.decode()
    if what == "raise":
        raise ValueError("raised as told")
    if what == "exit":
        sys.exit(3)
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "daemon":
        subprocess.Popen(["sleep", "600"])
        os._exit(0)
    if what == "hang":
        subprocess.Popen(["sleep", "600"])
        time.sleep(600)
    if what == "memory":
        kept = []
        while True:
            kept.append(bytearray(8 << 20))
    if what == "print":
        for number in range(2000):
            print("line", number, "x" * 50)
    if what == "litter":
        with open(os.environ["TMPDIR"] + "/litter", "ab") as file:
            file.write(bytes(1 << 20))
    return what
`;
const ends: Record<string, { body?: RegExp; failed?: RegExp }> = {
  fine: { body: /^fine$/ },
  print: { body: /^print$/ },
  litter: { body: /^litter$/ },
  raise: { failed: /raised as told/ },
  exit: { failed: /Process exited unexpectedly/ },
  // Instances of one function share what counts their memory: a kill while another one hoards looks like its own.
  kill: { failed: /Process exited unexpectedly|ran out of memory/ },
  daemon: { failed: /Process exited unexpectedly/ },
  hang: { failed: /Function timed out after 3 seconds/ },
  memory: { failed: /MemoryError|ran out of memory|timed out/ },
};

/** Functions that crash, hang, hoard, print and leave children behind. */
export const failures: Scenario = {
  name: 'failures',
  skip: python.skip,
  clients: 3,
  prepare: (sluice) =>
    deployFunction(sluice, 'soak-failures', [{ name: 'index.py', data: Buffer.from(source) }], {
      timeout: 3,
      memorySize: 128,
      settings: { idleTimeout: 2 },
    }),
  round: async (sluice) => {
    const what = pick(Object.keys(ends));
    return expect(await invokeFunction(sluice, 'soak-failures', what, { tail: Math.random() < 0.5 }), ends[what] ?? {});
  },
  tidy: (sluice) => deleteFunction(sluice, 'soak-failures'),
};
