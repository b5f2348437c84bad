/**
 * Types of Node.js functions for Sluice (docs/functions-node.md). They are for editors and type checkers alone: `import type` leaves nothing behind at
 * run time. The shortest transform is
 *
 *     import type { Transform } from '@sluice/function';
 *
 *     export default {
 *       async fetch(request, context) {
 *         const original = await context.original();
 *         return new Response((await original.text()).toUpperCase(), { headers: { 'Content-Type': 'text/plain' } });
 *       },
 *     } satisfies Transform;
 */

export interface Credentials {
  accessKeyId: string;
  accessKeySecret: string;
  securityToken: string;
}

/** Lines with time, request id and level. */
export interface Logger {
  log(...message: unknown[]): void;
  info(...message: unknown[]): void;
  warn(...message: unknown[]): void;
  error(...message: unknown[]): void;
  debug(...message: unknown[]): void;
  /** From here on lines below this level are left out. */
  setLogLevel(level: 'debug' | 'info' | 'warn' | 'error'): void;
}

/** The context of Function Compute, in every form of a function. */
export interface Context {
  /** For GetObject the client's request id. */
  readonly requestId: string;
  /** Of the function's role, for this invocation. */
  readonly credentials: Credentials;
  readonly function: {
    readonly name: string;
    readonly handler: string;
    /** MB. */
    readonly memory: number;
    /** Seconds. */
    readonly timeout: number;
    readonly initializer: string;
    /** Seconds. */
    readonly initializationTimeout: number;
  };
  readonly service: {
    readonly name: string;
    readonly logProject: string;
    readonly logStore: string;
    readonly qualifier: string;
    readonly versionId: string;
  };
  readonly region: string;
  readonly accountId: string;
  readonly retryCount: number;
  readonly logger: Logger;
  readonly tracing: {
    readonly openTracingSpanContext: string;
    readonly jaegerEndpoint: string;
    readonly openTracingSpanBaggages: string;
  };
}

/** What a function receives for a GetObject (docs/object-fc.md, "The event"). */
export interface GetObjectEvent {
  xOssRequestId: string;
  getObjectContext: { outputRoute: string; outputToken: string; inputOssUrl: string };
  configuration: { accessPointArn: string; supportingAccessPointArn: string; payload: string };
  userRequest: { method: 'GET' | 'HEAD'; url: string; headers: Record<string, string> };
  userIdentity: { type: string; principalId: string; arn: string; accountId: string; accessKeyId: string };
  /** Epoch milliseconds until which the client waits for the head of the answer. */
  deadline: number;
  protocolVersion: string;
}

export interface OriginalInit {
  /** Headers that go along, such as Range, If-None-Match or x-oss-range-behavior. */
  headers?: ConstructorParameters<typeof Headers>[0];
  /** Ends the read; the signal of the request when left out. */
  signal?: AbortSignal;
}

/** The context of the web-standard form. */
export interface TransformContext extends Context {
  /** The event as it came; undefined when it is no JSON. */
  readonly event: GetObjectEvent;
  /**
   * Reads the source object. The Response has the store's status, also 304, 404 and 416, its headers, and the bytes as they are stored.
   * @throws Error when the event is not that of a GetObject, or the store cannot be reached
   */
  original(init?: OriginalInit): Promise<Response>;
  /** Keeps the invocation open until `promise` is settled; the answer does not wait for it. What fails is logged. */
  waitUntil(promise: Promise<unknown>): void;
}

/** The web-standard form of a transform: the default export of the handler's module. */
export interface Transform {
  /**
   * @param request the client's request: its method (HEAD when only the head is wanted), URL and headers, without what signed it; its signal aborts when
   * the client leaves
   * @returns the client's answer
   */
  fetch(request: Request, context: TransformContext): Response | Promise<Response>;
}

/** Ends an invocation. Bytes and text are the result as they are, anything else becomes JSON. */
export type Callback = (error?: unknown, result?: unknown) => void;
/** The form of Function Compute: `exports.handler`. The event is the bytes that the function was invoked with; a promise decides before the callback. */
export type Handler = (event: Buffer, context: Context, callback: Callback) => unknown;
/** An initializer or a preStop hook. */
export type Hook = (context: Context, callback: (error?: unknown) => void) => unknown;
