/** Java functions on further versions of Java than the machine's own: the whole life of an instance on each. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { deleteFunction, deployArchive } from './harness/deploy.ts';
import { invoke } from './harness/invoke.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { java, reachable, runtimes } from './harness/toolchain.ts';

const installed = '/usr/lib/jvm';

/** Homes by major version: those that were fetched, and a newest that the machine may have. */
function homes(): [major: string, home: string][] {
  const fetched = Object.entries(runtimes.tools?.java ?? {});
  let names: string[] = [];
  try {
    names = readdirSync(installed).filter((name) => /(^|\D)25(\D|$)/.test(name));
  } catch {
    // This machine keeps its Java elsewhere.
  }
  return [...fetched, ...names.slice(0, 1).map((name): [string, string] => ['25', join(installed, name)])];
}

for (const [major, path] of homes()) {
  describe(`Java ${major}`, { skip: java.skip || runtimes.skip }, () => {
    const copies = mkdtempSync(join(tmpdir(), 'sluice-jre-'));
    const functions: string[] = [];
    let sluice: Sluice;

    before(async () => {
      sluice = await startSluice({ env: { SLUICE_JAVA_HOME: reachable(path, copies) } });
    });
    after(async () => {
      await sluice.finish(async () => {
        for (const name of functions) await deleteFunction(sluice, name);
      });
      rmSync(copies, { recursive: true, force: true });
    });

    async function deploy(
      name: string,
      settings: Record<string, unknown> = {},
      jar: 'plain-1.4.1' | 'many-newest' = 'plain-1.4.1',
    ): Promise<void> {
      const archive = readFileSync(java.tools?.jars[jar] as string);
      await deployArchive(sluice, name, archive, { runtime: 'java11', handler: 'Plain::handleRequest', ...settings });
      functions.push(name);
    }
    const hook = (kind: string, handler: string) => ({ instanceLifecycleConfig: { [kind]: { handler, timeout: 10 } } });

    test(`Java ${major}: the very version, the initializer, the log and an empty event`, async () => {
      await deploy('plain', hook('initializer', 'Plain::initialize'));
      const { body, error, requestId, log } = await invoke(sluice, 'plain', 'world');
      assert.deepEqual([body, error], ['plain true false', undefined]);
      assert.match(log, new RegExp(`^\\d{4}-\\d\\d-\\d\\dT\\S+Z ${requestId} \\[INFO\\] hello world$`, 'm'));
      assert.equal((await invoke(sluice, 'plain', '')).body, 'plain true false');
      assert.equal((await invoke(sluice, 'plain', 'version')).body, major);
    });

    test(`Java ${major}: it draws`, async () => {
      await deploy('draws');
      assert.equal((await invoke(sluice, 'draws', 'draw')).body, 'PNG');
    });

    test(`Java ${major}: standard output and children print into the log`, async () => {
      await deploy('prints');
      const { log } = await invoke(sluice, 'prints', 'print');
      assert.match(log, /^from the function$/m);
      assert.match(log, /^from a child$/m);
    });

    test(`Java ${major}: an exception, and System.exit`, async () => {
      await deploy('fails');
      const thrown = await invoke(sluice, 'fails', 'throw');
      assert.equal(thrown.error, 'UnhandledInvocationError');
      const { errorMessage, errorType, stackTrace } = JSON.parse(thrown.body) as Record<string, unknown>;
      assert.deepEqual([errorMessage, errorType], ['oops', 'java.io.IOException']);
      assert.match(String((stackTrace as string[])[0]), /^Plain\.handleRequest\(Plain\.java:\d+\)$/);
      assert.match((await invoke(sluice, 'fails', 'exit')).body, /Process exited unexpectedly before completing request/);
      assert.equal((await invoke(sluice, 'fails', '')).body, 'no true false', 'a new instance');
    });

    test(`Java ${major}: an initializer that fails, and one that is not there`, async () => {
      await deploy('refuses', { ...hook('initializer', 'Plain::initialize'), environmentVariables: { REFUSE: 'yes' } });
      const refused = JSON.parse((await invoke(sluice, 'refuses', '')).body) as Record<string, string>;
      assert.deepEqual([refused.errorMessage, refused.errorType], ['not today', 'java.io.IOException']);
      await deploy('lacks', hook('initializer', 'Gone::initialize'));
      const missing = JSON.parse((await invoke(sluice, 'lacks', '')).body) as Record<string, string>;
      assert.equal(missing.errorType, 'HandlerNotFound');
    });

    test(`Java ${major}: preStop before the end`, async () => {
      await deploy('stops', { handler: 'Stops::handleRequest', ...hook('preStop', 'Stops::preStop') }, 'many-newest');
      await invoke(sluice, 'stops', '');
      const from = sluice.log.length;
      await deleteFunction(sluice, functions.pop() as string);
      for (let round = 0; round < 200 && !sluice.log.slice(from).includes('stopping'); round++)
        await new Promise((resolve) => setTimeout(resolve, 50));
      assert.match(sluice.log.slice(from), /stopping/);
    });

    test(`Java ${major}: five at once on one instance`, async () => {
      await deploy('together', {
        instanceConcurrency: 5,
        instanceLifecycleConfig: hook('initializer', 'Plain::initialize').instanceLifecycleConfig,
      });
      await invoke(sluice, 'together', '');
      const replies = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => invoke(sluice, 'together', `meet ${name}`)));
      assert.equal(Math.max(...replies.map(({ body }) => Number(body))), 5);
      for (const [index, { log }] of replies.entries()) assert.deepEqual(log.match(/meet ./g), [`meet ${'abcde'[index]}`]);
    });
  });
}
