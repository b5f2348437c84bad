import { Lru } from '../kit/index.ts';
import type { Metadata } from '../metadata/index.ts';

/** A long-lived key. `owner` is the account id, or the name of a RAM user. */
export interface AccessKey {
  readonly id: string;
  readonly secret: string;
  readonly owner: string;
  readonly status: 'Active' | 'Inactive';
  readonly createdAt: number;
}

/** The access keys kept in metadata, behind a bounded memory of the last ones asked for, known and unknown alike. */
export class AccessKeys {
  readonly #metadata: Metadata;
  readonly #asked: Lru<{ key: AccessKey | undefined }>;

  constructor(metadata: Metadata, remembered = 4_096) {
    this.#metadata = metadata;
    this.#asked = new Lru({ maxWeight: remembered });
  }

  get(id: string): AccessKey | undefined {
    const asked = this.#asked.get(id);
    if (asked) return asked.key;
    const key = this.#metadata.get<AccessKey>('select id, secret, owner, status, created_at as "createdAt" from access_keys where id = ?', [
      id,
    ]);
    this.#asked.set(id, { key });
    return key;
  }

  /** Writes a key, new or changed; it counts from the moment the promise resolves. */
  async put(key: AccessKey): Promise<void> {
    await this.#metadata.write([
      {
        sql: `insert into access_keys (id, secret, owner, status, created_at) values (?, ?, ?, ?, ?)
          on conflict (id) do update set secret = excluded.secret, owner = excluded.owner, status = excluded.status`,
        params: [key.id, key.secret, key.owner, key.status, key.createdAt],
      },
    ]);
    this.#asked.delete(key.id);
  }
}
