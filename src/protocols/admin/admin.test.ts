import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Fault } from '../../faults/index.ts';
import { createListener, type Dialect, type Listener, type RequestContext } from '../../http/index.ts';
import { createTelemetry } from '../../telemetry/index.ts';
import { createAdminDialect, createAdminRoutes, type PartState } from './index.ts';

const telemetry = createTelemetry({ level: 'silent' });
let parts: Record<string, PartState> = { store: { ok: true } };
let draining = false;
let listener: Listener;
let base: string;

const next: Dialect = {
  name: 'next',
  handle: async (ctx) => {
    ctx.operation = 'Next';
    if (ctx.path === '/fail') throw new Fault('NoSuchKey');
    ctx.res.end('next');
  },
  fault: (_ctx, fault) => ({ status: fault.status, headers: { ...fault.headers, 'Content-Type': 'text/plain' }, body: fault.code }),
};
const options = { metrics: telemetry.metrics, parts: () => parts, draining: () => draining };

before(async () => {
  listener = createListener({ name: 'control', host: '127.0.0.1', port: 0, dialect: createAdminDialect(next, options), telemetry });
  await listener.start();
  base = `http://127.0.0.1:${listener.port}`;
});

after(() => listener.drain(0));

test('live is live; ready says which part is not', async () => {
  const live = await fetch(`${base}/health/live`);
  assert.equal(live.status, 200);
  assert.deepEqual(await live.json(), { status: 'live' });
  const ready = await fetch(`${base}/health/ready`);
  assert.equal(ready.status, 200);
  assert.deepEqual(await ready.json(), { status: 'ready', parts: { store: { ok: true } } });
  parts = { store: { ok: true }, python: { ok: false, note: 'not found' } };
  const unready = await fetch(`${base}/health/ready`);
  assert.equal(unready.status, 503);
  assert.deepEqual(await unready.json(), { status: 'not ready', parts });
  parts = { store: { ok: true } };
  draining = true;
  const leaving = await fetch(`${base}/health/ready`);
  assert.equal(leaving.status, 503);
  assert.equal(((await leaving.json()) as { status: string }).status, 'draining');
  assert.equal((await fetch(`${base}/health/live`)).status, 200);
  draining = false;
});

test('metrics are Prometheus text and count the requests before', async () => {
  await (await fetch(`${base}/elsewhere`)).text();
  const metrics = await fetch(`${base}/metrics`);
  assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  assert.match(await metrics.text(), /sluice_requests_total\{listener="control",operation="Next",status="2xx"\} [1-9]/);
});

test('HEAD has no body, other methods and everything else go where they belong', async () => {
  const head = await fetch(`${base}/health/live`, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(await head.text(), '');
  const post = await fetch(`${base}/metrics`, { method: 'POST' });
  assert.equal(post.status, 405);
  assert.equal(post.headers.get('allow'), 'GET, HEAD');
  assert.equal(await (await fetch(`${base}/metrics/x`)).text(), 'next');
  const failed = await fetch(`${base}/fail`);
  assert.equal(failed.status, 404);
  assert.equal(await failed.text(), 'NoSuchKey');
});

test('other machines are answered only when it is open', async () => {
  const from = (remoteAddress: string) => {
    const sent: number[] = [];
    const res = { writeHead: (status: number) => sent.push(status), end: () => undefined };
    return { ctx: { method: 'GET', path: '/health/live', remoteAddress, res } as unknown as RequestContext, sent };
  };
  const closed = createAdminRoutes(options).get('/health/live');
  const open = createAdminRoutes({ ...options, open: true }).get('/health/live');
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) {
    const { ctx, sent } = from(address);
    await closed?.(ctx);
    assert.deepEqual(sent, [200]);
  }
  for (const address of ['10.0.0.1', '::ffff:10.0.0.1', 'fe80::1', '::11', '']) {
    const { ctx, sent } = from(address);
    await assert.rejects(async () => closed?.(ctx), { code: 'AccessDenied' });
    await open?.(ctx);
    assert.deepEqual(sent, [200]);
  }
});
