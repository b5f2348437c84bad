import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { dataFormat, migrations } from '../migrations.ts';
import type { Step } from '../port.ts';
import type { Outcome, Reply, Request, WorkerOptions } from './messages.ts';

const uniqueViolations: readonly unknown[] = [1555, 2067]; // SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE
const lockBusy = 5; // SQLITE_BUSY
const maxStatements = 500;

class Unmet extends Error {}

/** Takes the lock that keeps a second process off this data; the system releases it when the process ends, however it ends. */
function lock(file: string): DatabaseSync {
  const held = new DatabaseSync(`${file}.lock`);
  try {
    held.exec('pragma locking_mode = exclusive; begin exclusive');
  } catch (error) {
    held.close();
    if ((error as { errcode?: number }).errcode !== lockBusy) throw error;
    throw new Error(`${file} is in use by another Sluice. Stop that one first, or choose another data folder.`);
  }
  return held;
}

function migrate(db: DatabaseSync, file: string): void {
  const { user_version: found } = db.prepare('pragma user_version').get() as { user_version: number };
  if (found > dataFormat) {
    throw new Error(
      `${file} has data format ${found}; this version of Sluice reads up to ${dataFormat}. Run the newer version that wrote it, or restore a backup.`,
    );
  }
  for (const { version, statements } of migrations) {
    if (version <= found) continue;
    db.exec('begin immediate');
    for (const sql of statements) db.exec(sql);
    db.exec(`pragma user_version = ${version}`);
    db.exec('commit');
  }
}

function open({ file, durability }: WorkerOptions): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: 5000 });
  try {
    const mode = db.prepare('pragma journal_mode = wal').get() as { journal_mode: string };
    if (mode.journal_mode !== 'wal') throw new Error(`${file} cannot use a write-ahead log there. Choose a data folder on a local disk.`);
    db.exec(`pragma synchronous = ${durability === 'full' ? 'full' : 'normal'}`);
    migrate(db, file);
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

/** Whoever is told that it cannot be opened finds nothing of it held. */
function openLocked(options: WorkerOptions, held: DatabaseSync): DatabaseSync {
  try {
    return open(options);
  } catch (error) {
    held.close();
    throw error;
  }
}

/** Runs transactions together: each inside its own savepoint, one COMMIT for all. */
class Writer {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  commit(batch: readonly (readonly Step[])[]): Outcome[] {
    try {
      this.#db.exec('begin immediate');
      const outcomes = batch.map((steps) => this.#one(steps));
      this.#db.exec('commit');
      return outcomes;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('rollback');
      const failed = messageOf(error);
      return batch.map(() => ({ failed }));
    }
  }

  #one(steps: readonly Step[]): Outcome {
    this.#run('savepoint one');
    let outcome: Outcome;
    try {
      outcome = { changes: steps.map((step) => this.#step(step)) };
    } catch (error) {
      // A full disk may have rolled back everything: then the batch has failed as a whole.
      if (!this.#db.isTransaction) throw error;
      this.#run('rollback to one');
      outcome = outcomeOf(error);
    }
    this.#run('release one');
    return outcome;
  }

  #step({ sql, params, expect }: Step): number {
    const changes = this.#run(sql, params);
    if (expect && changes !== expect.changes) throw new Unmet(expect.otherwise);
    return changes;
  }

  #run(sql: string, params: Step['params'] = []): number {
    let statement = this.#statements.get(sql);
    if (!statement) {
      if (this.#statements.size >= maxStatements) this.#statements.clear();
      statement = this.#db.prepare(sql);
      // SQLite reports the last change once more after a query, which would fool `expect`.
      if (statement.columns().length > 0) throw new Error(`a write step must not return rows: ${sql}`);
      this.#statements.set(sql, statement);
    }
    return Number(statement.run(...params).changes);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof Unmet) return { conflict: error.message };
  if (uniqueViolations.includes((error as { errcode?: number }).errcode)) return { conflict: 'unique' };
  return { failed: messageOf(error) };
}

const port = parentPort;
if (!port) throw new Error('worker.ts runs as a worker thread only.');
const reply = (message: Reply) => port.postMessage(message);

try {
  const options = workerData as WorkerOptions;
  const held = lock(options.file);
  const db = openLocked(options, held);
  const writer = new Writer(db);
  port.on('message', (request: Request) => {
    if ('batch' in request) return reply({ outcomes: writer.commit(request.batch) });
    db.close();
    held.close();
    port.close();
  });
  reply({ ready: true });
} catch (error) {
  reply({ refused: messageOf(error) });
  port.close();
}
