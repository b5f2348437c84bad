import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { send } from '../test/acceptance/harness/http.ts';
import { pathOf, presignV4, signHeaderV4 } from '../test/acceptance/harness/sign.ts';
import { figure, interleave, sample } from './measure.ts';
import { residentMib } from './meter.ts';
import { startNginx, startNode } from './references.ts';
import { compare, type Row } from './report.ts';
import { bucket, large, largeBytes, openStage, type Stage } from './stage.ts';

const nginxPort = 18_472;

/** GET of 64 MiB: plain against nginx, passed through a function against a Node reverse proxy of the same object. */
export async function largeObjects(stage: Stage, rounds: number): Promise<Row[]> {
  const body = Buffer.alloc(largeBytes, 'y');
  const off = await startNginx(nginxPort, false, { large: body });
  const on = await startNginx(nginxPort + 1, true, { large: body });
  const direct = `${stage.sluice.data}${presignV4({ method: 'GET', bucket, key: large }, stage.sluice.key, 3600)}`;
  const proxy = await startNode('proxy', direct);
  const alias = await stage.deploy('pass', 'pass_through');
  const pid = stage.sluice.pid;
  const plain = (host: string, port: number) => ({
    host,
    port,
    request: 'GET /large HTTP/1.1\r\nHost: b\r\n\r\n',
    connections: 1,
    seconds: 30,
    requests: 8,
  });
  const samples = await interleave(
    [
      ...(off ? [{ name: 'nginx off', plan: plain(off.host, off.port), pid: off.pid }] : []),
      ...(on ? [{ name: 'nginx on', plan: plain(on.host, on.port), pid: on.pid }] : []),
      { name: 'get', plan: stage.get(bucket, large, 1, 30, 8), pid },
      { name: 'proxy', plan: plain(proxy.host, proxy.port), pid: proxy.pid },
      { name: 'pass', plan: stage.get(alias, large, 1, 30, 8), pid },
    ],
    rounds,
  );
  for (const reference of [off, on, proxy]) reference?.stop();
  const cpu = (name: string) => figure(samples.get(name), (s) => s.cpuPerGib)?.median;
  const speed = (name: string) => figure(samples.get(name), (s) => s.mibPerSecond)?.median;
  const get = { ours: cpu('get'), unit: 's CPU/GiB' };
  return [
    compare({ name: 'GET 64 MiB, CPU', ...get, reference: cpu('nginx off'), most: 3, referenceName: 'nginx, sendfile off' }),
    compare({ name: 'GET 64 MiB, CPU', ...get, reference: cpu('nginx on'), most: 4, referenceName: 'nginx, sendfile on' }),
    compare({
      name: '64 MiB passed through a function',
      ours: speed('pass'),
      reference: speed('proxy'),
      unit: 'MiB/s',
      least: 0.6,
      referenceName: 'Node reverse proxy of the same object',
    }),
  ];
}

async function putSparse(stage: Stage, key: string, bytes: number): Promise<void> {
  const request = { method: 'PUT', bucket, key, headers: { 'content-type': 'application/octet-stream' } };
  const piece = Buffer.alloc(2 ** 20, createHash('sha256').update(key).digest());
  const body = Readable.from(
    (function* () {
      for (let sent = 0; sent < bytes; sent += piece.length) yield piece;
    })(),
  );
  const headers = { ...signHeaderV4(request, stage.sluice.key), 'content-length': String(bytes) };
  const reply = await send(stage.sluice.data, { method: 'PUT', path: pathOf(request), headers, body });
  if (reply.status !== 200) throw new Error(`PUT ${key}: ${reply.status} ${reply.body}`);
}

/** Peak resident memory of a fresh server while one stream of each size passes through a function. */
export async function memory(): Promise<Row[]> {
  const stage = await openStage({ env: { SLUICE_LOG_LEVEL: 'warn' } });
  try {
    await putSparse(stage, 'giant.bin', 2 ** 30);
    const alias = await stage.deploy('pass', 'pass_through');
    const peak = async (key: string, requests: number) => {
      let most = 0;
      const watch = setInterval(() => {
        most = Math.max(most, residentMib(stage.sluice.pid));
      }, 20);
      await sample({ name: key, plan: stage.get(alias, key, 1, 300, requests), pid: stage.sluice.pid });
      clearInterval(watch);
      return most;
    };
    const at64 = await peak(large, 8);
    const at1024 = await peak('giant.bin', 2);
    return [
      compare({
        name: 'memory while 1 GiB passes through',
        ours: at1024,
        reference: at64,
        unit: 'MiB resident',
        most: 1.2,
        referenceName: 'while 64 MiB do',
      }),
      compare({
        name: 'memory while 1 GiB passes through',
        ours: at1024,
        reference: 150,
        unit: 'MiB resident',
        most: 1,
        referenceName: 'bound',
      }),
    ];
  } finally {
    await stage.sluice.stop();
  }
}
