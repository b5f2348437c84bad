import type { HeaderPairs, RecordedFunction, RecordedRequest, SourceRead } from './port.ts';

/** A rule that a request broke, or came close to, and what mends it. */
export interface BrokenRule {
  /** Stable name, e.g. no-write-response. */
  readonly id: string;
  readonly rule: string;
  readonly fix: string;
  /** What of the record shows it: a header, a line, a code. */
  readonly evidence: string;
}

/** A forwarded header that the client did not get as the function sent it. */
export interface ChangedHeader {
  readonly header: string;
  readonly reason: string;
  /** What the client got instead; nothing when left out. */
  readonly sent?: string;
}

/** One attempt to answer, as it is kept. */
export interface ShownAttempt {
  readonly requestId: string;
  /** Milliseconds since the request came in. */
  readonly atMs: number;
  readonly ms?: number;
  readonly status?: string;
  readonly received: HeaderPairs;
  /** What the client was sent; left out while no head was. */
  readonly forwarded?: { readonly status: number; readonly headers: HeaderPairs };
  readonly changed: readonly ChangedHeader[];
  readonly bytes: number;
  /** open: nothing is known of its end. */
  readonly outcome: 'taken' | 'refused' | 'open';
  readonly code?: string;
  readonly message?: string;
}

export type PhaseName = 'auth' | 'queue' | 'start' | 'function' | 'firstByte' | 'body';
export const phaseNames: readonly PhaseName[] = ['auth', 'queue', 'start', 'function', 'firstByte', 'body'];
/** From and to, milliseconds since the request came in. */
export type Phases = Partial<Record<PhaseName, readonly [from: number, to: number]>>;

/** What is kept in memory of every request that is kept. */
export interface InvocationSummary {
  readonly id: string;
  /** Epoch milliseconds at which the request came in. */
  readonly at: number;
  /** running, answered, abandoned, failed or timed-out (after the head), or the code of the error that the client was sent. */
  readonly outcome: string;
  /** Of the client's answer; 0 when it got none. */
  readonly status: number;
  readonly accessPoint: string;
  readonly function: string;
  readonly bucket: string;
  readonly key: string;
  readonly totalMs: number;
  readonly cold: boolean;
  /** Request ids of its WriteGetObjectResponse calls. */
  readonly answers: readonly string[];
  /** Name of the first broken rule. */
  readonly rule?: string;
}

/** A whole record, as it is kept and shown. */
export interface InvocationDetail extends InvocationSummary {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly rules: readonly BrokenRule[];
  readonly request: Pick<RecordedRequest, 'method' | 'url' | 'headers' | 'versionId'>;
  readonly alias: string;
  readonly supporting: RecordedRequest['supporting'];
  readonly caller: RecordedRequest['caller'];
  readonly called?: RecordedFunction | undefined;
  readonly instance?:
    | {
        readonly id: string;
        readonly cold: boolean;
        readonly durationMs?: number | undefined;
        readonly maxMemoryMb?: number | undefined;
        readonly failure?: { readonly kind: string; readonly message: string } | undefined;
      }
    | undefined;
  /** Kept without headers and event, as more requests than that were answered in the same second. */
  readonly brief?: true | undefined;
  /** As the function got it, without token, signature and secret values. */
  readonly event?: unknown;
  readonly reads: readonly (Omit<SourceRead, 'at'> & { readonly atMs: number })[];
  readonly attempts: readonly ShownAttempt[];
  readonly lines: readonly string[];
  /** Reads, attempts and lines that were more than is kept. */
  readonly leftOut: { readonly reads: number; readonly attempts: number; readonly lines: number };
  readonly phases: Phases;
  /** Of the answer's body; only where bodies are kept. */
  readonly body?: { readonly sha256: string; readonly bytes: number; readonly base64?: string } | undefined;
  /** Of the object when the record was written, where a header of it was at stake. */
  readonly source?: { readonly etag: string; readonly crc64: string; readonly size: number };
}

/** A record from its text: summary and the rest, two JSON texts with a tab between them. */
export function parseDetail(text: string): InvocationDetail {
  const end = text.indexOf('\t');
  // What is mostly empty is mostly left out.
  const usual = { rules: [], lines: [], leftOut: { reads: 0, attempts: 0, lines: 0 } };
  return { ...JSON.parse(text.slice(0, end)), ...usual, ...JSON.parse(text.slice(end + 1)) } as InvocationDetail;
}
