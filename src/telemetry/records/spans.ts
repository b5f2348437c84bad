import { after, type Outgoing, randomHex, type Timer } from '../../kit/index.ts';
import type { RecordBuilder } from './builder.ts';
import type { InvocationDetail } from './record.ts';
import { newTrace, type Trace } from './trace.ts';

const everyMs = 2_000;
const mostWaiting = 2_048;
const batch = 256;
const sendMs = 10_000;
/** OTLP numbers: kinds of spans, and the status of one that failed. */
const server = 2;
const client = 3;
const internal = 1;
const errorStatus = 2;

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue: string } | { readonly intValue: string } | { readonly boolValue: boolean };
}

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status?: { readonly code: number; readonly message?: string };
}

function attributes(values: Readonly<Record<string, string | number | boolean | undefined>>): Attribute[] {
  return Object.entries(values).flatMap(([key, value]) => {
    if (value === undefined || value === '') return [];
    if (typeof value === 'number') return { key, value: { intValue: String(Math.round(value)) } };
    return { key, value: typeof value === 'boolean' ? { boolValue: value } : { stringValue: value } };
  });
}

/** The spans of a record: the request, its phases, the function's reads and its attempts to answer. Names are those of the record. */
export function spansOf(detail: InvocationDetail, trace: Trace): Span[] {
  const { traceId } = trace;
  const at = (ms: number) => String(BigInt(Math.round((detail.at + ms) * 1000)) * 1000n);
  const span = (
    name: string,
    kind: number,
    [from, to]: readonly [number, number],
    values: Parameters<typeof attributes>[0],
    rest: Partial<Span>,
  ) => ({
    ...{ traceId, spanId: randomHex(8), parentSpanId: trace.spanId, name, kind },
    ...{ startTimeUnixNano: at(from), endTimeUnixNano: at(Math.max(from, to)), attributes: attributes(values) },
    ...rest,
  });
  const failed = (code: string | undefined): Partial<Span> => (code === undefined ? {} : { status: { code: errorStatus, message: code } });
  const root: Span = {
    ...{ traceId, spanId: trace.spanId, name: 'transform', kind: server, startTimeUnixNano: at(0), endTimeUnixNano: at(detail.totalMs) },
    ...(trace.parentSpanId === undefined ? {} : { parentSpanId: trace.parentSpanId }),
    attributes: attributes({
      ...{ 'sluice.request_id': detail.id, 'sluice.access_point': detail.accessPoint, 'sluice.outcome': detail.outcome },
      ...{ 'http.response.status_code': detail.status, 'faas.invoked_name': detail.function, 'faas.coldstart': detail.cold },
      ...{ 'sluice.bucket': detail.bucket, 'sluice.key': detail.key, 'sluice.rule': detail.rule },
    }),
    ...failed(detail.outcome === 'answered' ? undefined : detail.outcome),
  };
  const phases = Object.entries(detail.phases).map(([name, times]) => span(name, internal, times, {}, {}));
  const parent = phases.find(({ name }) => name === 'function')?.spanId ?? trace.spanId;
  const reads = detail.reads.map(({ atMs, ms, ...read }) =>
    span('read', client, [atMs, atMs + ms], readAttributes(read), { parentSpanId: parent, ...failed(read.code) }),
  );
  const attempts = detail.attempts.map((attempt) => {
    const values = { 'sluice.request_id': attempt.requestId, 'sluice.outcome': attempt.outcome, 'sluice.bytes': attempt.bytes };
    return span('attempt', client, [attempt.atMs, attempt.atMs + (attempt.ms ?? 0)], values, {
      parentSpanId: parent,
      ...failed(attempt.code),
    });
  });
  return [root, ...phases, ...reads, ...attempts];
}

function readAttributes(read: Omit<InvocationDetail['reads'][number], 'atMs' | 'ms'>): Parameters<typeof attributes>[0] {
  const { requestId, operation, range, status, bytes } = read;
  return {
    ...{ 'sluice.request_id': requestId, 'sluice.operation': operation, 'http.response.status_code': status },
    ...{ 'sluice.bytes': bytes, 'sluice.range': range },
  };
}

export interface SpanOptions {
  /** Takes POSTs of OTLP/HTTP JSON. */
  url: string;
  outgoing: Outgoing;
  region: string;
  onProblem: (error: unknown) => void;
}

/** Sends the spans of records in batches; what the other side does not take in time is dropped. */
export class SpanExport {
  readonly #options: SpanOptions;
  #waiting: RecordBuilder[] = [];
  #timer: Timer | undefined;
  #sending = false;
  #troubled = false;

  /** @throws OutgoingError when the server may not make requests to that URL */
  constructor(options: SpanOptions) {
    this.#options = options;
    options.outgoing.check(options.url);
  }

  add(record: RecordBuilder): void {
    if (this.#waiting.length >= mostWaiting || record.trace?.sampled === false) return;
    this.#waiting.push(record);
    this.#timer ??= after(everyMs, () => void this.#send());
  }

  async #send(): Promise<void> {
    this.#timer = undefined;
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (this.#waiting.length > 0) await this.#post(this.#waiting.splice(0, batch));
      this.#troubled = false;
    } catch (error) {
      this.#waiting = [];
      if (!this.#troubled) this.#options.onProblem(error);
      this.#troubled = true;
    } finally {
      this.#sending = false;
      if (this.#waiting.length > 0) this.#timer ??= after(everyMs, () => void this.#send());
    }
  }

  async #post(records: readonly RecordBuilder[]): Promise<void> {
    const { url, outgoing, region } = this.#options;
    const spans = records.flatMap((record) => spansOf(record.write().detail, record.trace ?? newTrace()));
    const resource = { attributes: attributes({ 'service.name': 'sluice', 'cloud.region': region }) };
    const body = Buffer.from(JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'sluice' }, spans }] }] }));
    const headers = { 'content-type': 'application/json' };
    const { status } = await outgoing.request({ url, method: 'POST', headers, body, headersMs: sendMs, bodyMs: sendMs });
    if (status >= 300) throw new Error(`The receiver of traces answered ${status}.`);
  }

  /** Sends what waits, and ends. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#send();
    await this.#options.outgoing.close();
  }
}
