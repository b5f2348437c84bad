/**
 * Function instances: starts them behind the wall of a user of their own, pools them, gives them events, kills and counts them.
 * It knows nothing of objects, exchanges or HTTP, and decides neither which function runs nor what its answer means.
 * main opens it; transforms (through main) and the Function Compute dialect invoke through it.
 */

export type { ImageMark, Plan as ImagePlan, Step as ImageStep, Watermark } from './builtin/image/plan.ts';
export { sourceBytes as imageSourceBytes } from './builtin/image/plan.ts';
export type { ImageOrder } from './builtin/images.ts';
export type { RuntimeReadiness } from './engine.ts';
export { RuntimeApi, type RuntimeLine } from './go/runtime-api.ts';
export {
  findInterpreter,
  type Instances,
  type InstancesOptions,
  type InstancesStats,
  openInstances,
} from './instances.ts';
export type { Credentials, DirectAnswer, Failure, FailureKind, Invocation, InvocationResult, SessionCredentials } from './invocation.ts';
export { maxPayloadBytes } from './invocation.ts';
export type { InstanceState } from './life.ts';
export type { Interpreter } from './process/interpreter.ts';
export type { Reply as RuntimeReply } from './program/transport.ts';
export { SandboxError } from './sandbox/sandbox.ts';
