import type { Fault } from '../faults/index.ts';
import type { PolicyDocument } from './policy.ts';

/** What a session carries beyond its role, sealed inside its token. */
export interface SessionClaims {
  /** ARN of the function (without qualifier) that the session was made for. */
  readonly function?: string;
  /** Exchange (waiting GetObject) that the session serves. */
  readonly exchange?: string;
  /** Narrows the session to oss:GetObject of this one key and version, through one of these bucket or access point names. */
  readonly read?: { readonly names: readonly string[]; readonly key: string; readonly version?: string };
  /** Object FC access points passed on the way here, outermost first. */
  readonly chain?: readonly string[];
  /** What the session was narrowed to when the role was assumed: only what both this and the role allow is allowed. */
  readonly policy?: PolicyDocument;
}

/** Whom a session rests on beyond its role; it ends when one of them goes. */
export type Issuer = `user:${string}` | `role:${string}:${string}`;

/** The session behind an AssumedRole principal; times are epoch milliseconds. */
export type Session = SessionClaims & {
  readonly roleName: string;
  readonly name: string;
  readonly expiresAt: number;
  readonly issuers?: readonly Issuer[];
};

/** Who makes a request. */
export interface Principal {
  readonly kind: 'Account' | 'RAMUser' | 'AssumedRole' | 'Anonymous';
  /** Empty for Anonymous. */
  readonly accountId: string;
  readonly id: string;
  readonly arn: string;
  /** Empty for Anonymous. */
  readonly accessKeyId: string;
  readonly policies: readonly PolicyDocument[];
  /** Names of `policies`, for messages; by position where left out. */
  readonly policyNames?: readonly string[];
  /** Whom `policies` hang on, for messages: `user alice`, `role reader`. */
  readonly holder?: string;
  readonly session?: Session;
}

/** A key that may be used, and whose it is. */
export interface Credential {
  readonly secret: string;
  readonly principal: Principal;
}

/** A key that may not be used: verify against `secret` all the same (it fits nothing), then throw `fault`. */
export interface RefusedCredential {
  readonly fault: Fault;
  readonly secret: string;
}

/** What a session gives its holder; `expiresAt` in epoch milliseconds. */
export interface SessionCredentials {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken: string;
  readonly expiresAt: number;
}

/** One object as a request names it, for the narrowing of a session. */
export interface ReadTarget {
  readonly action: string;
  /** Bucket name, access point alias or Object FC access point alias, as in the request. */
  readonly name?: string;
  readonly key?: string;
  readonly version?: string;
}

/**
 * Whether a session's `read` claim leaves room for this request; true for principals without one. Pure.
 * A target that does not say name and key is outside of every `read` claim.
 */
export function withinClaims(principal: Principal, target: ReadTarget): boolean {
  const read = principal.session?.read;
  if (!read) return true;
  const action = target.action.toLowerCase();
  return (
    (action === 'oss:getobject' || (read.version !== undefined && action === 'oss:getobjectversion')) &&
    target.key === read.key &&
    target.version === read.version &&
    target.name !== undefined &&
    read.names.includes(target.name)
  );
}
