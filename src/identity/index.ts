/**
 * Who makes a request, and may he: the account, RAM users, access keys, roles, managed policies, sealed STS sessions and the evaluation of
 * policies. It verifies no signatures, speaks no wire dialect and stores no policy of a bucket or access point.
 * The dialects call it for every request; transforms and instances take the sessions of functions from it, admin and sts administer it.
 */
export type { AccessKey, AccessKeys, ShownKey } from './accesskey.ts';
export type { AssumedRole, AssumeRoleRequest } from './assume-role.ts';
export type { AccessRequest, Decision, Explanation, LookedAt } from './authorization.ts';
export type { RequestContext } from './condition.ts';
export { openIdentity } from './identity.ts';
export type { RootKey } from './keyfile.ts';
export type { Attachment, Holder, ManagedPolicies, ManagedPolicy } from './managed-policy.ts';
export { Nonces } from './nonces.ts';
export type { Page, PageQuery } from './page.ts';
export { checkPolicy, type NamedPolicy, type PolicyDocument, type PolicyKind, parsePolicy, type Statement } from './policy.ts';
export type { AssumeOptions, Identity, IdentityOptions, Named } from './port.ts';
export type {
  Credential,
  Principal,
  ReadTarget,
  RefusedCredential,
  Session,
  SessionClaims,
  SessionCredentials,
} from './principal.ts';
export { parseRoleArn, type Role, type Roles } from './role.ts';
export type { ShownSealingKey } from './sealing.ts';
export type { User, Users } from './user.ts';
