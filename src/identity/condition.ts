import { BlockList, isIP } from 'node:net';
import type { OneOrMany, Statement } from './policy.ts';
import { compileWildcard } from './wildcard.ts';

/**
 * What is known of a request beyond action and resource, by the documented condition keys (`acs:SourceIp`, `acs:SecureTransport`,
 * `oss:Prefix`, ...; any case). A key with the value undefined is known to be absent from the request; a key that is not here at
 * all is unknown, and conditions on it fail closed.
 */
export type RequestContext = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** `unknown` when the operator, the key or a value cannot be judged: an Allow then does not apply, a Deny does. */
export type Verdict = 'met' | 'unmet' | 'unknown';

/** The request's context, made ready at the first condition that asks; most requests never do. */
export class Facts {
  readonly #context: RequestContext;
  readonly #now: () => number;
  #values: Map<string, readonly string[]> | undefined;

  constructor(context: RequestContext, now: () => number) {
    this.#context = context;
    this.#now = now;
  }

  /** The values of a key (lower-case): empty when known to be absent, undefined when unknown. */
  values(key: string): readonly string[] | undefined {
    if (!this.#values) {
      this.#values = new Map([['acs:currenttime', [new Date(this.#now()).toISOString()]]]);
      for (const [name, value] of Object.entries(this.#context)) {
        this.#values.set(name.toLowerCase(), value === undefined ? [] : typeof value === 'object' ? value : [String(value)]);
      }
    }
    return this.#values.get(key);
  }
}

/** Says whether one value of the request fits the values of the policy; undefined when the request's value cannot be judged. */
type Test = (actual: string) => boolean | undefined;

/** Makes the test for the policy's values; undefined when one of them is malformed. */
type MakeTest = (expected: readonly string[]) => Test | undefined;

const equals: MakeTest = (expected) => (actual) => expected.includes(actual);

const equalsIgnoreCase: MakeTest = (expected) => {
  const lower = expected.map((value) => value.toLowerCase());
  return (actual) => lower.includes(actual.toLowerCase());
};

const like: MakeTest = (expected) => {
  const matchers = expected.map((value) => compileWildcard(value));
  return (actual) => matchers.some((matches) => matches(actual));
};

const bool: MakeTest = (expected) => {
  const wanted = expected.map((value) => value.toLowerCase());
  if (wanted.some((value) => value !== 'true' && value !== 'false')) return undefined;
  return (actual) => wanted.includes(actual.toLowerCase());
};

function ordered(read: (text: string) => number, compare: (actual: number, expected: number) => boolean): MakeTest {
  return (expected) => {
    const numbers = expected.map(read);
    if (numbers.some(Number.isNaN)) return undefined;
    return (actual) => {
      const number = read(actual);
      return Number.isNaN(number) ? undefined : numbers.some((value) => compare(number, value));
    };
  };
}

function readNumber(text: string): number {
  return /^-?\d{1,18}(\.\d{1,18})?$/.test(text) ? Number(text) : Number.NaN;
}

/** ISO 8601 with seconds and an offset or Z, e.g. 2026-08-12T17:00:00+08:00. */
function readDate(text: string): number {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
}

const inNetworks: MakeTest = (expected) => {
  const networks = new BlockList();
  for (const value of expected) {
    const [address = '', bits, ...rest] = value.split('/');
    const family = isIP(address);
    const most = family === 4 ? 32 : 128;
    if (family === 0 || rest.length > 0) return undefined;
    if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most)) return undefined;
    networks.addSubnet(address, bits === undefined ? most : Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  }
  return (actual) => {
    // A socket that listens on IPv6 gives IPv4 peers as ::ffff:a.b.c.d.
    const address = actual.startsWith('::ffff:') && isIP(actual.slice(7)) === 4 ? actual.slice(7) : actual;
    const family = isIP(address);
    return family === 0 ? undefined : networks.check(address, family === 4 ? 'ipv4' : 'ipv6');
  };
};

const orders: [string, (actual: number, expected: number) => boolean][] = [
  ['Equals', (a, b) => a === b],
  ['LessThan', (a, b) => a < b],
  ['LessThanEquals', (a, b) => a <= b],
  ['GreaterThan', (a, b) => a > b],
  ['GreaterThanEquals', (a, b) => a >= b],
];

/** Operator -> its test, and whether it asks that no value fits. Alibaba RAM documentation, "Policy elements", Condition. */
const operators = new Map<string, { make: MakeTest; negative: boolean }>([
  ['StringEquals', { make: equals, negative: false }],
  ['StringNotEquals', { make: equals, negative: true }],
  ['StringEqualsIgnoreCase', { make: equalsIgnoreCase, negative: false }],
  ['StringNotEqualsIgnoreCase', { make: equalsIgnoreCase, negative: true }],
  ['StringLike', { make: like, negative: false }],
  ['StringNotLike', { make: like, negative: true }],
  ['Bool', { make: bool, negative: false }],
  ['IpAddress', { make: inNetworks, negative: false }],
  ['IpAddressIncludeBorder', { make: inNetworks, negative: false }],
  ['NotIpAddress', { make: inNetworks, negative: true }],
  ...orders.flatMap(([name, compare]): [string, { make: MakeTest; negative: boolean }][] => [
    [`Numeric${name}`, { make: ordered(readNumber, compare), negative: false }],
    [`Date${name}`, { make: ordered(readDate, compare), negative: false }],
  ]),
  ['NumericNotEquals', { make: ordered(readNumber, (a, b) => a === b), negative: true }],
  ['DateNotEquals', { make: ordered(readDate, (a, b) => a === b), negative: true }],
]);

/** What no request could ever be judged by in a Condition element: an operator that does not exist, a value that it cannot read. */
export function conditionFault(condition: NonNullable<Statement['Condition']>): string | undefined {
  for (const [operator, keys] of Object.entries(condition)) {
    const known = operators.get(operator);
    if (!known) return `"${operator}" is not an operator; use one of ${[...operators.keys()].join(', ')}`;
    for (const [key, values] of Object.entries(keys)) {
      if (!known.make(typeof values === 'string' ? [values] : values)) return `${operator} cannot read a value of ${key}`;
    }
  }
  return undefined;
}

/**
 * Compiles a Condition element. All operators and keys must be met; of several values one is enough (for the `Not` operators: none).
 * One that is surely unmet decides, else one that is unknown.
 */
export function compileCondition(condition: NonNullable<Statement['Condition']>): (facts: Facts) => Verdict {
  const checks = Object.entries(condition).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) => compileCheck(operator, key.toLowerCase(), values)),
  );
  return (facts) => {
    let verdict: Verdict = 'met';
    for (const check of checks) {
      const one = check(facts);
      if (one === 'unmet') return 'unmet';
      if (one === 'unknown') verdict = 'unknown';
    }
    return verdict;
  };
}

function compileCheck(operator: string, key: string, values: OneOrMany): (facts: Facts) => Verdict {
  const known = operators.get(operator);
  const test = known?.make(typeof values === 'string' ? [values] : values);
  if (!known || !test) return () => 'unknown';
  return (facts) => {
    const actual = facts.values(key);
    if (!actual) return 'unknown';
    let found = false;
    for (const value of actual) {
      const result = test(value);
      if (result === undefined) return 'unknown';
      found ||= result;
    }
    return found === known.negative ? 'unmet' : 'met';
  };
}
