import type { Invocation } from '../instances/index.ts';
import { now } from '../kit/index.ts';
import type { InvocationRecord, RecordedRequest } from '../telemetry/index.ts';
import type { TransformRequest } from './port.ts';

/** A request as its record begins. */
export function recordedRequest(request: TransformRequest): RecordedRequest {
  const { objectFc, supporting } = request;
  return {
    requestId: request.requestId,
    receivedAt: request.receivedAt ?? now(),
    method: request.headOnly ? 'HEAD' : 'GET',
    url: request.url,
    headers: request.headers,
    accessPoint: objectFc,
    supporting,
    bucket: objectFc.bucket,
    key: request.key,
    versionId: request.versionId,
    caller: request.principal,
    source: request.source,
  };
}

/** The client's trace as context.tracing holds it: trace, span, parent and flags, by colons, as Jaeger writes them. */
export function tracingOf({ trace }: InvocationRecord): Invocation['tracing'] {
  if (!trace) return undefined;
  const { traceId, spanId, parentSpanId = '0', sampled } = trace;
  return { spanContext: `${traceId}:${spanId}:${parentSpanId}:${sampled ? 1 : 0}`, spanBaggages: '', jaegerEndpoint: '' };
}
