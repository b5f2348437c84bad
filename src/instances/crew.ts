import type { FunctionVersion } from '../functions/index.ts';
import { monotonic, now } from '../kit/index.ts';
import type { Worker } from './engine.ts';
import type { InstanceState, Life } from './life.ts';

export interface Instance {
  readonly life: Life;
  readonly worker: Worker;
  /** Events that it was given. */
  served: number;
  /** Events that it works on. */
  running: number;
  /** Monotonic milliseconds. */
  startedAt: number;
  idleSince: number;
  readySince: number;
  /** It gets no further event, and ends when its work is done. */
  retiring: boolean;
}

/** The instances of one function revision, and which of them takes the next event. */
export class Crew {
  readonly #fn: Pick<FunctionVersion, 'instanceConcurrency' | 'timeoutMs'>;
  readonly #instances = new Set<Instance>();
  /** Least recently used first; taken from the end. */
  readonly #idle: Instance[] = [];
  #leaving = 0;

  constructor(fn: Pick<FunctionVersion, 'instanceConcurrency' | 'timeoutMs'>) {
    this.#fn = fn;
  }

  get size(): number {
    return this.#instances.size;
  }
  /** Those that are being ended. */
  get leaving(): number {
    return this.#leaving;
  }
  get oldestIdle(): Instance | undefined {
    return this.#idle[0];
  }

  all(): Instance[] {
    return [...this.#instances];
  }
  idle(): Instance[] {
    return [...this.#idle];
  }
  starting(): Instance[] {
    return this.all().filter((it) => this.isStarting(it));
  }
  /** Idle ones that are of no more use `marginMs` from now. */
  stale(marginMs: number): Instance[] {
    return this.#idle.filter((it) => !this.isFit(it, marginMs));
  }

  states(): Record<InstanceState, number> {
    const counts = { starting: 0, initialising: 0, idle: 0, busy: 0, draining: 0, dead: 0 };
    for (const { life } of this.#instances) counts[life.state]++;
    return counts;
  }

  isStarting({ life }: Instance): boolean {
    return life.state === 'starting' || life.state === 'initialising';
  }

  /** Whether it may be given an event: the credentials in its environment outlive the event. */
  isFit({ worker, retiring }: Instance, marginMs = 0): boolean {
    return worker.usable && !retiring && worker.goodUntil > now() + this.#fn.timeoutMs + marginMs;
  }

  /** The fullest one with room for another event, so that the others become idle and end; else the one that was idle last. */
  take(discard: (stale: Instance) => void): Instance | undefined {
    const { instanceConcurrency } = this.#fn;
    let fullest: Instance | undefined;
    if (instanceConcurrency > 1) {
      for (const it of this.#instances) {
        const hasRoom = it.life.state === 'busy' && it.running < instanceConcurrency && this.isFit(it);
        if (hasRoom && it.running > (fullest?.running ?? 0)) fullest = it;
      }
    }
    if (fullest) return fullest;
    for (let instance = this.#idle.pop(); instance; instance = this.#idle.pop()) {
      if (this.isFit(instance)) return instance;
      discard(instance);
    }
    return undefined;
  }

  /** The one with the least work, of those that work. */
  emptiest(): Instance | undefined {
    let found: Instance | undefined;
    for (const it of this.#instances) {
      if (it.life.state === 'busy' && !it.retiring && it.running < (found?.running ?? Number.POSITIVE_INFINITY)) found = it;
    }
    return found;
  }

  add(instance: Instance): void {
    this.#instances.add(instance);
  }

  /** It has nothing to do. */
  rest(instance: Instance): void {
    instance.idleSince = monotonic();
    this.#idle.push(instance);
  }

  /** It is being ended. */
  leave(instance: Instance): void {
    this.#leaving++;
    const at = this.#idle.indexOf(instance);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  /** It is gone. */
  remove(instance: Instance): void {
    if (!this.#instances.delete(instance)) return;
    if (instance.life.state === 'draining') this.#leaving--;
    const at = this.#idle.indexOf(instance);
    if (at >= 0) this.#idle.splice(at, 1);
    instance.life.to('dead');
  }
}
