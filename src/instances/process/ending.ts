import { errorPayload, type FailureKind } from '../invocation.ts';

/** What is known of the end of an instance's process. */
export interface Ending {
  /** Exit code, where it ended by itself. */
  code?: number | null;
  /** Name of the signal that ended it. */
  signal?: string | null;
  /** The machine counted its memory and ended it for that. */
  outOfMemory?: boolean;
  /** Why the wall ended it, for the user: "it wrote more than 512 MB to its disk". */
  breach?: string | undefined;
}

/** A failure in the vendor's words, before it belongs to an invocation. */
export interface Explanation {
  kind: FailureKind;
  message: string;
  payload: Buffer;
  /** The function gave the error to its callback instead of throwing it. */
  handled?: boolean;
}

/** A process that the kernel killed with this share of its memory in use was killed for that, as far as anybody can tell. */
const nearLimit = 0.9;
/** 128 and SIGKILL, as a shell or a wrapper reports it. */
const killedCode = 137;

/**
 * Why an invocation ended with its process ("Process exited unexpectedly" is the vendor's wording).
 * @param ours whether the server itself ended the process: then a SIGKILL says nothing of memory
 */
export function explainExit(about: {
  ending: Ending;
  durationMs: number;
  maxMemoryMb: number;
  memoryMb: number;
  ours: boolean;
}): Explanation {
  const { ending, maxMemoryMb, memoryMb, ours } = about;
  if (ending.breach !== undefined) {
    const message = `The instance was ended by the server: ${ending.breach}`;
    return { kind: 'exited', message, payload: errorPayload(message, 'FunctionOutOfDisk') };
  }
  const killed = !ours && (ending.signal === 'SIGKILL' || ending.code === killedCode);
  if (ending.outOfMemory || (killed && maxMemoryMb >= memoryMb * nearLimit)) return explainMemory(memoryMb, maxMemoryMb);
  const duration = Math.round(about.durationMs);
  const message = `Process exited unexpectedly before completing request (duration: ${duration}ms, maxMemoryUsage: ${maxMemoryMb}MB)`;
  return { kind: 'exited', message, payload: errorPayload(message) };
}

/** The instance needed more memory than the function has. */
export function explainMemory(memoryMb: number, maxMemoryMb: number): Explanation {
  const message = `Function ran out of memory: its limit is ${memoryMb} MB (maxMemoryUsage: ${maxMemoryMb}MB). Raise memorySize or use less`;
  return { kind: 'out-of-memory', message, payload: errorPayload(message, 'FunctionOutOfMemory') };
}

/** The invocation took longer than the function's timeout, or than its caller waits. */
export function explainTimeout(limitMs: number): Explanation {
  const message = `Function timed out after ${Math.round(limitMs / 100) / 10} seconds`;
  return { kind: 'timeout', message, payload: errorPayload(message) };
}

/** Another invocation on the same instance brought it down. */
export function explainNeighbour(cause: string): Explanation {
  const message = `The instance was ended because of another request that ran on it at the same time: ${cause}`;
  return { kind: 'exited', message, payload: errorPayload(message, 'InstanceEnded') };
}
