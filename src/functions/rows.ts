import { Fault } from '../faults/index.ts';
import { type Metadata, MetadataConflict } from '../metadata/index.ts';
import type { FunctionRecord } from './record.ts';

interface Row {
  record: string;
}

const pageSize = 200;

/** The functions table. */
export class FunctionRows {
  readonly #metadata: Metadata;

  constructor(metadata: Metadata) {
    this.#metadata = metadata;
  }

  /** Every record, in order of names; read page by page. */
  *all(): Generator<FunctionRecord> {
    let after = '';
    for (;;) {
      const page = this.page('', after, pageSize);
      yield* page;
      if (page.length < pageSize) return;
      after = page.at(-1)?.functionName ?? '';
    }
  }

  /** Up to `limit` records whose names start with `prefix`, after the name `after`; only those of services, or only the others. */
  page(prefix: string, after: string, limit: number, ofServices?: boolean): FunctionRecord[] {
    const which = ofServices === undefined ? '' : `and name ${ofServices ? '' : 'not '}like '%$%'`;
    // Names are ASCII letters, digits, _, - and $, so ~ sorts behind them all.
    const rows = this.#metadata.all<Row>(
      `select record from functions where name > ? and name >= ? and name < ? ${which} order by name limit ?`,
      [after, prefix, `${prefix}~`, limit],
    );
    return rows.map((row) => JSON.parse(row.record) as FunctionRecord);
  }

  /** @throws Fault FunctionAlreadyExists */
  async insert(record: FunctionRecord): Promise<void> {
    try {
      await this.#metadata.write([
        {
          sql: 'insert into functions (name, record, revision, created_at, modified_at) values (?, ?, ?, ?, ?)',
          params: [record.functionName, JSON.stringify(record), record.revision, record.createdTime, record.lastModifiedTime],
        },
      ]);
    } catch (error) {
      if (error instanceof MetadataConflict && error.reason === 'unique') throw alreadyExists(record.functionName);
      throw error;
    }
  }

  /** Replaces the record whose revision is `previous`. */
  async update(record: FunctionRecord, previous: string): Promise<void> {
    await this.#metadata.write([this.replacement(record, previous)]);
  }

  /** The step that replaces the record whose revision is `previous`. */
  replacement(record: FunctionRecord, previous: string): Parameters<Metadata['write']>[0][number] {
    return {
      sql: 'update functions set record = ?, revision = ?, modified_at = ? where name = ? and revision = ?',
      params: [JSON.stringify(record), record.revision, record.lastModifiedTime, record.functionName, previous],
      expect: { changes: 1, otherwise: 'revision' },
    };
  }

  /** Replaces what a record says about itself, in the revision that it has. */
  async annotate(record: FunctionRecord): Promise<void> {
    const { functionName, revision } = record;
    await this.#metadata.write([
      { sql: 'update functions set record = ? where name = ? and revision = ?', params: [JSON.stringify(record), functionName, revision] },
    ]);
  }

  removal(name: string): Parameters<Metadata['write']>[0][number] {
    return { sql: 'delete from functions where name = ?', params: [name] };
  }
}

export function alreadyExists(name: string): Fault {
  return new Fault('FunctionAlreadyExists', `The function ${name} already exists; update it or choose another name.`);
}

export function notFound(name: string): Fault {
  return new Fault('FunctionNotFound', `There is no function ${name.slice(0, 200)}; create it first.`);
}
