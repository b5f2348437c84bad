import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Fault, type FaultCode } from '../faults/index.ts';
import type { FunctionVersion } from '../functions/index.ts';
import type { InvocationResult } from '../instances/index.ts';
import { type Metadata, openMetadata } from '../metadata/index.ts';
import { asyncSettings, openTasks, type Task, type Tasks, type TasksOptions } from './index.ts';

interface Call {
  name: string;
  requestId: string;
  event: string;
  finish: (result: Partial<InvocationResult> | Error) => void;
}

let root: string;
let metadata: Metadata;
let tasks: Tasks;
let calls: Call[];
let arrived: (() => void)[];
let configs: Record<string, Record<string, unknown>>;
const problems: unknown[] = [];

const good: InvocationResult = { payload: Buffer.from('done'), instanceId: 'i-1', durationMs: 1.5, maxMemoryMb: 1, coldStart: false };
const bad: Partial<InvocationResult> = {
  payload: Buffer.from('{}'),
  failure: { kind: 'raised', errorType: 'UnhandledInvocationError', message: 'oops' },
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tasks-'));
  metadata = await openMetadata({ file: join(root, 'db'), durability: 'relaxed' });
  calls = [];
  arrived = [];
  configs = {};
  problems.length = 0;
  tasks = await open();
});

afterEach(async () => {
  tasks.halt();
  for (const call of calls) call.finish({});
  await tasks.close();
  await metadata.close();
  await rm(root, { recursive: true, force: true });
  assert.deepEqual(problems, []);
});

function open(limits: TasksOptions['limits'] = {}): Promise<Tasks> {
  return openTasks({
    metadata,
    resolve: (name, qualifier) => {
      if (name.endsWith('none')) throw new Fault('FunctionNotFound', `There is no function ${name}.`);
      const short = name.replace(/^.*\//, '');
      return { name: short, arn: `acs:fc:r:1:functions/${short}`, qualifier: qualifier || 'LATEST', timeoutMs: 1000 } as FunctionVersion;
    },
    settings: (name) => asyncSettings(configs[name]),
    invoke: (version, { requestId, event }) =>
      new Promise((resolve, reject) => {
        const finish: Call['finish'] = (outcome) => (outcome instanceof Error ? reject(outcome) : resolve({ ...good, ...outcome }));
        calls.push({ name: version.name, requestId, event: event.toString(), finish });
        for (const tell of arrived.splice(0)) tell();
      }),
    onProblem: (error) => problems.push(error),
    limits: { pauseMs: 5, ...limits },
  });
}

/** Waits until there were so many calls. */
async function call(number: number): Promise<Call> {
  while (calls.length < number) await new Promise<void>((resolve) => arrived.push(resolve));
  return calls[number - 1] as Call;
}

/** Waits until a task has ended: until its function could be called again. */
async function ended(name: string, id: string): Promise<Task | undefined> {
  for (;;) {
    try {
      const task = tasks.get(name, id);
      if (task.endTime > 0) return task;
    } catch {
      return undefined;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const submit = (name: string, event: string, more: object = {}) =>
  tasks.submit({ function: name, qualifier: '', requestId: `r-${name}-${event}`, event: Buffer.from(event), ...more });

function faultOf(code: FaultCode): (error: unknown) => boolean {
  return (error) => error instanceof Fault && error.code === code;
}

test('an event is handed over once it is kept, and leaves nothing when nobody asked for the record', async () => {
  const task = await submit('f', 'hello');
  assert.deepEqual({ status: task.status, id: task.taskId }, { status: 'Enqueued', id: 'r-f-hello' });
  const { event, requestId, finish } = await call(1);
  assert.deepEqual({ event, requestId }, { event: 'hello', requestId: 'r-f-hello' });
  assert.equal(tasks.get('f', 'r-f-hello').status, 'Running');
  finish(good);
  assert.equal(await ended('f', 'r-f-hello'), undefined);
  assert.equal(metadata.all('select id from async_tasks').length, 0);
});

test('a failure of the function is tried again as often as it is set, with pauses; the record is kept where asked for', async () => {
  configs.f = { asyncTask: true, maxAsyncRetryAttempts: 2 };
  await submit('f', 'x', { taskId: 'mine' });
  for (let i = 1; i <= 3; i++) (await call(i)).finish(bad);
  const task = await ended('f', 'mine');
  assert.deepEqual(
    { status: task?.status, retried: task?.retried, error: task?.error, instance: task?.instanceId },
    { status: 'Failed', retried: 2, error: 'UnhandledInvocationError: oops', instance: 'i-1' },
  );
  assert.deepEqual(
    task?.events.map((event) => event.status),
    ['Enqueued', 'Running', 'Retrying', 'Running', 'Retrying', 'Running', 'Failed'],
  );
  assert.equal(tasks.get('f', 'mine').event?.toString(), 'x');
  await assert.rejects(submit('f', 'y', { taskId: 'mine' }), faultOf('AsyncTaskAlreadyExists'));
  assert.equal(calls.length, 3);
});

test('what is over after a while is tried again beyond that number; what is not ends the task', async () => {
  configs.f = { asyncTask: true, maxAsyncRetryAttempts: 0 };
  await submit('f', 'x');
  for (let i = 1; i <= 4; i++) (await call(i)).finish(new Fault('ResourceExhausted'));
  (await call(5)).finish(good);
  const task = await ended('f', 'r-f-x');
  assert.deepEqual(
    { status: task?.status, retried: task?.retried, returned: task?.returned },
    { status: 'Succeeded', retried: 4, returned: 'done' },
  );
  await submit('f', 'y');
  (await call(6)).finish(new Fault('FunctionInvocationDisabled', 'it is off'));
  assert.deepEqual((await ended('f', 'r-f-y'))?.error, 'FunctionInvocationDisabled: it is off');
});

test('an event that grows too old expires', async () => {
  configs.f = { asyncTask: true };
  await submit('f', 'x');
  const first = await call(1);
  configs.f = { asyncTask: true, maxAsyncEventAgeInSeconds: 0.000_001 };
  first.finish(bad);
  assert.equal((await ended('f', 'r-f-x'))?.status, 'Expired');
});

test('what an earlier run has left goes on, running ones too', async () => {
  configs.f = { asyncTask: true };
  await submit('f', 'one');
  await call(1);
  tasks.halt();
  calls[0]?.finish(bad);
  await tasks.close();
  tasks = await open();
  const again = await call(2);
  assert.equal(again.event, 'one');
  again.finish(good);
  const task = await ended('f', 'r-f-one');
  assert.deepEqual(
    { status: task?.status, retried: task?.retried },
    { status: 'Succeeded', retried: 0 },
    'an end brought about by the stop does not count',
  );
});

test('limits: calls at once of one function, of all, and tasks that wait', async () => {
  await tasks.close();
  tasks = await open({ perFunction: 2, running: 3, waiting: 6 });
  for (const event of ['1', '2', '3']) await submit('f', event);
  for (const event of ['1', '2', '3']) await submit('g', event);
  await call(3);
  assert.deepEqual(calls.map((one) => `${one.name}${one.event}`).sort(), ['f1', 'f2', 'g1']);
  await assert.rejects(submit('h', '1'), faultOf('ResourceThrottled'));
  calls[0]?.finish(good);
  await call(4);
  await assert.rejects(submit('f', 'x'.repeat(129 * 1024)), faultOf('EntityTooLarge'));
  await assert.rejects(submit('none', 'x'), faultOf('FunctionNotFound'));
  await assert.rejects(submit('f', 'x', { taskId: 'a b' }), faultOf('InvalidArgument'));
});

test('a stopped task gets no further attempt', async () => {
  configs.f = { asyncTask: true };
  await tasks.close();
  tasks = await open({ perFunction: 1 });
  await submit('f', 'running');
  await submit('f', 'waiting');
  await call(1);
  await tasks.stop('f', 'r-f-waiting');
  assert.equal(tasks.get('f', 'r-f-waiting').status, 'Stopped');
  await tasks.stop('f', 'r-f-running');
  assert.equal(tasks.get('f', 'r-f-running').status, 'Stopping');
  calls[0]?.finish(bad);
  assert.equal((await ended('f', 'r-f-running'))?.status, 'Stopped');
  assert.equal(calls.length, 1);
  await assert.rejects(tasks.stop('f', 'none'), faultOf('AsyncTaskNotFound'));
  await submit('f', 'cut');
  await call(2);
  await tasks.stop('f', 'r-f-cut');
  tasks.halt();
  calls[1]?.finish(bad);
  await tasks.close();
  tasks = await open();
  assert.equal(tasks.get('f', 'r-f-cut').status, 'Stopped', 'also when the server stopped meanwhile');
});

test('the outcome goes to the function that is the destination, and no further than five times', async () => {
  configs.f = {
    destinationConfig: {
      onSuccess: { destination: 'acs:fc:r:1:functions/good' },
      onFailure: { destination: 'acs:mns:r:1:/queues/q/messages' },
    },
  };
  configs.good = { destinationConfig: { onSuccess: { destination: 'acs:fc:r:1:functions/good' } } };
  await submit('f', 'hello');
  (await call(1)).finish(good);
  const told = JSON.parse((await call(2)).event) as { requestContext: object; requestPayload: string; responsePayload: string };
  assert.deepEqual(
    { name: calls[1]?.name, request: told.requestPayload, response: told.responsePayload, context: told.requestContext },
    {
      name: 'good',
      request: 'hello',
      response: 'done',
      context: { requestId: 'r-f-hello', functionArn: 'acs:fc:r:1:functions/f', condition: '', approximateInvokeCount: 1 },
    },
  );
  for (let i = 2; i <= 6; i++) (await call(i)).finish(good);
  const last = calls[5]?.requestId ?? '';
  assert.equal(await ended('good', last), undefined);
  assert.equal(calls.length, 6);
});

test('tasks are listed by time, status and prefix, page by page', async () => {
  configs.f = { asyncTask: true, maxAsyncRetryAttempts: 0 };
  for (let i = 1; i <= 5; i++) {
    await submit('f', `${i}`, { taskId: `t${i}` });
    (await call(i)).finish(i === 2 ? bad : good);
    await ended('f', `t${i}`);
  }
  const ids = (filter: Parameters<Tasks['list']>[1]) => tasks.list('f', filter).tasks.map((task) => task.taskId);
  assert.equal(ids({}).length, 5);
  assert.deepEqual(ids({ status: 'Succeeded' }).sort(), ['t1', 't3', 't4', 't5']);
  assert.deepEqual(ids({ prefix: 't3' }), ['t3']);
  assert.deepEqual(ids({ qualifier: 'prod' }), []);
  const page = tasks.list('f', { limit: 2 });
  assert.equal(page.tasks.length, 2);
  assert.equal(tasks.list('f', { limit: 3, nextToken: page.nextToken }).tasks.length, 3);
  assert.throws(() => ids({ limit: 0 }), faultOf('InvalidArgument'));
  assert.throws(() => tasks.get('f', 'none'), faultOf('AsyncTaskNotFound'));
});
