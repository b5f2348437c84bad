import type { AccessPoint, ObjectFcAccessPoint } from '../accesspoints/index.ts';
import type { FunctionVersion } from '../functions/index.ts';
import type { Principal, SessionClaims, SessionCredentials } from '../identity/index.ts';
import type { Invocation, InvocationResult } from '../instances/index.ts';
import type { AnswerTaker, Asked, QuotaLimits, Signal } from '../kit/index.ts';
import type { AttemptHead, InvocationRecord, InvocationRecords, Metrics, SourceObject, ToldFault } from '../telemetry/index.ts';
import type { HeaderNote } from './forwarded.ts';
import type { AnswerRequest } from './join.ts';
import type { ClientSink } from './relay.ts';

export interface TransformRequest {
  objectFc: ObjectFcAccessPoint;
  supporting: AccessPoint;
  key: string;
  versionId?: string;
  /** Only the head is wanted: HEAD, or GET ?objectMeta. */
  headOnly: boolean;
  principal: Principal;
  requestId: string;
  /** Epoch milliseconds at which the request came in; now, when left out. */
  receivedAt?: number;
  /** The object as it is in the store, for the record. */
  source?: () => SourceObject | undefined;
  /** The client's URL, absolute, without authentication parameters. */
  url: string;
  headers: readonly (readonly [string, string])[];
  sink: ClientSink;
  /** Aborts when the client leaves. */
  signal: Signal;
}

/** See config.ts. */
export interface TransformSettings {
  maxOpen: number;
  startAllowanceMs: number;
  idleMs: number;
  bufferBytes: number;
  spoolBytes: number;
  firstByteMs?: number;
  /** Of each Object FC access point, and of each function. */
  accessPoint?: QuotaLimits;
  function?: QuotaLimits;
}

/** What a function makes its answer of, and with which session it reads it. */
export interface Original {
  name: string;
  key: string;
  versionId?: string;
  credentials: SessionCredentials;
}

/** Forwarded headers of one answer that claim what does not hold. */
export interface FalseHeaders {
  requestId: string;
  functionArn: string;
  notes: readonly HeaderNote[];
}

export interface TransformsOptions {
  settings: TransformSettings;
  /** Folder for overflow files of slow clients. */
  spoolFolder: string;
  /** `http://HOST:PORT` of the functions listener, as functions reach it. */
  outputRoute: () => string;
  /** Finds the version of a FunctionArn. @throws Fault FunctionNotFound */
  resolveFunction: (arn: string) => FunctionVersion;
  invoke: (version: FunctionVersion, call: Invocation) => Promise<InvocationResult>;
  /** A URL that reads one object through the functions listener with these credentials. */
  presign: (target: Original) => string;
  /**
   * Reads the same object for a function that has a connection to the server, as a GetObject of `url` (that of `presign`) with these headers would.
   * Without it functions have the URL only.
   */
  read?: ((original: Original & { url: string }, headers: Record<string, string>, taker: AnswerTaker) => Asked) | undefined;
  assume: (
    role: string | undefined,
    options: { sessionName: string; ttlMs: number; claims: SessionClaims; lent?: boolean },
  ) => SessionCredentials;
  /** Ends a lent session. */
  release: (securityToken: string) => void;
  /** Whether FunctionAssumeRoleArn may call the function. */
  mayInvoke: (roleArn: string, functionArn: string) => boolean;
  metrics: Pick<Metrics, 'exchanges' | 'transforms' | 'transformSeconds'>;
  /** Told of forwarded headers that claim what does not hold. */
  onFalseHeaders?: (found: FalseHeaders) => void;
  /** Where each request is written down; nowhere, when left out. */
  records?: InvocationRecords | undefined;
}

export interface Transforms {
  /**
   * Runs the function bound to an Object FC access point for one client. Resolves when the client's side is over.
   * @throws Fault while no head was sent: InvalidRequest, RecursiveInvocation, FunctionNotFound, FunctionAccessDenied, FunctionThrottled,
   * FunctionInvocationError, FunctionResponseMissing, FunctionTimeout
   */
  getObject(request: TransformRequest): Promise<void>;
  /** Carries out WriteGetObjectResponse; see Exchange.answer. @throws Fault */
  answer(request: AnswerRequest): Promise<void>;
  /** Writes down a WriteGetObjectResponse that was refused before it came to `answer`. */
  refused(token: string | undefined, head: AttemptHead, fault: ToldFault): void;
  /** The record of the request for which a function's session acts; undefined when none is kept, or when it may be one of several. */
  recordOf(session: { readonly exchange?: string | undefined; readonly function?: string | undefined }): InvocationRecord | undefined;
  /** Whether an exchange, and with it its inputOssUrl, is still alive. */
  isOpen(exchange: string): boolean;
  /** Exchanges open now. */
  readonly open: number;
}
