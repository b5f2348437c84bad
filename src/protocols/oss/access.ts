import type { AccessRequest, Decision, Identity, NamedPolicy, Principal, RequestContext } from '../../identity/index.ts';
import { countingPolicies } from './statements.ts';

/** A name that a request goes through, with what hangs on it. Each must allow the request. */
export interface Side {
  readonly kind: 'object-fc' | 'access-point' | 'bucket';
  /** ARN of what is asked for, by this name. */
  readonly resource: string;
  readonly policies: readonly NamedPolicy[];
}

/** What decided: the kind of thing, as `policy explain` names it. */
export type Source =
  | 'account'
  | 'session'
  | 'ram-policy'
  | 'bucket-policy'
  | 'access-point-policy'
  | 'object-fc-policy'
  | 'bucket-acl'
  | 'object-acl'
  | 'public-access-block'
  | 'anonymous-access'
  | 'network-origin'
  | 'nothing';

/** The answer of one side, or of all. */
export interface Verdict {
  readonly allowed: boolean;
  readonly reason: 'account' | 'allow' | 'explicit-deny' | 'implicit-deny';
  readonly source: Source;
  /** ARN of the name that decided. */
  readonly resource: string;
  /** The policy whose statement decided, by name, and the statement's number from 1. */
  readonly policy?: string;
  readonly statement?: number;
  readonly sid?: string;
  readonly attachedTo?: string;
}

/** What an ACL says about the object or bucket at hand. */
export interface AclAnswer {
  readonly source: 'bucket-acl' | 'object-acl';
  readonly opens: boolean;
}

/** One request as it is decided. */
export interface Access {
  readonly principal: Principal;
  readonly action: string;
  /** Outermost first; the bucket is last. */
  readonly sides: readonly Side[];
  /** Bucket or alias, key and version as the request names them. */
  readonly name?: string | undefined;
  readonly key?: string | undefined;
  readonly version?: string | undefined;
  readonly context: RequestContext;
  /** Public access is blocked for one of the names, or for the account. */
  readonly blocked: boolean;
  /** What the ACL says; asked only when nothing else allows. */
  readonly acl: () => AclAnswer | undefined;
  /** AllowAnonymousAccessForObjectProcess of the Object FC access point on the way. */
  readonly allowAnonymous: boolean;
}

type Decider = Pick<Identity, 'decide' | 'accountId'>;

const policySource = { 'object-fc': 'object-fc-policy', 'access-point': 'access-point-policy', bucket: 'bucket-policy' } as const;

/** True for the account that owns everything here. */
export function isOwner(identity: Pick<Identity, 'accountId'>, principal: Principal): boolean {
  return principal.kind === 'Account' && principal.accountId === identity.accountId;
}

/**
 * Decides a request over all sources together: an explicit Deny on any side first; then every side must allow it, by the account's own right,
 * a policy of the caller, the policy that hangs on the side, or, for the bucket, an ACL. A caller's policy that allows the access point allows
 * the bucket behind it, too: both belong to the account that the policy speaks for. Reads records, changes nothing.
 */
export function decideAccess(identity: Decider, access: Access): Verdict {
  const decisions: Decision[] = [];
  for (const side of access.sides) {
    const decision = identity.decide(questionOf(identity, access, side));
    if (isFinal(decision)) return verdictOf(side, decision);
    decisions.push(decision);
  }
  if (decisions.every(({ allowed }) => allowed)) return granted(access.sides, decisions);
  const verdicts = access.sides.map((side, i) => allowOf(identity, access, side, decisions[i] as Decision, access.sides[i - 1]));
  const refused = verdicts.find(({ allowed }) => !allowed);
  if (refused) return blockedInstead(identity, access) ?? refused;
  // What names a statement says more than the account's right.
  return verdicts.findLast(({ statement }) => statement !== undefined) ?? (verdicts.at(-1) as Verdict);
}

/** The verdict of sides that all allow by themselves, which is nearly every request. */
function granted(sides: readonly Side[], decisions: readonly Decision[]): Verdict {
  const found = decisions.findLastIndex(({ statement }) => statement !== undefined);
  const at = found < 0 ? sides.length - 1 : found;
  return verdictOf(sides[at] as Side, decisions[at] as Decision);
}

/** What every side says by itself, for people. */
export function explainSides(identity: Decider, access: Access): Verdict[] {
  return access.sides.map((side, i) => {
    const decision = identity.decide(questionOf(identity, access, side));
    return isFinal(decision) ? verdictOf(side, decision) : allowOf(identity, access, side, decision, access.sides[i - 1]);
  });
}

function questionOf(identity: Decider, access: Access, { resource, policies }: Side): AccessRequest {
  const { principal, action, name, key, version, context, blocked } = access;
  const counting = policies.length === 0 ? policies : countingPolicies(policies, { owner: isOwner(identity, principal), blocked });
  return { principal, action, resource, context, policies: counting, name, key, version };
}

/** Nothing on another side can turn it over. */
function isFinal({ reason }: Decision): boolean {
  return reason === 'explicit-deny' || reason === 'outside-session';
}

/** A session policy that does not allow what is asked for. */
function isNarrowed(decision: Decision): boolean {
  return decision.reason === 'implicit-deny' && decision.policy !== undefined;
}

function verdictOf(side: Side, decision: Decision): Verdict {
  const { allowed, reason, policy, statement, sid, attachedTo } = decision;
  return {
    allowed,
    reason: reason === 'outside-session' ? 'implicit-deny' : reason,
    source: sourceOf(side, decision),
    resource: side.resource,
    ...(policy !== undefined && { policy }),
    ...(statement !== undefined && { statement }),
    ...(sid !== undefined && { sid }),
    ...(attachedTo !== undefined && { attachedTo }),
  };
}

function sourceOf(side: Side, decision: Decision): Source {
  const { reason, policy } = decision;
  if (reason === 'account') return 'account';
  if (reason === 'outside-session' || isNarrowed(decision) || policy === 'the session policy') return 'session';
  if (policy === undefined) return 'nothing';
  return side.policies.some(({ name }) => name === policy) ? policySource[side.kind] : 'ram-policy';
}

/** What allows a side that nothing denies. */
function allowOf(identity: Decider, access: Access, side: Side, decision: Decision, outer: Side | undefined): Verdict {
  if (decision.allowed) return verdictOf(side, decision);
  if (side.kind === 'bucket' && outer?.kind === 'access-point') {
    const carried = identity.decide({ ...questionOf(identity, access, outer), policies: [] });
    if (carried.allowed) return verdictOf({ ...outer, policies: [] }, carried);
  }
  if (isNarrowed(decision)) return verdictOf(side, decision);
  if (side.kind === 'object-fc' && access.allowAnonymous && !access.blocked && access.principal.kind === 'Anonymous') {
    return { allowed: true, reason: 'allow', source: 'anonymous-access', resource: side.resource };
  }
  const acl = side.kind === 'bucket' ? access.acl() : undefined;
  if (acl?.opens && !access.blocked) return { allowed: true, reason: 'allow', source: acl.source, resource: side.resource };
  return { ...verdictOf(side, decision), ...(acl && { source: acl.source }) };
}

/** The verdict that names the block, where the request would be allowed without it. */
function blockedInstead(identity: Decider, access: Access): Verdict | undefined {
  if (!access.blocked) return undefined;
  const open = decideAccess(identity, { ...access, blocked: false });
  if (!open.allowed) return undefined;
  return { allowed: false, reason: 'implicit-deny', source: 'public-access-block', resource: open.resource };
}
