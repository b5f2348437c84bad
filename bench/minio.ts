import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { figure, interleave, type Sample, type Target } from './measure.ts';
import { deployNode } from './node.ts';
import { presigned } from './reference/minio.ts';
import { startModel } from './references.ts';
import { compare, type Row } from './report.ts';
import { large, largeBytes, type Stage, small } from './stage.ts';

const model = 'model of MinIO Object Lambda';

/**
 * Transforms beside a model of MinIO's Object Lambda path with a function over HTTP, small ones in Node on both sides.
 * @param real presigned URL of a GET with lambdaArn at a real MinIO, which is measured too
 */
export async function besideMinio(stage: Stage, rounds: number, real?: string): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-minio-'));
  const file = join(folder, 'large');
  writeFileSync(file, Buffer.alloc(largeBytes, 'y'));
  const webhook = await startModel('function');
  const gateway = await startModel('gateway', `http://${webhook.host}:${webhook.port}`, file);
  try {
    const modelled = (key: string, what: string) => ({
      ...{ host: gateway.host, port: gateway.port },
      request: `GET ${presigned(`/bucket/${key}`, `&lambdaArn=/${what}`)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
    });
    const many = { connections: 16, seconds: 1 };
    const one = { connections: 1, seconds: 30, requests: 8 };
    const ours = async (what: string, key: string) => {
      const name = await deployNode(stage, 'web', what);
      return key === small ? stage.get(name, key, 16, 1) : stage.get(name, key, 1, 30, 8);
    };
    const { pid } = stage.sluice;
    const targets: Target[] = [
      { name: 'answer', plan: await ours('answer', small), pid },
      { name: 'model answer', plan: { ...modelled('small', 'answer'), ...many }, pid: gateway.pid },
      { name: 'read', plan: await ours('read', small), pid },
      { name: 'model read', plan: { ...modelled('small', 'read'), ...many }, pid: gateway.pid },
      { name: 'pass', plan: stage.get(stage.aliases.get('pass') ?? (await stage.deploy('pass', 'pass_through')), large, 1, 30, 8), pid },
      { name: 'web pass', plan: await ours('pass', large), pid },
      { name: 'model pass', plan: { ...modelled('large', 'pass'), ...one }, pid: gateway.pid },
    ];
    if (real !== undefined) {
      const { hostname, port, pathname, search, host } = new URL(real);
      const asked = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
      targets.push({ name: 'real', plan: { host: hostname, port: Number(port || 80), request: asked, ...many }, pid: process.pid });
    }
    return rowsOf(await interleave(targets, rounds), real !== undefined);
  } finally {
    gateway.stop();
    webhook.stop();
    rmSync(folder, { recursive: true });
  }
}

function rowsOf(samples: Map<string, Sample[]>, hasReal: boolean): Row[] {
  const of = (name: string, pick: (sample: Sample) => number) => figure(samples.get(name), pick)?.median;
  const speed = (name: string) => of(name, (sample) => sample.requestsPerSecond);
  const stream = (name: string) => of(name, (sample) => sample.mibPerSecond);
  const cpu = (name: string) => of(name, (sample) => sample.cpuUs);
  const beside = { referenceName: model };
  const rows = [
    compare({
      name: 'transform with a read, Node',
      ours: speed('read'),
      reference: speed('model read'),
      unit: 'req/s',
      ...beside,
      least: 0.9,
    }),
    compare({
      name: 'transform without a read, Node',
      ours: speed('answer'),
      reference: speed('model answer'),
      unit: 'req/s',
      ...beside,
      least: 0.7,
    }),
    compare({
      name: 'transform with a read, Node, gateway CPU',
      ours: cpu('read'),
      reference: cpu('model read'),
      unit: 'us/request',
      ...beside,
    }),
    compare({
      name: 'transform without a read, Node, gateway CPU',
      ours: cpu('answer'),
      reference: cpu('model answer'),
      unit: 'us/request',
      ...beside,
    }),
    compare({
      name: '64 MiB passed through, WriteGetObjectResponse',
      ours: stream('pass'),
      reference: stream('model pass'),
      unit: 'MiB/s',
      ...beside,
      least: 1,
    }),
    compare({
      name: '64 MiB passed through, Node in the form of the web',
      ours: stream('web pass'),
      reference: stream('model pass'),
      unit: 'MiB/s',
      ...beside,
    }),
  ];
  if (hasReal) {
    const reference = { reference: speed('real'), unit: 'req/s', referenceName: 'MinIO at --reference' };
    rows.push(compare({ name: 'transform with a read, Node', ours: speed('read'), ...reference }));
  }
  return rows;
}
