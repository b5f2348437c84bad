/**
 * What the server says about itself: one structured log and one metrics registry.
 * It is not the audit log nor the record of a transform, and it holds no request data.
 * main makes one and hands it to the rooms that report.
 */
export { createMetrics, type Metrics } from './metrics.ts';
export type { RequestTally } from './requests.ts';
export { createTelemetry, type Logger, type Telemetry } from './telemetry.ts';
