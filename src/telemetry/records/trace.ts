import { randomHex } from '../../kit/index.ts';
import type { HeaderPairs } from './port.ts';

/** Where a request stands in a trace (W3C Trace Context). */
export interface Trace {
  /** 32 hex digits. */
  readonly traceId: string;
  /** Of this request itself, 16 hex digits. */
  readonly spanId: string;
  /** Of whoever asked; left out where the trace begins here. */
  readonly parentSpanId?: string;
  readonly sampled: boolean;
}

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The trace that a traceparent header continues; undefined without a valid one. */
export function continuedTrace(headers: HeaderPairs): Trace | undefined {
  for (const header of headers) {
    const name = header[0];
    if (name.length !== 11 || name.toLowerCase() !== 'traceparent') continue;
    const [, version, traceId = '', parentSpanId = '', flags = ''] = form.exec(header[1]) ?? [];
    if (version === undefined || version === 'ff' || /^0+$/.test(traceId) || /^0+$/.test(parentSpanId)) return undefined;
    return { traceId, spanId: randomHex(8), parentSpanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
  }
  return undefined;
}

/** A trace of its own. */
export function newTrace(): Trace {
  return { traceId: randomHex(16), spanId: randomHex(8), sampled: true };
}
