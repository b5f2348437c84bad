import type { Metadata } from '../metadata/index.ts';

/** What belongs to a function beside its settings; `service`: the settings of a service, whose parts stand under `SERVICE$`. */
export type PartKind =
  | 'service'
  | 'version'
  | 'alias'
  | 'trigger'
  | 'concurrency'
  | 'provision'
  | 'scaling'
  | 'async'
  | 'restriction'
  | 'tags'
  | 'counter';

type Step = Parameters<Metadata['write']>[0][number];

/** One part as it is stored. Times are epoch milliseconds. */
export interface Part<T = unknown> {
  id: string;
  value: T;
  createdTime: number;
  modifiedTime: number;
}

interface Row {
  function: string;
  kind: PartKind;
  id: string;
  value: string;
  created_at: number;
  modified_at: number;
}

const pageSize = 500;

/** The function_parts table. */
export class PartRows {
  readonly #metadata: Metadata;

  constructor(metadata: Metadata) {
    this.#metadata = metadata;
  }

  /** Every part of every function; read page by page. */
  *all(): Generator<{ name: string; kind: PartKind; part: Part }> {
    let last: [string, string, string] = ['', '', ''];
    for (;;) {
      const rows = this.#metadata.all<Row>(
        `select function, kind, id, value, created_at, modified_at from function_parts
          where (function, kind, id) > (?, ?, ?) order by function, kind, id limit ?`,
        [...last, pageSize],
      );
      for (const row of rows) {
        const part = { id: row.id, value: JSON.parse(row.value) as unknown, createdTime: row.created_at, modifiedTime: row.modified_at };
        yield { name: row.function, kind: row.kind, part };
      }
      const end = rows.at(-1);
      if (!end || rows.length < pageSize) return;
      last = [end.function, end.kind, end.id];
    }
  }

  put(name: string, kind: PartKind, part: Part): Step {
    const { id, value, createdTime, modifiedTime } = part;
    return {
      sql: `insert into function_parts (function, kind, id, value, created_at, modified_at) values (?, ?, ?, ?, ?, ?)
        on conflict (function, kind, id) do update set value = excluded.value, modified_at = excluded.modified_at`,
      params: [name, kind, id, JSON.stringify(value), createdTime, modifiedTime],
    };
  }

  remove(name: string, kind: PartKind, id: string): Step {
    return { sql: 'delete from function_parts where function = ? and kind = ? and id = ?', params: [name, kind, id] };
  }

  removeAll(name: string): Step {
    return { sql: 'delete from function_parts where function = ?', params: [name] };
  }

  async write(steps: readonly Step[]): Promise<void> {
    await this.#metadata.write(steps);
  }
}
