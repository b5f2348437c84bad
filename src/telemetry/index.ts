/**
 * What the server says about itself: one structured log, one metrics registry, one audit log; and what functions printed last.
 * It is not the record of a transform, and it holds no request data.
 * main makes one and hands it to the rooms that report.
 */
export { type Audit, type AuditEvent, type AuditOptions, openAudit } from './audit.ts';
export { FunctionOutput, type PrintedLine } from './function-output.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export type { RequestTally } from './requests.ts';
export { createTelemetry, type Logger, type Telemetry } from './telemetry.ts';
