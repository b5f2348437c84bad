import { Counter, Gauge, type Metric, type Registry } from 'prom-client';
import { secondsBuckets } from '../requests.ts';
import type { RecordBuilder } from './builder.ts';
import { type PhaseName, phaseNames } from './record.ts';
import type { InvocationStore } from './records.ts';

/** Seconds by phase as plain numbers; prom-client looks labels up at every observation. */
class Tally {
  readonly byBucket: number[] = new Array<number>(secondsBuckets.length + 1).fill(0);
  seconds = 0;

  add(seconds: number): void {
    let bucket = 0;
    while (bucket < secondsBuckets.length && seconds > (secondsBuckets[bucket] as number)) bucket += 1;
    this.byBucket[bucket] = (this.byBucket[bucket] as number) + 1;
    this.seconds += seconds;
  }
}

/**
 * Metrics that are made of records, under the names that records and spans have: the phases of a transform, reads of the original, attempts to
 * answer.
 */
export class RecordMetrics {
  readonly #tallies: readonly (readonly [PhaseName, Tally])[] = phaseNames.map((phase) => [phase, new Tally()]);
  readonly #reads = new Map<string, number>();
  readonly #attempts = new Map<string, number>();
  #changed = 0;

  constructor(registry: Registry, store: () => Pick<InvocationStore, 'counts' | 'bytes' | 'settle'> | undefined) {
    const [reads, attempts] = [this.#reads, this.#attempts];
    const changed = () => this.#changed;
    const settle = () => store()?.settle();
    const registers = [registry];
    this.#phases(registry, settle);
    new Counter({
      name: 'sluice_transform_reads_total',
      help: 'Requests that functions made for a transform, by status class.',
      labelNames: ['status'],
      registers,
      collect() {
        settle();
        this.reset();
        for (const [status, count] of reads) this.inc({ status }, count);
      },
    });
    new Counter({
      name: 'sluice_transform_attempts_total',
      help: 'Attempts to answer a transform, by outcome.',
      labelNames: ['outcome'],
      registers,
      collect() {
        settle();
        this.reset();
        for (const [outcome, count] of attempts) this.inc({ outcome }, count);
      },
    });
    new Counter({
      name: 'sluice_transform_changed_headers_total',
      help: 'Forwarded headers that the client did not get as the function sent them.',
      registers,
      collect() {
        settle();
        this.reset();
        this.inc(changed());
      },
    });
    new Counter({
      name: 'sluice_invocation_records_total',
      help: 'Invocation records by what became of them.',
      labelNames: ['result'],
      registers,
      collect() {
        this.reset();
        for (const [result, count] of Object.entries(store()?.counts ?? {})) this.inc({ result }, count);
      },
    });
    new Gauge({
      name: 'sluice_invocation_record_bytes',
      help: 'Bytes of the invocation records on disk.',
      registers,
      collect() {
        this.set(store()?.bytes ?? 0);
      },
    });
  }

  #phases(registry: Registry, settle: () => void): void {
    const name = 'sluice_transform_phase_seconds';
    const head = { name, help: 'Seconds of a transform by phase.', type: 'histogram', aggregator: 'sum' };
    const values = () => this.#tallies.flatMap(([phase, tally]) => valuesOf(name, phase, tally));
    const get = async () => {
      settle();
      return { ...head, values: values() };
    };
    // What the registry asks of a metric, which its types know only as prom-client's own classes.
    registry.registerMetric({ ...head, labelNames: ['phase'], get } as unknown as Metric);
  }

  add(record: RecordBuilder): void {
    const times = record.phases();
    for (const each of this.#tallies) {
      const time = times[each[0]];
      if (time) each[1].add((time[1] - time[0]) / 1000);
    }
    for (const { status } of record.reads) bump(this.#reads, `${Math.floor(status / 100)}xx`);
    for (const attempt of record.attempts) {
      bump(this.#attempts, attempt.outcome);
      this.#changed += attempt.changes;
    }
  }
}

function bump(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function valuesOf(name: string, phase: string, { byBucket, seconds }: Tally) {
  let count = 0;
  const buckets = byBucket.map((more, i) => {
    count += more;
    return { metricName: `${name}_bucket`, labels: { le: secondsBuckets[i] ?? '+Inf', phase }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: { phase }, value: seconds },
    { metricName: `${name}_count`, labels: { phase }, value: count },
  ];
}
