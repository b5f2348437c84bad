import type { Metadata } from '../metadata/index.ts';
import type { AccessKey, AccessKeys } from './accesskey.ts';
import type { AssumedRole, AssumeRoleRequest } from './assume-role.ts';
import type { AccessRequest, Decision, Explanation } from './authorization.ts';
import type { RootKey } from './keyfile.ts';
import type { ManagedPolicies } from './managed-policy.ts';
import type { Credential, Principal, RefusedCredential, SessionClaims, SessionCredentials } from './principal.ts';
import type { Role, Roles } from './role.ts';
import type { ShownSealingKey } from './sealing.ts';
import type { Users } from './user.ts';

export interface IdentityOptions {
  readonly metadata: Metadata;
  /** Digits; made at first start when left out. A data folder keeps the account it was first opened with. */
  readonly accountId?: string;
  /** The account's own key; else the one in `keyFile`, made at first start. */
  readonly rootKey?: RootKey;
  /** Where the sealing keys and a made root key are kept, mode 0600. */
  readonly keyFile: string;
  /** Epoch milliseconds; the wall clock when left out. */
  readonly now?: () => number;
  /** Told when background work failed. */
  readonly onProblem?: (error: unknown) => void;
}

export interface AssumeOptions {
  /** 1 to 64 characters of letters, digits and `.@_-`. */
  readonly sessionName: string;
  /** At most 36 hours. */
  readonly ttlMs: number;
  readonly claims?: SessionClaims;
  /** Kept in memory instead of sealed: ten times cheaper, ends with release() or the process. For sessions that serve one request. */
  readonly lent?: boolean;
  /** The service that assumes the role, e.g. fc.aliyuncs.com; the role's trust policy must name it. Not checked when left out. */
  readonly service?: string;
}

/** Whom a question is asked about, e.g. by `policy explain`. */
export type Named =
  | { readonly kind: 'user' | 'role'; readonly name: string }
  | { readonly kind: 'key'; readonly name: string }
  | { readonly kind: 'account' | 'anonymous' };

export interface Identity {
  readonly accountId: string;
  readonly rootKeyId: string;
  readonly anonymous: Principal;
  readonly users: Users;
  readonly keys: AccessKeys;
  readonly roles: Roles;
  readonly policies: ManagedPolicies;
  /**
   * Whose key this is. Never throws for a bad key: the caller verifies against the dummy secret, which costs the same, and then
   * throws `fault` (InvalidAccessKeyId, InvalidSecurityToken, SecurityTokenExpired, UserDisable). An empty token counts as none.
   * What it says is true of this moment: nothing that was deleted, disabled or changed before is remembered.
   */
  credential(accessKeyId: string, securityToken: string | undefined): Credential | RefusedCredential;
  role(nameOrArn: string): Role | undefined;
  /** Writes a role with inline policies; its sessions have the new policies at their next request. */
  putRole(role: { name: string; trust: Role['trust']; policies: Role['policies'] }): Promise<Role>;
  /** Writes an access key, new or changed. */
  putAccessKey(key: AccessKey): Promise<void>;
  /**
   * A session of a role for the server itself or a service, sealed into its token. The token is shorter than 1,000 characters unless the
   * claims are long (a key of 1,023 bytes makes it about 2,000).
   * @throws Fault EntityNotExist.Role, AccessDenied when the trust policy does not name the service, InvalidArgument
   */
  assume(roleNameOrArn: string, options: AssumeOptions): SessionCredentials;
  /** A session of a role for a caller, as AssumeRole gives it. @throws Fault NoPermission, EntityNotExist.Role, InvalidParameter.* */
  assumeRole(caller: Principal, request: AssumeRoleRequest): AssumedRole;
  /** @throws Fault AccessDenied naming principal, action, resource and the statement that decided; explicit Deny comes first */
  authorize(request: AccessRequest): void;
  /** The same decision as a value, with the statement that made it. */
  decide(request: AccessRequest): Decision;
  /** The same decision, with every policy that was looked at; it does not count as a use of the key. */
  explain(request: AccessRequest): Explanation;
  /** Who somebody would be, with his policies as they are now. @throws Fault EntityNotExist.User, .Role, .User.AccessKey */
  principal(named: Named): Principal;
  /** Notes that a key was used. authorize and decide do so themselves; this is for operations that ask for no permission. */
  used(principal: Principal, action: string): void;
  /** Ends a lent session at once, by its security token. */
  release(securityToken: string): void;
  /** Whether the role's own policies allow an action, e.g. fc:InvokeFunction for FunctionAssumeRoleArn. */
  roleAllows(roleNameOrArn: string, action: string, resource: string): boolean;
  /** The keys that seal sessions, the current one first; never the keys themselves. */
  sealingKeys(): ShownSealingKey[];
  /** Seals new sessions with a new key. Old sessions stay until they expire, or end at once with `dropOld`. @throws Fault LimitExceeded */
  rotateSealingKey(options?: { dropOld?: boolean }): Promise<ShownSealingKey[]>;
  /** Writes down when keys were last used. */
  close(): Promise<void>;
}
