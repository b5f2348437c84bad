import { type Fault, toFault } from '../faults/index.ts';
import { after, monotonic, now, type Timer } from '../kit/index.ts';
import { StartFailure } from './engine.ts';
import type { Invocation, InvocationResult } from './invocation.ts';

/** What the events of waiting calls may take in memory, bytes. */
const eventBytes = 256 * 1024 * 1024;

/** A call that waits for an instance. */
export interface Waiter {
  readonly call: Invocation;
  /** Monotonic milliseconds. */
  readonly since: number;
  resolve(result: InvocationResult | Promise<InvocationResult>): void;
  reject(error: unknown): void;
}

/** What calls are told that cannot wait. */
export interface Refusals {
  /** The line is full. */
  full(): Fault;
  /** It was its deadline's turn before an instance was free. */
  late(waitedMs: number): Fault;
}

/** Calls in the order of their arrival, bounded in number and bytes, each bounded in time. */
export class WaitingLine {
  readonly #limit: number;
  readonly #refusals: Refusals;
  readonly #onLeave: () => void;
  readonly #waiters = new Map<Waiter, { timer: Timer; forget: () => void }>();
  #bytes = 0;

  /** @param onLeave called after a call gave up waiting */
  constructor(limit: number, refusals: Refusals, onLeave: () => void) {
    this.#limit = limit;
    this.#refusals = refusals;
    this.#onLeave = onLeave;
  }

  get length(): number {
    return this.#waiters.size;
  }

  /** Monotonic milliseconds since when the first call has waited, or undefined. */
  get oldest(): number | undefined {
    return this.#waiters.keys().next().value?.since;
  }

  /**
   * Puts a call at the end of the line.
   * @param patienceMs how long it may wait when the call has no deadline of its own
   * @throws Fault ResourceThrottled (line full), ResourceExhausted (deadline reached); the signal's reason when it aborts
   */
  wait(call: Invocation, patienceMs: number): Promise<InvocationResult> {
    if (this.#waiters.size >= this.#limit || this.#bytes + call.event.length > eventBytes) throw this.#refusals.full();
    return new Promise((resolve, reject) => {
      const since = monotonic();
      const waiter: Waiter = { call, since, resolve, reject };
      const timer = after(Math.max(0, call.deadline === undefined ? patienceMs : call.deadline - now()), () => {
        this.#remove(waiter);
        reject(this.#refusals.late(monotonic() - since));
        this.#onLeave();
      });
      const leave = () => {
        this.#remove(waiter);
        reject(call.signal?.reason);
        this.#onLeave();
      };
      call.signal?.addEventListener('abort', leave, { once: true });
      this.#bytes += call.event.length;
      this.#waiters.set(waiter, { timer, forget: () => call.signal?.removeEventListener('abort', leave) });
    });
  }

  /** The call that has waited longest. */
  get first(): Invocation | undefined {
    return this.#waiters.keys().next().value?.call;
  }

  /** Takes the call that has waited longest. */
  next(): Waiter | undefined {
    const waiter = this.#waiters.keys().next().value;
    if (waiter) this.#remove(waiter);
    return waiter;
  }

  /** Ends the wait of everyone. */
  refuse(error: () => Fault): void {
    for (let waiter = this.next(); waiter; waiter = this.next()) waiter.reject(error());
  }

  #remove(waiter: Waiter): void {
    const held = this.#waiters.get(waiter);
    if (!held) return;
    held.timer.cancel();
    held.forget();
    this.#waiters.delete(waiter);
    this.#bytes -= waiter.call.event.length;
  }
}

/** Tells a call that no instance could be started for it: a failure of the function is a result, one of the server a fault. */
export function answerFailure({ call, resolve, reject }: Waiter, error: unknown, instanceId = ''): void {
  if (!(error instanceof StartFailure)) {
    reject(toFault(error));
    return;
  }
  const { durationMs, maxMemoryMb, logTail } = error.details;
  const result = { payload: error.payload, failure: error.failure, durationMs, maxMemoryMb, coldStart: true, instanceId };
  resolve(call.logTail ? { ...result, logTail } : result);
}
