/**
 * What the server says about itself: one structured log, one metrics registry, one audit log, the records of transforms, and what functions
 * printed last. It decides nothing and holds no secret; bodies are kept only where a setting asks for it.
 * main makes one and hands it to the rooms that report.
 */
export { type Audit, type AuditEvent, type AuditOptions, openAudit } from './audit.ts';
export { FunctionOutput, type PrintedLine } from './function-output.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export type { InvocationFilter } from './records/catalog.ts';
export { isSecretName, maskedQuery } from './records/masks.ts';
export { type OpenedRecords, openInvocationRecords } from './records/open.ts';
export type {
  AttemptHead,
  AttemptRecord,
  FunctionEnd,
  InstanceGiven,
  InvocationRecord,
  InvocationRecords,
  RecordedRequest,
  SourceObject,
  SourceRead,
  ToldFault,
} from './records/port.ts';
export type { BrokenRule, InvocationDetail, InvocationSummary, ShownAttempt } from './records/record.ts';
export { InvocationStore, type RecordsOptions } from './records/records.ts';
export type { RequestTally } from './requests.ts';
export { createTelemetry, type Logger, type Telemetry } from './telemetry.ts';
