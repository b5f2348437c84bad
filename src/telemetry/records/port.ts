/**
 * What the rooms tell about one request through an Object FC access point while they serve it. Every call keeps references and is cheap;
 * what is written of them is made later. Nothing here throws, and nothing here is waited for.
 */

/** Names and values in wire order. */
export type HeaderPairs = readonly (readonly [name: string, value: string])[];

/** How an error is told: its code, status and message. */
export interface ToldFault {
  readonly code: string;
  readonly status: number;
  readonly message: string;
}

/** What the store says of the object behind a request. */
export interface SourceObject {
  readonly etag: string;
  readonly crc64: string;
  readonly size: number;
}

/** The request as it came. */
export interface RecordedRequest {
  /** x-oss-request-id of the GetObject. */
  readonly requestId: string;
  /** Epoch milliseconds at which it came in; the record's phases count from here. */
  readonly receivedAt: number;
  readonly method: string;
  /** Without what signs it. */
  readonly url: string;
  /** Without credentials. */
  readonly headers: HeaderPairs;
  readonly accessPoint: { readonly name: string; readonly alias: string; readonly arn: string };
  readonly supporting: { readonly name: string; readonly alias: string };
  readonly bucket: string;
  readonly key: string;
  readonly versionId?: string | undefined;
  readonly caller: { readonly kind: string; readonly accountId: string; readonly arn: string; readonly accessKeyId: string };
  /** Asked for only when the record needs it. */
  readonly source?: (() => SourceObject | undefined) | undefined;
}

/** The function that serves it. */
export interface RecordedFunction {
  readonly name: string;
  readonly arn: string;
  readonly qualifier: string;
  readonly versionId: string;
  readonly revision: string;
  readonly runtime: string;
  readonly handler: string;
  readonly timeoutMs: number;
  readonly memoryMb: number;
  /** Role ARN. */
  readonly role?: string | undefined;
}

/** One request that the function made with the credentials of this invocation, mostly a read of the original. */
export interface SourceRead {
  readonly requestId: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly operation: string;
  /** Bucket or alias, and key. */
  readonly resource: string;
  readonly range?: string | undefined;
  readonly status: number;
  readonly bytes: number;
  readonly ms: number;
  /** Error code of a read that was refused. */
  readonly code?: string | undefined;
  /** False when the connection broke before its end. */
  readonly complete: boolean;
}

/** What the server learned of how the function ended. */
export interface FunctionEnd {
  readonly instanceId: string;
  readonly coldStart: boolean;
  readonly durationMs: number;
  readonly maxMemoryMb: number;
  /** raised, exited, timeout, out-of-memory, initializer. */
  readonly failure?: { readonly kind: string; readonly message: string } | undefined;
}

/** The instance that got the event, and since when it was started for it. */
export interface InstanceGiven {
  readonly instanceId: string;
  /** It serves its first event. */
  readonly cold: boolean;
  /** Milliseconds that its start took. */
  readonly startMs: number;
}

/** One WriteGetObjectResponse, or one answer over the instance's own connection. */
export interface AttemptHead {
  /** Its own x-oss-request-id; '' for an answer over the instance's connection. */
  readonly requestId: string;
  /** Headers as they came, names and values in turn. */
  readonly rawHeaders: readonly string[];
  /** x-oss-fwd-status as it came. */
  readonly status?: string | undefined;
}

/** Builds the record of one attempt to answer. */
export interface AttemptRecord {
  /** Bytes of the body that came so far. */
  bytes: number;
  /** A forwarded header that the client does not get. `header`: its name without the prefix; `reason`: one short sentence. */
  dropped(header: string, reason: string): void;
  /** A forwarded header that the client gets with another value. */
  corrected(header: string, instead: string, reason: string): void;
  /** The head that the client is sent for this attempt. */
  sent(status: number, headers: HeaderPairs): void;
  /** A piece of the body; told only where bodies are kept. */
  readonly piece: ((chunk: Buffer) => void) | undefined;
  /** All bytes were taken for the client, or thrown away because it left. */
  taken(): void;
  /** It was refused or broke off. */
  refused(fault: ToldFault): void;
}

/** Builds the record of one request. */
export interface InvocationRecord {
  /** The trace that the client continues with its request, and the span that this request is in it; 32 and 16 hex digits. */
  readonly trace:
    | { readonly traceId: string; readonly spanId: string; readonly parentSpanId?: string; readonly sampled: boolean }
    | undefined;
  /** The function was found. */
  bound(fn: RecordedFunction): void;
  /**
   * The event was made. `render` gives it as JSON text without token, signature and secret values; it is called later, at most once.
   * @param secrets gives what must not be in the record wherever it shows up: the token, keys, signatures
   */
  event(render: () => string, secrets: () => readonly string[]): void;
  /** The function was called for: from here on it waits for an instance. */
  queued(): void;
  /** The event was given to an instance. */
  given(instance: InstanceGiven): void;
  read(read: SourceRead): void;
  attempt(head: AttemptHead): AttemptRecord;
  /** The client's head was sent. */
  headSent(): void;
  /**
   * The client's side is over.
   * @param outcome answered; abandoned: the client left; broken: reset after the head; else the code of the error that it was sent
   */
  settled(outcome: string, fault?: ToldFault): void;
  /** The function is over, as a result or as a fault of the server. The last call of all but late attempts and reads. */
  ended(end: FunctionEnd | ToldFault): void;
}

/** Where records begin. */
export interface InvocationRecords {
  begin(request: RecordedRequest): InvocationRecord;
  /** An attempt to answer a request that is over. @param requestId that of the GetObject */
  late(requestId: string, head: AttemptHead, fault: ToldFault): void;
}
