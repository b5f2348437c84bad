import { Fault } from '../faults/index.ts';
import type { Account } from './account.ts';
import { limits, type Page, type PageQuery, pageOf } from './page.ts';
import { checkPolicy, type NamedPolicy, type PolicyDocument, parsePolicy } from './policy.ts';
import { systemPolicies } from './system-policies.ts';

/** A policy with a name of its own, which can be attached to users and roles. Names are the same without regard to case. */
export interface ManagedPolicy {
  readonly name: string;
  readonly type: 'System' | 'Custom';
  readonly description: string;
  readonly document: PolicyDocument;
  /** Epoch milliseconds; 0 for system policies. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Who a policy is attached to: `id` is the id of a user, or the lower-case name of a role. */
export interface Holder {
  readonly kind: 'user' | 'role';
  readonly id: string;
}

export interface Attachment {
  readonly policy: string;
  readonly type: ManagedPolicy['type'];
  readonly attachedAt: number;
}

interface PolicyRow {
  shown: string;
  description: string;
  document: string;
  created_at: number;
  updated_at: number;
}

const columns = 'shown, description, document, created_at, updated_at';
const system: ReadonlyMap<string, ManagedPolicy> = new Map(
  systemPolicies.map((policy) => [policy.name.toLowerCase(), { ...policy, type: 'System', createdAt: 0, updatedAt: 0 }]),
);

/** The managed policies of the account and what they are attached to. Parsed documents are remembered. */
export class ManagedPolicies {
  readonly #account: Account;
  readonly #known = new Map<string, ManagedPolicy>();

  constructor(account: Account) {
    this.#account = account;
  }

  /** By name, in any case. */
  get(name: string): ManagedPolicy | undefined {
    const key = name.toLowerCase();
    const known = system.get(key) ?? this.#known.get(key);
    if (known) return known;
    const row = this.#account.metadata.get<PolicyRow>(`select ${columns} from policies where name = ?`, [key]);
    if (!row) return undefined;
    const policy = readRow(row);
    this.#known.set(key, policy);
    return policy;
  }

  /** @throws Fault EntityNotExist.Policy */
  need(name: string): ManagedPolicy {
    const policy = this.get(name);
    if (!policy) throw missing(name);
    return policy;
  }

  /** System policies, or the account's own in pages. */
  list({ type = 'Custom', ...query }: PageQuery & { type?: ManagedPolicy['type'] } = {}): Page<ManagedPolicy> {
    if (type === 'System') {
      const prefix = (query.prefix ?? '').toLowerCase();
      return { items: [...system.values()].filter((policy) => policy.name.toLowerCase().startsWith(prefix)) };
    }
    return pageOf(
      query,
      (prefix, after, count) =>
        this.#account.metadata.all<PolicyRow>(
          `select ${columns} from policies where substr(name, 1, ?) = ? and name > ? order by name limit ${count}`,
          [prefix.length, prefix, after],
        ),
      readRow,
    );
  }

  /** @throws Fault InvalidArgument, EntityAlreadyExists.Policy, LimitExceeded */
  async create(name: string, document: string, description = ''): Promise<ManagedPolicy> {
    if (!/^[A-Za-z0-9-]{1,128}$/.test(name)) {
      throw new Fault('InvalidArgument', 'A policy name must be 1 to 128 letters, digits or "-".');
    }
    const key = name.toLowerCase();
    const taken = new Fault('EntityAlreadyExists.Policy', `The policy ${name} exists already.`);
    if (system.has(key)) throw taken;
    const at = this.#account.now();
    await this.#account.change(
      [
        {
          sql: `insert into policies (name, ${columns}) select ?, ?, ?, ?, ?, ? where (select count(*) from policies) < ?`,
          params: [key, name, checkDescription(description), checkDocument(document), at, at, limits.policies],
          expect: { changes: 1, otherwise: 'limit' },
        },
      ],
      (reason) =>
        reason === 'limit' ? new Fault('LimitExceeded', `The account has ${limits.policies} policies already; delete one first.`) : taken,
    );
    return this.need(name);
  }

  /** The new document counts from the next request on. @throws Fault EntityNotExist.Policy, InvalidArgument (also for system policies) */
  async update(name: string, change: { document?: string; description?: string }): Promise<ManagedPolicy> {
    const old = this.need(name);
    refuseSystem(old);
    const document = change.document === undefined ? JSON.stringify(old.document) : checkDocument(change.document);
    const description = checkDescription(change.description ?? old.description);
    try {
      await this.#account.change(
        [
          {
            sql: 'update policies set document = ?, description = ?, updated_at = ? where name = ?',
            params: [document, description, this.#account.now(), name.toLowerCase()],
            expect: { changes: 1, otherwise: 'gone' },
          },
        ],
        () => missing(name),
      );
    } finally {
      this.#known.delete(name.toLowerCase());
    }
    return this.need(name);
  }

  /** @throws Fault EntityNotExist.Policy, DeleteConflict.Policy, InvalidArgument for system policies */
  async remove(name: string): Promise<void> {
    refuseSystem(this.need(name));
    const key = name.toLowerCase();
    try {
      await this.#account.change(
        [
          {
            sql: 'delete from policies where name = ? and not exists (select 1 from attachments where policy = ?)',
            params: [key, key],
            expect: { changes: 1, otherwise: 'attached' },
          },
        ],
        () => this.#conflict(name),
      );
    } finally {
      this.#known.delete(key);
    }
  }

  /**
   * Attaches a policy; attached already is no error.
   * @throws Fault EntityNotExist.Policy, EntityNotExist.User, EntityNotExist.Role, LimitExceeded
   */
  async attach(name: string, holder: Holder): Promise<void> {
    const policy = this.need(name);
    const key = name.toLowerCase();
    const attached = this.of(holder);
    if (attached.some((each) => each.policy === policy.name)) return;
    await this.#account.change(
      [
        {
          sql: `insert into attachments (kind, holder, policy, attached_at) select ?, ?, ?, ?
            where (select count(*) from attachments where kind = ? and holder = ?) < ?
            and exists (select 1 from ${holder.kind === 'user' ? 'users where id' : 'roles where name'} = ?)
            ${policy.type === 'System' ? '' : 'and exists (select 1 from policies where name = ?)'}
            on conflict (kind, holder, policy) do update set attached_at = excluded.attached_at`,
          params: [
            ...[holder.kind, holder.id, key, this.#account.now()],
            ...[holder.kind, holder.id, limits.policiesPerHolder, holder.id],
            ...(policy.type === 'System' ? [] : [key]),
          ],
          expect: { changes: 1, otherwise: 'refused' },
        },
      ],
      () => {
        if (attached.length >= limits.policiesPerHolder) {
          return new Fault('LimitExceeded', `At most ${limits.policiesPerHolder} policies can be attached; detach one first.`);
        }
        if (!this.get(name)) return missing(name);
        return holder.kind === 'user' ? new Fault('EntityNotExist.User') : new Fault('EntityNotExist.Role');
      },
    );
  }

  /** @throws Fault EntityNotExist.Policy when it is not attached */
  async detach(name: string, { kind, id }: Holder): Promise<void> {
    await this.#account.change(
      [
        {
          sql: 'delete from attachments where kind = ? and holder = ? and policy = ?',
          params: [kind, id, name.toLowerCase()],
          expect: { changes: 1, otherwise: 'not attached' },
        },
      ],
      () => new Fault('EntityNotExist.Policy', `The policy ${name.slice(0, 128)} is not attached there.`),
    );
  }

  /** What is attached to a user or role, in the order of names. */
  of({ kind, id }: Holder): Attachment[] {
    const rows = this.#account.metadata.all<{ policy: string; attached_at: number }>(
      'select policy, attached_at from attachments where kind = ? and holder = ? order by policy limit 100',
      [kind, id],
    );
    return rows.flatMap(({ policy, attached_at }) => {
      const found = this.get(policy);
      return found ? [{ policy: found.name, type: found.type, attachedAt: attached_at }] : [];
    });
  }

  /** The documents attached to a user or role. */
  documents(holder: Holder): NamedPolicy[] {
    return this.of(holder).map(({ policy }) => ({ name: policy, document: this.need(policy).document }));
  }

  /** Names of the users and roles that a policy is attached to; at most 3,000. */
  holders(name: string): { kind: Holder['kind']; name: string; attachedAt: number }[] {
    return this.#account.metadata.all<{ kind: Holder['kind']; name: string; attachedAt: number }>(
      `select a.kind, coalesce(u.shown, a.holder) as name, a.attached_at as "attachedAt" from attachments a
        left join users u on a.kind = 'user' and u.id = a.holder where a.policy = ? order by a.kind, a.holder limit 3000`,
      [this.need(name).name.toLowerCase()],
    );
  }

  #conflict(name: string): Fault {
    if (!this.#account.metadata.get('select 1 from policies where name = ?', [name.toLowerCase()])) return missing(name);
    const holders = this.holders(name).map((holder) => `${holder.kind} ${holder.name}`);
    const shown = holders.length > 10 ? [...holders.slice(0, 10), `${holders.length - 10} more`] : holders;
    return new Fault('DeleteConflict.Policy', `The policy ${name} is attached to ${shown.join(', ')}. Detach it first.`);
  }
}

function readRow(row: PolicyRow): ManagedPolicy {
  return {
    name: row.shown,
    type: 'Custom',
    description: row.description,
    document: parsePolicy(row.document),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function missing(name: string): Fault {
  return new Fault('EntityNotExist.Policy', `There is no policy ${name.slice(0, 128)}.`);
}

function refuseSystem({ name, type }: ManagedPolicy): void {
  if (type === 'System') throw new Fault('InvalidArgument', `${name} is a system policy: it cannot be changed or deleted.`);
}

function checkDocument(text: string): string {
  if (text.length > limits.policyLength) {
    throw new Fault('InvalidArgument', `A policy may have at most ${limits.policyLength} characters; this has ${text.length}.`);
  }
  return JSON.stringify(checkPolicy(text));
}

function checkDescription(text: string): string {
  if (text.length > 1_024) throw new Fault('InvalidArgument', 'A description may have at most 1024 characters.');
  return text;
}
