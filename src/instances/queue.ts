import { type Fault, toFault } from '../faults/index.ts';
import { after, monotonic, now, type Timer, Turnover } from '../kit/index.ts';
import { StartFailure } from './engine.ts';
import { checkEvent, type Invocation, type InvocationResult, waitingBytes } from './invocation.ts';

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

/** One that stands in the line. */
interface Placed extends Waiter {
  readonly number: number;
}

/** A call in the line, and what ends its wait otherwise. */
interface Held {
  readonly waiter: Placed;
  readonly timer: Timer;
  readonly forget: () => void;
}

/**
 * Calls that wait, bounded in number and bytes, each bounded in time. Those of one share (Invocation.share) go in the order of their arrival, the shares in
 * turn: a share with many calls keeps no other waiting. When the line is full, a call of a share that has fewer takes the place of the newest of the largest.
 */
export class WaitingLine {
  readonly #limit: number;
  readonly #refusals: Refusals;
  readonly #onLeave: () => void;
  /** By share; the first one is next. */
  readonly #shares = new Turnover<string, Turnover<number, Held>>();
  #number = 0;
  #length = 0;
  #bytes = 0;

  /** @param onLeave called after a call gave up waiting */
  constructor(limit: number, refusals: Refusals, onLeave: () => void) {
    this.#limit = limit;
    this.#refusals = refusals;
    this.#onLeave = onLeave;
  }

  get length(): number {
    return this.#length;
  }

  /** Monotonic milliseconds since when the call that came first has waited, or undefined. */
  get oldest(): number | undefined {
    let oldest: number | undefined;
    for (const waiters of this.#shares.values()) {
      const since = waiters.first?.waiter.since;
      if (since !== undefined && (oldest === undefined || since < oldest)) oldest = since;
    }
    return oldest;
  }

  /**
   * Puts a call at the end of its share's line.
   * @param patienceMs how long it may wait when the call has no deadline of its own
   * @throws Fault ResourceThrottled (line full), ResourceExhausted (deadline reached); the signal's reason when it aborts
   */
  wait(call: Invocation, patienceMs: number): Promise<InvocationResult> {
    if (this.#bytes + waitingBytes(call) > eventBytes) throw this.#refusals.full();
    if (this.#length >= this.#limit) this.#makeRoom(shareOf(call));
    return new Promise((resolve, reject) => {
      const since = monotonic();
      const waiter: Placed = { call, number: this.#number++, since, resolve, reject };
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
      this.#add({ waiter, timer, forget: () => call.signal?.removeEventListener('abort', leave) });
    });
  }

  /** The call whose turn it is. */
  get first(): Invocation | undefined {
    return this.#next()?.call;
  }

  /** Takes the call whose turn it is; then it is the next share's. */
  next(): Waiter | undefined {
    const waiter = this.#next();
    if (!waiter) return undefined;
    const share = shareOf(waiter.call);
    const waiters = this.#shares.get(share);
    this.#remove(waiter);
    if (waiters && waiters.size > 0 && this.#shares.size > 1) {
      this.#shares.delete(share);
      this.#shares.set(share, waiters);
    }
    return waiter;
  }

  /** Ends the wait of everyone. */
  refuse(error: () => Fault): void {
    for (let waiter = this.next(); waiter; waiter = this.next()) waiter.reject(error());
  }

  #next(): Placed | undefined {
    return this.#shares.first?.first?.waiter;
  }

  /** Sends the newest call of the largest share away, where that has more than the asker would have. @throws Fault when there is none */
  #makeRoom(asker: string): void {
    let largest: Turnover<number, Held> | undefined;
    for (const waiters of this.#shares.values()) if (waiters.size > (largest?.size ?? 0)) largest = waiters;
    const own = this.#shares.get(asker)?.size ?? 0;
    if (!largest || largest.size <= own + 1) throw this.#refusals.full();
    const newest = ([...largest.values()].at(-1) as Held).waiter;
    this.#remove(newest);
    newest.reject(this.#refusals.full());
  }

  #add(held: Held): void {
    const { waiter } = held;
    const share = shareOf(waiter.call);
    const waiters = this.#shares.get(share) ?? new Turnover<number, Held>();
    waiters.set(waiter.number, held);
    this.#shares.set(share, waiters);
    this.#length++;
    this.#bytes += waitingBytes(waiter.call);
  }

  #remove(waiter: Placed): void {
    const share = shareOf(waiter.call);
    const waiters = this.#shares.get(share);
    const held = waiters?.get(waiter.number);
    if (!waiters || !held) return;
    held.timer.cancel();
    held.forget();
    waiters.delete(waiter.number);
    if (waiters.size === 0) this.#shares.delete(share);
    this.#length--;
    this.#bytes -= waitingBytes(waiter.call);
  }
}

function shareOf({ share = '' }: Invocation): string {
  return share;
}

/** Whether the event of a call can be given to an instance: it may be made only now, and fail. Then the call is told why. */
export function isMade({ call, reject }: Waiter): boolean {
  try {
    checkEvent(call.event.length);
    return true;
  } catch (error) {
    reject(error);
    return false;
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
