import { Fault } from '../faults/index.ts';
import { type Account, randomDigits } from './account.ts';
import { limits, type Page, type PageQuery, pageOf } from './page.ts';

/** A RAM user. `id` is 18 digits and never changes; the name may. Names are the same without regard to case. */
export interface User {
  readonly id: string;
  readonly name: string;
  readonly arn: string;
  readonly displayName: string;
  readonly comment: string;
  /** The keys of an inactive user are refused, and so are the sessions that he opened. */
  readonly status: 'Active' | 'Inactive';
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

interface UserRow {
  id: string;
  shown: string;
  display_name: string;
  comment: string;
  status: User['status'];
  created_at: number;
  updated_at: number;
}

const columns = 'id, shown, display_name, comment, status, created_at, updated_at';

/** What can be said of a user. */
export interface UserInput {
  readonly displayName?: string;
  readonly comment?: string;
}

/** The RAM users of the account. */
export class Users {
  readonly #account: Account;

  constructor(account: Account) {
    this.#account = account;
  }

  /** By name, in any case. */
  get(name: string): User | undefined {
    return this.#one('name', name.toLowerCase());
  }

  byId(id: string): User | undefined {
    return this.#one('id', id);
  }

  /** @throws Fault EntityNotExist.User */
  need(name: string): User {
    const user = this.get(name);
    if (!user) throw missing(name);
    return user;
  }

  /** In the order of their names. */
  list(query: PageQuery = {}): Page<User> {
    return pageOf(
      query,
      (prefix, after, count) =>
        this.#account.metadata.all<UserRow>(
          `select ${columns} from users where substr(name, 1, ?) = ? and name > ? order by name limit ${count}`,
          [prefix.length, prefix, after],
        ),
      (row) => this.#user(row),
    );
  }

  /** @throws Fault InvalidArgument, EntityAlreadyExists.User, LimitExceeded */
  async create(name: string, input: UserInput = {}): Promise<User> {
    checkName(name);
    const { displayName = '', comment = '' } = checkInput(input);
    const at = this.#account.now();
    const id = `2${randomDigits(17)}`;
    await this.#account.change(
      [
        {
          sql: `insert into users (name, ${columns}) select ?, ?, ?, ?, ?, 'Active', ?, ? where (select count(*) from users) < ?`,
          params: [name.toLowerCase(), id, name, displayName, comment, at, at, limits.users],
          expect: { changes: 1, otherwise: 'limit' },
        },
      ],
      (reason) =>
        reason === 'limit'
          ? new Fault('LimitExceeded', `The account has ${limits.users} users already; delete one first.`)
          : new Fault('EntityAlreadyExists.User', `The user ${name} exists already.`),
    );
    return this.need(name);
  }

  /** @throws Fault EntityNotExist.User, EntityAlreadyExists.User, InvalidArgument */
  async update(name: string, change: UserInput & { newName?: string; status?: User['status'] }): Promise<User> {
    const old = this.need(name);
    const { displayName = old.displayName, comment = old.comment } = checkInput(change);
    const { newName = old.name, status = old.status } = change;
    checkName(newName);
    await this.#account.change(
      [
        {
          sql: 'update users set name = ?, shown = ?, display_name = ?, comment = ?, status = ?, updated_at = ? where id = ?',
          params: [newName.toLowerCase(), newName, displayName, comment, status, this.#account.now(), old.id],
          expect: { changes: 1, otherwise: 'gone' },
        },
      ],
      (reason) => (reason === 'gone' ? missing(name) : new Fault('EntityAlreadyExists.User', `The user ${newName} exists already.`)),
    );
    return this.need(newName);
  }

  /** @throws Fault EntityNotExist.User, DeleteConflict.User naming what hangs on the user */
  async remove(name: string): Promise<void> {
    const { id } = this.need(name);
    await this.#account.change(
      [
        {
          sql: `delete from users where id = ? and not exists (select 1 from access_keys where owner = ?)
            and not exists (select 1 from attachments where kind = 'user' and holder = ?)`,
          params: [id, id, id],
          expect: { changes: 1, otherwise: 'conflict' },
        },
      ],
      () => this.#conflict(name, id),
    );
  }

  #conflict(name: string, id: string): Fault {
    const keys = this.#account.metadata.all<{ id: string }>('select id from access_keys where owner = ? order by id limit 10', [id]);
    const policies = this.#account.metadata.all<{ policy: string }>(
      `select policy from attachments where kind = 'user' and holder = ? order by policy limit 100`,
      [id],
    );
    const hanging = [...keys.map((key) => `access key ${key.id}`), ...policies.map(({ policy }) => `policy ${policy}`)];
    if (hanging.length === 0) return missing(name);
    return new Fault(
      'DeleteConflict.User',
      `The user ${name} still has ${hanging.join(', ')}. Delete the keys and detach the policies first.`,
    );
  }

  #one(column: 'name' | 'id', value: string): User | undefined {
    const row = this.#account.metadata.get<UserRow>(`select ${columns} from users where ${column} = ?`, [value]);
    return row && this.#user(row);
  }

  #user(row: UserRow): User {
    return {
      id: row.id,
      name: row.shown,
      arn: userArn(this.#account.id, row.shown),
      displayName: row.display_name,
      comment: row.comment,
      status: row.status,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    };
  }
}

export function userArn(accountId: string, name: string): string {
  return `acs:ram::${accountId}:user/${name}`;
}

function missing(name: string): Fault {
  return new Fault('EntityNotExist.User', `There is no user ${name.slice(0, 64)}.`);
}

/** The vendor's rule (Alibaba RAM API reference, CreateUser, UserName). */
function checkName(name: string): void {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) {
    throw new Fault('InvalidArgument', 'A user name must be 1 to 64 letters, digits, ".", "_" or "-".');
  }
}

function checkInput<T extends UserInput>(input: T): T {
  for (const [name, value] of Object.entries({ displayName: input.displayName, comment: input.comment })) {
    if (value !== undefined && value.length > 128) throw new Fault('InvalidArgument', `${name} may have at most 128 characters.`);
  }
  return input;
}
