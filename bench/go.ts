import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deployFunction } from '../test/acceptance/harness/deploy.ts';
import { go } from '../test/acceptance/harness/toolchain.ts';
import { invoke } from './invoke.ts';
import { median } from './meter.ts';
import { compare, type Row } from './report.ts';
import type { Stage } from './stage.ts';

const busy = JSON.stringify({ do: 'sleep', millis: 1500 });
const idle = JSON.stringify({ do: 'other' });
const rateMs = 2_000;

/** The bare program, which asks for an event that never comes. */
export async function askingProgram(program: string): Promise<{ pid: number; startMs: number; stop(): void }> {
  const asked = Promise.withResolvers<number>();
  const server = createServer(() => asked.resolve(performance.now())).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const started = performance.now();
  const env = { FC_RUNTIME_API: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  const child = spawn(program, [], { env, stdio: 'ignore' });
  child.once('error', asked.reject);
  const stop = () => {
    child.kill('SIGKILL');
    server.closeAllConnections();
    server.close();
  };
  try {
    return { pid: child.pid as number, startMs: (await asked.promise) - started, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

/** A new Go instance against the bare program, each until it asks for its first event. */
export async function coldGo(stage: Stage): Promise<Row[]> {
  const program = go.tools?.functions['acts-0.3.1'];
  const name = 'cold start Go';
  if (!program) return [compare({ name, ours: undefined, reference: undefined, unit: 'ms', referenceName: 'no Go toolchain' })];
  await deployFunction(stage.sluice, 'cold-go', [{ name: 'main', data: readFileSync(program), mode: 0o755 }], {
    settings: { runtime: 'go1', handler: 'main' },
  });
  const first = await invoke(stage, 'cold-go', idle);
  const warm: number[] = [];
  for (let i = 0; i < 50; i += 1) warm.push(await invoke(stage, 'cold-go', idle));
  const [starts, bare]: [number[], number[]] = [[], []];
  for (let round = 1; round <= 3; round += 1) {
    const calls = Array.from({ length: round }, () => invoke(stage, 'cold-go', busy));
    await new Promise((resolve) => setTimeout(resolve, 300));
    starts.push((await invoke(stage, 'cold-go', idle)) - median(warm));
    await Promise.all(calls);
    const process = await askingProgram(program);
    bare.push(process.startMs);
    process.stop();
  }
  const reference = { reference: median(bare), unit: 'ms', referenceName: 'bare exec to its first request' };
  return [
    compare({ name: `${name}, its wall up`, ours: median(starts), ...reference, most: 3 }),
    compare({ name: `${name}, first of its function`, ours: first - median(warm), ...reference }),
  ];
}

const frames = 'def handler(event, context):\n    return b"ok"\n';
const server = `require("node:http").createServer((request, response) => {
  request.resume();
  request.on("end", () => response.end("ok"));
}).listen(Number(process.env.FC_SERVER_PORT), "0.0.0.0");
`;

/** Invocations a second, one after the other, by the way that events take to the function. */
export async function transports(stage: Stage): Promise<Row[]> {
  const program = go.tools?.functions['acts-0.3.1'];
  const text = (name: string, data: string) => ({ name, data: Buffer.from(data), mode: 0o755 });
  await deployFunction(stage.sluice, 'by-frames', [text('index.py', frames)]);
  const reference = await rate(stage, 'by-frames', '');
  const rows: Row[] = [];
  const add = async (name: string, transport: string, event: string) =>
    rows.push(
      compare({
        name: `warm invocations a second, ${transport}`,
        ours: await rate(stage, name, event),
        reference,
        unit: '/s',
        referenceName: 'by frames (Python)',
      }),
    );
  if (program) {
    const settings = { runtime: 'go1', handler: 'main' };
    await deployFunction(stage.sluice, 'by-runtime-api', [{ name: 'main', data: readFileSync(program), mode: 0o755 }], { settings });
    await add('by-runtime-api', 'Runtime API (Go)', idle);
  }
  const settings = { runtime: 'custom', handler: 'none', customRuntimeConfig: { command: ['node', 'server.js'], port: 9000 } };
  await deployFunction(stage.sluice, 'by-http', [text('server.js', server)], { settings });
  await add('by-http', 'HTTP (custom runtime)', '');
  return rows;
}

async function rate(stage: Stage, name: string, event: string): Promise<number> {
  for (let i = 0; i < 100; i += 1) await invoke(stage, name, event);
  const begun = performance.now();
  let count = 0;
  while (performance.now() - begun < rateMs) {
    await invoke(stage, name, event);
    count += 1;
  }
  return (count * 1000) / (performance.now() - begun);
}
