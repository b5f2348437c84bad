import { Fault, toFault } from '../faults/index.ts';
import type { FunctionVersion } from '../functions/index.ts';
import type { InvocationResult } from '../instances/index.ts';
import { every, now } from '../kit/index.ts';
import type { Metadata } from '../metadata/index.ts';
import { destinationEvent, functionOf } from './destination.ts';
import { Lines } from './lines.ts';
import { TaskRows } from './rows.ts';
import type { AsyncSettings } from './settings.ts';
import { hasEnded, moved, type SubmittedEvent, type Task, type TaskFilter, type TaskSummary } from './task.ts';

export interface TasksOptions {
  metadata: Metadata;
  /** @throws Fault when the function cannot be invoked */
  resolve: (name: string, qualifier: string) => FunctionVersion;
  settings: (name: string, qualifier: string) => AsyncSettings;
  invoke: (
    version: FunctionVersion,
    call: { requestId: string; event: Buffer; chain?: readonly string[] | undefined },
  ) => Promise<InvocationResult>;
  /** Told of what failed in the background. */
  onProblem: (error: unknown) => void;
  limits?: Partial<TaskLimits>;
}

export interface TaskLimits {
  /** Tasks that have not ended, of all functions. */
  waiting: number;
  /** Invocations at once, of one function. */
  perFunction: number;
  /** Invocations at once, of all functions. */
  running: number;
  /** First pause before another attempt; it doubles each time. */
  pauseMs: number;
}

export interface Tasks {
  /**
   * Takes an event in; durable when resolved.
   * @throws Fault as resolve; EntityTooLarge beyond 128 KB, AsyncTaskAlreadyExists, ResourceThrottled when the queue is full
   */
  submit(event: SubmittedEvent): Promise<Task>;
  /** @throws Fault AsyncTaskNotFound */
  get(name: string, taskId: string): TaskSummary;
  list(name: string, filter?: TaskFilter): { tasks: Task[]; nextToken?: string };
  /** No further attempt is made; one that runs goes on to its end. @throws Fault AsyncTaskNotFound */
  stop(name: string, taskId: string): Promise<void>;
  /** Begins no further attempt; what ends badly from now on is tried again at the next start. */
  halt(): void;
  /** Halts, and resolves when those that run have ended. What is left goes on at the next start. */
  close(): Promise<void>;
}

/** The vendor's limit on an asynchronous event. */
const eventBytes = 128 * 1024;
const returnedBytes = 64 * 1024;
const keepMs = 7 * 24 * 3_600_000;
const mostKept = 10_000;
const mostListed = 1_000;
const longestPauseMs = 5 * 60_000;
const sweepMs = 3_600_000;
const deepest = 5;
/** What is over after a while, and so is no fault of the function. */
const passing = new Set(['ResourceThrottled', 'ResourceExhausted', 'ServiceUnavailable', 'FunctionNotStarted']);
const defaults: TaskLimits = { waiting: 10_000, perFunction: 10, running: 50, pauseMs: 1_000 };

/** Opens the queue and goes on with what an earlier run has left. Attempts may happen twice after a crash. */
export async function openTasks(options: TasksOptions): Promise<Tasks> {
  const tasks = new OpenTasks(options);
  await tasks.open();
  return tasks;
}

class OpenTasks implements Tasks {
  readonly #options: TasksOptions;
  readonly #limits: TaskLimits;
  readonly #rows: TaskRows;
  readonly #lines: Lines;
  /** Tasks that have not ended, by function and id. */
  readonly #open = new Map<string, Task>();
  readonly #stopped = new Set<string>();
  readonly #sweep = every(sweepMs, () => this.#forget());
  #submitting = 0;
  #closed = false;

  constructor(options: TasksOptions) {
    this.#options = options;
    this.#limits = { ...defaults, ...options.limits };
    this.#rows = new TaskRows(options.metadata);
    const { perFunction, running } = this.#limits;
    this.#lines = new Lines({ perFunction, running, attempt: (task) => this.#attempt(task).catch(options.onProblem) });
  }

  async open(): Promise<void> {
    for (const { task, due } of this.#rows.pending(this.#limits.waiting)) {
      if (task.status === 'Stopping') {
        await this.#end(moved({ ...task, endTime: now() }, 'Stopped', now(), ''));
        continue;
      }
      this.#open.set(keyOf(task), task);
      this.#lines.add({ task, due });
    }
    this.#forget();
  }

  async submit({ function: name, qualifier, requestId, taskId, event, chain, depth = 0 }: SubmittedEvent): Promise<Task> {
    if (this.#closed) throw new Fault('ServiceUnavailable');
    if (event.length > eventBytes) throw new Fault('EntityTooLarge', `An asynchronous event may have at most ${eventBytes} bytes.`);
    if (taskId !== undefined && !/^[A-Za-z0-9_-]{1,128}$/.test(taskId)) {
      throw new Fault('InvalidArgument', 'x-fc-async-task-id: must be 1 to 128 letters, digits, _ or -');
    }
    const version = this.#options.resolve(name, qualifier);
    if (this.#open.size + this.#submitting >= this.#limits.waiting) {
      throw new Fault('ResourceThrottled', 'The queue of asynchronous invocations is full. Try again later.', {
        headers: { 'Retry-After': '10' },
      });
    }
    const time = now();
    const empty = { startedTime: 0, endTime: 0, durationMs: 0, retried: 0, instanceId: '', error: '', returned: '' };
    const task: Task = {
      ...{ function: version.name, functionArn: version.arn, qualifier: qualifier || 'LATEST', taskId: taskId ?? requestId, requestId },
      ...empty,
      status: 'Enqueued',
      createdTime: time,
      events: [{ status: 'Enqueued', time, detail: '' }],
      chain,
      depth,
      kept: this.#options.settings(version.name, qualifier || 'LATEST').keep,
    };
    this.#submitting += 1;
    try {
      if (!(await this.#rows.insert(task, event, time))) {
        throw new Fault('AsyncTaskAlreadyExists', `The function ${version.name} already has a task ${task.taskId}; choose another id.`);
      }
      this.#open.set(keyOf(task), task);
    } finally {
      this.#submitting -= 1;
    }
    this.#lines.add({ task, due: time });
    return task;
  }

  get(name: string, taskId: string): TaskSummary {
    const task = this.#open.get(`${name}\n${taskId}`) ?? this.#rows.get(name, taskId);
    if (!task) throw new Fault('AsyncTaskNotFound', `The function ${name.slice(0, 64)} has no task ${taskId.slice(0, 128)}.`);
    const event = this.#rows.event(name, taskId);
    return { ...task, ...(event ? { event } : {}) };
  }

  list(name: string, filter: TaskFilter = {}): { tasks: Task[]; nextToken?: string } {
    const { limit = 20, nextToken = '', order = 'desc' } = filter;
    if (!Number.isInteger(limit) || limit < 1 || limit > 100) throw new Fault('InvalidArgument', 'limit: must be 1 to 100');
    if (order !== 'asc' && order !== 'desc') throw new Fault('InvalidArgument', 'sortOrderByTime: must be asc or desc');
    const found = this.#rows
      .of(name, mostListed)
      .map((task) => this.#open.get(keyOf(task)) ?? task)
      .filter((task) => fits(task, filter));
    if (order === 'asc') found.reverse();
    const from = nextToken === '' ? 0 : found.findIndex((task) => task.taskId === nextToken) + 1;
    const tasks = found.slice(from, from + limit);
    return { tasks, ...(from + limit < found.length ? { nextToken: tasks.at(-1)?.taskId ?? '' } : {}) };
  }

  async stop(name: string, taskId: string): Promise<void> {
    const { event: _event, ...task } = this.get(name, taskId);
    if (hasEnded(task)) return;
    if (this.#lines.remove(task)) return this.#end(moved({ ...task, endTime: now() }, 'Stopped', now(), ''));
    const stopping = moved(task, 'Stopping', now(), '');
    this.#stopped.add(keyOf(task));
    this.#open.set(keyOf(task), stopping);
    await this.#rows.update(stopping, now());
  }

  halt(): void {
    this.#closed = true;
    this.#sweep.cancel();
    this.#lines.halt();
  }

  async close(): Promise<void> {
    this.halt();
    await this.#lines.settled();
  }

  async #attempt(before: Task): Promise<void> {
    const { resolve, settings, invoke } = this.#options;
    const startedTime = now();
    const task = moved({ ...before, startedTime: before.startedTime || startedTime }, 'Running', startedTime, '');
    this.#open.set(keyOf(task), task);
    const { function: name, qualifier, requestId, chain } = task;
    const { retries, maxAgeMs } = settings(name, qualifier);
    if (startedTime - task.createdTime > maxAgeMs) return this.#end(moved({ ...task, endTime: startedTime }, 'Expired', startedTime, ''));
    const event = this.#rows.event(name, task.taskId);
    if (!event) return void this.#open.delete(keyOf(task));
    let outcome: Task;
    let again: boolean;
    try {
      const result = await invoke(resolve(name, qualifier), { requestId, event, chain });
      if (this.#closed && result.failure) return;
      outcome = withResult(task, result);
      again = result.failure !== undefined && task.retried < retries;
    } catch (error) {
      const fault = toFault(error);
      if (this.#closed) return;
      outcome = { ...task, error: `${fault.code}: ${fault.message}` };
      again = passing.has(fault.code) || (fault.code === 'InternalError' && task.retried < retries);
    }
    const time = now();
    if (this.#stopped.delete(keyOf(task))) return this.#end(moved({ ...outcome, endTime: time }, 'Stopped', time, ''));
    if (!again) return this.#end(moved({ ...outcome, endTime: time }, outcome.error === '' ? 'Succeeded' : 'Failed', time, outcome.error));
    const due = time + Math.min(longestPauseMs, this.#limits.pauseMs * 2 ** Math.min(20, task.retried));
    const retrying = moved({ ...outcome, retried: task.retried + 1 }, 'Retrying', time, outcome.error);
    this.#open.set(keyOf(task), retrying);
    await this.#rows.update(retrying, due);
    this.#lines.add({ task: retrying, due });
  }

  async #end(task: Task): Promise<void> {
    await this.#tell(task).catch(this.#options.onProblem);
    if (task.kept) await this.#rows.update(task, 0);
    else await this.#rows.remove(task);
    this.#open.delete(keyOf(task));
  }

  /** Hands the outcome to the destination of the function, when that is a function of this server. */
  async #tell(task: Task): Promise<void> {
    const { onSuccess, onFailure } = this.#options.settings(task.function, task.qualifier);
    const destination = task.status === 'Succeeded' ? onSuccess : task.status === 'Stopped' ? undefined : onFailure;
    if (!destination || task.depth >= deepest) return;
    const target = functionOf(destination);
    if (!target) return;
    const event = destinationEvent(task, this.#rows.event(task.function, task.taskId) ?? Buffer.alloc(0));
    const requestId = `${task.requestId}-${task.depth + 1}`;
    await this.submit({ function: target, qualifier: '', requestId, event, chain: task.chain, depth: task.depth + 1 });
  }

  #forget(): void {
    void this.#rows.removeOld(now() - keepMs, mostKept).catch(this.#options.onProblem);
  }
}

function keyOf({ function: name, taskId }: Task): string {
  return `${name}\n${taskId}`;
}

function withResult(task: Task, { payload, failure, instanceId, durationMs }: InvocationResult): Task {
  const returned = payload.subarray(0, returnedBytes).toString('utf8');
  return {
    ...task,
    instanceId,
    durationMs: Math.ceil(durationMs),
    returned,
    error: failure ? `${failure.errorType}: ${failure.message}` : '',
  };
}

function fits(task: Task, { status, qualifier, prefix, startedAfter, startedBefore }: TaskFilter): boolean {
  return (
    (!status || task.status === status) &&
    (!qualifier || task.qualifier === qualifier) &&
    (!prefix || task.taskId.startsWith(prefix)) &&
    (startedAfter === undefined || task.startedTime >= startedAfter) &&
    (startedBefore === undefined || task.startedTime <= startedBefore)
  );
}
