import { compileCondition, type Facts, type Verdict } from './condition.ts';
import type { OneOrMany, PolicyDocument, PrincipalElement, Statement } from './policy.ts';
import { compileWildcard, type Matcher } from './wildcard.ts';

/** A request made ready for many statements: action and principal lower-case, resource split at its first four colons. */
export interface Question {
  readonly action: string;
  readonly resource: readonly string[];
  readonly principalId: string;
  readonly principalArn: string;
  /** Further names of the principal, lower-case; a role's trust policy knows a user by his account as well. */
  readonly principalAlso?: readonly string[];
  readonly facts: Facts;
}

interface CompiledStatement {
  /** Position in the document, from 1. */
  readonly number: number;
  readonly deny: boolean;
  readonly action: (action: string) => boolean;
  readonly resource: (resource: readonly string[]) => Verdict;
  /** Absent in policies of users and roles. */
  readonly principal: ((question: Question) => boolean) | undefined;
  readonly condition: ((facts: Facts) => Verdict) | undefined;
}

interface CompiledPolicy {
  readonly denies: readonly CompiledStatement[];
  readonly allows: readonly CompiledStatement[];
}

const compiled = new WeakMap<PolicyDocument, CompiledPolicy>();

/**
 * The number (from 1) of the first Deny or Allow statement of the document that applies, or 0. Documents are compiled once and
 * must not change afterwards.
 * @param ofResource the document hangs on a resource, so that statements must name the principal
 */
export function firstApplying(document: PolicyDocument, effect: 'Allow' | 'Deny', question: Question, ofResource: boolean): number {
  let policy = compiled.get(document);
  if (!policy) {
    policy = compilePolicy(document);
    compiled.set(document, policy);
  }
  const statements = effect === 'Deny' ? policy.denies : policy.allows;
  for (const statement of statements) if (applies(statement, question, ofResource)) return statement.number;
  return 0;
}

/** Splits an ARN at its first four colons; the last part keeps its own. */
export function splitArn(arn: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (let i = 0; i < 4; i++) {
    const colon = arn.indexOf(':', from);
    if (colon < 0) break;
    parts.push(arn.slice(from, colon));
    from = colon + 1;
  }
  parts.push(arn.slice(from));
  return parts;
}

function applies(statement: CompiledStatement, question: Question, ofResource: boolean): boolean {
  if (!statement.action(question.action)) return false;
  const resource = statement.resource(question.resource);
  if (resource === 'unmet') return false;
  // A statement that cannot be judged fails closed: an Allow falls away, a Deny holds.
  let unknown = resource === 'unknown';
  if (ofResource) {
    if (!statement.principal) unknown = true;
    else if (!statement.principal(question)) return false;
  }
  if (statement.condition) {
    const verdict = statement.condition(question.facts);
    if (verdict === 'unmet') return false;
    if (verdict === 'unknown') unknown = true;
  }
  return unknown ? statement.deny : true;
}

function compilePolicy(document: PolicyDocument): CompiledPolicy {
  const all = document.Statement.map(compileStatement);
  return { denies: all.filter((one) => one.deny), allows: all.filter((one) => !one.deny) };
}

function compileStatement(statement: Statement, index: number): CompiledStatement {
  return {
    number: index + 1,
    deny: statement.Effect === 'Deny',
    action: compileActions(statement),
    resource: compileResources(statement),
    principal: compilePrincipals(statement),
    condition: statement.Condition && compileCondition(statement.Condition),
  };
}

function compileActions({ Action, NotAction }: Statement): (action: string) => boolean {
  const patterns = list(Action ?? NotAction).map((pattern) => pattern.toLowerCase());
  const exact = new Set(patterns.filter((pattern) => !isPattern(pattern)));
  const matchers = patterns.filter(isPattern).map((pattern) => compileWildcard(pattern));
  const wanted = Action !== undefined;
  return (action) => (exact.has(action) || matchers.some((matches) => matches(action))) === wanted;
}

function compileResources({ Resource, NotResource }: Statement): (resource: readonly string[]) => Verdict {
  if (Resource === undefined && NotResource === undefined) return () => 'met';
  const matchers = list(Resource ?? NotResource).map(compileResource);
  const malformed = matchers.includes(undefined);
  const wanted = Resource !== undefined;
  return (resource) => {
    if (matchers.some((matches) => matches?.(resource))) return wanted ? 'met' : 'unmet';
    if (malformed) return 'unknown';
    return wanted ? 'unmet' : 'met';
  };
}

/** Matched part by part: a star for region or account must never reach into the name of the resource, which may hold colons. */
function compileResource(pattern: string): ((resource: readonly string[]) => boolean) | undefined {
  if (pattern === '*') return () => true;
  const parts = splitArn(pattern);
  if (parts.length < 5) return undefined;
  const checks = parts.map((part, i): [number, Matcher] => [i, compileWildcard(part)]).filter(([i]) => parts[i] !== '*');
  return (resource) => {
    for (const [i, matches] of checks) if (!matches(resource[i] ?? '')) return false;
    return true;
  };
}

function compilePrincipals({ Principal, NotPrincipal }: Statement): ((question: Question) => boolean) | undefined {
  if (Principal === undefined && NotPrincipal === undefined) return undefined;
  const patterns = principalPatterns(Principal ?? (NotPrincipal as PrincipalElement));
  const matchers = patterns.map((pattern) => compileWildcard(pattern));
  const wanted = Principal !== undefined;
  return ({ principalId, principalArn, principalAlso }) =>
    matchers.some((matches) => matches(principalId) || matches(principalArn) || principalAlso?.some(matches) === true) === wanted;
}

/** Lower-case, because role and user names compare so; a service is the id `service:<name>`. */
function principalPatterns(element: PrincipalElement): string[] {
  if (typeof element === 'string' || Array.isArray(element)) return list(element).map(principalPattern);
  return Object.entries(element).flatMap(([kind, value]) =>
    list(value).map((item) => (kind === 'Service' ? `service:${item.toLowerCase()}` : principalPattern(item))),
  );
}

/** Sessions are written arn:sts::<uid>:assumed-role/... in bucket policies and acs:ram::<uid>:assumed-role/... elsewhere. */
function principalPattern(item: string): string {
  const lower = item.toLowerCase();
  return lower.startsWith('arn:sts:') ? `acs:ram:${lower.slice('arn:sts:'.length)}` : lower;
}

function isPattern(text: string): boolean {
  return text.includes('*') || text.includes('?');
}

function list(value: OneOrMany | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}
