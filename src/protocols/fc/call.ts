import type { Store } from '../../buckets/index.ts';
import type { Functions } from '../../functions/index.ts';
import type { RequestContext } from '../../http/index.ts';
import type { Identity, Principal, SessionClaims, SessionCredentials } from '../../identity/index.ts';
import type { Instances } from '../../instances/index.ts';
import type { BodyBudget } from './body.ts';
import type { Operation } from './operation.ts';

/** What the dialect needs of the house. */
export interface FcRooms {
  functions: Functions;
  instances: Pick<Instances, 'invoke'>;
  identity: Pick<Identity, 'accountId' | 'credential' | 'authorize'>;
  /** Where code packages are read from that an input names by bucket and object. */
  buckets: Pick<Store, 'bucket' | 'get'>;
  region: string;
  /** A session of a function's role (ARN), for one invocation. */
  assume: (role: string | undefined, options: { sessionName: string; ttlMs: number; claims: SessionClaims }) => SessionCredentials;
}

/** One request, past its signature. */
export interface Call {
  readonly ctx: RequestContext;
  readonly rooms: FcRooms;
  readonly operation: Operation;
  readonly principal: Principal;
  /** The function in the path, or ''. */
  readonly name: string;
  /** SHA-256 of the body as it was signed, lower-case hex. */
  readonly bodySha256: string;
  /** Bytes of bodies held now, over all requests; returned at the end of this one. */
  readonly budget: BodyBudget;
}

/** What an operation answers. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  /** Bytes as they are, anything else as JSON; nothing when left out. */
  body?: Buffer | object;
}

/** The value of a query parameter, or undefined. */
export function param({ ctx }: Call, name: string): string | undefined {
  return ctx.query.find((entry) => entry.name === name)?.value;
}

/** The value of a header, or undefined. */
export function header({ ctx }: Call, name: string): string | undefined {
  const value = ctx.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
