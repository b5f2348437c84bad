import type { Store } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import type { Functions } from '../../functions/index.ts';
import type { RequestContext } from '../../http/index.ts';
import type { Identity, Principal, SessionClaims, SessionCredentials } from '../../identity/index.ts';
import type { Instances } from '../../instances/index.ts';
import type { Tasks } from '../../tasks/index.ts';
import type { BodyBudget } from './body.ts';
import type { ApiVersion, Operation } from './operation.ts';

/** What the dialect needs of the house. */
export interface FcRooms {
  functions: Functions;
  instances: Pick<Instances, 'invoke'> & Partial<Pick<Instances, 'stats'>>;
  /** Asynchronous invocations. */
  tasks: Tasks;
  identity: Pick<Identity, 'accountId' | 'credential' | 'authorize' | 'role' | 'putRole' | 'assume'>;
  /** Where code packages are read from that an input names by bucket and object, and where deploy tools put them. */
  buckets: Pick<Store, 'bucket' | 'get' | 'createBucket' | 'list' | 'delete' | 'deleteMany'>;
  region: string;
  /** A session of a function's role (ARN), for one invocation. */
  assume: (role: string | undefined, options: { sessionName: string; ttlMs: number; claims: SessionClaims }) => SessionCredentials;
}

/** One request, past its signature. */
export interface Call {
  readonly ctx: RequestContext;
  readonly rooms: FcRooms;
  readonly api: ApiVersion;
  readonly operation: Operation;
  readonly principal: Principal;
  /** What stands in the path where the operation has `{...}`, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** The function in the path, by its name in the house, or ''. */
  readonly name: string;
  /** The service in the path, without qualifier, or '' (2.0). */
  readonly service: string;
  /** The version or alias that is asked for: behind the service in the path (2.0), or in the query. */
  readonly qualifier: string | undefined;
  /** SHA-256 of the body as it was signed, lower-case hex; undefined where the signature covers none (2.0, classic signature). */
  readonly bodySha256: string | undefined;
  /** Bytes of bodies held now, over all requests; returned at the end of this one. */
  readonly budget: BodyBudget;
}

/** What an operation answers. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  /** The file to send instead of a body, and its bytes. */
  file?: { path: string; size: number };
  /** Bytes as they are, anything else as JSON; nothing when left out. */
  body?: Buffer | object;
}

/** The value of a query parameter, or undefined. */
export function param({ ctx }: Call, name: string): string | undefined {
  return ctx.query.find((entry) => entry.name === name)?.value;
}

/** The part of a list that is asked for, by limit, nextToken and prefix. @throws Fault InvalidArgument */
export function pageAsked(call: Call): { limit?: number; nextToken?: string; prefix?: string } {
  const limit = param(call, 'limit');
  if (limit && !/^\d{1,4}$/.test(limit)) throw new Fault('InvalidArgument', 'limit: must be 1 to 100');
  const nextToken = param(call, 'nextToken');
  const prefix = param(call, 'prefix');
  return { ...(limit ? { limit: Number(limit) } : {}), ...(nextToken ? { nextToken } : {}), ...(prefix ? { prefix } : {}) };
}

/** A time as the API writes it. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** The value of a header, or undefined. */
export function header({ ctx }: Call, name: string): string | undefined {
  const value = ctx.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
