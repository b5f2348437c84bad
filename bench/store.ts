import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBucket } from '../test/acceptance/harness/deploy.ts';
import { type Sluice, startSluice } from '../test/acceptance/harness/sluice.ts';
import { bigBuckets, manyAccessPoints, storeOf } from './big-bucket.ts';
import { figure, interleave, type Sample, sample, type Target } from './measure.ts';
import { median } from './meter.ts';
import { startNginx } from './references.ts';
import { compare, type Row } from './report.ts';
import { planOf, type Store, storeAt } from './signed.ts';

const nginxPort = 18_481;
const bucket = 'sizes';
/** Writers do not wait for each other's key. */
const keys = 64;
const syncedBytes = 64 * 1024;

interface Size {
  readonly name: string;
  readonly bytes: number;
  readonly connections: number;
  readonly seconds: number;
  readonly requests?: number;
}

const sizes: readonly Size[] = [
  { name: '1 KiB', bytes: 1024, connections: 16, seconds: 1 },
  { name: '64 KiB', bytes: 64 * 1024, connections: 16, seconds: 1 },
  { name: '64 MiB', bytes: 64 * 2 ** 20, connections: 1, seconds: 30, requests: 4 },
];

/**
 * The store by itself: sizes against nginx, synced writes against bare files, large buckets, many access points.
 * @param reference URL of another store that is measured beside it (see signed.ts)
 */
export async function storeBench(rounds: number, reference?: string): Promise<Row[]> {
  const sluice = await startSluice({ env: { SLUICE_LOG_LEVEL: 'warn' } });
  const rows: Row[] = [];
  try {
    await createBucket(sluice, bucket);
    rows.push(...(await bySize(sluice, rounds, reference)));
    rows.push(...(await synced(sluice, rounds)));
  } finally {
    await sluice.stop();
  }
  rows.push(...(await bigBuckets(rounds)));
  rows.push(...(await manyAccessPoints(rounds)));
  return rows;
}

interface Other {
  readonly name: string;
  readonly store: Store;
  readonly bucket: string;
  readonly pid: number;
  /** Requests of a server that wants no signature. */
  readonly plain?: true;
}

function targetsOf(who: Other): Target[] {
  return sizes.flatMap(({ name, bytes, ...load }) => {
    const request = (method: string, body?: number) =>
      Array.from({ length: load.requests ? 1 : keys }, (_, i) => ({
        ...{ method, bucket: who.bucket, key: `${name.replace(' ', '')}-${i}` },
        ...(body === undefined ? {} : { body }),
      }));
    const target = (method: string, body?: number): Target => {
      const plan = planOf(who.store, request(method, body), load);
      return { name: `${who.name} ${method} ${name}`, plan: who.plain ? { ...plan, request: unsigned(plan.request) } : plan, pid: who.pid };
    };
    return [target('PUT', bytes), target('GET')];
  });
}

/** The same requests without what signs them. */
function unsigned(request: string | readonly string[]): string[] {
  return [request].flat().map((text) => text.replace(/^(authorization|x-oss-[a-z0-9-]+): .*\r\n/gim, ''));
}

async function bySize(sluice: Sluice, rounds: number, reference?: string): Promise<Row[]> {
  const nginx = await startNginx(nginxPort, true, {}, true);
  const ours: Other = { name: 'sluice', store: storeOf(sluice), bucket, pid: sluice.pid };
  const others: Other[] = [];
  if (nginx)
    others.push({ name: 'nginx', store: { ...ours.store, origin: `http://127.0.0.1:${nginxPort}` }, bucket, pid: nginx.pid, plain: true });
  if (reference !== undefined) {
    // CPU of a process that is not ours to look at; it is not shown.
    const { store, bucket: name } = storeAt(reference, process.env.SLUICE_BENCH_REFERENCE_KEY);
    others.push({ name: store.origin, store, bucket: name, pid: process.pid });
  }
  try {
    const samples = await interleave([ours, ...others].flatMap(targetsOf), rounds);
    const shown = others.length > 0 ? others.map(({ name }) => name) : ['nginx'];
    return shown.flatMap((other) => sizes.flatMap((size) => ['GET', 'PUT'].map((method) => sizeRow(samples, method, size, other))));
  } finally {
    nginx?.stop();
  }
}

const described: Record<string, string> = { 'nginx GET': 'nginx static', 'nginx PUT': 'nginx dav, neither synced nor checked' };

function sizeRow(samples: Map<string, Sample[]>, method: string, { name, bytes }: Size, other: string): Row {
  const large = bytes > 2 ** 20;
  // The bytes of a PUT are those that are sent.
  const pick = (it: Sample) => (large ? (it.requestsPerSecond * bytes) / 2 ** 20 : it.requestsPerSecond);
  const of = (who: string) => figure(samples.get(`${who} ${method} ${name}`), pick)?.median;
  return compare({
    ...{ name: `${method} ${name}, signed`, ours: of('sluice'), reference: of(other), unit: large ? 'MiB/s' : 'req/s' },
    referenceName: described[`${other} ${method}`] ?? other,
  });
}

/** Bare files a second: made, written, synced, closed, by so many at once. */
async function bareFiles(folder: string, writers: number, ms: number): Promise<number> {
  const body = Buffer.alloc(syncedBytes, 'x');
  const begun = performance.now();
  let files = 0;
  const write = async () => {
    while (performance.now() - begun < ms) {
      const handle = await open(join(folder, String(files++)), 'wx');
      await handle.write(body);
      await handle.sync();
      await handle.close();
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  return (files * 1000) / (performance.now() - begun);
}

/** PUT of 64 KiB, alone and many at once, against what the disk gives to bare files. */
async function synced(sluice: Sluice, rounds: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const connections of [1, 64]) {
    const requests = Array.from({ length: keys }, (_, i) => ({ method: 'PUT', bucket, key: `synced-${i}`, body: syncedBytes }));
    const [ours, bare]: [number[], number[]] = [[], []];
    for (let round = 0; round <= rounds; round += 1) {
      const plan = planOf(storeOf(sluice), requests, { connections, seconds: 1 });
      const { requestsPerSecond } = await sample({ name: `synced PUT c=${connections}`, plan, pid: sluice.pid });
      const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-bare-'));
      const files = await bareFiles(folder, connections, 1000);
      rmSync(folder, { recursive: true });
      if (round === 0) continue;
      ours.push(requestsPerSecond);
      bare.push(files);
    }
    rows.push(
      compare({
        ...{ name: `PUT 64 KiB on the disk before its 200, c=${connections}`, ours: median(ours), reference: median(bare), unit: '/s' },
        referenceName: 'bare file, written and synced',
      }),
    );
  }
  return rows;
}
