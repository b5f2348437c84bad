import { Fault } from '../faults/index.ts';
import type { FunctionVersion } from '../functions/index.ts';
import { every, monotonic } from '../kit/index.ts';
import type { Engine } from './engine.ts';
import type { InstancesOptions, InstancesStats } from './instances.ts';
import { checkEvent, type Invocation, type InvocationResult, waitingBytes } from './invocation.ts';
import type { InstanceState } from './life.ts';
import { Pool } from './pool.ts';
import { Share } from './share.ts';

/** How long a revision without instances keeps its fork server, milliseconds. */
const keepMs = 15 * 60_000;
const sweepMs = 60_000;
/** Revisions that are kept in readiness at once. */
const poolLimit = 64;
const supersededLimit = 1_000;

/** The pools of all function revisions, under one limit. */
export class Pools {
  readonly #limits: InstancesOptions['limits'];
  readonly #engineFor: (fn: FunctionVersion) => Engine;
  readonly #pools = new Map<string, Pool>();
  /** Every pool that still holds something, also when a newer one has taken its place. */
  readonly #alive = new Set<Pool>();
  /** Revisions that gave way to newer ones: a late call for one must not push the newer one out. */
  readonly #superseded = new Set<string>();
  readonly #share: Share;
  readonly #sweep = every(sweepMs, () => this.#tidy());
  #closed = false;

  constructor(limits: InstancesOptions['limits'], engineFor: (fn: FunctionVersion) => Engine) {
    this.#limits = limits;
    this.#engineFor = engineFor;
    this.#share = new Share(limits.maxInstances, () => this.#alive);
  }

  async invoke(fn: FunctionVersion, call: Invocation): Promise<InvocationResult> {
    checkEvent(waitingBytes(call));
    return this.#pool(fn).invoke(call);
  }

  async prepare(fn: FunctionVersion): Promise<void> {
    const pool = this.#pool(fn);
    if (!this.#superseded.has(keyOf(fn))) pool.keep(fn);
    await pool.prepare();
  }

  async retire(name: string, except: readonly FunctionVersion[] = []): Promise<void> {
    const kept = new Set(except.map(keyOf));
    const leaving = [...this.#alive].filter((pool) => pool.fn.name === name && !kept.has(keyOf(pool.fn)));
    for (const next of except) {
      // What was in use will be called again; what is kept warm is not to wait for a call.
      const isWanted = next.provisioned > 0 || leaving.some(({ fn }) => fn.arn === next.arn && fn.qualifier === next.qualifier);
      // Whatever keeps it from starting is told to the call that needs it.
      if (isWanted && !this.#closed) void this.prepare(next).catch(() => {});
    }
    await Promise.all(leaving.map((pool) => pool.drain()));
  }

  stats(): InstancesStats {
    const states = { starting: 0, initialising: 0, idle: 0, busy: 0, draining: 0, dead: 0 };
    let waiting = 0;
    const functions = [...this.#alive].map((pool) => {
      for (const [state, count] of Object.entries(pool.states())) states[state as InstanceState] += count;
      waiting += pool.waiting;
      const { name, qualifier, revision } = pool.fn;
      return { name, qualifier, revision, draining: pool.draining, waiting: pool.waiting, instances: pool.size };
    });
    return { instances: this.#share.used, waiting, states, functions };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#sweep.cancel();
    await Promise.all([...this.#alive].map((pool) => pool.close()));
  }

  #pool(fn: FunctionVersion): Pool {
    const key = keyOf(fn);
    const known = this.#pools.get(key);
    if (known && !known.closed) {
      return known;
    }
    if (this.#closed) throw new Fault('ServiceUnavailable');
    if (this.#pools.size >= poolLimit) this.#dismissOldest();
    const isLate = this.#superseded.has(key);
    // A late call for an old revision keeps nothing warm.
    const pool = new Pool(isLate ? { ...fn, provisioned: 0 } : fn, this.#engineFor(fn), this.#share, this.#limits.queue);
    this.#pools.set(key, pool);
    this.#alive.add(pool);
    void pool.emptied.then(() => {
      this.#alive.delete(pool);
      if (this.#pools.get(key) === pool) this.#pools.delete(key);
    });
    if (isLate) return pool;
    this.#supersede(fn, pool);
    pool.keep(fn);
    return pool;
  }

  /** Drains the older revisions of the same function, qualifier and version: an alias may share its calls between two versions. */
  #supersede(fn: FunctionVersion, current: Pool): void {
    for (const pool of this.#alive) {
      if (pool === current || pool.fn.arn !== fn.arn || pool.fn.qualifier !== fn.qualifier || pool.fn.versionId !== fn.versionId) continue;
      this.#superseded.add(keyOf(pool.fn));
      void pool.drain();
    }
    for (const oldest of this.#superseded) {
      if (this.#superseded.size <= supersededLimit) break;
      this.#superseded.delete(oldest);
    }
  }

  /** Ends what is too old, and closes the pools that have held nothing for long. */
  #tidy(): void {
    const before = monotonic() - keepMs;
    for (const pool of this.#alive) {
      // Two rounds ahead: the next one may come a little late.
      pool.refresh(2 * sweepMs);
      if (isEmpty(pool) && pool.emptySince < before) void pool.close();
    }
  }

  #dismissOldest(): void {
    let oldest: Pool | undefined;
    for (const pool of this.#alive) if (isEmpty(pool) && pool.emptySince < (oldest?.emptySince ?? Number.POSITIVE_INFINITY)) oldest = pool;
    void oldest?.close();
  }
}

function isEmpty(pool: Pool): boolean {
  return pool.size === 0 && pool.waiting === 0 && pool.kept === 0;
}

function keyOf(fn: FunctionVersion): string {
  return `${fn.arn}\n${fn.qualifier}\n${fn.revision}`;
}
