import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { functionArn, ossDo } from '../test/acceptance/harness/deploy.ts';
import { pathOf, signHeaderV4 } from '../test/acceptance/harness/sign.ts';
import { median } from './meter.ts';
import type { PolitePlan, PoliteResult } from './polite.ts';
import { compare, type Row } from './report.ts';
import { bucket, type Stage, small } from './stage.ts';

const seconds = 5;
const floodClients = 64;
/** What the noisy access point may have; it asks for as much as it can get. */
const limits = '<Limits><InFlight>4</InFlight><RequestsPerSecond>50</RequestsPerSecond></Limits>';
/** The flood has been on for so long when the quiet clients begin: what it had saved up is spent. */
const leadSeconds = 1.5;
/** A client that is refused should hear of it within this time, microseconds. */
const shedUs = 50_000;

/** Runs clients in a process of their own. @throws Error when more than one answer in a hundred was neither 200 nor 503 with Retry-After */
async function run(plan: PolitePlan): Promise<PoliteResult> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'polite.ts'), JSON.stringify(plan)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const result = JSON.parse(await text(child.stdout)) as PoliteResult;
  const { answered, failures, odd } = result;
  if (failures > answered / 100 || answered === 0)
    throw new Error(`${plan.url}: ${answered} answers, ${failures} failures, the last with ${odd}`);
  return result;
}

async function limit(stage: Stage, name: string): Promise<void> {
  const role = `acs:ram::${stage.sluice.accountId}:role/aliyunfcdefaultrole`;
  await ossDo(stage.sluice, {
    ...{ method: 'PUT', bucket, query: { accessPointConfigForObjectProcess: '' } },
    headers: { 'content-type': 'application/xml', 'x-oss-access-point-for-object-process-name': name },
    body: `<PutAccessPointConfigForObjectProcessConfiguration><ObjectProcessConfiguration><AllowedFeatures/>
      <TransformationConfigurations><TransformationConfiguration><Actions><Action>GetObject</Action></Actions><ContentTransformation><FunctionCompute>
      <FunctionArn>${functionArn(stage.sluice, name)}</FunctionArn><FunctionAssumeRoleArn>${role}</FunctionAssumeRoleArn></FunctionCompute>
      </ContentTransformation></TransformationConfiguration></TransformationConfigurations>${limits}</ObjectProcessConfiguration></PutAccessPointConfigForObjectProcessConfiguration>`,
  });
}

/** A quiet access point alone and beside a flooded one, and how fast the flood is refused. */
export async function fairness(stage: Stage, rounds: number): Promise<Row[]> {
  const quiet = await stage.deploy('quiet', 'answer');
  const noisy = await stage.deploy('noisy', 'answer');
  const free = await stage.deploy('free', 'answer');
  await limit(stage, 'noisy');
  const plan = (alias: string, clients: number, pauseMs: number): PolitePlan => {
    const request = { method: 'GET', bucket: alias, key: small };
    return { url: stage.sluice.data + pathOf(request), headers: signHeaderV4(request, stage.sluice.key), clients, seconds, pauseMs };
  };
  const still = () => run(plan(quiet, 2, 5));
  /** The quiet clients while the other access point is flooded. */
  const besideFlood = async (alias: string) => {
    const flooded = run({ ...plan(alias, floodClients, 0), seconds: seconds + leadSeconds });
    await new Promise((resolve) => setTimeout(resolve, leadSeconds * 1000));
    const [quietly, noisily] = await Promise.all([still(), flooded]);
    return { p99Us: quietly.p99Us, flood: noisily };
  };
  await besideFlood(noisy);
  const [alone, beside, unbounded, sheds] = [[], [], [], []] as [number[], number[], number[], number[]];
  for (let round = 0; round < rounds; round += 1) {
    alone.push((await still()).p99Us);
    const limited = await besideFlood(noisy);
    beside.push(limited.p99Us);
    if (limited.flood.shed === 0) throw new Error('the flooded access point shed nothing');
    sheds.push(limited.flood.shedP99Us);
    unbounded.push((await besideFlood(free)).p99Us);
  }
  const reference = { reference: median(alone), unit: 'us p99', referenceName: 'alone' };
  return [
    compare({ name: 'quiet access point beside a flooded one with limits', ours: median(beside), ...reference, most: 2 }),
    compare({ name: 'quiet access point beside a flooded one without limits', ours: median(unbounded), ...reference }),
    compare({
      ...{ name: 'a request that is shed', ours: median(sheds), reference: shedUs, unit: 'us p99', most: 1, referenceName: 'bound' },
    }),
  ];
}
