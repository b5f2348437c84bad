import type { Call } from './call.ts';

/** What an operation works on. */
export type Level = 'service' | 'bucket' | 'object';

/**
 * What the caller must be allowed to do the action on: all of the account's OSS, the bucket, the object, the (Object FC) access point named in
 * a header or parameter, or anything (`*`). With 'keys' the operation asks for each key itself, by authorizeKey.
 */
export type ResourceKind = 'service' | 'bucket' | 'object' | 'keys' | 'access-point' | 'object-fc' | 'any';

/** What an ACL may give to everybody. The canned ACLs give READ and WRITE of objects; nobody but the account and its policies gives the others. */
export type Permission = 'READ' | 'WRITE' | 'READ_ACP' | 'WRITE_ACP';

/** What asks for an action besides the operation's own. */
export type Besides =
  | { readonly header: string; readonly parameter?: undefined; readonly action: string }
  | { readonly parameter: string; readonly header?: undefined; readonly action: string };

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
  /** Second query parameter whose presence selects it, before a row without one. */
  readonly parameter?: string;
  /** RAM action. */
  readonly action: string;
  readonly resource: ResourceKind;
  /** Actions that a header or query parameter asks for besides, on the same resource; the value `default` of a header asks for nothing. */
  readonly also?: readonly Besides[];
  /** Header that names an object which the caller must be allowed to read (oss:GetObject) besides; the operation asks by authorizeSource. */
  readonly source?: string;
  /** The permission of an ACL that opens it. */
  readonly acl?: Permission;
  /** True when an anonymous caller may have it, by ACL or by policy; everything else needs a signature. */
  readonly anonymous?: true;
  /** True when only the body says who calls and on what key: the operation asks for admission itself, by admit. */
  readonly signedInBody?: true;
  /** True when no policy of the bucket keeps the account from it, so that nobody locks himself out. */
  readonly ownersAlways?: true;
  /** True when it also works through the alias of an access point; then it runs on the bucket behind it. */
  readonly throughAccessPoint?: boolean;
  /** True when it also works through the alias of an Object FC access point; then a function answers. */
  readonly throughObjectFc?: true;
  readonly run: (call: Call) => Promise<void> | void;
}
