import { Fault } from '../faults/index.ts';
import type { Account } from './account.ts';
import type { KeyUse, KeyUses } from './key-use.ts';
import { limits } from './page.ts';
import { randomBase62 } from './secrets.ts';

/** A long-lived key. `owner` is the account id, or the id of a RAM user. */
export interface AccessKey {
  readonly id: string;
  readonly secret: string;
  readonly owner: string;
  readonly status: 'Active' | 'Inactive';
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

/** A key as it is shown: never its secret. */
export type ShownKey = Omit<AccessKey, 'secret'> & { readonly lastUsed?: KeyUse };

const columns = 'id, secret, owner, status, created_at as "createdAt"';

/** A key and its use as it was written last. */
interface ShownRow extends Omit<AccessKey, 'secret'> {
  readonly usedAt: number | null;
  readonly service: string | null;
}

/** The access keys kept in metadata. The root key of the settings or the key file is none of them. */
export class AccessKeys {
  readonly #account: Account;
  readonly #uses: KeyUses;

  constructor(account: Account, uses: KeyUses) {
    this.#account = account;
    this.#uses = uses;
  }

  /** With its secret, for whoever verifies a signature. */
  get(id: string): AccessKey | undefined {
    return this.#account.metadata.get<AccessKey>(`select ${columns} from access_keys where id = ?`, [id]);
  }

  /** @throws Fault EntityNotExist.User.AccessKey */
  need(id: string): ShownKey {
    const [key] = this.#list('where k.id = ?', [id]);
    if (!key) throw missing(id);
    return key;
  }

  /** The keys of a user, or of the account itself, oldest first. */
  of(owner: string): ShownKey[] {
    return this.#list('where k.owner = ?', [owner]);
  }

  /** The keys of all users and of the account, at most 3,000. */
  all(): ShownKey[] {
    return this.#list('', []);
  }

  /**
   * Makes a key; the only time that its secret is shown.
   * @param owner the account id, or the id of a user
   * @throws Fault LimitExceeded.User.AccessKey, EntityNotExist.User
   */
  async create(owner: string): Promise<AccessKey> {
    const key = this.#fresh(owner);
    await this.#account.change([this.#insert(key)], (reason) => this.#refused(reason, owner));
    return key;
  }

  /** Writes a key, new or changed, as it is given. For tests and tools that bring keys along. */
  async put(key: AccessKey): Promise<void> {
    await this.#account.change(
      [
        {
          sql: `insert into access_keys (id, secret, owner, status, created_at) values (?, ?, ?, ?, ?)
            on conflict (id) do update set secret = excluded.secret, owner = excluded.owner, status = excluded.status`,
          params: [key.id, key.secret, key.owner, key.status, key.createdAt],
        },
      ],
      () => missing(key.id),
    );
  }

  /** @throws Fault EntityNotExist.User.AccessKey */
  async setStatus(id: string, status: AccessKey['status']): Promise<ShownKey> {
    await this.#account.change(
      [
        {
          sql: 'update access_keys set status = ? where id = ?',
          params: [status, id],
          expect: { changes: 1, otherwise: 'gone' },
        },
      ],
      () => missing(id),
    );
    return this.need(id);
  }

  /**
   * Makes a second key for the owner of a first. The first stays as it is, or is disabled in the same step.
   * @throws Fault EntityNotExist.User.AccessKey, LimitExceeded.User.AccessKey
   */
  async rotate(id: string, { disableOld = false }: { disableOld?: boolean } = {}): Promise<AccessKey> {
    const { owner } = this.need(id);
    const key = this.#fresh(owner);
    const disable = {
      sql: `update access_keys set status = 'Inactive' where id = ?`,
      params: [id],
      expect: { changes: 1, otherwise: 'gone' },
    };
    await this.#account.change([this.#insert(key), ...(disableOld ? [disable] : [])], (reason) =>
      reason === 'gone' ? missing(id) : this.#refused(reason, owner),
    );
    return key;
  }

  /** @throws Fault EntityNotExist.User.AccessKey */
  async remove(id: string): Promise<void> {
    await this.#account.change(
      [
        { sql: 'delete from access_keys where id = ?', params: [id], expect: { changes: 1, otherwise: 'gone' } },
        { sql: 'delete from key_uses where id = ?', params: [id] },
      ],
      () => missing(id),
    );
    this.#uses.forget(id);
  }

  #fresh(owner: string): AccessKey {
    return { id: `SL${randomBase62(22)}`, secret: randomBase62(40), owner, status: 'Active', createdAt: this.#account.now() };
  }

  /** Counts and looks for the owner within the transaction, so that two requests at once cannot pass the limit together. */
  #insert(key: AccessKey) {
    return {
      sql: `insert into access_keys (id, secret, owner, status, created_at) select ?, ?, ?, ?, ?
        where (select count(*) from access_keys where owner = ?) < ? and (? = ? or exists (select 1 from users where id = ?))`,
      params: [
        ...[key.id, key.secret, key.owner, key.status, key.createdAt],
        ...[key.owner, limits.keysPerUser, key.owner, this.#account.id, key.owner],
      ],
      expect: { changes: 1, otherwise: 'refused' },
    };
  }

  #refused(_reason: string, owner: string): Fault {
    const has = this.of(owner).length;
    if (has >= limits.keysPerUser) {
      return new Fault(
        'LimitExceeded.User.AccessKey',
        `There may be ${limits.keysPerUser} access keys at a time, and there are ${has}. Delete one that is no longer used first.`,
      );
    }
    return new Fault('EntityNotExist.User', 'The user of this key does not exist.');
  }

  #list(where: string, params: string[]): ShownKey[] {
    const rows = this.#account.metadata.all<ShownRow>(
      `select k.id, k.owner, k.status, k.created_at as "createdAt", u.used_at as "usedAt", u.service
        from access_keys k left join key_uses u on u.id = k.id ${where} order by k.owner, k.created_at, k.id limit 3000`,
      params,
    );
    return rows.map(({ usedAt, service, ...key }) => {
      const written = usedAt === null || service === null ? undefined : { at: usedAt, service };
      const lastUsed = this.#uses.recent(key.id) ?? written;
      return { ...key, ...(lastUsed ? { lastUsed } : {}) };
    });
  }
}

function missing(id: string): Fault {
  return new Fault('EntityNotExist.User.AccessKey', `There is no access key ${id.slice(0, 64)}.`);
}
