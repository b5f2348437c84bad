import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openFsBlobs } from '../src/blobs/index.ts';
import { Crc64 } from '../src/kit/index.ts';
import { createAccessPoint, createBucket } from '../test/acceptance/harness/deploy.ts';
import { type Sluice, startSluice } from '../test/acceptance/harness/sluice.ts';
import { figure, interleave, sample, type Target } from './measure.ts';
import { compare, type Row } from './report.ts';
import { planOf, type Store } from './signed.ts';

const few = 1_000;
const many = 1_000_000;
/** More than the server keeps in memory. */
const cold = 30_000;
const body = Buffer.alloc(1024, 'x');
/** Rows of one transaction, so that the server is not kept waiting. */
const chunk = 50_000;
const deletes = 200;

/** Keys in folders of a thousand, as names of days or users would make them. */
function keyOf(i: number): string {
  return `${String(Math.floor(i / 1000)).padStart(4, '0')}/${String(i).padStart(7, '0')}`;
}

export function storeOf(sluice: Sluice): Store {
  return { origin: sluice.data, key: sluice.key, dialect: 'oss', region: '' };
}

/** Every so manieth of `count` numbers, in an order that is not theirs. */
function spread(count: number, wanted: number): number[] {
  const numbers = Array.from({ length: wanted }, (_, i) => Math.floor((i * count) / wanted));
  // A step that shares no factor with the length visits each once.
  return numbers.map((_, i) => numbers[(i * 7_919) % wanted] as number);
}

/**
 * Puts `count` objects of 1 KiB into a bucket, straight into the database: through the door it would take an hour. Only those of `real` have bytes.
 */
async function fill(sluice: Sluice, bucket: string, count: number, real: readonly number[]): Promise<void> {
  await createBucket(sluice, bucket);
  const data = join(sluice.folder, 'data');
  const db = new DatabaseSync(join(data, 'meta', 'sluice.sqlite'), { timeout: 60_000 });
  db.exec('pragma cache_size = -262144');
  const blobs = await openFsBlobs({ folder: join(data, 'blobs'), durability: 'relaxed' });
  try {
    const insert = db.prepare(`insert into objects
      (bucket, key, blob, size, etag, crc64, content_type, headers, meta, created_at, modified_at, type, storage_class)
      with recursive n (i) as (select ? union all select i + 1 from n where i + 1 < ?)
      select ?, printf('%04d/%07d', i / 1000, i), lower(hex(randomblob(16))), ?, ?, ?, 'application/octet-stream', '{}', '{}', ?, ?, 'Normal', 'Standard' from n`);
    const [etag, crc64, now] = [createHash('md5').update(body).digest('hex'), Crc64.of(body).toString(), Date.now()];
    for (let at = 0; at < count; at += chunk) insert.run(at, Math.min(at + chunk, count), bucket, body.length, etag, crc64, now, now);
    const update = db.prepare('update objects set blob = ? where bucket = ? and key = ?');
    for (let at = 0; at < real.length; at += 500) {
      db.exec('begin immediate');
      for (const i of real.slice(at, at + 500)) {
        const writer = await blobs.create();
        await writer.write(Buffer.from(body));
        await writer.commit();
        update.run(writer.id, bucket, keyOf(i));
      }
      db.exec('commit');
    }
    db.exec('pragma wal_checkpoint(truncate)');
  } finally {
    await blobs.close();
    db.close();
  }
}

/** How what a request costs depends on the number of objects in its bucket, and on that of access points (performance goals 18 and 19). */
export async function bigBuckets(rounds: number): Promise<Row[]> {
  const sluice = await startSluice({ env: { SLUICE_LOG_LEVEL: 'warn' } });
  try {
    const warm = spread(many, few);
    const seldom = spread(many, cold).map((i) => i + 1);
    const all = spread(few, few);
    await fill(sluice, 'few', few, all);
    const doomed = spread(many, deletes * (rounds + 1)).map((i) => i + 2);
    await fill(sluice, 'many', many, [...warm, ...seldom, ...doomed]);
    return [...(await reads(sluice, rounds, { all, warm, seldom })), ...(await deletions(sluice, rounds, doomed))];
  } finally {
    await sluice.stop();
  }
}

type Sets = Record<'all' | 'warm' | 'seldom', readonly number[]>;

async function reads(sluice: Sluice, rounds: number, { all, warm, seldom }: Sets): Promise<Row[]> {
  const store = storeOf(sluice);
  const { pid } = sluice;
  const gets = (bucket: string, numbers: readonly number[]) =>
    planOf(
      store,
      numbers.map((i) => ({ method: 'GET', bucket, key: keyOf(i) })),
      { connections: 16, seconds: 1 },
    );
  const lists = (bucket: string, query: Record<string, string>) =>
    planOf(store, [{ method: 'GET', bucket, query: { 'list-type': '2', 'max-keys': '1000', ...query } }], { connections: 1, seconds: 1 });
  const middle = { 'start-after': keyOf(500_000) };
  const targets: Target[] = [
    { name: 'get few', plan: gets('few', all), pid },
    { name: 'get many', plan: gets('many', warm), pid },
    { name: 'get seldom', plan: gets('many', seldom), pid },
    { name: 'list few', plan: lists('few', {}), pid },
    { name: 'list many', plan: lists('many', middle), pid },
    { name: 'roll up', plan: lists('many', { delimiter: '/' }), pid },
  ];
  const samples = await interleave(targets, rounds);
  const speed = (name: string) => figure(samples.get(name), (it) => it.requestsPerSecond)?.median;
  const against = (name: string, ours: string, reference: string, referenceName: string, least?: number) =>
    compare({
      name,
      ours: speed(ours),
      reference: speed(reference),
      unit: 'req/s',
      referenceName,
      ...(least === undefined ? {} : { least }),
    });
  return [
    against('GET 1 KiB, 1,000 keys of a bucket of 1e6 objects', 'get many', 'get few', 'all keys of a bucket of 1e3', 0.85),
    against(
      'GET 1 KiB, 30,000 keys of a bucket of 1e6, most not in memory',
      'get seldom',
      'get few',
      'all keys of a bucket of 1e3, in memory',
    ),
    against('list 1,000 keys, from the middle of 1e6', 'list many', 'list few', 'all of 1e3', 0.85),
    against('list 1,000 common prefixes of 1e6 keys', 'roll up', 'list few', 'all of 1e3'),
  ];
}

/** Deletes from the bucket of a million, and from one that has what is to be deleted and little else. */
async function deletions(sluice: Sluice, rounds: number, doomed: readonly number[]): Promise<Row[]> {
  const little = doomed.map((_, i) => i);
  await fill(sluice, 'doomed', doomed.length, little);
  const [ours, reference]: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round += 1) {
    for (const [bucket, numbers, figures] of [
      ['many', doomed, ours],
      ['doomed', little, reference],
    ] as const) {
      const some = numbers.slice(round * deletes, (round + 1) * deletes);
      const requests = some.map((i) => ({ method: 'DELETE', bucket, key: keyOf(i) }));
      const plan = planOf(storeOf(sluice), requests, { connections: 1, seconds: 60, requests: deletes });
      const { requestsPerSecond } = await sample({ name: `delete ${bucket}`, plan, pid: sluice.pid });
      if (round > 0) figures.push(requestsPerSecond);
    }
  }
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];
  return [
    compare({
      name: 'DeleteObject from 1e6 objects, c=1',
      ours: median(ours),
      reference: median(reference),
      unit: 'req/s',
      referenceName: `from ${doomed.length}`,
    }),
  ];
}

/** GET through an access point on a server that has a thousand of them, and on one that has no other. */
export async function manyAccessPoints(rounds: number): Promise<Row[]> {
  const servers: Sluice[] = [];
  try {
    const targets: Target[] = [];
    for (const points of [1, 1000]) {
      const sluice = await startSluice({ env: { SLUICE_LOG_LEVEL: 'warn' } });
      servers.push(sluice);
      await fill(sluice, 'bucket-0', 1, [0]);
      const alias = await createAccessPoint(sluice, 'bucket-0', 'point-0');
      for (let i = 1; i < points; i += 1) {
        const bucket = `bucket-${Math.floor(i / 100)}`;
        if (i % 100 === 0) await createBucket(sluice, bucket);
        await createAccessPoint(sluice, bucket, `point-${i}`);
      }
      const plan = planOf(storeOf(sluice), [{ method: 'GET', bucket: alias, key: keyOf(0) }], { connections: 16, seconds: 1 });
      targets.push({ name: String(points), plan, pid: sluice.pid });
    }
    const samples = await interleave(targets, rounds);
    const speed = (name: string) => figure(samples.get(name), (it) => it.requestsPerSecond)?.median;
    const name = 'GET 1 KiB through one of 1,000 access points';
    return [compare({ name, ours: speed('1000'), reference: speed('1'), unit: 'req/s', least: 0.97, referenceName: 'the only one' })];
  } finally {
    for (const server of servers) await server.stop();
  }
}
