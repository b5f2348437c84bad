import { Fault } from '../../faults/index.ts';
import type { FunctionVersion } from '../../functions/index.ts';
import { after, monotonic, randomHex, type Timer, Turnover } from '../../kit/index.ts';
import { type StartError, StartFailure, type StartHooks, type Worker } from '../engine.ts';
import { errorPayload, failureOf, type Invocation, type InvocationResult, limitCall } from '../invocation.ts';
import { type Explanation, explainExit, explainMemory, explainNeighbour, explainTimeout } from '../process/ending.ts';
import { logTail, type Output, type Passage } from '../process/output.ts';
import type { Program, ProgramEnd } from './program.ts';
import type { Reply, Transport } from './transport.ts';

export interface ProgramWorkerOptions {
  id: string;
  /** The request that caused the start. */
  requestId: string;
  fn: FunctionVersion;
  goodUntil: number;
  output: Output;
  hooks: StartHooks;
  transport: Transport;
  /** Until the program takes calls, its initializer not counted. Milliseconds. */
  startMs: number;
  /** Starts the program. @throws Fault FunctionNotStarted when it can never run here */
  launch: (overMemory: () => void) => Promise<Program>;
  /** Another wording for an exit, where the runtime has one. */
  explainExit?: (explanation: Explanation) => Explanation;
}

interface Running {
  readonly call: Invocation;
  readonly passage: Passage;
  readonly begun: number;
  readonly coldStart: boolean;
  readonly timer: Timer;
  readonly resolve: (result: InvocationResult) => void;
}

/** One program of a function with a process of its own, whatever way its calls take. */
export class ProgramWorker implements Worker {
  readonly instanceId: string;
  readonly goodUntil: number;
  readonly ready: Promise<void>;
  readonly gone: Promise<void>;
  readonly #options: ProgramWorkerOptions;
  readonly #begun = monotonic();
  readonly #running = new Turnover<string, Running>();
  #program: Program | undefined;
  #starting: { passage: Passage; timer: Timer | undefined } | undefined;
  /** Resolves when what the last call printed is read: then another one may print. */
  #settled: Promise<void> = Promise.resolve();
  #settling = 0;
  readonly #marked = new WeakSet<Passage>();
  #end: ProgramEnd | undefined;
  #usable = true;
  #killed = false;
  #overMemory = false;
  #isReady: () => void = () => {};
  #isUnready: (error: StartError) => void = () => {};
  #isGone: () => void = () => {};

  constructor(options: ProgramWorkerOptions) {
    this.#options = options;
    this.instanceId = options.id;
    this.goodUntil = options.goodUntil;
    this.ready = new Promise((resolve, reject) => {
      this.#isReady = resolve;
      this.#isUnready = reject;
    });
    this.ready.catch(() => {});
    this.gone = new Promise((resolve) => {
      this.#isGone = resolve;
    });
    this.#starting = { passage: options.output.begin(options.requestId, true, []), timer: undefined };
    void this.#start();
  }

  get usable(): boolean {
    return this.#usable;
  }

  async invoke(call: Invocation, timeoutMs: number, coldStart: boolean): Promise<InvocationResult> {
    if (this.#settling > 0 && this.#sequential) await this.#settled;
    const { output, transport, id } = this.#options;
    const { accessKeySecret, securityToken } = call.credentials;
    return new Promise((resolve) => {
      const passage = output.begin(call.requestId, call.logTail === true, [accessKeySecret, securityToken].filter(Boolean));
      const timer = limitCall(call, timeoutMs, () => this.#late(call.requestId, timeoutMs));
      const running: Running = { call, passage, begun: monotonic(), coldStart, timer, resolve };
      if (this.#running.has(call.requestId)) return this.#settle(running, twice(call.requestId));
      this.#running.set(call.requestId, running);
      this.#program?.confluence.begin(call.requestId);
      this.#program?.work();
      call.onStart?.(id);
      if (this.#end || !this.#usable) return this.#fail((durationMs) => this.#explainEnd(durationMs));
      void transport.invoke(call, timeoutMs).then((reply) => this.#finish(call.requestId, reply));
    });
  }

  async preStop(timeoutMs: number): Promise<void> {
    if (!this.#usable || this.#starting || this.#end) return;
    const { output, transport } = this.#options;
    const id = `prestop-${randomHex(8)}`;
    const passage = output.begin(id, false, []);
    this.#program?.confluence.begin(id);
    await Promise.race([transport.preStop(id, timeoutMs), elapsed(timeoutMs), this.#program?.ended]);
    await this.#mark(id, passage);
    // The hook had its say; what is left of the program's own tidying has this long.
    await this.#program?.terminate();
  }

  kill(): void {
    this.#usable = false;
    if (this.#end) return;
    this.#killed = true;
    this.#program?.kill();
  }

  get #sequential(): boolean {
    return this.#options.fn.instanceConcurrency === 1;
  }

  async #start(): Promise<void> {
    const { launch, transport, hooks, fn, startMs } = this.#options;
    try {
      if (this.#usable) this.#program = await launch(() => this.#exhausted());
    } catch (error) {
      const fault = error instanceof Fault ? error : new Fault('FunctionNotStarted', undefined, { cause: error });
      this.#isUnready(fault);
    }
    const program = this.#program;
    if (!program) return this.#exited({});
    void program.ended.then((end) => this.#exited(end));
    if (!this.#usable) return program.kill();
    program.work();
    const open = await this.#within(startMs, transport.open(), () => transport.silent(startMs));
    program.look();
    program.rest();
    if (open) return this.#failStart(open);
    if (!this.#starting) return;
    hooks.initialising();
    if (fn.initializer) {
      const { timeoutMs } = fn.initializer;
      const reply = await this.#within(timeoutMs, transport.initialize(timeoutMs), () => explainLateInitializer(timeoutMs));
      if (!this.#starting) return;
      if (reply && 'kind' in reply) return this.#failStart(reply);
    }
    // The first call may have the id of the start: what the start printed comes before.
    await this.#mark(this.#options.requestId, this.#starting.passage);
    if (!this.#starting) return;
    this.#starting = undefined;
    this.#isReady();
  }

  /** What `work` brings, or `late`'s word after `ms`. */
  #within<T>(ms: number, work: Promise<T>, late: () => Explanation): Promise<T | Explanation> {
    return new Promise((resolve) => {
      const timer = after(ms, () => resolve(late()));
      if (this.#starting) this.#starting.timer = timer;
      void work.then((value) => {
        timer.cancel();
        resolve(value);
      });
    });
  }

  #finish(requestId: string, reply: Reply): void {
    const running = this.#running.get(requestId);
    if (!running) return;
    this.#running.delete(requestId);
    this.#program?.rest();
    this.#settled = this.#mark(requestId, running.passage);
    this.#settle(running, reply);
  }

  /** Marks the end of a call in the output, once all that it printed is read. */
  async #mark(requestId: string, passage: Passage): Promise<void> {
    if (this.#marked.has(passage)) return;
    this.#marked.add(passage);
    this.#settling++;
    await this.#program?.confluence.end(requestId);
    this.#settling--;
    this.#options.output.finish(passage, this.#program !== undefined);
  }

  #settle(running: Running, reply: Reply): void {
    const { call, passage, begun, coldStart, timer, resolve } = running;
    timer.cancel();
    const { output, fn, id } = this.#options;
    const durationMs = monotonic() - begun;
    const maxMemoryMb = this.#program?.megabytes ?? 0;
    const result: InvocationResult = { payload: reply.payload, instanceId: id, durationMs, maxMemoryMb, coldStart };
    if ('kind' in reply) result.failure = failureOf(reply.kind, reply.message);
    if (!call.logTail) {
      resolve(result);
      return;
    }
    void output.tail(passage).then((printed) => {
      result.logTail = logTail(passage, printed, { failed: result.failure !== undefined, durationMs, memoryMb: fn.memoryMb, maxMemoryMb });
      resolve(result);
    });
  }

  #fail(explain: (durationMs: number) => Explanation): void {
    for (const running of [...this.#running.values()]) this.#finish(running.call.requestId, explain(monotonic() - running.begun));
  }

  #late(requestId: string, limitMs: number): void {
    if (!this.#running.has(requestId)) return;
    this.#program?.look();
    const explanation = explainTimeout(limitMs);
    this.#finish(requestId, explanation);
    this.#fail(() => explainNeighbour(explanation.message));
    this.kill();
  }

  #exhausted(): void {
    if (this.#overMemory || this.#end) return;
    this.#overMemory = true;
    this.kill();
  }

  #explainEnd(durationMs: number): Explanation {
    const { fn } = this.#options;
    const maxMemoryMb = this.#program?.megabytes ?? 0;
    if (this.#overMemory) return explainMemory(fn.memoryMb, maxMemoryMb);
    if (this.#end?.breach) return { kind: 'exited', message: this.#end.breach, payload: errorPayload(this.#end.breach) };
    const explanation = explainExit({ ending: this.#end ?? {}, durationMs, maxMemoryMb, memoryMb: fn.memoryMb, ours: this.#killed });
    return explanation.kind === 'exited' ? (this.#options.explainExit?.(explanation) ?? explanation) : explanation;
  }

  #failStart({ kind, message, payload }: Explanation): void {
    const { starting, details } = { starting: this.#starting, details: this.#details() };
    if (!starting) return;
    this.#starting = undefined;
    this.#usable = false;
    starting.timer?.cancel();
    const { output, fn, requestId } = this.#options;
    void this.#mark(requestId, starting.passage)
      .then(() => output.tail(starting.passage))
      .then((printed) => {
        this.kill();
        const tail = logTail(starting.passage, printed, { failed: true, ...details, memoryMb: fn.memoryMb });
        this.#isUnready(new StartFailure(failureOf(kind, message), payload, { ...details, logTail: tail }));
      });
  }

  #details(): { durationMs: number; maxMemoryMb: number } {
    return { durationMs: monotonic() - this.#begun, maxMemoryMb: this.#program?.megabytes ?? 0 };
  }

  async #exited(end: ProgramEnd): Promise<void> {
    const { transport, hooks, output } = this.#options;
    const begun = this.#program !== undefined;
    this.#end = end;
    this.#usable = false;
    transport.close();
    hooks.lost();
    if (end.refusal) {
      this.#starting?.timer?.cancel();
      this.#starting = undefined;
      this.#isUnready(new Fault('FunctionNotStarted', `The program could not be started: ${end.refusal.message}.`));
    } else if (begun) {
      this.#failStart(this.#explainEnd(this.#details().durationMs));
    } else {
      this.#starting = undefined;
      this.#isUnready(new Fault('FunctionNotStarted', 'The instance was ended before it began.'));
    }
    this.#fail((durationMs) => this.#explainEnd(durationMs));
    if (this.#program) await this.#program.bury();
    else output.close();
    this.#isGone();
  }
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => after(ms, resolve));
}

function explainLateInitializer(limitMs: number): Explanation {
  const message = `Function initialization timed out: the initializer took longer than ${limitMs / 1000} seconds`;
  return { kind: 'initializer', message, payload: errorPayload(message) };
}

function twice(requestId: string): Explanation {
  const message = `A request with the id ${requestId} already runs on this instance`;
  return { kind: 'raised', message, payload: errorPayload(message) };
}
