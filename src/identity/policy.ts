import { Fault } from '../faults/index.ts';
import { conditionFault } from './condition.ts';

export type OneOrMany = string | readonly string[];

/** Who a statement speaks of: ids, ARNs or `*`; or by kind, e.g. {"Service": ["fc.aliyuncs.com"]}. */
export type PrincipalElement = OneOrMany | Readonly<Record<string, OneOrMany>>;

export interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: OneOrMany;
  readonly NotAction?: OneOrMany;
  readonly Resource?: OneOrMany;
  readonly NotResource?: OneOrMany;
  readonly Principal?: PrincipalElement;
  readonly NotPrincipal?: PrincipalElement;
  /** operator -> key -> values, e.g. {"IpAddress": {"acs:SourceIp": ["10.0.0.0/8"]}} */
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMany>>>>;
}

/** A policy document of the vendor's RAM grammar (Alibaba RAM documentation, "Policy structure and syntax"). Never changed once made. */
export interface PolicyDocument {
  readonly Version: '1';
  readonly Statement: readonly Statement[];
}

/** A document and the name by which messages speak of it. */
export interface NamedPolicy {
  readonly name: string;
  readonly document: PolicyDocument;
  /** What it hangs on, for `policy explain`: `bucket photos`, `access point ap-01`. */
  readonly attachedTo?: string;
}

/**
 * What a document is for. `identity`: attached to a user or role, has no Principal. `resource`: attached to a bucket or access
 * point, must have a Principal. `trust`: says who may assume a role, has a Principal and no Resource.
 */
export type PolicyKind = 'identity' | 'resource' | 'trust';

/** Limits of one document; the vendor's is 16 KB for a bucket policy. */
export const policyLimits = { bytes: 16_384, statements: 100, values: 200, valueLength: 2_048 } as const;

const statementNames = new Set([
  'Sid',
  'Effect',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Principal',
  'NotPrincipal',
  'Condition',
]);

/**
 * Reads a policy document.
 * @throws Fault InvalidArgument that says which element is wrong and what would be right
 */
export function parsePolicy(text: string, kind: PolicyKind = 'identity'): PolicyDocument {
  if (Buffer.byteLength(text) > policyLimits.bytes) refuse(`it is larger than ${policyLimits.bytes} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Fault('InvalidArgument', 'The policy is not valid JSON.', { cause });
  }
  if (!isObject(value)) refuse('it must be a JSON object');
  for (const name of Object.keys(value)) if (name !== 'Version' && name !== 'Statement') refuse(`"${name}" is not an element of a policy`);
  if (value.Version !== '1') refuse('Version must be "1"');
  const statements = value.Statement;
  if (!Array.isArray(statements) || statements.length === 0) refuse('Statement must be a list with at least one statement');
  if (statements.length > policyLimits.statements) refuse(`it has more than ${policyLimits.statements} statements`);
  return Object.freeze({
    Version: '1',
    Statement: Object.freeze(statements.map((statement, i) => readStatement(statement, `statement ${i + 1}`, kind))),
  });
}

/**
 * Reads a policy document that somebody hands in. Beyond parsePolicy, which must read whatever was stored once, it refuses conditions that
 * could never be judged, so that a mistake is told at once and not found out by requests that fail closed.
 * @throws Fault InvalidArgument
 */
export function checkPolicy(text: string, kind: PolicyKind = 'identity'): PolicyDocument {
  const document = parsePolicy(text, kind);
  for (const [i, { Condition }] of document.Statement.entries()) {
    const fault = Condition && conditionFault(Condition);
    if (fault !== undefined) refuse(`statement ${i + 1}: Condition: ${fault}`);
  }
  return document;
}

function readStatement(value: unknown, where: string, kind: PolicyKind): Statement {
  if (!isObject(value)) refuse(`${where} must be an object`);
  for (const name of Object.keys(value)) if (!statementNames.has(name)) refuse(`${where}: "${name}" is not an element of a statement`);
  const { Effect, Sid } = value;
  if (Effect !== 'Allow' && Effect !== 'Deny') refuse(`${where}: Effect must be "Allow" or "Deny"`);
  if (Sid !== undefined && typeof Sid !== 'string') refuse(`${where}: Sid must be a string`);
  exactlyOne(value, where, 'Action');
  if (kind === 'trust') neither(value, where, 'Resource', 'a trust policy');
  else exactlyOne(value, where, 'Resource');
  if (kind === 'identity') neither(value, where, 'Principal', 'a policy of a user or role');
  else exactlyOne(value, where, 'Principal');
  const statement = {
    ...(Sid === undefined ? {} : { Sid }),
    Effect,
    ...readElement(value, where, 'Action', readStrings),
    ...readElement(value, where, 'NotAction', readStrings),
    ...readElement(value, where, 'Resource', readResources),
    ...readElement(value, where, 'NotResource', readResources),
    ...readElement(value, where, 'Principal', readPrincipal),
    ...readElement(value, where, 'NotPrincipal', readPrincipal),
    ...readElement(value, where, 'Condition', readCondition),
  } satisfies Statement;
  return Object.freeze(statement);
}

function readElement<N extends string, T>(
  from: Record<string, unknown>,
  where: string,
  name: N,
  read: (value: unknown, where: string) => T,
): { [K in N]?: T } {
  return from[name] === undefined ? {} : ({ [name]: read(from[name], `${where}: ${name}`) } as { [K in N]: T });
}

function readStrings(value: unknown, where: string): readonly string[] {
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0) refuse(`${where} must not be empty`);
  if (list.length > policyLimits.values) refuse(`${where} has more than ${policyLimits.values} values`);
  for (const item of list) {
    if (typeof item !== 'string' || item === '') refuse(`${where} must be a string or a list of strings, none of them empty`);
    if (item.length > policyLimits.valueLength) refuse(`${where} has a value longer than ${policyLimits.valueLength} characters`);
  }
  return Object.freeze([...list]);
}

function readResources(value: unknown, where: string): readonly string[] {
  const list = readStrings(value, where);
  for (const item of list) {
    if (item !== '*' && !(item.startsWith('acs:') && item.split(':').length >= 5)) {
      refuse(`${where} "${item}" must be "*" or acs:<service>:<region>:<account>:<resource>, as in acs:oss:*:*:my-bucket/*`);
    }
    // A variable taken for plain text would never match, and a Deny that never matches is a hole.
    if (item.includes('${')) refuse(`${where} "${item}" holds a variable; variables are not supported`);
  }
  return list;
}

function readPrincipal(value: unknown, where: string): PrincipalElement {
  if (!isObject(value)) return readStrings(value, where);
  const entries = Object.entries(value);
  if (entries.length === 0) refuse(`${where} must not be empty`);
  for (const [name] of entries) if (name !== 'Service' && name !== 'RAM') refuse(`${where} names "${name}"; it must be "Service" or "RAM"`);
  return Object.freeze(Object.fromEntries(entries.map(([name, item]) => [name, readStrings(item, `${where}.${name}`)])));
}

function readCondition(value: unknown, where: string): Readonly<Record<string, Readonly<Record<string, OneOrMany>>>> {
  if (!isObject(value)) refuse(`${where} must be an object of operators`);
  // Object.fromEntries keeps a key called __proto__ as data; an assignment would lose the condition.
  return Object.freeze(
    Object.fromEntries(
      Object.entries(value).map(([operator, keys]) => {
        if (!isObject(keys)) refuse(`${where}.${operator} must be an object of keys`);
        const read = Object.entries(keys).map(([key, item]) => [key, readStrings(asText(item), `${where}.${operator}.${key}`)]);
        return [operator, Object.freeze(Object.fromEntries(read))];
      }),
    ),
  );
}

/** Numbers and booleans are written bare in many documents; comparisons work on their text. */
function asText(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asText);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
}

function exactlyOne(value: Record<string, unknown>, where: string, name: string): void {
  if ((value[name] === undefined) === (value[`Not${name}`] === undefined)) refuse(`${where} must have ${name} or Not${name}, and not both`);
}

function neither(value: Record<string, unknown>, where: string, name: string, what: string): void {
  if (value[name] !== undefined || value[`Not${name}`] !== undefined) refuse(`${where}: ${what} has no ${name}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(what: string): never {
  throw new Fault('InvalidArgument', `The policy is not valid: ${what}.`);
}
