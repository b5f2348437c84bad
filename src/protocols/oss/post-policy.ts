import { Fault } from '../../faults/index.ts';

/** What the policy of a form demands (Alibaba OSS API reference, "PostObject", appendix "Policy"). */
export interface FormPolicy {
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  readonly conditions: readonly Condition[];
  /** Sizes that the file may have: what all content-length-range conditions leave. */
  readonly least: number;
  readonly most: number;
}

interface Condition {
  readonly operator: 'eq' | 'starts-with' | 'in' | 'not-in';
  /** In lower case, without the dollar sign. */
  readonly field: string;
  readonly values: readonly string[];
  /** As it was written, for the refusal. */
  readonly text: string;
}

type Range = readonly [least: number, most: number];

const timeForm = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/;
const operators: readonly string[] = ['eq', 'starts-with', 'in', 'not-in'];

function invalidPolicy(why: string): Fault {
  return new Fault('InvalidPolicyDocument', `Invalid Policy: ${why}`);
}

/** Reads a policy. @param encoded in base64 @throws Fault InvalidPolicyDocument */
export function readFormPolicy(encoded: string): FormPolicy {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64')));
  } catch (cause) {
    throw new Fault('InvalidPolicyDocument', 'Invalid Policy: it is not JSON in UTF-8.', { cause });
  }
  const { expiration, conditions } = (isRecord(document) ? document : {}) as { expiration?: unknown; conditions?: unknown };
  const expiresAt = typeof expiration === 'string' && timeForm.test(expiration) ? Date.parse(expiration) : Number.NaN;
  if (Number.isNaN(expiresAt)) throw invalidPolicy('its expiration must be a time like 2030-01-01T00:00:00.000Z.');
  if (!Array.isArray(conditions)) throw invalidPolicy('it must hold a list of conditions.');
  const read = conditions.map(readCondition);
  const ranges = read.filter((each): each is Range => Array.isArray(each));
  return {
    expiresAt,
    conditions: read.filter((each): each is Condition => !Array.isArray(each)),
    least: Math.max(0, ...ranges.map(([least]) => least)),
    most: Math.min(Number.MAX_SAFE_INTEGER, ...ranges.map(([, most]) => most)),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function readCondition(value: unknown): Condition | Range {
  const text = JSON.stringify(value);
  if (isRecord(value)) {
    const [pair, ...more] = Object.entries(value);
    if (!pair || more.length > 0)
      throw invalidPolicy('Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.');
    if (typeof pair[1] !== 'string') throw invalidPolicy(`the value in the condition ${text} must be a string.`);
    return { operator: 'eq', field: pair[0].toLowerCase(), values: [pair[1]], text };
  }
  if (!Array.isArray(value) || value.length !== 3) throw invalidPolicy(`the condition ${text} must be a map, or a list of three.`);
  const [operator, second, third] = value as unknown[];
  const named = typeof operator === 'string' ? operator.toLowerCase() : '';
  if (named === 'content-length-range') {
    if (!isSize(second) || !isSize(third) || third < second)
      throw invalidPolicy(`the sizes in the condition ${text} must be two numbers, the smaller one first.`);
    return [second, third];
  }
  if (!operators.includes(named))
    throw invalidPolicy(`the operator in the condition ${text} must be one of ${operators.join(', ')}, content-length-range.`);
  if (typeof second !== 'string' || second === '') throw invalidPolicy(`the condition ${text} must name a field.`);
  const list = named === 'in' || named === 'not-in';
  const values = list ? third : [third];
  if (!Array.isArray(values) || values.some((each) => typeof each !== 'string'))
    throw invalidPolicy(`the condition ${text} needs a ${list ? 'list of strings' : 'string'}.`);
  const field = (second.startsWith('$') ? second.slice(1) : second).toLowerCase();
  return { operator: named as Condition['operator'], field, values: values as string[], text };
}

/**
 * Checks a form against its policy, apart from the size of its file.
 * @param valueFor what the form says by a field's name in lower case
 * @throws Fault AccessDenied that names the condition
 */
export function checkFormPolicy(policy: FormPolicy, now: number, valueFor: (field: string) => string | undefined): void {
  if (now > policy.expiresAt) throw new Fault('AccessDenied', 'Invalid according to Policy: Policy expired.');
  for (const condition of policy.conditions) {
    if (!holds(condition, valueFor(condition.field)))
      throw new Fault('AccessDenied', `Invalid according to Policy: Policy Condition failed: ${condition.text}`);
  }
}

function holds({ operator, values }: Condition, value: string | undefined): boolean {
  const [first = ''] = values;
  switch (operator) {
    case 'eq':
      return value === first;
    case 'starts-with':
      return (value ?? '').startsWith(first);
    case 'in':
      return value !== undefined && values.includes(value);
    case 'not-in':
      return value === undefined || !values.includes(value);
  }
}
