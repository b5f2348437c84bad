import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** One line of the audit log. It never holds a secret: names, ARNs and codes only. */
export interface AuditEvent {
  /** Epoch milliseconds. */
  at: number;
  requestId: string;
  /** Which door: data, control, functions. */
  listener: string;
  /** Name of the operation, e.g. PutBucketPolicy. */
  operation: string;
  /** ARN of who asked; `anonymous` without a signature, `unknown` where the signature was refused. */
  actor: string;
  /** Access key id that was used. */
  accessKeyId?: string | undefined;
  /** What it was about: ARN, or bucket and key. */
  resource?: string | undefined;
  remote: string;
  outcome: 'done' | 'denied' | 'failed';
  /** HTTP status and, unless done, the error code. */
  status: number;
  code?: string | undefined;
}

export interface Audit {
  /** Adds a line; it is in the file within a tenth of a second, and synced. */
  write(event: AuditEvent): void;
  /** Writes what is held and closes the file. */
  close(): void;
}

export interface AuditOptions {
  /** Lines go here; older ones to `<file>.1` … `<file>.<files - 1>`. */
  file: string;
  /** A file that is larger is set aside, bytes. */
  maxBytes: number;
  /** Files kept in all. */
  files: number;
  /** Told once of each kind of trouble: the disk is full, the file cannot be opened. */
  onProblem: (error: unknown) => void;
  /** Runs work a little later; the clock's `after`. */
  after: (ms: number, work: () => void) => { cancel(): void };
}

const flushMs = 100;
/** Denied requests that may wait to be written; a flood beyond it is counted instead. State changes are always kept. */
const deniedLimit = 10_000;

/** Opens the audit log: JSON lines, mode 0600, rotated by size. */
export function openAudit(options: AuditOptions): Audit {
  return new AuditLog(options);
}

class AuditLog implements Audit {
  readonly #options: AuditOptions;
  #lines: string[] = [];
  #denied = 0;
  #dropped = 0;
  #fd: number | undefined;
  #size = 0;
  #timer: { cancel(): void } | undefined;
  #troubled = false;

  constructor(options: AuditOptions) {
    this.#options = options;
    try {
      this.#file();
    } catch (error) {
      options.onProblem(error);
    }
  }

  write(event: AuditEvent): void {
    if (event.outcome === 'denied') {
      if (this.#denied >= deniedLimit) {
        this.#dropped += 1;
        return;
      }
      this.#denied += 1;
    }
    const { at, ...rest } = event;
    this.#lines.push(`${JSON.stringify({ time: new Date(at).toISOString(), ...rest })}\n`);
    this.#timer ??= this.#options.after(flushMs, () => this.#flush());
  }

  close(): void {
    this.#timer?.cancel();
    this.#flush();
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #flush(): void {
    this.#timer = undefined;
    const lines = this.#lines;
    if (this.#dropped > 0) lines.push(`${JSON.stringify({ denied: this.#dropped, note: 'more denied requests than could be written' })}\n`);
    if (lines.length === 0) return;
    this.#lines = [];
    this.#denied = 0;
    this.#dropped = 0;
    try {
      const fd = this.#file();
      const bytes = Buffer.from(lines.join(''));
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
      fsyncSync(fd);
      this.#size += bytes.length;
      this.#troubled = false;
    } catch (error) {
      // What could not be written is kept for the next attempt, as far as memory allows.
      if (this.#lines.length + lines.length <= deniedLimit) this.#lines.unshift(...lines);
      if (!this.#troubled) this.#options.onProblem(error);
      this.#troubled = true;
    }
  }

  #file(): number {
    const { file, maxBytes, files } = this.#options;
    if (this.#fd !== undefined && this.#size < maxBytes) return this.#fd;
    if (this.#fd === undefined) {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    } else {
      closeSync(this.#fd);
      this.#fd = undefined;
      rmSync(`${file}.${files - 1}`, { force: true });
      for (let at = files - 2; at >= 1; at -= 1) move(`${file}.${at}`, `${file}.${at + 1}`);
      if (files > 1) move(file, `${file}.1`);
      else rmSync(file, { force: true });
    }
    const fd = openSync(file, 'a', 0o600);
    this.#size = statSync(file).size;
    this.#fd = fd;
    return fd;
  }
}

function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
