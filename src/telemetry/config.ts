import { z } from 'zod';

/** Settings of the records of requests through Object FC access points. */
export const invocationsConfig = z.object({
  records: z
    .enum(['all', 'failed', 'off'])
    .default('all')
    .describe('which requests through Object FC access points leave a record: all, failed ones, or none'),
  maxBytes: z.coerce
    .number()
    .int()
    .min(1_048_576)
    .default(134_217_728)
    .describe('bytes of all records together; half of them are for failures, and the oldest go first'),
  maxRecords: z.coerce
    .number()
    .int()
    .min(32)
    .max(1_000_000)
    .default(20_000)
    .describe('records that are kept; half of them are for failures'),
  maxAgeHours: z.coerce.number().min(0.01).max(87_600).default(168).describe('hours that records are kept'),
  detailedPerSecond: z.coerce
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .default(100)
    .describe(
      'records of answered requests that are kept with headers and event, a second; those beyond are kept in brief, failures never',
    ),
  bodyBytes: z.coerce
    .number()
    .int()
    .min(0)
    .max(16_777_216)
    .default(0)
    .describe('bytes of an answer that are kept with its record, for replay; 0 keeps no bodies'),
  otlp: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'URL that takes OpenTelemetry traces as OTLP/HTTP JSON, e.g. http://10.0.0.5:4318/v1/traces; its host:port must be in outgoing.allow',
    ),
});

export type InvocationsSettings = z.output<typeof invocationsConfig>;
