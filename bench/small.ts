import { figure, interleave, type Target } from './measure.ts';
import { startNginx, startNode } from './references.ts';
import { compare, type Row } from './report.ts';
import { bucket, type Stage, small } from './stage.ts';

const nginxPort = 18_471;

/** What a model of a function that answers by an HTTP request of its own took, of a direct GET; answers in frames have a gate of 6 (node.ts). */
export const overHttp = 9.3;

/** GET of 1 KiB: plain against bare servers, transformed against plain; throughput from 16 to 256 connections. */
export async function smallObjects(stage: Stage, rounds: number): Promise<Row[]> {
  const body = Buffer.alloc(1024, 'x');
  const raw = await startNode('raw');
  const nginx = await startNginx(nginxPort, true, { small: body });
  const pid = stage.sluice.pid;
  const answer = await stage.deploy('answer', 'answer');
  const read = await stage.deploy('read', 'read_and_answer');
  const plain = (host: string, port: number, path: string) => ({
    host,
    port,
    request: `GET ${path} HTTP/1.1\r\nHost: b\r\n\r\n`,
    connections: 16,
    seconds: 1,
  });
  const targets: Target[] = [
    { name: 'raw', plan: plain(raw.host, raw.port, '/'), pid: raw.pid },
    ...(nginx ? [{ name: 'nginx', plan: plain(nginx.host, nginx.port, '/small'), pid: nginx.pid }] : []),
    // The same bytes on the wire, signature and all, which the bare server reads and ignores.
    { name: 'raw signed', plan: { ...stage.get(bucket, small, 16, 1), host: raw.host, port: raw.port }, pid: raw.pid },
    { name: 'get', plan: stage.get(bucket, small, 16, 1), pid },
    { name: 'transform', plan: stage.get(answer, small, 16, 1), pid },
    { name: 'transform+read', plan: stage.get(read, small, 16, 1), pid },
    { name: 'transform c=256', plan: stage.get(answer, small, 256, 2), pid },
    { name: 'get c=1', plan: stage.get(bucket, small, 1, 1), pid },
    { name: 'transform c=1', plan: stage.get(answer, small, 1, 1), pid },
  ];
  const samples = await interleave(targets, rounds);
  raw.stop();
  nginx?.stop();
  const of = (name: string, pick: (s: { requestsPerSecond: number; cpuUs: number; p50Us: number }) => number) =>
    figure(samples.get(name), pick)?.median;
  const speed = (s: { requestsPerSecond: number }) => s.requestsPerSecond;
  const cpu = (s: { cpuUs: number }) => s.cpuUs;
  const p50 = (s: { p50Us: number }) => s.p50Us;
  const row = compare;
  const transformed = (name: string) => ({
    ours: of(name, cpu),
    reference: of('get', cpu),
    unit: 'us CPU/request',
    referenceName: 'direct GET',
  });
  return [
    row({
      name: 'signed GET 1 KiB, c=16',
      ours: of('get', speed),
      reference: of('raw', speed),
      unit: 'req/s',
      least: 0.6,
      referenceName: 'bare node:http, unsigned',
    }),
    row({
      name: 'signed GET 1 KiB, c=16',
      ours: of('get', speed),
      reference: of('raw signed', speed),
      unit: 'req/s',
      referenceName: 'bare node:http, same signed request, not verified',
    }),
    row({
      name: 'signed GET 1 KiB, CPU',
      ours: of('get', cpu),
      reference: of('raw', cpu),
      unit: 'us/request',
      referenceName: 'bare node:http, unsigned',
    }),
    row({
      name: 'signed GET 1 KiB, CPU',
      ours: of('get', cpu),
      reference: of('nginx', cpu),
      unit: 'us/request',
      most: 3,
      referenceName: 'nginx static',
    }),
    row({ name: 'transformed GET 1 KiB by WriteGetObjectResponse, gateway CPU', ...transformed('transform'), most: overHttp }),
    row({ name: 'transformed GET 1 KiB by WriteGetObjectResponse with a read, gateway CPU', ...transformed('transform+read') }),
    row({
      name: 'transformed GET 1 KiB, p50 at c=1',
      ours: of('transform c=1', p50),
      reference: of('get c=1', p50),
      unit: 'us',
      referenceName: 'direct GET',
    }),
    row({
      name: 'transformed GET, c=256',
      ours: of('transform c=256', speed),
      reference: of('transform', speed),
      unit: 'req/s',
      least: 0.85,
      referenceName: 'the same at c=16',
    }),
  ];
}
