import { once } from 'node:events';
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { type Metadata, MetadataError } from '../port.ts';
import { SqliteMetadata } from './database.ts';
import type { Reply, WorkerOptions } from './messages.ts';

const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** Makes the file for its owner only and records its name durably; SQLite gives its side files the same mode. */
function createFile(file: string): void {
  closeSync(openSync(file, 'a', 0o600));
  closeSync(openSync(`${file}.lock`, 'a', 0o600));
  const folder = openSync(dirname(file), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

/** Resolves when the worker holds the lock and the database is up to date; rejects with its reason otherwise. */
async function started(worker: Worker): Promise<void> {
  let reply: Reply | undefined;
  try {
    [reply] = (await Promise.race([once(worker, 'message'), once(worker, 'exit').then(() => [])])) as [Reply?];
  } catch (error) {
    throw new MetadataError('The metadata database worker did not start.', { cause: error });
  }
  if (reply && 'ready' in reply) return;
  throw new MetadataError(reply && 'refused' in reply ? reply.refused : 'The metadata database worker ended while it started.');
}

/**
 * Opens (and makes or migrates) the SQLite database at `file`; its folder must exist.
 * `full` survives power loss at every acknowledged write, `relaxed` may lose the last ones then (never on a mere crash).
 * Throws MetadataError when another process holds the file, when a newer version wrote it, or when it cannot be read.
 */
export async function openSqlite(options: { file: string; durability: 'full' | 'relaxed' }): Promise<Metadata> {
  return startSqlite(options);
}

/** openSqlite with the class itself, for this driver's own tests. */
export async function startSqlite(options: { file: string; durability: 'full' | 'relaxed' }): Promise<SqliteMetadata> {
  const file = resolve(options.file);
  try {
    createFile(file);
  } catch (error) {
    throw new MetadataError(`${file} cannot be made. Make its folder and give this user the right to write there.`, { cause: error });
  }
  const data: WorkerOptions = { file, durability: options.durability };
  // Flags meant for the main program (--input-type, --import) must not reach the worker.
  const worker = new Worker(new URL(`./worker${extension}`, import.meta.url), { workerData: data, name: 'metadata', execArgv: [] });
  await started(worker);
  return new SqliteMetadata(worker, new DatabaseSync(file, { readOnly: true, timeout: 5000 }));
}
