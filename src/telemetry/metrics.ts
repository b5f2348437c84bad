import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Every metric that the server exports; label sets are closed (no keys, no bucket names). */
export interface Metrics {
  registry: Registry;
  /** Called before each scrape, to set gauges that are read from a room rather than counted along. */
  beforeScrape: (() => void)[];
  /** Requests answered, by listener, operation and status class. */
  requests: Counter<'listener' | 'operation' | 'status'>;
  /** Seconds from the accepted request line to the last byte of the answer. */
  requestSeconds: Histogram<'listener' | 'operation'>;
  /** Client connections open now, by listener. */
  connections: Gauge<'listener'>;
  /** Exchanges (a waiting GetObject) open now. */
  exchanges: Gauge;
  /** Transforms ended, by outcome (answered, failed code). */
  transforms: Counter<'outcome'>;
  /** Seconds from the opened exchange to the first byte for the client. */
  transformSeconds: Histogram;
  /** Function instances by state. */
  instances: Gauge<'state'>;
  /** Uploads whose bytes are being written now. */
  blobWriters: Gauge;
}

const secondsBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** A fresh registry with every metric of the server; several servers in one process do not collide. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const beforeScrape: (() => void)[] = [];
  return {
    registry,
    beforeScrape,
    requests: new Counter({
      name: 'sluice_requests_total',
      help: 'Requests answered.',
      labelNames: ['listener', 'operation', 'status'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'sluice_request_seconds',
      help: 'Seconds from the request to the last byte of its answer.',
      labelNames: ['listener', 'operation'],
      buckets: secondsBuckets,
      registers,
    }),
    connections: new Gauge({ name: 'sluice_connections_open', help: 'Client connections open now.', labelNames: ['listener'], registers }),
    exchanges: new Gauge({ name: 'sluice_exchanges_open', help: 'GetObject requests waiting for a function now.', registers }),
    transforms: new Counter({ name: 'sluice_transforms_total', help: 'Transforms ended.', labelNames: ['outcome'], registers }),
    transformSeconds: new Histogram({
      name: 'sluice_transform_first_byte_seconds',
      help: 'Seconds from the accepted request to the head of the transformed answer.',
      buckets: secondsBuckets,
      registers,
    }),
    instances: new Gauge({
      name: 'sluice_instances',
      help: 'Function instances now.',
      labelNames: ['state'],
      registers,
      collect: () => {
        for (const refresh of beforeScrape) refresh();
      },
    }),
    blobWriters: new Gauge({ name: 'sluice_blob_writers_open', help: 'Uploads being written now.', registers }),
  };
}
