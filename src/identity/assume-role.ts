import { Fault } from '../faults/index.ts';
import type { Account } from './account.ts';
import { decide } from './authorization.ts';
import { Facts, type RequestContext } from './condition.ts';
import { limits } from './page.ts';
import { checkPolicy, type PolicyDocument } from './policy.ts';
import type { Issuer, Principal, SessionClaims, SessionCredentials } from './principal.ts';
import { parseRoleArn, type Role, type Roles } from './role.ts';
import type { Sessions } from './session.ts';
import { trusts } from './trust.ts';

/** What a caller of AssumeRole asks for (Alibaba STS API reference, AssumeRole). */
export interface AssumeRoleRequest {
  readonly roleArn: string;
  /** 2 to 64 letters, digits and `.@-_`. */
  readonly sessionName: string;
  /** 900 to the role's maximum; 3,600 when left out. A session may open another for at most 3,600. */
  readonly durationSeconds?: number;
  /** Text of a policy that narrows the session; at most 2,048 bytes. */
  readonly policy?: string;
  readonly externalId?: string;
  /** Condition keys that are known of the request. */
  readonly context?: RequestContext;
}

export interface AssumedRole {
  readonly credentials: SessionCredentials;
  readonly role: Role;
}

const shortest = 900;
const usual = 3_600;

/**
 * Opens a session of a role for a caller, who needs sts:AssumeRole on it and the trust of the role.
 * @throws Fault NoPermission, EntityNotExist.Role, InvalidParameter.RoleArn, .RoleSessionName, .DurationSeconds, .PolicyGrammar, .PolicySize
 */
export function assumeRole(
  rooms: { account: Account; roles: Roles; sessions: Sessions },
  caller: Principal,
  request: AssumeRoleRequest,
): AssumedRole {
  const { account, roles, sessions } = rooms;
  const parsed = parseRoleArn(request.roleArn);
  if (!parsed) {
    throw new Fault('InvalidParameter.RoleArn', 'The parameter RoleArn is wrongly formed. It must read acs:ram::<account>:role/<name>.');
  }
  if (!/^[A-Za-z0-9.@_-]{2,64}$/.test(request.sessionName)) {
    throw new Fault(
      'InvalidParameter.RoleSessionName',
      'The parameter RoleSessionName is wrongly formed. It must be 2 to 64 letters, digits, ".", "@", "_" or "-".',
    );
  }
  const policy = readSessionPolicy(request.policy);
  const role = roles.get(request.roleArn);
  const facts = { ...request.context, 'sts:ExternalId': request.externalId };
  const asked = { principal: caller, action: 'sts:AssumeRole', resource: role?.arn ?? request.roleArn, context: facts };
  if (caller.kind === 'Anonymous' || !decide(asked, account.id, account.now).allowed) {
    throw refused(`${caller.arn} needs sts:AssumeRole on ${asked.resource}; AliyunSTSAssumeRoleAccess allows it on every role.`);
  }
  if (!role) throw new Fault('EntityNotExist.Role', `The role not exists: ${request.roleArn}.`);
  if (!trusts(role, { caller }, new Facts(facts, account.now))) {
    throw refused(`The trust policy of ${role.arn} does not let ${caller.arn} assume it.`);
  }
  const seconds = readDuration(request.durationSeconds, role, caller);
  const seed = {
    ...{ roleName: role.name, roleId: role.id, name: request.sessionName },
    expiresAt: (Math.floor(account.now() / 1000) + seconds) * 1000,
    claims: claimsFor(caller, policy),
    issuers: issuersOf(caller, roles),
  };
  return { credentials: sessions.mint(seed), role };
}

function refused(why: string): Fault {
  return new Fault('NoPermission', `You are not authorized to do this action. You should be authorized by RAM. ${why}`);
}

function readSessionPolicy(text: string | undefined): PolicyDocument | undefined {
  if (text === undefined || text === '') return undefined;
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.sessionPolicyBytes) {
    throw new Fault(
      'InvalidParameter.PolicySize',
      `The parameter Policy has ${bytes} bytes; at most ${limits.sessionPolicyBytes} are allowed.`,
    );
  }
  try {
    return checkPolicy(text);
  } catch (cause) {
    const why = cause instanceof Fault ? ` ${cause.message}` : '';
    throw new Fault('InvalidParameter.PolicyGrammar', `The parameter Policy has not passed grammar check.${why}`, { cause });
  }
}

function readDuration(given: number | undefined, role: Role, caller: Principal): number {
  const most = caller.kind === 'AssumedRole' ? Math.min(usual, role.maxSessionSeconds) : role.maxSessionSeconds;
  const seconds = given ?? usual;
  if (!Number.isInteger(seconds) || seconds < shortest || seconds > most) {
    throw new Fault(
      'InvalidParameter.DurationSeconds',
      `The value of DurationSeconds must be ${shortest} to ${most} for this role and caller.`,
    );
  }
  return seconds;
}

/** A session opened by another one stays in the exchange and in the chain of aliases that the other belongs to. */
function claimsFor({ session }: Principal, policy: PolicyDocument | undefined): SessionClaims {
  return {
    ...(session?.exchange === undefined ? {} : { exchange: session.exchange }),
    ...(session?.chain === undefined ? {} : { chain: session.chain }),
    ...(policy === undefined ? {} : { policy }),
  };
}

function issuersOf(caller: Principal, roles: Roles): Issuer[] {
  if (caller.kind === 'RAMUser') return [`user:${caller.id}`];
  if (!caller.session) return [];
  const { roleName, issuers = [] } = caller.session;
  return [...issuers, `role:${roleName.toLowerCase()}:${roles.need(roleName).id}`];
}
