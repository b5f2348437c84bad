// all runtimes with crashes, timeouts, deploys and mutated requests mixed in, for so many minutes (10), then kill -9; --list
import { descendants, openFiles, residentBytes } from '../test/acceptance/harness/processes.ts';
import { type Sluice, startSluice } from '../test/acceptance/harness/sluice.ts';
import { crashes } from './soak/crash.ts';
import { deploys } from './soak/deploys.ts';
import { failures } from './soak/failures.ts';
import { fuzzing } from './soak/fuzz.ts';
import { languages } from './soak/languages.ts';
import type { Scenario } from './soak/scenario.ts';
import { shared } from './soak/shared.ts';
import { transforms } from './soak/transforms.ts';
import { installToolchains } from './toolchain/install.ts';

const usualMinutes = 10;
const fuzzedAMinute = 20_000;
const killsAMinute = 30;
const faultsShown = 20;

interface Tally {
  counts: Map<string, number>;
  faults: string[];
}

/** Repeats a scenario's rounds until the end; what goes wrong is noted and the work goes on. */
async function soak(sluice: Sluice, scenario: Scenario, end: number, tally: Tally): Promise<void> {
  while (performance.now() < end && !scenario.done?.()) {
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

/** One line every half minute: memory, open files and processes of the server. */
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

/** Runs scenarios at the same time until the end, or until each has done what it was to do; whether all went as it must. */
async function mix(scenarios: readonly Scenario[], minutes: number): Promise<boolean> {
  await installToolchains();
  const sluice = await startSluice({
    env: {
      SLUICE_LOG_LEVEL: 'warn',
      SLUICE_MAX_INSTANCES: '16',
      SLUICE_MAX_QUEUE: '200',
      // Half a request of the fuzzer is given up before it takes that for a hang.
      SLUICE_HTTP_IDLE_MS: '3000',
      SLUICE_HTTP_HEADERS_TIMEOUT_MS: '3000',
    },
  });
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
  report(tallies);
  // Checks that nothing is left: exchanges, connections, files, processes; then that the server ends cleanly.
  await sluice.finish(async () => {
    await sluice.quiet();
    for (const scenario of running) await scenario.tidy(sluice);
  });
  return tallies.size > 0 && [...tallies.values()].every(({ faults, counts }) => faults.length === 0 && counts.size > 0);
}

function report(tallies: Map<Scenario, Tally>): void {
  for (const [{ name }, { counts, faults }] of tallies) {
    const figures = [...counts].map(([what, count]) => `${count} ${what}`).join(', ');
    process.stdout.write(`${name}: ${figures || 'nothing'}, ${faults.length} faults\n`);
    for (const fault of faults.slice(0, faultsShown)) process.stdout.write(`  ${fault}\n`);
  }
}

function misused(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

/** `[MINUTES]`: everything, and as many mutated requests as fit. `NAME [AMOUNT]`: one of the list, for so many minutes, mutated requests (fuzz) or kills (crash). */
async function main([what = String(usualMinutes), amount]: readonly string[]): Promise<boolean> {
  const usual = [failures, deploys, shared, transforms, ...languages];
  const given = amount === undefined ? undefined : Number(amount);
  const chosen = usual.find(({ name }) => name === what);
  const minutes = Number(what);
  if (given !== undefined && !(given > 0)) return misused(`${amount} is not an amount`);
  if (chosen) return mix([chosen], given ?? usualMinutes);
  if (what === 'fuzz') return mix([fuzzing(given ?? fuzzedAMinute * usualMinutes)], Number.POSITIVE_INFINITY);
  if (what === 'crash') return crashes(given ?? killsAMinute * usualMinutes);
  if (!(minutes > 0)) return misused(`'${what}' is neither minutes nor one of the list that ./run soak --list shows`);
  const good = await mix([...usual, fuzzing(fuzzedAMinute * minutes)], minutes);
  return (await crashes(Math.ceil(killsAMinute * minutes))) && good;
}

if (process.argv[2] === '--list') {
  for (const { name } of [failures, deploys, shared, transforms, ...languages]) process.stdout.write(`${name}\n`);
  process.stdout.write('fuzz\ncrash\n');
} else {
  const good = await main(process.argv.slice(2));
  process.stdout.write(good ? 'nothing was left over, and every round ended as it must\n' : 'some rounds did not end as they must\n');
  process.exitCode = good ? 0 : 1;
}
