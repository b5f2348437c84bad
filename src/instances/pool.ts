import { Fault } from '../faults/index.ts';
import type { FunctionVersion } from '../functions/index.ts';
import { after, monotonic, now, type Timer } from '../kit/index.ts';
import { CrashLoop } from './crash-loop.ts';
import { Crew, type Instance } from './crew.ts';
import type { Engine } from './engine.ts';
import { checkEvent, type Invocation, type InvocationResult } from './invocation.ts';
import { type InstanceState, Life } from './life.ts';
import { answerFailure, isMade, WaitingLine } from './queue.ts';
import { type Claimant, turnMs } from './share.ts';
import { fullLine, lateCall, type Shortage } from './throttle.ts';
import { Upkeep } from './upkeep.ts';

/** How long a call waits for a busy instance before another one is started, milliseconds: a fast function needs no second process. */
const patienceMs = 10;
/** A start is waited for at least as long, milliseconds. */
const startMs = 10_000;
/** How long preStop may take when another function needs the place, and when the server ends, milliseconds. */
const hurriedMs = 3_000;
/** An instance that ends by itself within this time without having served counts as a start that failed, milliseconds. */
const youngMs = 10_000;

/** The share of the machine that all pools draw from. */
export interface Capacity {
  /** Instances of all functions that there may be. */
  readonly max: number;
  /** Takes one place; false when none is free, and then makes somebody give way. */
  take(pool: Claimant): boolean;
  give(): void;
}

/** The instances of one function revision and the calls that wait for them. */
export class Pool implements Claimant {
  /** Resolves when a drained or closed pool holds nothing any more. */
  readonly emptied: Promise<void>;
  /** Monotonic milliseconds since when the pool has had neither instance nor call. */
  emptySince: number = monotonic();
  readonly #engine: Engine;
  readonly #capacity: Capacity;
  readonly #waiting: WaitingLine;
  readonly #crew: Crew;
  readonly #loop = new CrashLoop();
  readonly #upkeep: Upkeep;
  #fn: FunctionVersion;
  #starting = 0;
  /** Instances that are told to go when their work is done. */
  #yielding = 0;
  #draining = false;
  #closed = false;
  #growth: Timer | undefined;
  /** Monotonic milliseconds since when no call has begun or ended. */
  #still: number = monotonic();
  #empty: () => void = () => {};

  constructor(fn: FunctionVersion, engine: Engine, capacity: Capacity, queueLimit: number) {
    this.#fn = fn;
    this.#engine = engine;
    this.#capacity = capacity;
    this.#crew = new Crew(fn);
    this.#upkeep = new Upkeep({
      crew: this.#crew,
      idleTimeoutMs: fn.idleTimeoutMs,
      kept: () => this.kept,
      holding: () => this.holding,
      start: () => this.#capacity.take(this) && this.#start(),
      waitMs: () => this.#loop.waitMs,
      discard: (instance) => this.#discard(instance),
    });
    const refusals = {
      full: () => fullLine(this.#shortage(), queueLimit),
      late: (waitedMs: number) => lateCall(this.#shortage(), waitedMs),
    };
    this.#waiting = new WaitingLine(queueLimit, refusals, () => this.#settle());
    this.emptied = new Promise((resolve) => {
      this.#empty = resolve;
    });
  }

  get fn(): FunctionVersion {
    return this.#fn;
  }
  get size(): number {
    return this.#crew.size;
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
  get holding(): number {
    return this.#crew.size - this.leaving;
  }
  get leaving(): number {
    return this.#crew.leaving + this.#yielding;
  }
  get missing(): number {
    const { instanceConcurrency } = this.#fn;
    return Math.max(0, Math.ceil(this.#waiting.length / instanceConcurrency) - this.#starting);
  }
  get kept(): number {
    return this.#draining ? 0 : Math.min(this.#fn.provisioned, this.#most);
  }
  get oldestIdle(): number | undefined {
    return this.holding > this.kept ? this.#crew.oldestIdle?.idleSince : undefined;
  }

  states(): Record<InstanceState, number> {
    return this.#crew.states();
  }

  /** Takes over what may change without a new revision: how many instances are kept warm, and how many there may be. */
  keep(fn: FunctionVersion): void {
    this.#fn = fn;
    if (this.#draining) return;
    this.#upkeep.keepWarm();
    this.#upkeep.reap();
  }

  /**
   * Runs one event: on the fullest instance with room for it, else on the one that was idle last, else on the next that has room or is started.
   * @throws Fault ResourceThrottled, ResourceExhausted, FunctionNotStarted, ServiceUnavailable; the signal's reason while it waits
   */
  invoke(call: Invocation): Promise<InvocationResult> {
    if (this.#closed) throw new Fault('ServiceUnavailable');
    call.signal?.throwIfAborted();
    const instance = this.#crew.take((stale) => this.#discard(stale));
    if (instance) return this.#give(instance, call);
    if (this.#isCrashLooping())
      return new Promise((resolve, reject) => answerFailure({ call, since: 0, resolve, reject }, this.#loop.last));
    const { timeoutMs, initializer } = this.#fn;
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
    const oldest = this.#waiting.oldest;
    if (this.missing === 0 || oldest === undefined) return;
    const { maxInstances } = this.#fn;
    const living = this.#crew.size;
    // Busy instances may be free in a moment, unless they all have been busy for longer than that; a process is dearer than a moment.
    const waited = monotonic() - Math.min(oldest, this.#still) >= patienceMs || living === this.#starting;
    // While starts fail one after another, those that live serve.
    if (waited && this.#loop.waitMs === 0) {
      const wanted = Math.min(this.missing, Math.max(1, living), this.#most - living);
      for (let started = 0; started < wanted && this.#capacity.take(this); started++) this.#start();
    }
    if (this.#growth || this.missing === 0 || this.#crew.size >= maxInstances) return;
    this.#growth = after(patienceMs, () => {
      this.#growth = undefined;
      this.grow();
    });
  }

  evict(): void {
    const instance = this.#crew.oldestIdle;
    if (instance) this.#discard(instance, hurriedMs);
  }

  yieldOne(): void {
    const spare = this.#fn.instanceConcurrency > 1 ? this.#crew.emptiest() : undefined;
    if (spare) spare.retiring = true;
    this.#yielding++;
  }

  /** Ends idle instances that have become too old to be given an event, before one is needed. */
  refresh(marginMs: number): void {
    for (const stale of this.#crew.stale(marginMs)) this.#discard(stale);
  }

  /** Lets running and waiting calls finish and ends everything else; resolves when nothing is left. */
  drain(): Promise<void> {
    if (!this.#draining) {
      this.#draining = true;
      this.#upkeep.end();
      for (const instance of this.#crew.idle()) this.#discard(instance);
      if (this.#waiting.length === 0) for (const instance of this.#crew.starting()) this.#discard(instance);
      this.#settle();
    }
    return this.emptied;
  }

  /** Ends everything, idle instances by their preStop hook, the others at once; waiting calls get Fault ServiceUnavailable. */
  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#draining = true;
      this.#growth?.cancel();
      this.#upkeep.end();
      this.#waiting.refuse(() => new Fault('ServiceUnavailable'));
      const hooks = this.#fn.preStop ? this.#crew.idle().length : 0;
      for (const instance of this.#crew.all()) this.#discard(instance, hurriedMs);
      // Also ends a start that hangs before there is an instance to kill.
      if (hooks === 0) void this.#engine.close();
      else after(hurriedMs, () => void this.#engine.close());
      this.#settle();
    }
    return this.emptied;
  }

  /** @throws Fault where the event cannot be made: then the instance is free for others */
  #give(instance: Instance, call: Invocation): Promise<InvocationResult> {
    try {
      checkEvent(call.event.length);
    } catch (error) {
      this.#release(instance);
      throw error;
    }
    return this.#run(instance, call);
  }

  async #run(instance: Instance, call: Invocation): Promise<InvocationResult> {
    if (instance.running++ === 0) instance.life.to('busy');
    const { timeoutMs } = this.#fn;
    const limit = call.deadline === undefined ? timeoutMs : Math.max(1, Math.min(timeoutMs, call.deadline - now()));
    this.#still = monotonic();
    const cold = instance.served++ === 0;
    call.onGiven?.({ instanceId: instance.worker.instanceId, cold, startMs: instance.readySince - instance.startedAt });
    const result = await instance.worker.invoke(call, limit, cold);
    this.#still = monotonic();
    instance.running--;
    if (instance.worker.usable) this.#loop.worked();
    this.#release(instance);
    return result;
  }

  /** Instances that there may be: as many as the function may have, and its program allows. */
  get #most(): number {
    return Math.min(this.#fn.maxInstances, this.#engine.most ?? Number.POSITIVE_INFINITY);
  }

  /** An instance has room for an event, or is to go. */
  #release(instance: Instance): void {
    const { life } = instance;
    if (life.state === 'draining' || life.state === 'dead') return;
    if (instance.running === 0 && life.state !== 'idle') life.to('idle');
    if (!this.#crew.isFit(instance)) {
      if (instance.running === 0) this.#discard(instance);
      return;
    }
    if (this.#yielding > 0 && instance.running === 0 && instance.served > 0 && monotonic() - instance.readySince >= turnMs) {
      this.#discard(instance, hurriedMs);
      return;
    }
    while (instance.running < this.#fn.instanceConcurrency) {
      const waiter = this.#waiting.next();
      if (!waiter) break;
      if (isMade(waiter)) waiter.resolve(this.#run(instance, waiter.call));
    }
    if (instance.running > 0) return;
    // Without work it gives its place up at once: told to go later, it would never hear of it.
    if (this.#draining || this.#yielding > 0) {
      this.#discard(instance, this.#draining ? undefined : hurriedMs);
      return;
    }
    this.#crew.rest(instance);
    this.#upkeep.reap();
  }

  #start(): true {
    const life = new Life();
    this.#starting++;
    const worker = this.#engine.start(this.#waiting.first?.requestId ?? '', {
      initialising: () => {
        if (life.state === 'starting') life.to('initialising');
      },
      lost: () => this.#lost(instance),
    });
    const startedAt = monotonic();
    const instance: Instance = { life, worker, served: 0, running: 0, startedAt, idleSince: 0, readySince: 0, retiring: false };
    this.#crew.add(instance);
    worker.ready.then(
      () => {
        if (this.#crew.isStarting(instance)) this.#starting--;
        instance.readySince = monotonic();
        this.#release(instance);
        // Only now a program may have shown that more than one of it can run.
        if (this.#engine.most !== undefined) this.#upkeep.keepWarm();
      },
      (error: unknown) => this.#failed(instance, error),
    );
    worker.gone.then(() => this.#gone(instance));
    return true;
  }

  /** A start that failed answers one call, so that starts never repeat without a cause; a crash loop answers all. */
  #failed(instance: Instance, error: unknown): void {
    const wanted = this.#crew.isStarting(instance);
    this.#discard(instance);
    if (!wanted) return;
    this.#loop.failed(error);
    do {
      const waiter = this.#waiting.next();
      if (!waiter) break;
      answerFailure(waiter, error, instance.worker.instanceId);
    } while (this.#isCrashLooping());
    this.grow();
  }

  /** Starts fail again and again, and no instance is left that could serve. */
  #isCrashLooping(): boolean {
    return this.#loop.waitMs > 0 && this.holding === 0;
  }

  #lost(instance: Instance): void {
    if (instance.life.state !== 'idle') return;
    const lived = monotonic() - instance.readySince;
    if (instance.served === 0 && lived < youngMs)
      this.#loop.failed(new Fault('FunctionNotStarted', 'The instance ended by itself before its first event.'));
    this.#discard(instance);
  }

  /**
   * Ends an instance that has nothing to do, by its preStop hook when it has one, or one that is of no more use.
   * @param preStopMs the most that the hook may take
   */
  #discard(instance: Instance, preStopMs: number = Number.POSITIVE_INFINITY): void {
    const { life, worker } = instance;
    if (life.state === 'draining' || life.state === 'dead') return;
    if (this.#crew.isStarting(instance)) this.#starting--;
    const wasIdle = life.state === 'idle';
    life.to('draining');
    this.#crew.leave(instance);
    if (this.#yielding > 0) this.#yielding--;
    const { preStop } = this.#fn;
    if (wasIdle && preStop && worker.usable && worker.preStop) {
      void worker.preStop(Math.min(preStop.timeoutMs, preStopMs)).then(() => worker.kill());
    } else worker.kill();
  }

  #gone(instance: Instance): void {
    if (this.#crew.isStarting(instance)) this.#starting--;
    this.#crew.remove(instance);
    if (this.#crew.size === 0) this.#yielding = 0;
    this.#capacity.give();
    this.grow();
    this.#upkeep.keepWarm();
    this.#settle();
  }

  #shortage(): Shortage {
    const { name, instanceConcurrency } = this.#fn;
    const maxInstances = this.#most;
    return { name, maxInstances, instanceConcurrency, holding: this.holding, starting: this.#starting, overall: this.#capacity.max };
  }

  #settle(): void {
    if (this.#crew.size > 0 || this.#waiting.length > 0) return;
    this.emptySince = monotonic();
    if (!this.#draining) return;
    this.#growth?.cancel();
    this.#closed = true;
    this.#engine.close().then(this.#empty, this.#empty);
  }
}
