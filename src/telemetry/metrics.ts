import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { addProcessMetrics } from './process-metrics.ts';
import { Requests, secondsBuckets } from './requests.ts';

/** Every metric that the server exports; label sets are closed (no keys, no bucket names). */
export interface Metrics {
  registry: Registry;
  /** Called before each scrape, to set gauges that are read from a room rather than counted along. */
  beforeScrape: (() => void)[];
  /** Requests answered, by listener, operation and status class, and their seconds from the request line to the last byte of the answer. */
  requests: Requests;
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
  /** Times that stored bytes were found to be damaged or gone, by who found it. */
  damaged: Counter<'found'>;
  /** Blobs and bytes that the scrubber has read. */
  scrubbed: Counter;
  scrubbedBytes: Counter;
  /** When the scrubber's round began, epoch seconds. */
  scrubRound: Gauge;
}

/** A fresh registry with every metric of the server; several servers in one process do not collide. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  addProcessMetrics(registry);
  const beforeScrape: (() => void)[] = [];
  return {
    registry,
    beforeScrape,
    requests: new Requests(registry),
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
    damaged: new Counter({
      name: 'sluice_damaged_blobs_total',
      help: 'Times that stored bytes were found damaged or gone.',
      labelNames: ['found'],
      registers,
    }),
    scrubbed: new Counter({ name: 'sluice_scrubbed_blobs_total', help: 'Blobs that the scrubber has read.', registers }),
    scrubbedBytes: new Counter({ name: 'sluice_scrubbed_bytes_total', help: 'Bytes that the scrubber has read.', registers }),
    scrubRound: new Gauge({ name: 'sluice_scrub_round_started_seconds', help: 'When the round of the scrubber began.', registers }),
  };
}
