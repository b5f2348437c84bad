import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAccessPoint, createBucket, createObjectFc, deployFunction, ossDo } from '../test/acceptance/harness/deploy.ts';
import { pathOf, signHeaderV4 } from '../test/acceptance/harness/sign.ts';
import { type Sluice, type StartOptions, startSluice } from '../test/acceptance/harness/sluice.ts';
import type { LoadPlan } from './load.ts';

const code = readFileSync(join(import.meta.dirname, 'functions', 'bench_functions.py'));
export const bucket = 'bench';
export const small = 'small.bin';
export const large = 'large.bin';
export const largeBytes = 64 * 2 ** 20;

/** A server with objects of 1 KiB and 64 MiB and an Object FC access point for each benchmark function. */
export class Stage {
  readonly sluice: Sluice;
  readonly aliases = new Map<string, string>();

  constructor(sluice: Sluice) {
    this.sluice = sluice;
  }

  async deploy(name: string, handler: string): Promise<string> {
    const index = Buffer.from(`from bench_functions import ${handler} as handler\n`);
    await deployFunction(this.sluice, name, [
      { name: 'index.py', data: index },
      { name: 'bench_functions.py', data: code },
    ]);
    const alias = await createObjectFc(this.sluice, { bucket, accessPoint: 'bench-ap', name, functionName: name });
    this.aliases.set(name, alias);
    return alias;
  }

  /** A load plan of one V4-signed GET over and over. */
  get(name: string, key: string, connections: number, seconds: number, requests?: number): LoadPlan {
    const { hostname, port, host } = new URL(this.sluice.data);
    const request = { method: 'GET', bucket: name, key };
    const headers = Object.entries(signHeaderV4(request, this.sluice.key)).map(([header, value]) => `${header}: ${value}\r\n`);
    const text = `GET ${pathOf(request)} HTTP/1.1\r\nHost: ${host}\r\n${headers.join('')}\r\n`;
    return { host: hostname, port: Number(port), request: text, connections, seconds, requests };
  }
}

export async function openStage(options: StartOptions = {}): Promise<Stage> {
  const stage = new Stage(await startSluice(options));
  await createBucket(stage.sluice, bucket);
  await createAccessPoint(stage.sluice, bucket, 'bench-ap');
  await ossDo(stage.sluice, { method: 'PUT', bucket, key: small, body: Buffer.alloc(1024, 'x') });
  await ossDo(stage.sluice, { method: 'PUT', bucket, key: large, body: Buffer.alloc(largeBytes, 'y') });
  return stage;
}
