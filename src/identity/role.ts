import { createHash } from 'node:crypto';
import { Fault } from '../faults/index.ts';
import type { Account } from './account.ts';
import type { ManagedPolicies } from './managed-policy.ts';
import { limits, type Page, type PageQuery, pageOf } from './page.ts';
import { checkPolicy, type NamedPolicy, type PolicyDocument, type PolicyKind, parsePolicy } from './policy.ts';
import { roleArn } from './service-roles.ts';

/** A role: who may assume it, and what its sessions may do. Never changed once made; a changed role is a new value. */
export interface Role {
  /** 18 digits. A role that is made again under an old name has another id. */
  readonly id: string;
  /** As it was created; names are the same without regard to case. */
  readonly name: string;
  readonly arn: string;
  readonly description: string;
  readonly trust: PolicyDocument;
  /** All that its sessions have: its inline policies, then the attached ones. */
  readonly policies: readonly NamedPolicy[];
  /** Policies that are part of the role itself. */
  readonly inline: readonly NamedPolicy[];
  /** The longest session that AssumeRole gives, in seconds. */
  readonly maxSessionSeconds: number;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

interface RoleRow {
  arn: string;
  trust: string;
  policies: string;
  created_at: number;
  description: string;
  max_session: number;
  shown: string;
}

const columns = `arn, trust, policies, created_at, description, max_session, substr(arn, length(arn) - length(name) + 1) as shown`;

/** What can be said of a role; `trust` is the text of a policy. */
export interface RoleInput {
  readonly trust?: string;
  readonly description?: string;
  readonly maxSessionSeconds?: number;
}

/** Parts of `acs:ram::<account>:role/<name>` (Alibaba RAM documentation, "ARN"), or undefined for anything else. */
export function parseRoleArn(arn: string): { accountId: string; name: string } | undefined {
  const match = /^acs:ram::(\d{1,20}):role\/([A-Za-z0-9._-]{1,64})$/i.exec(arn);
  return match ? { accountId: match[1] as string, name: match[2] as string } : undefined;
}

/** The roles of the account, kept in metadata and remembered as parsed. The table's key is the lower-case name. */
export class Roles {
  readonly #account: Account;
  readonly #managed: ManagedPolicies;
  readonly #known = new Map<string, Role>();
  /** The account's revision that `#known` is of. */
  #seen = 0;

  constructor(account: Account, managed: ManagedPolicies) {
    this.#account = account;
    this.#managed = managed;
  }

  /** The role by name or ARN; undefined when there is none or the ARN is of another account. */
  get(nameOrArn: string): Role | undefined {
    this.#forget();
    const known = this.#known.get(nameOrArn);
    if (known) return known;
    let name = nameOrArn;
    if (nameOrArn.includes(':')) {
      const parts = parseRoleArn(nameOrArn);
      if (parts?.accountId !== this.#account.id) return undefined;
      name = parts.name;
    }
    return this.#load(name.toLowerCase());
  }

  /** @throws Fault EntityNotExist.Role */
  need(nameOrArn: string): Role {
    const role = this.get(nameOrArn);
    if (!role) throw this.#missing(nameOrArn);
    return role;
  }

  /** In the order of their names. */
  list(query: PageQuery = {}): Page<Role> {
    return pageOf(
      query,
      (prefix, after, count) =>
        this.#account.metadata.all<RoleRow>(
          `select ${columns} from roles where substr(name, 1, ?) = ? and name > ? order by name limit ${count}`,
          [prefix.length, prefix, after],
        ),
      (row) => this.#read(row),
    );
  }

  /** @throws Fault InvalidArgument, EntityAlreadyExists.Role, LimitExceeded */
  async create(name: string, input: RoleInput & { trust: string }): Promise<Role> {
    checkName(name);
    const { trust, description = '', maxSessionSeconds = 3_600 } = checkInput(input);
    await this.#account.change(
      [
        {
          sql: `insert into roles (name, arn, trust, policies, created_at, description, max_session) select ?, ?, ?, '[]', ?, ?, ?
            where (select count(*) from roles) < ?`,
          params: [
            ...[name.toLowerCase(), roleArn(this.#account.id, name), checkTrust(trust), this.#account.now()],
            ...[description, maxSessionSeconds, limits.roles],
          ],
          expect: { changes: 1, otherwise: 'limit' },
        },
      ],
      (reason) =>
        reason === 'limit'
          ? new Fault('LimitExceeded', `The account has ${limits.roles} roles already; delete one first.`)
          : new Fault('EntityAlreadyExists.Role', `The role ${name} exists already.`),
    );
    return this.need(name);
  }

  /** A new trust policy counts for the next AssumeRole; open sessions stay. @throws Fault EntityNotExist.Role, InvalidArgument */
  async update(name: string, input: RoleInput): Promise<Role> {
    const old = this.need(name);
    const { trust, description = old.description, maxSessionSeconds = old.maxSessionSeconds } = checkInput(input);
    await this.#account.change(
      [
        {
          sql: 'update roles set trust = ?, description = ?, max_session = ? where name = ?',
          params: [
            trust === undefined ? JSON.stringify(old.trust) : checkTrust(trust),
            ...[description, maxSessionSeconds, old.name.toLowerCase()],
          ],
          expect: { changes: 1, otherwise: 'gone' },
        },
      ],
      () => this.#missing(name),
    );
    return this.need(name);
  }

  /** Its sessions end at once. Inline policies go with it. @throws Fault EntityNotExist.Role, DeleteConflict.Role */
  async remove(nameOrArn: string): Promise<void> {
    const { name } = this.need(nameOrArn);
    const key = name.toLowerCase();
    await this.#account.change(
      [
        {
          sql: `delete from roles where name = ? and not exists (select 1 from attachments where kind = 'role' and holder = ?)`,
          params: [key, key],
          expect: { changes: 1, otherwise: 'attached' },
        },
      ],
      () => {
        const attached = this.#managed.of({ kind: 'role', id: key }).map(({ policy }) => policy);
        if (attached.length === 0) return this.#missing(name);
        return new Fault('DeleteConflict.Role', `${attached.join(', ')} is still attached to the role ${name}. Detach it first.`);
      },
    );
  }

  /** Writes a role with inline policies; sessions of an older one of the same name have the new policies from then on. */
  async put({ name, trust, policies }: Pick<Role, 'name' | 'trust' | 'policies'>): Promise<Role> {
    checkName(name);
    await this.#account.change(
      [
        {
          sql: `insert into roles (name, arn, trust, policies, created_at) values (?, ?, ?, ?, ?)
            on conflict (name) do update set arn = excluded.arn, trust = excluded.trust, policies = excluded.policies`,
          params: [
            ...[name.toLowerCase(), roleArn(this.#account.id, name), JSON.stringify(trust)],
            ...[JSON.stringify(policies.map(({ name: named, document }) => ({ name: named, document }))), this.#account.now()],
          ],
        },
      ],
      () => this.#missing(name),
    );
    return this.need(name);
  }

  /** Takes an inline policy away. @throws Fault EntityNotExist.Role, EntityNotExist.Policy */
  async removeInline(nameOrArn: string, policy: string): Promise<void> {
    const { name, trust, inline } = this.need(nameOrArn);
    const left = inline.filter((each) => each.name.toLowerCase() !== policy.toLowerCase());
    if (left.length === inline.length) {
      throw new Fault('EntityNotExist.Policy', `The role ${name} has no policy ${policy.slice(0, 128)}.`);
    }
    await this.put({ name, trust, policies: left });
  }

  #forget(): void {
    if (this.#seen === this.#account.revision) return;
    this.#known.clear();
    this.#seen = this.#account.revision;
  }

  #load(key: string): Role | undefined {
    const known = this.#known.get(key);
    if (known) return known;
    const row = this.#account.metadata.get<RoleRow>(`select ${columns} from roles where name = ?`, [key]);
    if (!row) return undefined;
    const role = this.#read(row);
    this.#known.set(key, role);
    return role;
  }

  #read(row: RoleRow): Role {
    const inline = (JSON.parse(row.policies) as NamedPolicy[]).map(({ name, document }) => ({
      name,
      document: stored(JSON.stringify(document), 'identity'),
    }));
    return {
      id: roleId(row.arn, row.created_at),
      name: row.shown,
      arn: row.arn,
      description: row.description,
      trust: stored(row.trust, 'trust'),
      policies: [...inline, ...this.#managed.documents({ kind: 'role', id: row.shown.toLowerCase() })],
      inline,
      maxSessionSeconds: row.max_session,
      createdAt: row.created_at,
    };
  }

  #missing(name: string): Fault {
    return new Fault('EntityNotExist.Role', `The role ${name.slice(0, 128)} does not exist in account ${this.#account.id}.`);
  }
}

/** Digits made of name and birth, so that no table has to keep them. */
function roleId(arn: string, createdAt: number): string {
  const digest = createHash('sha256').update(`${arn.toLowerCase()}\n${createdAt}`).digest();
  return `3${String(digest.readBigUInt64BE() % 10n ** 17n).padStart(17, '0')}`;
}

function stored(text: string, kind: PolicyKind): PolicyDocument {
  return parsePolicy(text, kind);
}

function checkName(name: string): void {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) {
    throw new Fault('InvalidArgument', 'RoleName must be 1 to 64 letters, digits, ".", "_" or "-".');
  }
}

function checkTrust(text: string): string {
  if (text.length > limits.trustLength) {
    throw new Fault('InvalidArgument', `A trust policy may have at most ${limits.trustLength} characters; this has ${text.length}.`);
  }
  return JSON.stringify(checkPolicy(text, 'trust'));
}

function checkInput<T extends RoleInput>(input: T): T {
  const { description = '', maxSessionSeconds = 3_600 } = input;
  if (description.length > 1_024) throw new Fault('InvalidArgument', 'A description may have at most 1024 characters.');
  if (!Number.isInteger(maxSessionSeconds) || maxSessionSeconds < 3_600 || maxSessionSeconds > 43_200) {
    throw new Fault('InvalidArgument', 'maxSessionSeconds must be 3600 to 43200.');
  }
  return input;
}
