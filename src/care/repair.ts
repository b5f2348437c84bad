import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Blobs, blobPath } from '../blobs/index.ts';
import { randomHex } from '../kit/index.ts';
import type { Metadata } from '../metadata/index.ts';
import { type CheckOptions, checkData, danglingPieces, type Report } from './check.ts';
import { sync } from './durable.ts';
import { examineBlob, type Problem } from './examine.ts';
import { type BlobRecord, holderOf } from './references.ts';

/** What became of a problem. */
export interface Outcome {
  readonly problem: Problem;
  /** `mended`: as before. `removed`: it is gone. `quarantined`: set aside, nothing was deleted. `left`: nothing could be done. */
  readonly done: 'mended' | 'removed' | 'quarantined' | 'left';
  readonly how: string;
}

export interface RepairOptions extends Omit<CheckOptions, 'running' | 'metadata'> {
  /** Nobody else works on the data. */
  readonly metadata: Metadata;
  /** Folder of the blobs. */
  readonly folder: string;
  /** Where damaged blobs are set aside; made when needed. */
  readonly quarantine: string;
  /** The blobs of a backup, to mend from. */
  readonly backup?: { readonly folder: string; readonly blobs: Blobs } | undefined;
  /** Says what would be done and does nothing. */
  readonly dryRun: boolean;
}

export interface Repair {
  readonly found: Report;
  readonly outcomes: readonly Outcome[];
}

const broken: ReadonlySet<Problem['kind']> = new Set(['missing-blob', 'wrong-size', 'wrong-checksum', 'not-encrypted']);
const whole = { quick: false } as const;

/** Mends what can be mended. No bytes that a record names are deleted: those that are not what was written are set aside. */
export async function repairData(options: RepairOptions): Promise<Repair> {
  const found = await checkData({ ...options, running: false });
  const outcomes: Outcome[] = [];
  for (const problem of found.problems) outcomes.push(await repair(options, problem));
  return { found, outcomes };
}

async function repair(options: RepairOptions, problem: Problem): Promise<Outcome> {
  const { kind, blob, id } = problem;
  if (kind === 'orphan-blob' && blob !== undefined) {
    if (!options.dryRun) await options.blobs.remove(blob);
    return { problem, done: 'removed', how: 'nothing names it' };
  }
  if (kind === 'dangling-record' && id !== undefined && isPieces(options.metadata, id)) return setPiecesAside(options, problem, id);
  if (blob === undefined || !broken.has(kind)) return { problem, done: 'left', how: advice(kind) };
  const holder = holderOf(options.metadata, blob);
  const record = holder?.blobs.find((it) => it.blob === blob);
  if (!holder || !record) return { problem, done: 'left', how: 'its records contradict each other; put the object again' };
  const mended = await mend(options, record, holder.sealed);
  if (mended !== undefined) return { problem, done: 'mended', how: mended };
  if (kind === 'missing-blob') return { problem, done: 'left', how: `the bytes are nowhere; put the object again or delete it` };
  if (kind === 'not-encrypted') return { problem, done: 'left', how: 'copy the object onto itself with encryption' };
  setAside(options, blob, { problem });
  return {
    problem,
    done: 'quarantined',
    how: `its file is in ${options.quarantine}; reading the object answers ObjectDamaged from now on`,
  };
}

function advice(kind: Problem['kind']): string {
  switch (kind) {
    case 'locked-blob':
      return 'put the key back into the file of encryption keys';
    case 'missing-package':
      return 'deploy the function again, or restore packages/ from a backup';
    case 'database':
      return 'restore the metadata database from a backup';
    default:
      return 'nothing that Sluice can do by itself';
  }
}

/** Puts sound bytes in the place of a blob: from the backup, or from another object that has the very same. Tells from where. */
async function mend(options: RepairOptions, record: BlobRecord, sealed: boolean): Promise<string | undefined> {
  const { backup, blobs, metadata, folder } = options;
  const sound = async (from: Blobs, blob: string) => (await examineBlob(from, { ...record, blob }, sealed, whole)) === undefined;
  if (backup && (await sound(backup.blobs, record.blob))) {
    replace(options, record.blob, blobPath(backup.folder, record.blob));
    return 'from the backup';
  }
  const same = `select blob from %s where crc64 = ? and size = ? and blob <> ? limit 20`;
  const params = [record.crc64, record.size, record.blob];
  const twins = ['objects', 'versions', 'pieces'].flatMap((table) => metadata.all<{ blob: string }>(same.replace('%s', table), params));
  for (const { blob } of twins) {
    if (!(await sound(blobs, blob))) continue;
    replace(options, record.blob, blobPath(folder, blob));
    return 'from another object with the same bytes';
  }
  return undefined;
}

function replace({ folder, dryRun }: RepairOptions, blob: string, from: string): void {
  if (dryRun) return;
  const to = blobPath(folder, blob);
  const fresh = join(folder, 'tmp', randomHex(16));
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  try {
    copyFileSync(from, fresh);
    sync(fresh);
    renameSync(fresh, to);
  } finally {
    rmSync(fresh, { force: true });
  }
  sync(dirname(to));
}

/** Moves a blob's file out of the store, beside a note on what it was. */
function setAside({ folder, quarantine, dryRun }: RepairOptions, blob: string, note: Record<string, unknown>): void {
  const from = blobPath(folder, blob);
  if (dryRun || !existsSync(from)) return;
  mkdirSync(quarantine, { recursive: true, mode: 0o700 });
  writeFileSync(join(quarantine, `${blob}.json`), `${JSON.stringify({ blob, ...note }, undefined, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(from, join(quarantine, blob));
  sync(quarantine);
  sync(dirname(from));
}

function isPieces(metadata: Metadata, id: string): boolean {
  return metadata.all<{ id: string }>(`${danglingPieces} limit 1000`).some((row) => row.id === id);
}

async function setPiecesAside(options: RepairOptions, problem: Problem, owner: string): Promise<Outcome> {
  const rows = options.metadata.all<{ number: number; blob: string; size: number; crc64: string }>(
    'select number, blob, size, crc64 from pieces where owner = ? order by number',
    [owner],
  );
  if (!options.dryRun) {
    for (const row of rows) setAside(options, row.blob, { problem, piece: row });
    await options.metadata.write([{ sql: 'delete from pieces where owner = ?', params: [owner] }]);
  }
  return { problem, done: 'quarantined', how: `its ${rows.length} files are in ${options.quarantine}` };
}
