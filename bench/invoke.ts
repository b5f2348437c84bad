import { Agent, request } from 'node:http';
import { signAcs3 } from '../test/acceptance/harness/sign.ts';
import { sample } from './measure.ts';
import { median } from './meter.ts';
import { compare, type Row } from './report.ts';
import { bucket, type Stage, small } from './stage.ts';

const agent = new Agent({ keepAlive: true });

/** One InvokeFunction over a kept connection; resolves with its milliseconds. */
export function invoke(stage: Stage, name: string, event: string): Promise<number> {
  const { host, hostname, port } = new URL(stage.sluice.control);
  const path = `/2023-03-30/functions/${name}/invocations`;
  const body = Buffer.from(event);
  const headers = signAcs3({ method: 'POST', path, host, body }, stage.sluice.key);
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const call = request({ hostname, port, method: 'POST', path, headers, agent }, (res) => {
      res.resume();
      res.on('end', () => {
        if (res.statusCode === 200 && res.headers['x-fc-error-type'] === undefined) resolve(performance.now() - started);
        else reject(new Error(`InvokeFunction ${name}: ${res.statusCode} ${res.headers['x-fc-error-type']}`));
      });
    });
    call.on('error', reject);
    call.end(body);
  });
}

/** Latency of a warm function, and what the whole transform adds to it. */
export async function invocations(stage: Stage): Promise<Row[]> {
  await stage.deploy('empty', 'empty');
  for (let i = 0; i < 300; i += 1) await invoke(stage, 'empty', '');
  const times: number[] = [];
  for (let i = 0; i < 2000; i += 1) times.push((await invoke(stage, 'empty', '')) * 1000);
  times.sort((a, b) => a - b);
  const p50 = median(times);
  const direct = await sample({ name: 'get', plan: stage.get(bucket, small, 1, 1), pid: stage.sluice.pid });
  const transformed = await sample({
    name: 'transform',
    plan: stage.get(stage.aliases.get('answer') as string, small, 1, 1),
    pid: stage.sluice.pid,
  });
  return [
    compare({
      name: 'warm InvokeFunction, p99',
      ours: times[Math.floor(times.length * 0.99)],
      reference: p50,
      unit: 'us',
      referenceName: 'its p50',
    }),
    compare({
      name: 'p50 that a transform adds to a GET, c=1',
      ours: transformed.p50Us - direct.p50Us,
      reference: p50,
      unit: 'us',
      most: 2,
      referenceName: 'warm InvokeFunction p50',
    }),
  ];
}
