import type { Readable } from 'node:stream';
import { Fault } from '../faults/index.ts';
import { type AnswerTaker, type Asked, after, type BodyStream, type Signal, type Timer } from '../kit/index.ts';

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
  body: BodyStream;
}

/** One event for a function. */
export interface Invocation {
  requestId: string;
  /** At most 32 MiB. Made when it is asked for where `eventBytes` is there: that is when an instance is free. */
  readonly event: Buffer;
  /** Bytes that the event takes while the call waits; left out where it is there already. */
  readonly eventBytes?: number;
  /** What context.credentials carries in this invocation. */
  credentials: Credentials;
  /** Epoch milliseconds at which waiting and running end; without it waiting has at least ten seconds and running the function’s timeout. */
  deadline?: number;
  /** Takes a call out of the queue; an event that was given to a function is not taken back. */
  signal?: Signal;
  /** How often an asynchronous invocation was tried before: context.retry_count. */
  retryCount?: number;
  /** What the caller's tracing headers say: context.tracing. */
  tracing?: { spanContext: string; spanBaggages: string; jaegerEndpoint: string };
  /** Collect the last 4 KB of the function's output into the result. */
  logTail?: boolean;
  /** Calls of one share wait in turn with those of others, so that many of one never keep a few of another waiting. */
  share?: string;
  /** Asked when the time is up: milliseconds that the call may run on, because its answer flows; 0 when it is late. */
  spareMs?: () => number;
  /** What the function may read besides the event, by number: each is opened when it asks for it, at most once. Only for hosts of our own code. */
  inputs?: readonly (() => Readable)[];
  /** Reads the original with these headers for a host that can take it over the instance's own connection; others have inputOssUrl. */
  original?: (headers: Record<string, string>, taker: AnswerTaker) => Asked;
  /** Takes an answer given over the instance's own connection; resolves when it was taken whole. Left out where nobody waits for one. */
  answer?: (answer: DirectAnswer) => Promise<void>;
  /** The event was given to this instance: from here on the function may have acted. */
  onStart?: (instanceId: string) => void;
  /** It was given to an instance; how long that one took to start, when it is its first event. */
  onGiven?: (given: { instanceId: string; cold: boolean; startMs: number }) => void;
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

/** Bytes that the event of a call takes while it waits. */
export function waitingBytes(call: Invocation): number {
  return call.eventBytes ?? call.event.length;
}

/** Ends a call in time: `late` is called once it has run for `limitMs` and has no more to spare. */
export function limitCall({ spareMs }: Pick<Invocation, 'spareMs'>, limitMs: number, late: () => void): Timer {
  const ask = () => {
    const more = spareMs?.() ?? 0;
    if (more > 0) timer = after(more, ask);
    else late();
  };
  let timer = after(limitMs, ask);
  return { cancel: () => timer.cancel() };
}

/** Largest event and largest result, bytes (Function Compute limits, synchronous payload). */
export const maxPayloadBytes = 32 * 1024 * 1024;

/** @throws Fault EntityTooLarge for an event of more bytes than an instance is given */
export function checkEvent(bytes: number): void {
  if (bytes > maxPayloadBytes) throw new Fault('EntityTooLarge', `An event has at most ${maxPayloadBytes} bytes.`);
}

/** The error JSON of Function Compute for failures that the function could not describe itself. */
export function errorPayload(message: string, errorType?: string): Buffer {
  return Buffer.from(JSON.stringify(errorType === undefined ? { errorMessage: message } : { errorMessage: message, errorType }));
}

/** A failure as the wire names it (x-fc-error-type). @param handled the function gave the error to its callback instead of throwing it */
export function failureOf(kind: FailureKind, message: string, handled = false): Failure {
  return { kind, errorType: handled ? 'HandledInvocationError' : 'UnhandledInvocationError', message };
}
