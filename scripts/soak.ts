// all runtimes with crashes, timeouts and deploys mixed in, for so many minutes (10); fails when anything is left over
import { descendants, openFiles, residentBytes } from '../test/acceptance/harness/processes.ts';
import { type Sluice, startSluice } from '../test/acceptance/harness/sluice.ts';
import { deploys } from './soak/deploys.ts';
import { failures } from './soak/failures.ts';
import { languages } from './soak/languages.ts';
import type { Scenario } from './soak/scenario.ts';
import { shared } from './soak/shared.ts';
import { transforms } from './soak/transforms.ts';
import { installToolchains } from './toolchain/install.ts';

const scenarios: readonly Scenario[] = [failures, deploys, shared, transforms, ...languages];
const faultsShown = 20;

interface Tally {
  counts: Map<string, number>;
  faults: string[];
}

/** Repeats a scenario's rounds until the end; what goes wrong is noted and the work goes on. */
async function soak(sluice: Sluice, scenario: Scenario, end: number, tally: Tally): Promise<void> {
  while (performance.now() < end) {
    sluice.alive();
    try {
      const outcome = await scenario.round(sluice);
      tally.counts.set(outcome, (tally.counts.get(outcome) ?? 0) + 1);
    } catch (error) {
      tally.faults.push(error instanceof Error ? error.message : String(error));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** One line a minute: memory, open files and processes of the server. */
function watch(sluice: Sluice): NodeJS.Timeout {
  const begun = performance.now();
  return setInterval(() => {
    const minutes = ((performance.now() - begun) / 60_000).toFixed(1);
    const mib = Math.round(residentBytes(sluice.pid) / 2 ** 20);
    process.stdout.write(
      `${minutes} min: ${mib} MiB, ${openFiles(sluice.pid).length} open files, ${descendants(sluice.pid).length} processes\n`,
    );
  }, 30_000);
}

async function main(minutes: number): Promise<boolean> {
  await installToolchains();
  const sluice = await startSluice({ env: { SLUICE_LOG_LEVEL: 'warn', SLUICE_MAX_INSTANCES: '16', SLUICE_MAX_QUEUE: '200' } });
  const running = scenarios.filter((scenario) => scenario.skip === false);
  for (const { name, skip } of scenarios) if (skip) process.stdout.write(`left out: ${name} (${skip})\n`);
  const tallies = new Map<Scenario, Tally>(running.map((scenario) => [scenario, { counts: new Map(), faults: [] }]));
  for (const scenario of running) await scenario.prepare(sluice);
  const watching = watch(sluice);
  const end = performance.now() + minutes * 60_000;
  const clients = running.flatMap((scenario) =>
    Array.from({ length: scenario.clients }, () => soak(sluice, scenario, end, tallies.get(scenario) as Tally)),
  );
  await Promise.all(clients);
  clearInterval(watching);
  for (const [{ name }, { counts, faults }] of tallies) {
    const figures = [...counts].map(([what, count]) => `${count} ${what}`).join(', ');
    process.stdout.write(`${name}: ${figures || 'nothing'}, ${faults.length} faults\n`);
    for (const fault of faults.slice(0, faultsShown)) process.stdout.write(`  ${fault}\n`);
  }
  // Checks that nothing is left: exchanges, connections, files, processes; then that the server ends cleanly.
  await sluice.finish(async () => {
    await sluice.quiet();
    for (const scenario of running) await scenario.tidy(sluice);
  });
  return [...tallies.values()].every(({ faults, counts }) => faults.length === 0 && counts.size > 0);
}

const good = await main(Number(process.argv[2] ?? 10));
process.stdout.write(good ? 'nothing was left over, and every round ended as it must\n' : 'some rounds did not end as they must\n');
process.exitCode = good ? 0 : 1;
