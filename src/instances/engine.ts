import type { Fault } from '../faults/index.ts';
import type { FunctionVersion } from '../functions/index.ts';
import type { Failure, Invocation, InvocationResult } from './invocation.ts';

/** One running instance, whatever carries it. */
export interface Worker {
  readonly instanceId: string;
  /** Resolves when it can take an event; rejects with StartFailure or Fault FunctionNotStarted. */
  readonly ready: Promise<void>;
  /** Resolves when its processes, connections and folder are gone. Never rejects. */
  readonly gone: Promise<void>;
  /** False once it has failed in a way that ends it. */
  readonly usable: boolean;
  /** Epoch milliseconds at which it becomes too old to be given an event. */
  readonly goodUntil: number;
  /** Gives it one event; at most the function's instanceConcurrency at a time. Never rejects: every end is a result. */
  invoke(call: Invocation, timeoutMs: number, coldStart: boolean): Promise<InvocationResult>;
  /**
   * Runs the function's preStop hook in an instance that has no event; resolves when it ended, failed or took longer than `timeoutMs`. Never
   * rejects. Left out by engines without such a hook; called at most once, and only where the function has one; `kill` follows.
   */
  preStop?(timeoutMs: number): Promise<void>;
  /** Ends it at once, with all its processes. */
  kill(): void;
}

export interface StartHooks {
  /** The process exists and is connected. */
  initialising(): void;
  /** It ended, or is ending, without having been told to. */
  lost(): void;
}

/** Starts instances of one function revision. */
export interface Engine {
  /** Most instances that can run at once, where the program itself sets a limit; may grow when more is known of it. */
  readonly most?: number;
  /** @param requestId the request that caused the start; output of the initialisation is logged under it */
  start(requestId: string, hooks: StartHooks): Worker;
  /** Makes later starts fast, without starting an instance. */
  prepare(): Promise<void>;
  /** Ends everything that belongs to the revision. */
  close(): Promise<void>;
}

/** Whether a runtime can be served, and by what. */
export interface RuntimeReadiness {
  runtime: string;
  ok: boolean;
  interpreter?: string;
  version?: string;
  /** What differs from the vendor's runtime, or what is missing. */
  note?: string;
}

/** Runtimes that are served by one kind of engine. */
export interface RuntimeFamily {
  readonly runtimes: readonly string[];
  /** The engine of one function revision. @throws Fault FunctionNotStarted when the revision can never run here */
  engine(fn: FunctionVersion): Engine;
  ready(): RuntimeReadiness[];
  /** Ends what the family shares; after its engines. */
  close(): Promise<void>;
}

/** The function itself kept an instance from starting: its import or its initializer failed. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
  readonly failure: Failure;
  readonly payload: Buffer;
  readonly details: { durationMs: number; maxMemoryMb: number; logTail: string };

  constructor(failure: Failure, payload: Buffer, details: { durationMs: number; maxMemoryMb: number; logTail: string }) {
    super(failure.message);
    this.failure = failure;
    this.payload = payload;
    this.details = details;
  }
}

export type StartError = StartFailure | Fault;
