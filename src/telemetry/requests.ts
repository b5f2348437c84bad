import { Counter, type Metric, type Registry } from 'prom-client';

/** Upper bounds of the buckets of durations, in seconds. */
export const secondsBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

type Labels = { listener: string; operation: string };

/** Requests of one operation at one listener: plain numbers, as every request passes here. */
export class RequestTally {
  readonly labels: Labels;
  /** Requests by the first digit of their status. */
  readonly byClass: number[] = new Array<number>(10).fill(0);
  /** Requests by the first bucket that holds their duration; the last is for those above all bounds. */
  readonly byBucket: number[] = new Array<number>(secondsBuckets.length + 1).fill(0);
  seconds = 0;

  constructor(labels: Labels) {
    this.labels = labels;
  }

  add(status: number, seconds: number): void {
    const statusClass = Math.floor(status / 100);
    this.byClass[statusClass] = (this.byClass[statusClass] ?? 0) + 1;
    let bucket = 0;
    while (bucket < secondsBuckets.length && seconds > (secondsBuckets[bucket] as number)) bucket += 1;
    this.byBucket[bucket] = (this.byBucket[bucket] as number) + 1;
    this.seconds += seconds;
  }
}

/** Counts and times requests. prom-client looks labels up at every request; this hands it the sums when it is scraped. */
export class Requests {
  readonly #tallies: RequestTally[] = [];

  constructor(registry: Registry) {
    const tallies = this.#tallies;
    new Counter({
      name: 'sluice_requests_total',
      help: 'Requests answered.',
      labelNames: ['listener', 'operation', 'status'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { labels, byClass } of tallies) {
          for (const [digit, count] of byClass.entries()) if (count > 0) this.inc({ ...labels, status: `${digit}xx` }, count);
        }
      },
    });
    const name = 'sluice_request_seconds';
    const head = { name, help: 'Seconds from the request to the last byte of its answer.', type: 'histogram', aggregator: 'sum' };
    // What the registry asks of a metric, which its types know only as prom-client's own classes.
    const histogram = {
      ...head,
      labelNames: ['listener', 'operation'],
      get: async () => ({ ...head, values: tallies.flatMap((tally) => histogramValues(name, tally)) }),
    };
    registry.registerMetric(histogram as unknown as Metric);
  }

  /** The tally of an operation, to be kept by the caller. */
  of(listener: string, operation: string): RequestTally {
    let tally = this.#tallies.find(({ labels }) => labels.listener === listener && labels.operation === operation);
    if (!tally) {
      tally = new RequestTally({ listener, operation });
      this.#tallies.push(tally);
    }
    return tally;
  }
}

function histogramValues(name: string, { labels, byBucket, seconds }: RequestTally) {
  let count = 0;
  const buckets = byBucket.map((more, i) => {
    count += more;
    return { metricName: `${name}_bucket`, labels: { le: secondsBuckets[i] ?? '+Inf', ...labels }, value: count };
  });
  return [...buckets, { metricName: `${name}_sum`, labels, value: seconds }, { metricName: `${name}_count`, labels, value: count }];
}
