import { existsSync } from 'node:fs';
import { backup, DatabaseSync } from 'node:sqlite';
import { checkParameters } from '../binding.ts';
import { dataFormat } from '../migrations.ts';
import { MetadataError, type SqlValue } from '../port.ts';

/** A metadata database that is only looked at, whoever serves it meanwhile. */
export interface MetadataReader {
  /** The data format that it has. */
  readonly format: number;
  /** As Metadata.get(); sees what is committed at that moment. */
  get<T>(sql: string, params?: readonly SqlValue[]): T | undefined;
  /** As Metadata.all(). */
  all<T>(sql: string, params?: readonly SqlValue[]): T[];
  /** What SQLite itself finds wrong with its file; empty when it is sound. Reads all of it. */
  faults(): string[];
  /** Writes all of it as it is at one moment into a new file, while others write on. */
  copyTo(file: string): Promise<void>;
  close(): void;
}

/**
 * Opens a SQLite database for reading, without its lock and without migrating it.
 * @throws MetadataError when there is none, or when it is of another data format than this program's (`anyFormat` lets older ones pass)
 */
export function openSqliteReader(file: string, options: { anyFormat?: boolean } = {}): MetadataReader {
  if (!existsSync(file)) throw new MetadataError(`There is no metadata database ${file}.`);
  let db: DatabaseSync;
  let format: number;
  try {
    db = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
    format = (db.prepare('pragma user_version').get() as { user_version: number }).user_version;
  } catch (error) {
    throw new MetadataError(`${file} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
  if (format > dataFormat || (format < dataFormat && !options.anyFormat)) {
    db.close();
    const next =
      format > dataFormat
        ? 'Use the newer version that wrote it.'
        : 'Start the server of this version on it once, which brings it up to date.';
    throw new MetadataError(`${file} has data format ${format}; this version of Sluice has ${dataFormat}. ${next}`);
  }
  return new SqliteReader(db, format);
}

class SqliteReader implements MetadataReader {
  readonly format: number;
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync, format: number) {
    this.#db = db;
    this.format = format;
  }

  get<T>(sql: string, params: readonly SqlValue[] = []): T | undefined {
    checkParameters(sql, params);
    return this.#db.prepare(sql).get(...params) as T | undefined;
  }

  all<T>(sql: string, params: readonly SqlValue[] = []): T[] {
    checkParameters(sql, params);
    return this.#db.prepare(sql).all(...params) as T[];
  }

  faults(): string[] {
    const rows = this.#db.prepare('pragma integrity_check(20)').all() as { integrity_check: string }[];
    return rows.map((row) => row.integrity_check).filter((text) => text !== 'ok');
  }

  async copyTo(file: string): Promise<void> {
    // All pages in one step: between steps a write of another process would make it start again.
    await backup(this.#db, file, { rate: 2 ** 30 });
  }

  close(): void {
    this.#db.close();
  }
}
