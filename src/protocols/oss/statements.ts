import type { NamedPolicy, PolicyDocument, Statement } from '../../identity/index.ts';

/**
 * Condition keys whose fixed values make a grant to everybody a narrow one (Alibaba OSS user guide, "Block public access"). The last key is
 * Sluice's own.
 */
const narrowing = new Set([
  'acs:sourceip',
  'acs:sourcevpc',
  'acs:accessid',
  'oss:dataaccesspointarn',
  'oss:dataaccesspointaccount',
  'oss:accesspointnetworkorigin',
  'sluice:objectfcaccesspointarn',
]);
const fixing = new Set(['StringEquals', 'StringEqualsIgnoreCase', 'StringLike', 'IpAddress']);

/** Whether a statement grants something to everybody, anonymous callers included. */
export function isPublicStatement(statement: Statement): boolean {
  return statement.Effect === 'Allow' && namesEverybody(statement) && !isNarrow(statement);
}

/** Whether any statement of the policy is public. */
export function isPublicPolicy({ Statement }: PolicyDocument): boolean {
  return Statement.some(isPublicStatement);
}

function namesEverybody({ Principal, NotPrincipal }: Statement): boolean {
  if (NotPrincipal !== undefined) return true;
  const listed =
    typeof Principal === 'object' && !Array.isArray(Principal)
      ? Object.entries(Principal).flatMap(([kind, value]) => (kind === 'Service' ? [] : value))
      : ((Principal ?? []) as string | readonly string[]);
  return (typeof listed === 'string' ? [listed] : listed).some((one) => /^[*?]+$/.test(one));
}

function isNarrow({ Condition = {} }: Statement): boolean {
  return Object.entries(Condition).some(
    ([operator, keys]) =>
      fixing.has(operator) &&
      Object.entries(keys).some(([key, value]) => {
        const values = typeof value === 'string' ? [value] : value;
        return narrowing.has(key.toLowerCase()) && values.every((one) => (operator === 'IpAddress' ? isSmallNetwork(one) : isFixed(one)));
      }),
  );
}

/** A name with something in it besides wildcards. */
function isFixed(value: string): boolean {
  return /[^*?]/.test(value) && value !== 'internet';
}

/** At least a /8 of IPv4 or a /32 of IPv6. */
function isSmallNetwork(value: string): boolean {
  const bits = value.split('/')[1];
  return bits === undefined || Number(bits) >= (value.includes(':') ? 32 : 8);
}

const conditioned = new WeakMap<PolicyDocument, boolean>();

/** Whether any statement has a condition. Documents never change, so each is looked through once. */
export function hasConditions(document: PolicyDocument): boolean {
  let known = conditioned.get(document);
  if (known === undefined) {
    known = document.Statement.some(({ Condition }) => Condition !== undefined);
    conditioned.set(document, known);
  }
  return known;
}

/** The policies of one name as they count for a caller. */
interface Views {
  /** For the account: without statements about `*` that have no condition. */
  readonly owner: readonly NamedPolicy[];
  /** While public access is blocked: without public grants. */
  readonly blocked: readonly NamedPolicy[];
}

const views = new WeakMap<readonly NamedPolicy[], Views>();

/** Stands where a statement does not count, so that the others keep their numbers; no action has this name. */
const inert: Statement = Object.freeze({ Effect: 'Allow', Action: 'none', Resource: '*', Principal: '*' });

/**
 * The policies as they count for the account or for others. A statement about `*` without a condition does not speak of the owner of the
 * bucket (Alibaba OSS user guide, "Bucket policy"), and a public grant counts for nobody while public access is blocked.
 */
export function countingPolicies(policies: readonly NamedPolicy[], caller: { owner: boolean; blocked: boolean }): readonly NamedPolicy[] {
  if (policies.length === 0 || !(caller.owner || caller.blocked)) return policies;
  let known = views.get(policies);
  if (!known) {
    known = {
      owner: without(policies, (statement) => statement.Condition === undefined && isStar(statement)),
      blocked: without(policies, isPublicStatement),
    };
    views.set(policies, known);
  }
  return caller.owner ? known.owner : known.blocked;
}

function isStar({ Principal }: Statement): boolean {
  return Principal === '*' || (Array.isArray(Principal) && Principal.length > 0 && Principal.every((one) => one === '*'));
}

function without(policies: readonly NamedPolicy[], dropped: (statement: Statement) => boolean): readonly NamedPolicy[] {
  return policies.map((policy) => {
    const { Statement } = policy.document;
    if (!Statement.some(dropped)) return policy;
    const kept = Statement.map((statement) => (dropped(statement) ? inert : statement));
    return { ...policy, document: Object.freeze({ Version: '1', Statement: Object.freeze(kept) }) };
  });
}
