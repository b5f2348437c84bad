import type { Facts } from './condition.ts';
import { firstApplying, type Question, splitArn } from './evaluation.ts';
import type { Principal } from './principal.ts';
import type { Role } from './role.ts';

/** Who wants to assume a role: a service by its name, or the caller of AssumeRole. */
export type Assumer = { readonly service: string } | { readonly caller: Principal };

/** Whether a role's trust policy lets somebody assume it. Any Deny comes first. */
export function trusts(role: Role, assumer: Assumer, facts: Facts): boolean {
  const question: Question = { action: 'sts:assumerole', resource: splitArn(role.arn), ...namesOf(assumer), facts };
  return firstApplying(role.trust, 'Deny', question, true) === 0 && firstApplying(role.trust, 'Allow', question, true) > 0;
}

type Names = Pick<Question, 'principalId' | 'principalArn' | 'principalAlso'>;

/**
 * The names by which a trust policy may know an assumer: his own, his account's (which speaks of everyone in it: the vendor's
 * `acs:ram::<uid>:root`), and for a session the ARN of its role.
 */
function namesOf(assumer: Assumer): Names {
  if ('service' in assumer) return { principalId: `service:${assumer.service.toLowerCase()}`, principalArn: '' };
  const { caller } = assumer;
  const account = [caller.accountId, `acs:ram::${caller.accountId}:root`];
  const role = caller.session ? [`acs:ram::${caller.accountId}:role/${caller.session.roleName.toLowerCase()}`] : [];
  return { principalId: caller.id.toLowerCase(), principalArn: caller.arn.toLowerCase(), principalAlso: [...account, ...role] };
}
