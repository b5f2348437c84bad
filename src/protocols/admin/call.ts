import type { RequestContext } from '../../http/index.ts';
import type { RequestContext as Conditions, Identity, Principal } from '../../identity/index.ts';
import type { FunctionOutput, InvocationStore } from '../../telemetry/index.ts';
import type { Explained } from './explain.ts';
import type { Operation } from './operation.ts';

/** What the admin API needs of the house. */
export interface ApiRooms {
  readonly identity: Identity;
  /** What functions printed last; nothing is known of it without. */
  readonly output?: Pick<FunctionOutput, 'since'>;
  /** Records of requests through Object FC access points; none are kept without. */
  readonly records?: InvocationStore | undefined;
  /** Whether the server is about to end; streams then end too. */
  readonly draining?: () => boolean;
  readonly region: string;
  /**
   * Decides about a resource with everything that hangs on it, e.g. bucket policies and ACLs; undefined for resources that it does not know,
   * which are then decided by the policies of the caller alone.
   */
  readonly explain?: (question: { principal: Principal; action: string; resource: string; context: Conditions }) => Explained | undefined;
}

/** One request, past its signature and its permission. */
export interface Call {
  readonly ctx: RequestContext;
  readonly rooms: ApiRooms;
  readonly operation: Operation;
  readonly principal: Principal;
  /** Values of the `{...}` segments of the path, in order. */
  readonly names: readonly string[];
  /** The body as JSON; undefined when there is none. */
  readonly body: unknown;
}

/** What an operation answers; 204 without a body. */
export type Answer = object | undefined;

/** The operation has written its answer itself. */
export const streamed: object = Object.freeze({});

/** The value of a query parameter, or undefined. */
export function param({ ctx }: Pick<Call, 'ctx'>, name: string): string | undefined {
  return ctx.query.find((entry) => entry.name === name)?.value;
}
