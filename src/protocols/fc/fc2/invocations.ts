import { Fault } from '../../../faults/index.ts';
import { namesOf } from '../../../functions/index.ts';
import type { TaskSummary } from '../../../tasks/index.ts';
import { type Answer, type Call, pageAsked, param } from '../call.ts';

/** 2.0 calls an asynchronous task that is kept a stateful asynchronous invocation. */
function render(task: TaskSummary, withPayload: boolean): object {
  const { service, name } = namesOf(task.function);
  const { qualifier, status, requestId, instanceId, durationMs } = task;
  return {
    ...{ serviceName: service, functionName: name, qualifier, invocationId: task.taskId, requestId, status, instanceId, durationMs },
    startedTime: task.startedTime || task.createdTime,
    endTime: task.endTime || undefined,
    alreadyRetriedTimes: task.retried,
    invocationErrorMessage: task.error,
    ...(withPayload ? { invocationPayload: task.event?.toString('utf8') ?? '', returnPayload: task.returned } : {}),
    events: task.events.map((event, index) => ({
      ...{ eventId: index + 1, status: event.status, timestamp: event.time, eventDetail: event.detail },
    })),
  };
}

function time(call: Call, name: string): number | undefined {
  const text = param(call, name);
  if (!text) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new Fault('InvalidArgument', `${name}: must be epoch milliseconds`);
  return Number(text);
}

/** GetStatefulAsyncInvocation. */
export async function getStatefulInvocation(call: Call): Promise<Answer> {
  return { status: 200, body: render(call.rooms.tasks.get(call.name, call.params.invocation ?? ''), true) };
}

/** ListStatefulAsyncInvocations: the newest 1,000 of a function. */
export async function listStatefulInvocations(call: Call): Promise<Answer> {
  const withPayload = param(call, 'includePayload') === 'true';
  const { limit, nextToken } = pageAsked(call);
  const { tasks, nextToken: next } = call.rooms.tasks.list(call.name, {
    ...{ limit, nextToken, prefix: param(call, 'invocationIdPrefix'), status: param(call, 'status'), qualifier: call.qualifier },
    startedAfter: time(call, 'startedTimeBegin'),
    startedBefore: time(call, 'startedTimeEnd'),
    order: param(call, 'sortOrderByTime') || undefined,
  });
  const shown = tasks.map((task) => render(withPayload ? call.rooms.tasks.get(call.name, task.taskId) : task, withPayload));
  return { status: 200, body: { invocations: shown, nextToken: next } };
}

/** StopStatefulAsyncInvocation. */
export async function stopStatefulInvocation(call: Call): Promise<Answer> {
  await call.rooms.tasks.stop(call.name, call.params.invocation ?? '');
  return { status: 204 };
}
