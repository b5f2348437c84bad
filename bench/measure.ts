import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { LoadPlan, LoadResult } from './load.ts';
import { cpuSeconds, median } from './meter.ts';

/** What one second of load on one target showed. */
export interface Sample extends LoadResult {
  requestsPerSecond: number;
  /** CPU of the measured process for one request, in microseconds. */
  cpuUs: number;
  /** CPU of the measured process for one GiB of bodies, in seconds. */
  cpuPerGib: number;
  mibPerSecond: number;
}

export interface Target {
  name: string;
  plan: LoadPlan;
  /** The process whose CPU is charged to the requests. */
  pid: number;
}

/** Runs the plan in a load process of its own and charges the target's CPU to the answers. @throws Error when an answer was not 200 */
export async function sample({ name, plan, pid }: Target): Promise<Sample> {
  const before = cpuSeconds(pid);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'load.ts')], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(plan));
  const result = JSON.parse(await text(child.stdout)) as LoadResult;
  const cpu = cpuSeconds(pid) - before;
  if (result.failures > 0 || result.requests === 0) throw new Error(`${name}: ${result.failures} failures in ${result.requests} requests`);
  return {
    ...result,
    requestsPerSecond: result.requests / result.seconds,
    cpuUs: (cpu / result.requests) * 1e6,
    cpuPerGib: cpu / (result.bytes / 2 ** 30),
    mibPerSecond: result.bytes / 2 ** 20 / result.seconds,
  };
}

/** The round that is not counted lasts this many times as long. */
const warmUps = 12;

/** Several rounds over all targets in turn, so that a slow moment of the machine falls on each of them. */
export async function interleave(targets: Target[], rounds: number): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>(targets.map((target) => [target.name, []]));
  // The first round warms caches, pools and JITs and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    for (const target of targets) {
      if (round === 0) await sample({ ...target, plan: { ...target.plan, seconds: target.plan.seconds * warmUps } });
      else samples.get(target.name)?.push(await sample(target));
    }
  }
  return samples;
}

/** Median, least and greatest of one figure of some samples. */
export function figure(
  samples: Sample[] | undefined,
  pick: (sample: Sample) => number,
): { median: number; min: number; max: number } | undefined {
  if (!samples || samples.length === 0) return undefined;
  const values = samples.map(pick);
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}
