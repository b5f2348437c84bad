import type { Readable } from 'node:stream';

export interface Credentials {
  accessKeyId: string;
  accessKeySecret: string;
  securityToken: string;
}

export interface SessionCredentials extends Credentials {
  /** Epoch milliseconds; an instance is retired before the credentials in its environment end. */
  expiresAt?: number;
}

/** What a function answers over its own connection instead of calling WriteGetObjectResponse. */
export interface DirectAnswer {
  status: number;
  /** Response headers by name, without any prefix. */
  headers: Record<string, string>;
  /** Ends with the answer; an error while it flows is a broken answer. */
  body: Readable;
}

/** One event for a function. */
export interface Invocation {
  requestId: string;
  /** At most 32 MiB. */
  event: Buffer;
  /** What context.credentials carries in this invocation. */
  credentials: Credentials;
  /** Epoch milliseconds at which waiting and running end; without it waiting has at least ten seconds and running the function’s timeout. */
  deadline?: number;
  /** Takes a call out of the queue; an event that was given to a function is not taken back. */
  signal?: AbortSignal;
  /** How often an asynchronous invocation was tried before: context.retry_count. */
  retryCount?: number;
  /** What the caller's tracing headers say: context.tracing. */
  tracing?: { spanContext: string; spanBaggages: string; jaegerEndpoint: string };
  /** Collect the last 4 KB of the function's output into the result. */
  logTail?: boolean;
  /** Takes an answer given over the instance's own connection; resolves when it was taken whole. Left out where nobody waits for one. */
  answer?: (answer: DirectAnswer) => Promise<void>;
  /** The event was given to this instance: from here on the function may have acted. */
  onStart?: (instanceId: string) => void;
}

export type FailureKind = 'raised' | 'exited' | 'timeout' | 'out-of-memory' | 'initializer';

export interface Failure {
  kind: FailureKind;
  /** x-fc-error-type of the Function Compute API. */
  errorType: string;
  message: string;
}

export interface InvocationResult {
  /** What the function returned, or the vendor's error JSON when `failure` is set. */
  payload: Buffer;
  failure?: Failure;
  instanceId: string;
  durationMs: number;
  /** Largest resident size of the instance so far, MB; 0 when unknown. */
  maxMemoryMb: number;
  logTail?: string;
  coldStart: boolean;
}

/** Largest event and largest result, bytes (Function Compute limits, synchronous payload). */
export const maxPayloadBytes = 32 * 1024 * 1024;

/** The error JSON of Function Compute for failures that the function could not describe itself. */
export function errorPayload(message: string, errorType?: string): Buffer {
  return Buffer.from(JSON.stringify(errorType === undefined ? { errorMessage: message } : { errorMessage: message, errorType }));
}

/** A failure as the wire names it (x-fc-error-type). @param handled the function gave the error to its callback instead of throwing it */
export function failureOf(kind: FailureKind, message: string, handled = false): Failure {
  return { kind, errorType: handled ? 'HandledInvocationError' : 'UnhandledInvocationError', message };
}
