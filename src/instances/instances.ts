import { Fault } from '../faults/index.ts';
import type { FunctionVersion } from '../functions/index.ts';
import { every, monotonic } from '../kit/index.ts';
import { searchPath } from './config.ts';
import type { Engine, RuntimeFamily, RuntimeReadiness } from './engine.ts';
import { type Invocation, type InvocationResult, maxPayloadBytes, type SessionCredentials } from './invocation.ts';
import type { InstanceState } from './life.ts';
import type { Log } from './log.ts';
import { type Capacity, Pool } from './pool.ts';
import { Door } from './process/door.ts';
import { anyOtherUser, type Interpreter, Interpreters } from './process/interpreter.ts';
import type { EngineOptions } from './process/options.ts';
import { preparePlace } from './process/place.ts';
import { openPython } from './process/python.ts';
import { openSandbox } from './sandbox/sandbox.ts';

/** How long a revision without instances keeps its fork server, milliseconds. */
const keepMs = 15 * 60_000;
const sweepMs = 60_000;
/** Revisions that are kept in readiness at once. */
const poolLimit = 64;
const supersededLimit = 1_000;

export interface InstancesOptions {
  /** For sockets, host programs and the instances' own folders; emptied at start. */
  runDir: string;
  region: string;
  accountId: string;
  logger: Log;
  /** Credentials of the function's role for the environment of a new instance; empty strings when it has none. */
  credentialsFor: (fn: FunctionVersion) => SessionCredentials;
  limits: {
    /** Instances of all functions together. */
    maxInstances: number;
    /** Calls that may wait for one function revision. */
    queue: number;
    /** Largest file that a function may write, bytes; 512 MiB when left out. */
    fileBytes?: number | undefined;
  };
  python: { interpreter?: string | undefined; packages?: string | undefined };
  /** One line that a function printed; `requestId` is '' between invocations. */
  onLog: (functionName: string, instanceId: string, requestId: string, line: string) => void;
}

export interface InstancesStats {
  instances: number;
  waiting: number;
  states: Record<InstanceState, number>;
  functions: { name: string; revision: string; draining: boolean; waiting: number; instances: number }[];
}

export interface Instances {
  /**
   * Runs one event. Every end that the function brings about is a result; what the server could not do is a fault.
   * @throws Fault ResourceThrottled, ResourceExhausted, FunctionNotStarted, EntityTooLarge, ServiceUnavailable; the signal's reason
   * when it aborts before the event was given
   */
  invoke(fn: FunctionVersion, call: Invocation): Promise<InvocationResult>;
  /** Makes the first start of a revision fast: starts its fork server, no instance. */
  prepare(fn: FunctionVersion): Promise<void>;
  /** Lets a function's calls finish and ends its instances; resolves when they are gone. */
  retire(name: string): Promise<void>;
  stats(): InstancesStats;
  /** Which runtimes can be served, and by what. */
  ready(): RuntimeReadiness[];
  /** Ends every instance at once and removes what they had. */
  close(): Promise<void>;
}

/**
 * The Python that serves functions, found by running the candidates (a configured one first) as an unprivileged user when
 * `dropPrivileges` is set; undefined when none is 3.9 or newer. For whoever compiles code ahead of time.
 */
export function findInterpreter(options: { interpreter?: string | undefined; dropPrivileges: boolean }): Promise<Interpreter | undefined> {
  const interpreters = new Interpreters({ configured: options.interpreter, searchPath: searchPath() });
  return interpreters.find('python3.10', options.dropPrivileges ? anyOtherUser : undefined);
}

/** Opens the instance host: listens on `<runDir>/instances.sock` and looks for interpreters. */
export async function openInstances(options: InstancesOptions): Promise<Instances> {
  const isRoot = process.getuid?.() === 0;
  const place = await preparePlace(options.runDir, isRoot);
  const door = await Door.open(place.socket);
  const sandbox = await openSandbox({ dropPrivileges: isRoot });
  const common: EngineOptions = {
    door,
    place,
    sandbox,
    dropPrivileges: isRoot,
    region: options.region,
    accountId: options.accountId,
    fileBytes: options.limits.fileBytes ?? 512 * 1024 * 1024,
    credentialsFor: options.credentialsFor,
    onLog: options.onLog,
    log: options.logger,
  };
  const families: RuntimeFamily[] = await Promise.all([openPython({ ...common, ...options.python })]);
  const pools = new Pools(options.limits, (fn) => engineFor(fn, families));
  return {
    invoke: (fn, call) => pools.invoke(fn, call),
    prepare: (fn) => pools.prepare(fn),
    retire: (name) => pools.retire(name),
    stats: () => pools.stats(),
    ready: () => families.flatMap((family) => family.ready()),
    close: async () => {
      await pools.close();
      await Promise.all(families.map((family) => family.close()));
      await door.close();
      await place.remove();
    },
  };
}

function engineFor(fn: FunctionVersion, families: readonly RuntimeFamily[]): Engine {
  const family = families.find(({ runtimes }) => runtimes.includes(fn.runtime));
  if (!family) throw new Fault('FunctionNotStarted', `Runtime ${fn.runtime} is not served by this server.`);
  return family.engine(fn);
}

/** The pools of all function revisions, under one limit. */
class Pools implements Capacity {
  readonly #limits: InstancesOptions['limits'];
  readonly #engineFor: (fn: FunctionVersion) => Engine;
  readonly #pools = new Map<string, Pool>();
  /** Every pool that still holds something, also when a newer one has taken its place. */
  readonly #alive = new Set<Pool>();
  /** Revisions that gave way to newer ones: a late call for one must not push the newer one out. */
  readonly #superseded = new Set<string>();
  readonly #sweep = every(sweepMs, () => this.#dismiss(monotonic() - keepMs));
  #used = 0;
  #closed = false;

  constructor(limits: InstancesOptions['limits'], engineFor: (fn: FunctionVersion) => Engine) {
    this.#limits = limits;
    this.#engineFor = engineFor;
  }

  async invoke(fn: FunctionVersion, call: Invocation): Promise<InvocationResult> {
    if (call.event.length > maxPayloadBytes) throw new Fault('EntityTooLarge', `An event has at most ${maxPayloadBytes} bytes.`);
    return this.#pool(fn).invoke(call);
  }

  async prepare(fn: FunctionVersion): Promise<void> {
    await this.#pool(fn).prepare();
  }

  async retire(name: string): Promise<void> {
    await Promise.all([...this.#alive].filter((pool) => pool.fn.name === name).map((pool) => pool.drain()));
  }

  stats(): InstancesStats {
    const states = { starting: 0, initialising: 0, idle: 0, busy: 0, draining: 0, dead: 0 };
    let waiting = 0;
    const functions = [...this.#alive].map((pool) => {
      for (const [state, count] of Object.entries(pool.states())) states[state as InstanceState] += count;
      waiting += pool.waiting;
      return { name: pool.fn.name, revision: pool.fn.revision, draining: pool.draining, waiting: pool.waiting, instances: pool.size };
    });
    return { instances: this.#used, waiting, states, functions };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#sweep.cancel();
    await Promise.all([...this.#alive].map((pool) => pool.close()));
  }

  take(asker: Pool): boolean {
    if (this.#used < this.#limits.maxInstances) {
      this.#used++;
      return true;
    }
    let idlest: Pool | undefined;
    for (const pool of this.#alive) {
      if (pool !== asker && pool.oldestIdle !== undefined && pool.oldestIdle < (idlest?.oldestIdle ?? Number.POSITIVE_INFINITY))
        idlest = pool;
    }
    idlest?.evict();
    return false;
  }

  give(): void {
    this.#used--;
    const hungry = [...this.#alive].filter((pool) => pool.oldestWait !== undefined);
    hungry.sort((a, b) => (a.oldestWait ?? 0) - (b.oldestWait ?? 0));
    for (const pool of hungry) pool.grow();
  }

  #pool(fn: FunctionVersion): Pool {
    const key = keyOf(fn);
    const known = this.#pools.get(key);
    if (known && !known.closed) return known;
    if (this.#closed) throw new Fault('ServiceUnavailable');
    if (this.#pools.size >= poolLimit) this.#dismissOldest();
    const pool = new Pool(fn, this.#engineFor(fn), this, this.#limits.queue);
    this.#pools.set(key, pool);
    this.#alive.add(pool);
    void pool.emptied.then(() => {
      this.#alive.delete(pool);
      if (this.#pools.get(key) === pool) this.#pools.delete(key);
    });
    if (!this.#superseded.has(key)) this.#supersede(fn, pool);
    return pool;
  }

  /** Drains the older revisions of the same function and qualifier. */
  #supersede(fn: FunctionVersion, current: Pool): void {
    for (const pool of this.#alive) {
      if (pool === current || pool.fn.arn !== fn.arn || pool.fn.qualifier !== fn.qualifier) continue;
      this.#superseded.add(keyOf(pool.fn));
      void pool.drain();
    }
    for (const oldest of this.#superseded) {
      if (this.#superseded.size <= supersededLimit) break;
      this.#superseded.delete(oldest);
    }
  }

  /** Closes the pools that have held nothing since before the given monotonic time. */
  #dismiss(before: number): void {
    for (const pool of this.#alive) {
      if (pool.size === 0 && pool.waiting === 0 && pool.emptySince < before) void pool.close();
    }
  }

  #dismissOldest(): void {
    let oldest: Pool | undefined;
    for (const pool of this.#alive) {
      if (pool.size === 0 && pool.waiting === 0 && pool.emptySince < (oldest?.emptySince ?? Number.POSITIVE_INFINITY)) oldest = pool;
    }
    void oldest?.close();
  }
}

function keyOf(fn: FunctionVersion): string {
  return `${fn.arn}\n${fn.qualifier}\n${fn.revision}`;
}
