import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counter, Histogram, Registry } from 'prom-client';
import { createMetrics } from './metrics.ts';
import { secondsBuckets } from './requests.ts';

test('requests are exported exactly as prom-client would have counted them', async () => {
  const { registry, requests } = createMetrics();
  const own = new Registry();
  const count = new Counter({
    name: 'sluice_requests_total',
    help: 'Requests answered.',
    labelNames: ['listener', 'operation', 'status'],
    registers: [own],
  });
  const seconds = new Histogram({
    name: 'sluice_request_seconds',
    help: 'Seconds from the request to the last byte of its answer.',
    labelNames: ['listener', 'operation'],
    buckets: secondsBuckets,
    registers: [own],
  });
  const names = ['sluice_requests_total', 'sluice_request_seconds'];
  const text = async (from: Registry) => (await Promise.all(names.map((name) => from.getSingleMetricAsString(name)))).join('\n');
  assert.equal(await text(registry), await text(own));

  for (const listener of ['data', 'control']) {
    for (const operation of ['GetObject', 'PutObject']) {
      const tally = requests.of(listener, operation);
      assert.equal(requests.of(listener, operation), tally);
      for (const [i, bound] of [0, ...secondsBuckets, 100].entries()) {
        for (const time of [bound, bound * 1.01]) {
          const status = [200, 206, 304, 404, 499, 503][i % 6] as number;
          tally.add(status, time);
          count.inc({ listener, operation, status: `${Math.floor(status / 100)}xx` });
          seconds.observe({ listener, operation }, time);
        }
      }
      const sorted = (from: string) => from.split('\n').toSorted();
      assert.deepEqual(sorted(await text(registry)), sorted(await text(own)));
    }
  }
  assert.match(await text(registry), /sluice_requests_total\{listener="data",operation="GetObject",status="2xx"\} 12/);
});
