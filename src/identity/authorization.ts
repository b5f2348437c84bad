import { Fault } from '../faults/index.ts';
import { Facts, type RequestContext } from './condition.ts';
import { firstApplying, type Question, splitArn } from './evaluation.ts';
import type { NamedPolicy, PolicyDocument } from './policy.ts';
import { type Principal, withinClaims } from './principal.ts';

/** One thing that a principal wants to do. */
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

/** The answer and what it rests on; `policy` and `statement` (from 1) are there when a statement decided. */
export interface Decision {
  readonly allowed: boolean;
  readonly reason: 'account' | 'allow' | 'explicit-deny' | 'implicit-deny' | 'outside-session';
  readonly policy?: string;
  readonly statement?: number;
}

const asAccount: Decision = Object.freeze({ allowed: true, reason: 'account' });
const implicitDeny: Decision = Object.freeze({ allowed: false, reason: 'implicit-deny' });
const outsideSession: Decision = Object.freeze({ allowed: false, reason: 'outside-session' });
const nothingKnown: RequestContext = Object.freeze({});

/**
 * Decides an access request: the session's own bounds, then any explicit Deny, then the account's own right, then any Allow.
 * Pure but for the clock, which is read only when a condition asks for acs:CurrentTime.
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
  if (owns) return asAccount;
  return decidedBy('Allow', request, question) ?? implicitDeny;
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
    const statement = firstApplying(principal.policies[i] as PolicyDocument, effect, question, false);
    if (statement > 0) return found(effect, principal.policyNames?.[i] ?? `policy ${i + 1} of ${principal.arn}`, statement);
  }
  if (policies) {
    for (const { name, document } of policies) {
      const statement = firstApplying(document, effect, question, true);
      if (statement > 0) return found(effect, name, statement);
    }
  }
  return undefined;
}

function found(effect: 'Allow' | 'Deny', policy: string, statement: number): Decision {
  return { allowed: effect === 'Allow', reason: effect === 'Allow' ? 'allow' : 'explicit-deny', policy, statement };
}

function refusal({ principal, action, resource }: AccessRequest, decision: Decision): string {
  const who = principal.kind === 'Anonymous' ? 'An anonymous caller' : principal.arn;
  const start = `${who} is not allowed to ${action} on ${resource}`;
  if (decision.reason === 'explicit-deny')
    return `${start}: statement ${decision.statement} of ${decision.policy} denies it (explicit deny).`;
  if (decision.reason === 'outside-session') return `${start}: this session may only read the one object that it was issued for.`;
  return `${start}: no statement allows it (implicit deny). Grant the action in a policy of the caller or of the resource.`;
}
