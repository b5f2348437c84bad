/** context.original(): what a function reads over its own connection is what it would read by inputOssUrl, byte for byte and refusal for refusal. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { admin } from './harness/admin.ts';
import { createAccessPoint, createBucket, createObjectFc, deleteFunction, deployFunction, ossCall, ossDo } from './harness/deploy.ts';
import { residentBytes } from './harness/processes.ts';
import { type Sluice, startSluice } from './harness/sluice.ts';
import { root } from './harness/toolchain.ts';

const MiB = 1 << 20;
const bucket = 'acc-original';
const key = 'notes/größe 1.txt';
const text = 'Grüße aus dem Original\n';
const large = Buffer.alloc(48 * MiB);
for (let at = 0; at < large.length; at += 4096) large.writeUInt32LE(at, at);

interface Seen {
  status: number;
  reason: string;
  headers: [string, string][];
  bytes: number;
  digest: string;
  text: string;
}

interface Read {
  requestId: string;
  operation: string;
  resource: string;
  range?: string;
  status: number;
  bytes: number;
  complete: boolean;
  code?: string;
}

let sluice: Sluice;
let alias = '';
let id = '';

before(async () => {
  sluice = await startSluice();
  await createBucket(sluice, bucket);
  await ossDo(sluice, {
    ...{ method: 'PUT', bucket, key, body: text },
    headers: { 'content-type': 'text/plain', 'x-oss-meta-size': 'small', 'cache-control': 'no-cache' },
  });
  await ossDo(sluice, { method: 'PUT', bucket, key: 'large.bin', body: large });
  await createAccessPoint(sluice, bucket, 'ap-original');
  const code = readFileSync(join(root, 'test', 'acceptance', 'functions', 'node', 'original.mjs'));
  await deployFunction(sluice, 'original', [{ name: 'index.mjs', data: code }], {
    settings: { runtime: 'nodejs24', handler: 'index.fetch', instanceConcurrency: 4 },
  });
  alias = await createObjectFc(sluice, { bucket, accessPoint: 'ap-original', name: 'original', functionName: 'original' });
});
after(async () => {
  await sluice.finish(() => deleteFunction(sluice, 'original'));
});

async function ask<T>(what: string, more: { key?: string; headers?: Record<string, string>; versionId?: string } = {}): Promise<T> {
  const query: Record<string, string> = { do: what };
  if (more.headers) query.headers = JSON.stringify(more.headers);
  if (more.versionId) query.versionId = more.versionId;
  const reply = await ossCall(sluice, { method: 'GET', bucket: alias, key: more.key ?? key, query });
  assert.equal(reply.status, 200, reply.body.toString());
  id = reply.headers['x-oss-request-id'] ?? '';
  return JSON.parse(reply.body.toString()) as T;
}

/** What differs from request to request, or belongs to a connection. */
const own = new Set(['connection', 'date', 'keep-alive', 'transfer-encoding', 'x-oss-request-id', 'x-oss-server-time']);
const timeless = (it: string) => it.replace(/<RequestId>[0-9A-F]{24}<\/RequestId>/, '<RequestId/>');

function compared({ headers, text: body, digest, ...rest }: Seen): unknown {
  const kept = headers.filter(([name]) => !own.has(name)).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...rest, headers: kept, body: timeless(body), ...(rest.status < 300 ? { digest } : {}) };
}

async function recordOf(requestId: string): Promise<{ reads: Read[] }> {
  for (let left = 100; ; left -= 1) {
    const record = (await admin(sluice, `GET /invocations/${requestId}`)) as unknown as {
      reads: Read[];
      instance?: { durationMs?: number };
    };
    if (record.instance?.durationMs !== undefined || left === 0) return record;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('over the connection and by inputOssUrl', () => {
  const cases: [name: string, status: number, more: Parameters<typeof ask>[1]][] = [
    ['whole', 200, {}],
    ['a range', 206, { headers: { Range: 'bytes=4-9' } }],
    ['a range that cannot be', 200, { headers: { Range: 'bytes=900-999' } }],
    ['what has not changed', 304, { headers: { 'If-Modified-Since': new Date(Date.now() + 3_600_000).toUTCString() } }],
    ['what is not the one', 412, { headers: { 'If-Match': '"0123"' } }],
    ['what is not there', 404, { key: 'never/was' }],
    ['a large one', 200, { key: 'large.bin' }],
    ['a part of it', 206, { key: 'large.bin', headers: { Range: 'bytes=1000000-3999999' } }],
  ];
  for (const [name, status, more] of cases) {
    test(name, async () => {
      const { connection, url } = await ask<{ connection: Seen; url: Seen }>('both', more);
      assert.equal(connection.status, status);
      assert.deepEqual(compared(connection), compared(url));
      assert.match(new Headers(connection.headers).get('x-oss-request-id') ?? '', /^[0-9A-F]{24}$/);
      const [one, two] = (await recordOf(id)).reads as [Read, Read];
      const facts = (read: Read) => [read.operation, read.resource, read.range, read.status, read.bytes, read.complete, read.code];
      assert.deepEqual(facts(one), facts(two), 'and both are in the record');
      assert.equal(one.requestId, new Headers(connection.headers).get('x-oss-request-id'));
    });
  }

  test('an older version', async () => {
    const on = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
    await ossDo(sluice, { method: 'PUT', bucket, query: { versioning: '' }, body: on });
    const first = await ossDo(sluice, { method: 'PUT', bucket, key: 'versions.txt', body: 'the first' });
    await ossDo(sluice, { method: 'PUT', bucket, key: 'versions.txt', body: 'the second' });
    const versionId = first.headers['x-oss-version-id'] ?? '';
    const { connection, url } = await ask<{ connection: Seen; url: Seen }>('both', { key: 'versions.txt', versionId });
    assert.equal(connection.text, 'the first');
    assert.deepEqual(compared(connection), compared(url));
  });

  test('what a policy denies', async () => {
    const policy = (effect: string) =>
      JSON.stringify({
        Version: '1',
        Statement: [{ Effect: effect, Action: ['oss:GetObject'], Principal: ['*'], Resource: [`acs:oss:*:*:${bucket}/denied/*`] }],
      });
    await ossDo(sluice, { method: 'PUT', bucket, key: 'denied/a', body: 'x' });
    await ossDo(sluice, { method: 'PUT', bucket, query: { policy: '' }, body: policy('Deny') });
    try {
      const reply = await ossCall(sluice, { method: 'GET', bucket: alias, key: 'denied/a', query: { do: 'both' } });
      const { connection, url } = JSON.parse(reply.body.toString()) as { connection: Seen; url: Seen };
      assert.equal(connection.status, 403);
      assert.match(connection.text, /<Code>AccessDenied<\/Code>/);
      assert.deepEqual(compared(connection), compared(url));
    } finally {
      await ossDo(sluice, { method: 'DELETE', bucket, query: { policy: '' } });
    }
  });
});

describe('over the connection', () => {
  test('headers of OSS, which the signature of a URL lets nobody add', async () => {
    const headers = { Range: 'bytes=900-999', 'x-oss-range-behavior': 'standard' };
    const { connection, url } = await ask<{ connection: Seen; url: Seen }>('both', { headers });
    assert.equal(connection.status, 416);
    assert.match(connection.text, /<Code>InvalidRange<\/Code>/);
    assert.match(url.text, /<Code>SignatureDoesNotMatch<\/Code>/);
  });

  test('forty ranges at once', async () => {
    assert.deepEqual(await ask('many', { key: 'large.bin' }), { right: 40 });
  });

  test('a signal ends a read, before it and midway', async () => {
    const { before: first, midway } = await ask<Record<string, string>>('aborted', { key: 'large.bin' });
    assert.match(first ?? '', /^AbortError/);
    assert.match(midway ?? '', /^AbortError/);
    const { reads } = await recordOf(id);
    assert.deepEqual([reads.length, reads[0]?.complete], [1, false]);
  });

  test('reads that are left keep nothing', async () => {
    assert.deepEqual(await ask('left', { key: 'large.bin' }), { whole: large.length });
    const { reads } = await recordOf(id);
    assert.equal(reads.length, 51);
    assert.ok(
      reads.slice(0, 50).every(({ complete, bytes }) => !complete && bytes <= 4 * MiB),
      JSON.stringify(reads[0]),
    );
  });

  test('a reader that waits is sent no more than it has room for', async () => {
    await ask('slow', { key: 'large.bin' });
    const before = residentBytes(sluice.pid);
    assert.ok((await ask<{ bytes: number }>('slow', { key: 'large.bin' })).bytes >= 2_000_000);
    const grown = residentBytes(sluice.pid) - before;
    assert.ok(grown < 64 * MiB, `${grown / MiB} MiB`);
  });

  test('a read that nobody waits for does not end the instance', async () => {
    const { pid } = await ask<{ pid: number }>('ignored');
    for (let round = 0; round < 5; round++) assert.deepEqual(await ask('ignored', { key: 'large.bin' }), { pid });
  });

  test('none when the invocation is over', async () => {
    await ask('after');
    assert.match((await ask<{ late: string }>('after')).late, /^Error: .*over/);
  });
});
