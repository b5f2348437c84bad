import { Fault, toFault } from '../faults/index.ts';
import type { FunctionVersion } from '../functions/index.ts';
import { after, monotonic, now, type Timer } from '../kit/index.ts';
import { type Engine, StartFailure, type Worker } from './engine.ts';
import type { Invocation, InvocationResult } from './invocation.ts';
import { type InstanceState, Life } from './life.ts';
import { WaitingLine } from './queue.ts';

/** How long a call waits for a busy instance before another one is started, milliseconds: a fast function needs no second process. */
const patienceMs = 10;
/** A start is waited for at least as long, milliseconds. */
const startMs = 10_000;

/** The share of the machine that all pools draw from. */
export interface Capacity {
  /** Takes one slot; false when none is free, and then makes somebody's idle instance give way. */
  take(pool: Pool): boolean;
  give(): void;
}

interface Instance {
  readonly life: Life;
  readonly worker: Worker;
  served: number;
  /** Monotonic milliseconds. */
  idleSince: number;
}

/** The instances of one function revision and the calls that wait for them. */
export class Pool {
  readonly fn: FunctionVersion;
  /** Resolves when a drained or closed pool holds nothing any more. */
  readonly emptied: Promise<void>;
  /** Monotonic milliseconds since when the pool has had neither instance nor call. */
  emptySince: number = monotonic();
  readonly #engine: Engine;
  readonly #capacity: Capacity;
  readonly #waiting: WaitingLine;
  readonly #instances = new Set<Instance>();
  /** Least recently used first; taken from the end. */
  readonly #idle: Instance[] = [];
  #starting = 0;
  #draining = false;
  #closed = false;
  #growth: Timer | undefined;
  /** Monotonic milliseconds since when no call has begun or ended. */
  #still: number = monotonic();
  #reaper: Timer | undefined;
  #empty: () => void = () => {};

  constructor(fn: FunctionVersion, engine: Engine, capacity: Capacity, queueLimit: number) {
    this.fn = fn;
    this.#engine = engine;
    this.#capacity = capacity;
    this.#waiting = new WaitingLine(queueLimit, () => this.#settle());
    this.emptied = new Promise((resolve) => {
      this.#empty = resolve;
    });
  }

  get size(): number {
    return this.#instances.size;
  }
  get waiting(): number {
    return this.#waiting.length;
  }
  get draining(): boolean {
    return this.#draining;
  }
  /** It takes no calls any more. */
  get closed(): boolean {
    return this.#closed;
  }
  /** Monotonic milliseconds since when the longest waiting call has waited. */
  get oldestWait(): number | undefined {
    return this.#waiting.oldest;
  }
  /** Monotonic milliseconds since when the longest idle instance has been idle. */
  get oldestIdle(): number | undefined {
    return this.#idle[0]?.idleSince;
  }

  states(): Record<InstanceState, number> {
    const counts = { starting: 0, initialising: 0, idle: 0, busy: 0, draining: 0, dead: 0 };
    for (const instance of this.#instances) counts[instance.life.state]++;
    return counts;
  }

  /**
   * Runs one event: on the instance that was idle last, else on the next that becomes free or is started.
   * @throws Fault ResourceThrottled, ResourceExhausted, FunctionNotStarted, ServiceUnavailable; the signal's reason while it waits
   */
  invoke(call: Invocation): Promise<InvocationResult> {
    if (this.#closed) throw new Fault('ServiceUnavailable');
    call.signal?.throwIfAborted();
    const instance = this.#takeIdle();
    if (instance) return this.#run(instance, call);
    const { timeoutMs, initializer } = this.fn;
    // The function's own timeout counts from the moment it has the event; a start takes its time before.
    const result = this.#waiting.wait(call, Math.max(timeoutMs, startMs) + (initializer?.timeoutMs ?? 0));
    this.grow();
    return result;
  }

  prepare(): Promise<void> {
    return this.#engine.prepare();
  }

  /** Starts instances for calls that have waited long enough, as far as the limits allow. */
  grow(): void {
    if (this.#closed) return;
    const missing = this.#waiting.length - this.#starting;
    const oldest = this.#waiting.oldest;
    if (missing <= 0 || oldest === undefined) return;
    const living = this.#instances.size;
    // Busy instances may be free in a moment, unless they all have been busy for longer than that; a process is dearer than a moment.
    const waited = monotonic() - Math.min(oldest, this.#still) >= patienceMs || living === this.#starting;
    if (waited) {
      const wanted = Math.min(missing, Math.max(1, living), this.fn.maxInstances - living);
      for (let started = 0; started < wanted && this.#capacity.take(this); started++) this.#start();
    }
    if (this.#growth || this.#waiting.length <= this.#starting || this.#instances.size >= this.fn.maxInstances) return;
    this.#growth = after(patienceMs, () => {
      this.#growth = undefined;
      this.grow();
    });
  }

  /** Ends the instance that has been idle longest, to make room elsewhere. */
  evict(): void {
    const instance = this.#idle.shift();
    if (instance) this.#discard(instance);
  }

  /** Lets running and waiting calls finish and ends everything else; resolves when nothing is left. */
  drain(): Promise<void> {
    if (!this.#draining) {
      this.#draining = true;
      for (const instance of this.#idle.splice(0)) this.#discard(instance);
      if (this.#waiting.length === 0) {
        for (const instance of this.#instances) if (this.#isStarting(instance)) this.#discard(instance);
      }
      this.#settle();
    }
    return this.emptied;
  }

  /** Ends everything at once; waiting calls get Fault ServiceUnavailable. */
  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#draining = true;
      this.#growth?.cancel();
      this.#reaper?.cancel();
      this.#waiting.refuse(() => new Fault('ServiceUnavailable'));
      this.#idle.length = 0;
      for (const instance of this.#instances) this.#discard(instance);
      // Also ends a start that hangs before there is an instance to kill.
      void this.#engine.close();
      this.#settle();
    }
    return this.emptied;
  }

  #takeIdle(): Instance | undefined {
    for (let instance = this.#idle.pop(); instance; instance = this.#idle.pop()) {
      if (instance.worker.goodUntil > now() + this.fn.timeoutMs) return instance;
      this.#discard(instance);
    }
    return undefined;
  }

  async #run(instance: Instance, call: Invocation): Promise<InvocationResult> {
    instance.life.to('busy');
    const { timeoutMs } = this.fn;
    const limit = call.deadline === undefined ? timeoutMs : Math.max(1, Math.min(timeoutMs, call.deadline - now()));
    this.#still = monotonic();
    const result = await instance.worker.invoke(call, limit, instance.served++ === 0);
    this.#still = monotonic();
    this.#release(instance);
    return result;
  }

  /** An instance can take an event, or is to go. */
  #release(instance: Instance): void {
    if (instance.life.state === 'draining' || instance.life.state === 'dead') return;
    if (!instance.worker.usable) {
      this.#discard(instance);
      return;
    }
    instance.life.to('idle');
    const waiter = this.#waiting.next();
    if (waiter) {
      waiter.resolve(this.#run(instance, waiter.call));
    } else if (this.#draining) {
      this.#discard(instance);
    } else {
      instance.idleSince = monotonic();
      this.#idle.push(instance);
      this.#armReaper();
    }
  }

  #start(): void {
    const life = new Life();
    this.#starting++;
    const worker = this.#engine.start(this.#waiting.first?.requestId ?? '', {
      initialising: () => {
        if (life.state === 'starting') life.to('initialising');
      },
      lost: () => this.#lost(instance),
    });
    const instance: Instance = { life, worker, served: 0, idleSince: 0 };
    this.#instances.add(instance);
    instance.worker.ready.then(
      () => {
        if (this.#isStarting(instance)) this.#starting--;
        this.#release(instance);
      },
      (error: unknown) => this.#failed(instance, error),
    );
    instance.worker.gone.then(() => this.#gone(instance));
  }

  /** A start that failed answers one call, so that starts never repeat without a cause. */
  #failed(instance: Instance, error: unknown): void {
    const wanted = this.#isStarting(instance);
    this.#discard(instance);
    const waiter = wanted ? this.#waiting.next() : undefined;
    if (error instanceof StartFailure) {
      const { durationMs, maxMemoryMb, logTail } = error.details;
      const result = { payload: error.payload, failure: error.failure, durationMs, maxMemoryMb, coldStart: true };
      waiter?.resolve({ ...result, instanceId: instance.worker.instanceId, ...(waiter.call.logTail ? { logTail } : {}) });
    } else {
      waiter?.reject(toFault(error));
    }
    this.grow();
  }

  #lost(instance: Instance): void {
    const at = this.#idle.indexOf(instance);
    if (at >= 0) this.#idle.splice(at, 1);
    if (instance.life.state === 'idle') this.#discard(instance);
  }

  #isStarting(instance: Instance): boolean {
    return instance.life.state === 'starting' || instance.life.state === 'initialising';
  }

  #discard(instance: Instance): void {
    if (instance.life.state === 'draining' || instance.life.state === 'dead') return;
    if (this.#isStarting(instance)) this.#starting--;
    instance.life.to('draining');
    instance.worker.kill();
  }

  #gone(instance: Instance): void {
    if (this.#isStarting(instance)) this.#starting--;
    instance.life.to('dead');
    this.#instances.delete(instance);
    this.#capacity.give();
    this.grow();
    this.#settle();
  }

  #armReaper(): void {
    const first = this.#idle[0];
    if (this.#reaper || !first || this.#closed) return;
    const wait = first.idleSince + this.fn.idleTimeoutMs - monotonic();
    this.#reaper = after(Math.max(1, wait), () => {
      this.#reaper = undefined;
      const limit = monotonic() - this.fn.idleTimeoutMs;
      while (this.#idle[0] && this.#idle[0].idleSince <= limit) this.evict();
      this.#armReaper();
    });
  }

  #settle(): void {
    if (this.#instances.size > 0 || this.#waiting.length > 0) return;
    this.emptySince = monotonic();
    if (!this.#draining) return;
    this.#growth?.cancel();
    this.#reaper?.cancel();
    this.#closed = true;
    this.#engine.close().then(this.#empty, this.#empty);
  }
}
