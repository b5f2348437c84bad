import { Fault } from '../faults/index.ts';
import { Facts, type RequestContext } from './condition.ts';
import { firstApplying, type Question, splitArn } from './evaluation.ts';
import type { NamedPolicy, PolicyDocument } from './policy.ts';
import { type Principal, withinClaims } from './principal.ts';

/** One thing that a principal wants to do. Fields may be added, none will be taken away. */
export interface AccessRequest {
  readonly principal: Principal;
  /** E.g. `oss:GetObject`; case does not matter. */
  readonly action: string;
  /** E.g. `acs:oss:cn-qingdao:<uid>:bucket/key`; case matters. */
  readonly resource: string;
  /** Policies that hang on the resource. */
  readonly policies?: readonly NamedPolicy[];
  /** Bucket or alias, key and version as the request names them; needed by sessions that may read one object only. */
  readonly name?: string;
  readonly key?: string;
  readonly version?: string;
  /** Values of condition keys; a key that is missing here is unknown and fails closed. */
  readonly context?: RequestContext;
}

/**
 * The answer and what it rests on. `policy` and `statement` (from 1) are there when a statement decided; `sid` when that statement has
 * one; `attachedTo` when it is known what the policy hangs on. An implicit deny names a `policy` without a statement when that policy
 * alone stood in the way: the session policy. Fields may be added, none will be taken away.
 */
export interface Decision {
  readonly allowed: boolean;
  readonly reason: 'account' | 'allow' | 'explicit-deny' | 'implicit-deny' | 'outside-session';
  readonly policy?: string;
  readonly statement?: number;
  readonly sid?: string;
  readonly attachedTo?: string;
}

/** One policy that a decision looked at. */
export interface LookedAt {
  readonly policy: string;
  readonly attachedTo?: string;
  readonly kind: 'identity' | 'session' | 'resource';
  readonly statements: number;
}

/** A decision with every policy that it looked at, in the order of evaluation. */
export interface Explanation extends Decision {
  readonly lookedAt: readonly LookedAt[];
}

/** How messages call the policy that AssumeRole narrowed a session with. */
export const sessionPolicyName = 'the session policy';

const asAccount: Decision = Object.freeze({ allowed: true, reason: 'account' });
const implicitDeny: Decision = Object.freeze({ allowed: false, reason: 'implicit-deny' });
const outsideSession: Decision = Object.freeze({ allowed: false, reason: 'outside-session' });
const outsideSessionPolicy: Decision = Object.freeze({ allowed: false, reason: 'implicit-deny', policy: sessionPolicyName });
const nothingKnown: RequestContext = Object.freeze({});

/**
 * Decides an access request: the session's own bounds, then any explicit Deny, then the session policy, which must allow as well, then the
 * account's own right, then any Allow. Pure but for the clock, which is read only when a condition asks for acs:CurrentTime.
 */
export function decide(request: AccessRequest, accountId: string, now: () => number): Decision {
  const { principal, policies } = request;
  if (!withinClaims(principal, request)) return outsideSession;
  const owns = principal.kind === 'Account' && principal.accountId === accountId;
  if (owns && (policies === undefined || policies.length === 0)) return asAccount;
  const question: Question = {
    action: request.action.toLowerCase(),
    resource: splitArn(request.resource),
    principalId: principal.id.toLowerCase(),
    principalArn: principal.arn.toLowerCase(),
    facts: new Facts(request.context ?? nothingKnown, now),
  };
  const deny = decidedBy('Deny', request, question);
  if (deny) return deny;
  const narrowed = principal.session?.policy;
  if (narrowed && firstApplying(narrowed, 'Allow', question, false) === 0) return outsideSessionPolicy;
  if (owns) return asAccount;
  return decidedBy('Allow', request, question) ?? implicitDeny;
}

/** The same decision, with the policies that were looked at. For people; nothing on the way of a request needs it. */
export function explain(request: AccessRequest, accountId: string, now: () => number): Explanation {
  const { principal, policies = [] } = request;
  const lookedAt: LookedAt[] = principal.policies.map((document, i) => ({
    policy: nameOf(principal, i),
    ...(principal.holder === undefined ? {} : { attachedTo: principal.holder }),
    kind: 'identity',
    statements: document.Statement.length,
  }));
  const narrowed = principal.session?.policy;
  if (narrowed) lookedAt.push({ policy: sessionPolicyName, kind: 'session', statements: narrowed.Statement.length });
  for (const { name, document, attachedTo } of policies) {
    lookedAt.push({
      policy: name,
      ...(attachedTo === undefined ? {} : { attachedTo }),
      kind: 'resource',
      statements: document.Statement.length,
    });
  }
  return { ...decide(request, accountId, now), lookedAt };
}

/**
 * Decides, and turns a refusal into an error.
 * @throws Fault AccessDenied naming the principal, action, resource and the statement that decided
 */
export function authorize(request: AccessRequest, accountId: string, now: () => number): void {
  const decision = decide(request, accountId, now);
  if (!decision.allowed) throw new Fault('AccessDenied', refusal(request, decision));
}

function decidedBy(effect: 'Allow' | 'Deny', request: AccessRequest, question: Question): Decision | undefined {
  const { principal, policies } = request;
  for (let i = 0; i < principal.policies.length; i++) {
    const document = principal.policies[i] as PolicyDocument;
    const statement = firstApplying(document, effect, question, false);
    if (statement > 0) return found(effect, nameOf(principal, i), statement, document, principal.holder);
  }
  const narrowed = effect === 'Deny' ? principal.session?.policy : undefined;
  if (narrowed) {
    const statement = firstApplying(narrowed, effect, question, false);
    if (statement > 0) return found(effect, sessionPolicyName, statement, narrowed, undefined);
  }
  if (policies) {
    for (const { name, document, attachedTo } of policies) {
      const statement = firstApplying(document, effect, question, true);
      if (statement > 0) return found(effect, name, statement, document, attachedTo);
    }
  }
  return undefined;
}

function nameOf(principal: Principal, i: number): string {
  return principal.policyNames?.[i] ?? `policy ${i + 1} of ${principal.arn}`;
}

function found(
  effect: 'Allow' | 'Deny',
  policy: string,
  statement: number,
  document: PolicyDocument,
  attachedTo: string | undefined,
): Decision {
  const sid = document.Statement[statement - 1]?.Sid;
  return {
    allowed: effect === 'Allow',
    reason: effect === 'Allow' ? 'allow' : 'explicit-deny',
    policy,
    statement,
    ...(sid === undefined ? undefined : { sid }),
    ...(attachedTo === undefined ? undefined : { attachedTo }),
  };
}

function refusal({ principal, action, resource }: AccessRequest, decision: Decision): string {
  const who = principal.kind === 'Anonymous' ? 'An anonymous caller' : principal.arn;
  const start = `${who} is not allowed to ${action} on ${resource}`;
  if (decision.reason === 'explicit-deny')
    return `${start}: statement ${decision.statement} of ${decision.policy} denies it (explicit deny).`;
  if (decision.reason === 'outside-session') return `${start}: this session may only read the one object that it was issued for.`;
  if (decision.policy !== undefined) return `${start}: ${decision.policy} does not allow it (implicit deny).`;
  return `${start}: no statement allows it (implicit deny). Grant the action in a policy of the caller or of the resource.`;
}
