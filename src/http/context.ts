import type { IncomingHttpHeaders } from 'node:http';
import type { BodyStream, ByteSink, Signal } from '../kit/index.ts';
import type { QueryParam } from '../signing/index.ts';
import type { HeaderInput } from './wire/answer.ts';

/** The answer to a request as a dialect writes it; see wire/answer.ts for what it must not do. */
export interface Reply extends ByteSink {
  readonly statusCode: number;
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  writeHead(status: number, headers?: HeaderInput): void;
  write(chunk: Buffer | string, written?: (error?: Error | null) => void): boolean;
  end(chunk?: Buffer | string): void;
}

/** One request as a dialect sees it. Nothing is parsed, and no body read, before it is asked for. */
export interface RequestContext {
  /** Request id: 24 upper-case hex digits. */
  readonly id: string;
  /** Name of the listener that accepted it. */
  readonly listener: string;
  readonly method: string;
  /** Path as sent, percent-encoded, without the query. */
  readonly path: string;
  /** Query as sent, without the question mark. */
  readonly rawQuery: string;
  /** Parsed when first read. @throws Fault InvalidURI */
  readonly query: readonly QueryParam[];
  /** Lower-case names, values as latin1. */
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as sent. */
  readonly rawHeaders: readonly string[];
  /** Host header in lower case with its port, or ''. */
  readonly host: string;
  readonly remoteAddress: string;
  /** It came over TLS. */
  readonly encrypted: boolean;
  /** Port of the listener; 0 when the connection is gone. */
  readonly localPort: number;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Whole milliseconds since the request came in. */
  elapsedMs(): number;
  /** Aborts when the client is gone before its answer ended, or at the drain deadline. */
  readonly signal: Signal;
  readonly res: Reply;
  /** The request body; a client that waits for 100 Continue gets it at the first call. */
  body(): BodyStream;
  /** Breaks the connection so that the client cannot take what it has for a whole answer. */
  reset(): void;
  /** Set by the dialect, for log and metrics; from a closed set of names. */
  operation: string;
  /** More fields for the access log. */
  note: Record<string, unknown>;
  /** Set by the dialect, for the audit log: who asks for what, and whether it changes anything. */
  audited: Audited;
  /** Set by whoever must know how the answer went, when it is out or lost. */
  onSettled?: ((answer: SettledAnswer) => void) | undefined;
  /**
   * Counts this request against an access key until it ends.
   * @throws Fault SlowDown when the key has too many requests at work
   */
  charge(accessKeyId: string): void;
}

/** How an answer went. */
export interface SettledAnswer {
  /** 499 when the client left before the head. */
  readonly status: number;
  /** Of the body, as it was framed. */
  readonly bytes: number;
  /** Milliseconds since the request came in. */
  readonly ms: number;
  readonly complete: boolean;
  /** Error code, when the answer is one. */
  readonly code?: string | undefined;
}

/** What the audit log says of a request. */
export interface Audited {
  /** ARN of the caller once it is proved. */
  actor?: string;
  accessKeyId?: string;
  resource?: string;
  /** The operation changes what is stored or configured. */
  changes?: boolean;
}

/** Splits a request target into path and query; the authority of an absolute-form target is dropped. */
export function splitTarget(target: string): { path: string; rawQuery: string } {
  let from = 0;
  if (target.charCodeAt(0) !== 0x2f) {
    const scheme = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i.exec(target);
    if (scheme) from = scheme[0].length;
  }
  const mark = target.indexOf('?', from);
  if (mark < 0) return { path: from ? target.slice(from) : target, rawQuery: '' };
  return { path: target.slice(from, mark), rawQuery: target.slice(mark + 1) };
}
