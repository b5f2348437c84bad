import { Fault } from '../faults/index.ts';
import { after, monotonic, now, type Timer } from '../kit/index.ts';
import type { Invocation, InvocationResult } from './invocation.ts';

/** A call that waits for an instance. */
export interface Waiter {
  readonly call: Invocation;
  /** Monotonic milliseconds. */
  readonly since: number;
  resolve(result: InvocationResult | Promise<InvocationResult>): void;
  reject(error: unknown): void;
}

/** Calls in the order of their arrival, bounded in number, each bounded in time. */
export class WaitingLine {
  readonly #limit: number;
  readonly #waiters = new Map<Waiter, { timer: Timer; forget: () => void }>();

  readonly #onLeave: () => void;

  /** @param onLeave called after a call gave up waiting */
  constructor(limit: number, onLeave: () => void) {
    this.#limit = limit;
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
    if (this.#waiters.size >= this.#limit) throw new Fault('ResourceThrottled');
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { call, since: monotonic(), resolve, reject };
      const timer = after(Math.max(0, call.deadline === undefined ? patienceMs : call.deadline - now()), () => {
        this.#remove(waiter);
        reject(new Fault('ResourceExhausted'));
        this.#onLeave();
      });
      const leave = () => {
        this.#remove(waiter);
        reject(call.signal?.reason);
        this.#onLeave();
      };
      call.signal?.addEventListener('abort', leave, { once: true });
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
    held?.timer.cancel();
    held?.forget();
    this.#waiters.delete(waiter);
  }
}
