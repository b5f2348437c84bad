import { Fault } from '../../faults/index.ts';
import type { TaskSummary } from '../../tasks/index.ts';
import { type Answer, type Call, pageAsked, param } from './call.ts';

function render(task: TaskSummary, withPayload: boolean): object {
  return {
    taskId: task.taskId,
    requestId: task.requestId,
    functionArn: task.functionArn,
    qualifier: task.qualifier,
    status: task.status,
    startedTime: task.startedTime || task.createdTime,
    endTime: task.endTime || undefined,
    durationMs: task.durationMs,
    alreadyRetriedTimes: task.retried,
    instanceId: task.instanceId,
    taskErrorMessage: task.error,
    ...(withPayload ? { taskPayload: task.event?.toString('utf8') ?? '', returnPayload: task.returned } : {}),
    events: task.events.map(({ status, time, detail }, index) => ({ eventId: index + 1, status, timestamp: time, eventDetail: detail })),
  };
}

function time(call: Call, name: string): number | undefined {
  const text = param(call, name);
  if (!text) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new Fault('InvalidArgument', `${name}: must be epoch milliseconds`);
  return Number(text);
}

/** GetAsyncTask. */
export async function getAsyncTask(call: Call): Promise<Answer> {
  return { status: 200, body: render(call.rooms.tasks.get(call.name, call.params.task ?? ''), true) };
}

/** ListAsyncTasks: the newest 1,000 of a function. */
export async function listAsyncTasks(call: Call): Promise<Answer> {
  const withPayload = param(call, 'includePayload') === 'true';
  const { tasks, nextToken } = call.rooms.tasks.list(call.name, {
    ...pageAsked(call),
    status: param(call, 'status'),
    qualifier: call.qualifier,
    startedAfter: time(call, 'startedTimeBegin'),
    startedBefore: time(call, 'startedTimeEnd'),
    order: param(call, 'sortOrderByTime') || undefined,
  });
  const shown = tasks.map((task) => render(withPayload ? call.rooms.tasks.get(call.name, task.taskId) : task, withPayload));
  return { status: 200, body: { tasks: shown, nextToken } };
}

/** StopAsyncTask. */
export async function stopAsyncTask(call: Call): Promise<Answer> {
  await call.rooms.tasks.stop(call.name, call.params.task ?? '');
  return { status: 204 };
}
