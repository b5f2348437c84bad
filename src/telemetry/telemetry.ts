import { destination, type LevelWithSilent, type Logger as PinoLogger, pino } from 'pino';
import { FunctionOutput } from './function-output.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import type { InvocationStore } from './records/records.ts';

export type Logger = PinoLogger;

export interface Telemetry {
  log: Logger;
  metrics: Metrics;
  /** What functions printed last. */
  output: FunctionOutput;
  /** What is kept of requests through Object FC access points; nothing, where it is left out. */
  records?: InvocationStore | undefined;
  /** Writes out what the log still holds. */
  flush(): void;
}

/**
 * Makes the log (JSON lines; to stderr unless a file is named) and the metrics registry.
 * @param options.level pino's level name; 'silent' logs nothing
 * @param options.file append to this file instead of stderr
 */
export function createTelemetry(options: { level: LevelWithSilent; file?: string }): Telemetry {
  const sink = destination({ dest: options.file ?? 2, sync: false, minLength: 0, mkdir: true });
  const log = pino(
    {
      level: options.level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['secret', '*.secret', '*.accessKeySecret', '*.securityToken', '*.authorization'],
    },
    sink,
  );
  const flush = () => {
    try {
      sink.flushSync();
    } catch {
      // The sink is not open yet or already gone: there is nothing to write.
    }
  };
  return { log, metrics: createMetrics(), output: new FunctionOutput(), flush };
}
