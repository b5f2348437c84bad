import { Fault } from '../../faults/index.ts';
import type { FunctionVersion } from '../../functions/index.ts';
import { monotonic, type Outgoing, OutgoingError, randomHex } from '../../kit/index.ts';
import { type Engine, type RuntimeFamily, StartFailure, type StartHooks, type Worker } from '../engine.ts';
import { type Credentials, failureOf, type Invocation, type InvocationResult, limitCall } from '../invocation.ts';
import { explainTimeout } from '../process/ending.ts';
import { logTail } from '../process/output.ts';
import type { Reply } from '../program/transport.ts';
import { HttpCalls } from './contract.ts';

export interface RemoteOptions {
  region: string;
  accountId: string;
  credentialsFor: (fn: FunctionVersion) => Credentials;
  outgoing: Outgoing;
}

/** Functions that run elsewhere: any URL that speaks the contract of custom runtimes. */
export async function openRemote(options: RemoteOptions): Promise<RuntimeFamily> {
  return {
    runtimes: ['custom-container'],
    engine: (fn) => new RemoteEngine(fn, options),
    ready: () => [{ runtime: 'custom-container', ok: true, note: 'by URL: customContainerConfig.image is an http or https address' }],
    close: async () => {},
  };
}

class RemoteEngine implements Engine {
  readonly #fn: FunctionVersion;
  readonly #outgoing: Outgoing;
  readonly #calls: HttpCalls;
  #initialized: Promise<Reply> | undefined;

  constructor(fn: FunctionVersion, { outgoing, region, accountId, credentialsFor }: RemoteOptions) {
    this.#fn = fn;
    this.#outgoing = outgoing;
    const base = () => fn.url ?? '';
    this.#calls = new HttpCalls({ fn, region, accountId, outgoing, base, again: true, credentials: () => credentialsFor(fn) });
  }

  async prepare(): Promise<void> {
    this.#check();
  }

  start(requestId: string, hooks: StartHooks): Worker {
    hooks.initialising();
    return new RemoteWorker(this.#fn, this.#calls, this.#start(requestId));
  }

  async close(): Promise<void> {}

  /** @throws Fault FunctionNotStarted when the URL is none, or not allowed; StartFailure when the initializer failed */
  async #start(requestId: string): Promise<void> {
    this.#check();
    const { initializer } = this.#fn;
    if (!initializer) return;
    const begun = monotonic();
    // Behind one URL there is one function, however many of our instances speak to it.
    this.#initialized ??= this.#calls.initialize(requestId, initializer.timeoutMs);
    const reply = await this.#initialized;
    if (!('kind' in reply)) return;
    this.#initialized = undefined;
    throw new StartFailure(failureOf('initializer', reply.message), reply.payload, {
      durationMs: monotonic() - begun,
      maxMemoryMb: 0,
      logTail: '',
    });
  }

  #check(): void {
    const { url } = this.#fn;
    if (url === undefined) {
      throw new Fault(
        'FunctionNotStarted',
        'A custom-container function runs here by URL only: set customContainerConfig.image to an http or https address.',
      );
    }
    try {
      this.#outgoing.check(url);
    } catch (error) {
      throw error instanceof OutgoingError ? new Fault('FunctionNotStarted', error.message, { cause: error }) : error;
    }
  }
}

/** As many events at a time as the function's instanceConcurrency go to the URL through one of these. There is no process to start or to end. */
class RemoteWorker implements Worker {
  readonly instanceId = `c-${randomHex(12)}`;
  readonly goodUntil = Number.POSITIVE_INFINITY;
  readonly ready: Promise<void>;
  readonly gone: Promise<void>;
  readonly #fn: FunctionVersion;
  readonly #calls: HttpCalls;
  readonly #ending = new AbortController();
  #isGone: () => void = () => {};

  constructor(fn: FunctionVersion, calls: HttpCalls, ready: Promise<void>) {
    this.#fn = fn;
    this.#calls = calls;
    this.ready = ready;
    this.ready.catch(() => {});
    this.gone = new Promise((resolve) => {
      this.#isGone = resolve;
    });
  }

  get usable(): boolean {
    return !this.#ending.signal.aborted;
  }

  async invoke(call: Invocation, timeoutMs: number, coldStart: boolean): Promise<InvocationResult> {
    call.onStart?.(this.instanceId);
    const begun = monotonic();
    const late = new AbortController();
    const timer = limitCall(call, timeoutMs, () => late.abort());
    const reply = await this.#calls.invoke(call, timeoutMs, AbortSignal.any([late.signal, this.#ending.signal]));
    timer.cancel();
    return this.#result(call, late.signal.aborted ? explainTimeout(timeoutMs) : reply, monotonic() - begun, coldStart);
  }

  kill(): void {
    this.#ending.abort();
    this.#isGone();
  }

  #result({ requestId, logTail: wantsTail }: Invocation, reply: Reply, durationMs: number, coldStart: boolean): InvocationResult {
    const failure = 'kind' in reply ? failureOf(reply.kind, reply.message) : undefined;
    const about = { failed: failure !== undefined, durationMs, memoryMb: this.#fn.memoryMb, maxMemoryMb: 0 };
    return {
      payload: reply.payload,
      instanceId: this.instanceId,
      durationMs,
      maxMemoryMb: 0,
      coldStart,
      ...(failure ? { failure } : {}),
      // What it prints stays where it runs.
      ...(wantsTail ? { logTail: logTail({ requestId }, '', about) } : {}),
    };
  }
}
