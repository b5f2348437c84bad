/**
 * Who makes a request, and may he: the account, access keys, roles, sealed STS sessions and the evaluation of policies.
 * It verifies no signatures, speaks no wire dialect and stores no policy of a bucket or access point.
 * The dialects call it for every request; transforms and instances take the sessions of functions from it.
 */
export type { AccessKey } from './accesskey.ts';
export type { AccessRequest, Decision } from './authorization.ts';
export type { RequestContext } from './condition.ts';
export { type AssumeOptions, type Identity, type IdentityOptions, openIdentity } from './identity.ts';
export type { RootKey } from './keyfile.ts';
export { type NamedPolicy, type PolicyDocument, type PolicyKind, parsePolicy, type Statement } from './policy.ts';
export type {
  Credential,
  Principal,
  ReadTarget,
  RefusedCredential,
  Session,
  SessionClaims,
  SessionCredentials,
} from './principal.ts';
export { parseRoleArn, type Role } from './role.ts';
