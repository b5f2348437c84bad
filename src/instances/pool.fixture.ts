import type { FunctionVersion } from '../functions/index.ts';
import type { Engine, StartHooks, Worker } from './engine.ts';
import { until } from './fixture.ts';
import type { Invocation, InvocationResult } from './invocation.ts';
import { type Capacity, Pool } from './pool.ts';

/** A worker whose every step the test takes by hand. */
export class FakeWorker implements Worker {
  readonly instanceId: string;
  readonly ready: Promise<void>;
  readonly gone: Promise<void>;
  readonly hooks: StartHooks;
  usable = true;
  killed = false;
  goodUntil: number = Number.POSITIVE_INFINITY;
  calls: { call: Invocation; timeoutMs: number; finish: () => void }[] = [];
  become: () => void = () => {};
  fail: (error: Error) => void = () => {};
  die: () => void = () => {};
  /** How often preStop was called; it ends when the test says so. */
  stops = 0;
  stopped: () => void = () => {};

  constructor(id: string, hooks: StartHooks) {
    this.instanceId = id;
    this.hooks = hooks;
    this.ready = new Promise((resolve, reject) => {
      this.become = () => {
        hooks.initialising();
        resolve();
      };
      this.fail = reject;
    });
    this.gone = new Promise((resolve) => {
      this.die = resolve;
    });
  }

  invoke(call: Invocation, timeoutMs: number, coldStart: boolean): Promise<InvocationResult> {
    const { promise, resolve } = Promise.withResolvers<InvocationResult>();
    const result = { payload: call.event, instanceId: this.instanceId, durationMs: 1, maxMemoryMb: 1, coldStart };
    this.calls.push({ call, timeoutMs, finish: () => resolve(result) });
    return promise;
  }

  preStop(timeoutMs: number): Promise<void> {
    this.stops++;
    return new Promise((resolve) => {
      this.stopped = resolve;
      setTimeout(resolve, timeoutMs);
    });
  }

  kill(): void {
    this.usable = false;
    this.killed = true;
    this.die();
  }
}

/** Makes such workers. */
export class FakeEngine implements Engine {
  readonly workers: FakeWorker[] = [];
  closed = false;
  /** Its workers become ready at once. */
  eager = false;
  /** Its workers fail to start, for this reason. */
  failing: Error | undefined;

  start(_requestId: string, hooks: StartHooks): Worker {
    const worker = new FakeWorker(`i-${this.workers.length}`, hooks);
    this.workers.push(worker);
    if (this.failing) queueMicrotask(() => worker.fail(this.failing as Error));
    else if (this.eager) queueMicrotask(worker.become);
    return worker;
  }
  prepare(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

/** A pool of such workers, under a limit of its own or one that is shared. */
export function setUp(changes: Partial<FunctionVersion> = {}, limits: { slots?: number; queue?: number; capacity?: Capacity } = {}) {
  const fn: FunctionVersion = {
    arn: 'arn',
    name: 'f',
    qualifier: 'LATEST',
    versionId: 'LATEST',
    revision: '1',
    runtime: 'python3.10',
    handler: 'index.handler',
    timeoutMs: 5_000,
    memoryMb: 128,
    instanceConcurrency: 1,
    idleTimeoutMs: 60_000,
    maxInstances: 3,
    env: {},
    codeDir: '/nowhere',
    layerDirs: [],
    provisioned: 0,
    ...changes,
  };
  const engine = new FakeEngine();
  let slots = limits.slots ?? 100;
  const capacity: Capacity = {
    max: slots,
    take: () => slots > 0 && slots-- > 0,
    give: () => {
      slots++;
    },
  };
  const pool = new Pool(fn, engine, limits.capacity ?? capacity, limits.queue ?? 10);
  const call = (extra: Partial<Invocation> = {}): Invocation => ({
    requestId: 'r',
    event: Buffer.from('e'),
    credentials: { accessKeyId: '', accessKeySecret: '', securityToken: '' },
    ...extra,
  });
  return { pool, engine, call, worker: (index: number) => engine.workers[index]! };
}

export async function started(engine: FakeEngine, count: number): Promise<void> {
  await until(() => engine.workers.length === count, `${count} workers`);
}

export async function given(worker: FakeWorker, count: number): Promise<void> {
  await until(() => worker.calls.length === count, `${count} calls`);
}
