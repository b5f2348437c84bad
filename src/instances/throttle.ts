import { Fault } from '../faults/index.ts';

/** What a function has while calls wait for it. */
export interface Shortage {
  name: string;
  /** The function's own limit on instances. */
  maxInstances: number;
  instanceConcurrency: number;
  /** Instances that it has. */
  holding: number;
  /** Those of them that are being started. */
  starting: number;
  /** Instances that all functions together may have. */
  overall: number;
}

/** Too many calls wait already. */
export function fullLine(shortage: Shortage, queue: number): Fault {
  return new Fault(
    'ResourceThrottled',
    `${shortage.name}: ${queue} calls wait already, or 256 MiB of events (maxQueue). ${cause(shortage)}`,
  );
}

/** A call waited for an instance until its deadline. */
export function lateCall(shortage: Shortage, waitedMs: number): Fault {
  const seconds = Math.round(waitedMs / 100) / 10;
  return new Fault('ResourceExhausted', `${shortage.name}: no instance became free in ${seconds} seconds. ${cause(shortage)}`);
}

/** Which limit holds, and what to change. */
function cause({ holding, starting, maxInstances, instanceConcurrency, overall }: Shortage): string {
  if (holding > 0 && holding === starting) return `Its ${holding} instances are still starting; look for a slow import or initializer.`;
  const each = instanceConcurrency === 1 ? '' : ` with ${instanceConcurrency} calls each`;
  if (holding >= maxInstances) {
    return `All ${maxInstances} instances that the function may have are busy${each}: make it faster, or raise its limit of instances or instanceConcurrency.`;
  }
  return `It has ${holding} instances${each}, and the server's limit of ${overall} over all functions is reached: raise maxInstances.`;
}
