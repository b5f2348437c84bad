import { openOutgoing } from '../../kit/index.ts';
import type { InvocationsSettings } from '../config.ts';
import type { Telemetry } from '../telemetry.ts';
import { RecordMetrics } from './durations.ts';
import { InvocationStore } from './records.ts';
import { SpanExport } from './spans.ts';

export interface OpenRecordsOptions {
  settings: InvocationsSettings;
  folder: string;
  region: string;
  telemetry: Pick<Telemetry, 'log' | 'metrics'>;
  outgoing: { allow: readonly string[]; ca?: string | undefined };
}

/** What keeps invocation records while the server runs. */
export interface OpenedRecords {
  readonly store: InvocationStore;
  /** Writes what is over, sends what waits, and closes the files. */
  close(): Promise<void>;
}

/**
 * Opens the store of invocation records, with its metrics and its export of traces; undefined when records are off.
 * @throws OutgoingError when invocations.otlp is not in outgoing.allow
 */
export function openInvocationRecords({ settings, folder, region, telemetry, outgoing }: OpenRecordsOptions): OpenedRecords | undefined {
  if (settings.records === 'off') return undefined;
  const { log, metrics } = telemetry;
  const spans =
    settings.otlp === undefined
      ? undefined
      : new SpanExport({
          ...{ url: settings.otlp, outgoing: openOutgoing(outgoing), region },
          onProblem: (err) => log.warn({ err }, 'traces could not be sent'),
        });
  const counted = new RecordMetrics(metrics.registry, () => store);
  const store = new InvocationStore({
    folder,
    keep: settings.records,
    maxBytes: settings.maxBytes,
    maxRecords: settings.maxRecords,
    maxAgeMs: settings.maxAgeHours * 3_600_000,
    detailedPerSecond: settings.detailedPerSecond,
    bodyBytes: settings.bodyBytes,
    onProblem: (err) => log.error({ err }, 'invocation records cannot be written'),
    onRecord: (record) => {
      counted.add(record);
      spans?.add(record);
    },
  });
  return {
    store,
    close: async () => {
      await store.close();
      await spans?.close();
    },
  };
}
