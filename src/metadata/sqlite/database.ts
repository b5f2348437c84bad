import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Worker } from 'node:worker_threads';
import { checkParameters } from '../binding.ts';
import { type Metadata, MetadataConflict, MetadataError, type SqlValue, type Step } from '../port.ts';
import type { Outcome, Reply, Request } from './messages.ts';

const maxBatch = 500;
const maxStatements = 500;

interface Pending {
  steps: readonly Step[];
  resolve(changes: { changes: number }[]): void;
  reject(error: Error): void;
}

/**
 * SQLite behind the metadata port: reads on this thread, writes in the worker. While a batch is being committed later writes queue here and
 * form the next batch (group commit).
 */
export class SqliteMetadata implements Metadata {
  /** The writing thread; exposed for this driver's tests. */
  readonly worker: Worker;
  readonly #reader: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #queue: Pending[] = [];
  #inFlight: Pending[] | undefined;
  #pumpSoon = false;
  #closed: Promise<void> | undefined;
  #dead: MetadataError | undefined;
  readonly #exited: Promise<void>;
  #drained: (() => void) | undefined;

  constructor(worker: Worker, reader: DatabaseSync) {
    this.worker = worker;
    this.#reader = reader;
    worker.on('message', (reply: Reply) => this.#settle(reply));
    worker.on('error', (error) => this.#die(error));
    this.#exited = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#die(undefined);
        resolve();
      });
    });
    // An idle database does not keep the process alive; a write in flight does.
    worker.unref();
  }

  get<T>(sql: string, params: readonly SqlValue[] = []): T | undefined {
    return this.#prepare(sql, params).get(...params) as T | undefined;
  }

  all<T>(sql: string, params: readonly SqlValue[] = []): T[] {
    return this.#prepare(sql, params).all(...params) as T[];
  }

  #prepare(sql: string, params: readonly SqlValue[]): StatementSync {
    if (this.#closed) throw new MetadataError('The metadata database is closed.');
    checkParameters(sql, params);
    let statement = this.#statements.get(sql);
    if (!statement) {
      if (this.#statements.size >= maxStatements) this.#statements.clear();
      statement = this.#reader.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  async write(steps: readonly Step[]): Promise<{ changes: number }[]> {
    if (this.#dead) throw this.#dead;
    if (this.#closed) throw new MetadataError('The metadata database is closed.');
    for (const step of steps) checkParameters(step.sql, step.params ?? []);
    return new Promise((resolve, reject) => {
      this.#queue.push({ steps, resolve, reject });
      this.#schedule();
    });
  }

  // One microtask later, so that writes of the same turn share a commit.
  #schedule(): void {
    if (this.#pumpSoon || this.#inFlight) return;
    this.#pumpSoon = true;
    queueMicrotask(() => {
      this.#pumpSoon = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#inFlight || this.#dead) return;
    if (this.#queue.length === 0) {
      this.worker.unref();
      this.#drained?.();
      return;
    }
    this.#inFlight = this.#queue.splice(0, maxBatch);
    this.worker.ref();
    this.#send({ batch: this.#inFlight.map((pending) => pending.steps) });
  }

  #send(request: Request): void {
    this.worker.postMessage(request);
  }

  #settle(reply: Reply): void {
    const batch = this.#inFlight;
    if (!batch || !('outcomes' in reply)) return;
    this.#inFlight = undefined;
    batch.forEach((pending, i) => {
      settleOne(pending, reply.outcomes[i] ?? { failed: 'the worker gave no outcome' });
    });
    this.#schedule();
  }

  #die(cause: unknown): void {
    if (this.#dead) return;
    this.#dead = new MetadataError('The metadata database worker has ended; nothing can be written. Restart Sluice.', { cause });
    const lost = [...(this.#inFlight ?? []), ...this.#queue];
    this.#inFlight = undefined;
    this.#queue = [];
    for (const pending of lost) pending.reject(this.#dead);
    this.#drained?.();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (!this.#dead && (this.#inFlight || this.#queue.length > 0)) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    // The reader goes first: the last connection to close folds the write-ahead log into the file.
    this.#reader.close();
    if (this.#dead) return;
    this.worker.ref();
    this.#send({ close: true });
    await this.#exited;
  }
}

function settleOne(pending: Pending, outcome: Outcome): void {
  if ('changes' in outcome) pending.resolve(outcome.changes.map((changes) => ({ changes })));
  else if ('conflict' in outcome) pending.reject(new MetadataConflict(outcome.conflict));
  else pending.reject(new MetadataError(`The metadata database could not write: ${outcome.failed}.`));
}
