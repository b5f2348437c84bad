import { type FaultCode, faultTable } from './table.ts';

export interface FaultOptions {
  /** What went wrong underneath; logged, never sent. */
  cause?: unknown;
  /** Extra elements of the error answer, e.g. BucketName, Key, ServerTime. */
  extra?: Record<string, string>;
  /** Extra response headers, e.g. Retry-After. */
  headers?: Record<string, string>;
  /** Another status than the table's, where one code is answered differently by two APIs. */
  status?: number;
}

/**
 * The only error that rooms throw on purpose. The door renders it for the dialect at hand; anything else that is thrown
 * becomes InternalError.
 */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly status: number;
  readonly ec: string;
  readonly extra: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;

  /** @param message what happened and what to do about it, for the client's eyes; the table's own message when left out */
  constructor(code: FaultCode, message?: string, options: FaultOptions = {}) {
    const row = faultTable[code];
    super(message ?? row.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Fault';
    this.code = code;
    this.status = options.status ?? row.status;
    this.ec = row.ec;
    this.extra = options.extra ?? {};
    this.headers = options.headers ?? {};
  }
}

/** Any thrown value as a Fault: itself, or InternalError with the value as its cause. */
export function toFault(error: unknown): Fault {
  return error instanceof Fault ? error : new Fault('InternalError', undefined, { cause: error });
}
