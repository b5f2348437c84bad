import type { Call } from './call.ts';

/** What an operation works on. */
export type Level = 'service' | 'bucket' | 'object';

/**
 * What the caller must be allowed to do the action on: all of the account's OSS, the bucket, the object, the (Object FC) access point named in
 * a header, or anything (`*`). With 'keys' the operation asks for each key itself, by authorizeKey.
 */
export type ResourceKind = 'service' | 'bucket' | 'object' | 'keys' | 'access-point' | 'object-fc' | 'any';

/** One row of the operation table. */
export interface Operation {
  /** The vendor's name: in NotImplemented messages, the access log, metrics. */
  readonly name: string;
  readonly level: Level;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Query parameter whose presence selects it. */
  readonly selector?: string;
  /** Header whose presence selects it, before a row without one. */
  readonly header?: string;
  /** RAM action. */
  readonly action: string;
  readonly resource: ResourceKind;
  /** True when it also works through the alias of an access point; then it runs on the bucket behind it. */
  readonly throughAccessPoint?: boolean;
  readonly run: (call: Call) => Promise<void> | void;
}
