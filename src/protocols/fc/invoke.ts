import { Fault } from '../../faults/index.ts';
import type { InvocationResult } from '../../instances/index.ts';
import { readBody } from './body.ts';
import { type Answer, type Call, header } from './call.ts';

/** How long the credentials of an invocation outlive its timeout. */
const spareMs = 15 * 60_000;

/**
 * InvokeFunction. Synchronous: whatever the function does is HTTP 200; a failure of its own is told by x-fc-error-type. Asynchronous: HTTP
 * 202 once the event is kept (Function Compute 3.0 API reference, "InvokeFunction").
 */
export async function invokeFunction(call: Call): Promise<Answer> {
  const { ctx, rooms, principal } = call;
  if (typeOf(call) === 'async') return submit(call);
  const fn = rooms.functions.resolve(call.name, call.qualifier);
  const event = await readBody(call);
  const chain = principal.session?.chain;
  const credentials = rooms.assume(fn.role, {
    sessionName: ctx.id,
    ttlMs: fn.timeoutMs + spareMs,
    claims: { function: fn.arn, ...(chain ? { chain } : {}) },
  });
  const result = await rooms.instances.invoke(fn, {
    requestId: ctx.id,
    event,
    credentials,
    signal: ctx.signal,
    logTail: header(call, 'x-fc-log-type')?.toLowerCase() === 'tail',
  });
  ctx.note.function = fn.name;
  ctx.note.coldStart = result.coldStart;
  return answerOf(result, rooms.functions.get(fn.name, fn.versionId)?.codeChecksum, fn.versionId);
}

async function submit(call: Call): Promise<Answer> {
  const { ctx, rooms, principal } = call;
  const qualifier = call.qualifier ?? '';
  // Before the body: what cannot be invoked is refused at once.
  rooms.functions.resolve(call.name, qualifier);
  const event = await readBody(call);
  const taskId = header(call, 'x-fc-async-task-id') ?? header(call, 'x-fc-stateful-async-invocation-id');
  const { chain } = principal.session ?? {};
  const task = await rooms.tasks.submit({ function: call.name, qualifier, requestId: ctx.id, taskId, event, chain });
  ctx.note.function = call.name;
  const named = call.api === '2023-03-30' ? 'x-fc-async-task-id' : 'x-fc-stateful-async-invocation-id';
  return { status: 202, headers: { [named]: task.taskId } };
}

function typeOf(call: Call): 'sync' | 'async' {
  const type = header(call, 'x-fc-invocation-type')?.toLowerCase() ?? 'sync';
  if (type !== 'sync' && type !== 'async') throw new Fault('InvalidArgument', 'x-fc-invocation-type: must be Sync or Async');
  const log = header(call, 'x-fc-log-type')?.toLowerCase() ?? 'none';
  if (log !== 'none' && log !== 'tail') throw new Fault('InvalidArgument', 'x-fc-log-type: must be None or Tail');
  return type;
}

function answerOf(result: InvocationResult, checksum: string | undefined, version: string): Answer {
  const headers: Record<string, string> = {
    'Content-Type': result.failure ? 'application/json' : 'application/octet-stream',
    'x-fc-instance-id': result.instanceId,
    'x-fc-invocation-duration': String(Math.ceil(result.durationMs)),
    'x-fc-max-memory-usage': String(Math.ceil(result.maxMemoryMb)),
    'x-fc-invocation-service-version': version,
  };
  if (checksum !== undefined) headers['x-fc-code-checksum'] = checksum;
  if (result.failure) headers['x-fc-error-type'] = result.failure.errorType;
  if (result.logTail !== undefined) headers['x-fc-log-result'] = Buffer.from(result.logTail).toString('base64');
  return { status: 200, headers, body: result.payload };
}
