import { Fault } from '../faults/index.ts';
import type { InvocationResult } from '../instances/index.ts';

/** Why a client that is still without an answer gets none, from how the function ended. */
export function faultOfResult(result: InvocationResult, requestId: string): Fault {
  const { failure } = result;
  const where = `function request id ${requestId}, instance ${result.instanceId}`;
  if (!failure) return new Fault('FunctionResponseMissing', `The function returned without calling WriteGetObjectResponse (${where}).`);
  if (failure.kind === 'timeout') return new Fault('FunctionTimeout', `${failure.message} (${where})`);
  const type = errorTypeOf(result.payload);
  const what = type === '' ? failure.message : `${type}: ${failure.message}`;
  return new Fault('FunctionInvocationError', `The function failed before it called WriteGetObjectResponse: ${what} (${where})`);
}

const longestErrorJson = 65_536;

/** errorType of the error JSON that a function's runtime made, e.g. `ValueError`. */
function errorTypeOf(payload: Buffer): string {
  if (payload.length > longestErrorJson) return '';
  try {
    const { errorType } = JSON.parse(payload.toString()) as { errorType?: unknown };
    return typeof errorType === 'string' ? errorType.slice(0, 100) : '';
  } catch {
    return '';
  }
}

/** What an invocation that could not be made means for the client. */
export function faultOfInvoke(error: unknown): Fault {
  if (!(error instanceof Fault)) return new Fault('InternalError', undefined, { cause: error });
  if (error.code === 'ResourceThrottled' || error.code === 'ResourceExhausted') {
    return new Fault('FunctionThrottled', error.message, { cause: error, headers: { 'Retry-After': '1' } });
  }
  if (error.code === 'FunctionNotStarted' || error.code === 'FunctionInvocationDisabled') {
    return new Fault('FunctionInvocationError', error.message, { cause: error });
  }
  return error;
}
