import type { Metadata, Step } from '../metadata/index.ts';
import { type NamedPolicy, type PolicyDocument, type PolicyKind, parsePolicy } from './policy.ts';

/** A role: who may assume it, and what its sessions may do. Never changed once made; a changed role is a new value. */
export interface Role {
  /** As it was created; names are the same without regard to case. */
  readonly name: string;
  readonly arn: string;
  readonly trust: PolicyDocument;
  readonly policies: readonly NamedPolicy[];
  readonly createdAt: number;
}

interface RoleRow {
  arn: string;
  trust: string;
  policies: string;
  created_at: number;
}

/** Parts of `acs:ram::<account>:role/<name>` (Alibaba RAM documentation, "ARN"), or undefined for anything else. */
export function parseRoleArn(arn: string): { accountId: string; name: string } | undefined {
  const match = /^acs:ram::(\d{1,20}):role\/([A-Za-z0-9._-]{1,64})$/i.exec(arn);
  return match ? { accountId: match[1] as string, name: match[2] as string } : undefined;
}

export function roleArn(accountId: string, name: string): string {
  return `acs:ram::${accountId}:role/${name}`;
}

/** The roles of the account, kept in metadata and remembered as parsed. The table's key is the lower-case name. */
export class Roles {
  readonly #metadata: Metadata;
  readonly #accountId: string;
  readonly #known = new Map<string, Role>();

  constructor(metadata: Metadata, accountId: string) {
    this.#metadata = metadata;
    this.#accountId = accountId;
  }

  /** The role by name or ARN; undefined when there is none or the ARN is of another account. */
  get(nameOrArn: string): Role | undefined {
    const known = this.#known.get(nameOrArn);
    if (known) return known;
    let name = nameOrArn;
    if (nameOrArn.includes(':')) {
      const parts = parseRoleArn(nameOrArn);
      if (parts?.accountId !== this.#accountId) return undefined;
      name = parts.name;
    }
    return this.#load(name.toLowerCase());
  }

  /** Writes a role; sessions of an older one of the same name have the new policies from then on. */
  async put(role: Omit<Role, 'arn'>): Promise<Role> {
    const whole = { ...role, arn: roleArn(this.#accountId, role.name) };
    await this.#metadata.write([roleStep(whole, true)]);
    const key = role.name.toLowerCase();
    this.#known.delete(key);
    return this.#load(key) ?? whole;
  }

  #load(key: string): Role | undefined {
    const known = this.#known.get(key);
    if (known) return known;
    const row = this.#metadata.get<RoleRow>('select arn, trust, policies, created_at from roles where name = ?', [key]);
    if (!row) return undefined;
    const role: Role = {
      name: row.arn.slice(row.arn.lastIndexOf('/') + 1),
      arn: row.arn,
      trust: stored(row.trust, 'trust'),
      policies: (JSON.parse(row.policies) as NamedPolicy[]).map(({ name, document }) => ({
        name,
        document: stored(JSON.stringify(document), 'identity'),
      })),
      createdAt: row.created_at,
    };
    this.#known.set(key, role);
    return role;
  }
}

/** The step that stores a role; `replace` says whether a role of that name gives way. */
function roleStep(role: Role, replace: boolean): Step {
  const taken = replace
    ? 'do update set arn = excluded.arn, trust = excluded.trust, policies = excluded.policies, created_at = excluded.created_at'
    : 'do nothing';
  return {
    sql: `insert into roles (name, arn, trust, policies, created_at) values (?, ?, ?, ?, ?) on conflict (name) ${taken}`,
    params: [role.name.toLowerCase(), role.arn, JSON.stringify(role.trust), JSON.stringify(role.policies), role.createdAt],
  };
}

function stored(text: string, kind: PolicyKind): PolicyDocument {
  return parsePolicy(text, kind);
}

/** The steps that make the vendor's service roles for Function Compute and Object FC access points, where they do not exist yet. */
export function defaultRoleSteps(accountId: string, createdAt: number): Step[] {
  return [
    serviceRole(accountId, createdAt, 'AliyunFCDefaultRole', 'fc.aliyuncs.com', [
      'oss:WriteGetObjectResponse',
      'oss:GetObject',
      'fc:InvokeFunction',
    ]),
    serviceRole(accountId, createdAt, 'AliyunOSSObjectFCForOSSDefaultRole', 'oss.aliyuncs.com', ['fc:InvokeFunction']),
  ].map((role) => roleStep(role, false));
}

function serviceRole(accountId: string, createdAt: number, name: string, service: string, actions: readonly string[]): Role {
  const trust: PolicyDocument = {
    Version: '1',
    Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: [service] } }],
  };
  const document: PolicyDocument = { Version: '1', Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }] };
  return { name, arn: roleArn(accountId, name), trust, policies: [{ name: `${name}Policy`, document }], createdAt };
}
