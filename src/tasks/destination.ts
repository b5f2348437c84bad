import type { Task } from './task.ts';

const returnedBytes = 32 * 1024;
const payloadBytes = 64 * 1024;

/** The function that a destination names by ARN; undefined for queues and topics, which are not carried out. */
export function functionOf(destination: string): string | undefined {
  return /^acs:fc:[^:]*:[^:]*:(functions|services)\/.+/.test(destination) ? destination : undefined;
}

/** What a destination is told of a task (Function Compute, "Configure a destination for an asynchronous invocation"). */
export function destinationEvent(task: Task, event: Buffer): Buffer {
  const failed = task.error !== '';
  return Buffer.from(
    JSON.stringify({
      timestamp: task.endTime,
      requestContext: {
        requestId: task.requestId,
        functionArn: task.functionArn,
        condition: task.status === 'Expired' ? 'AsyncEventExpired' : failed ? 'UnhandledInvocationError' : '',
        approximateInvokeCount: task.retried + 1,
      },
      requestPayload: event.subarray(0, payloadBytes).toString('utf8'),
      responseContext: { statusCode: 200, functionError: failed ? 'UnhandledInvocationError' : '' },
      responsePayload: task.returned.slice(0, returnedBytes),
    }),
  );
}
