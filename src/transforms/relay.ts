import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, type ByteSink, randomHex } from '../kit/index.ts';

/** Where a transformed answer goes: the waiting client. */
export interface ClientSink {
  /** Sends the status line and headers; a length is given as Content-Length, else the body is chunked. */
  head(status: number, headers: readonly (readonly [string, string])[]): void;
  readonly body: ByteSink;
  /** Breaks the connection so that the client cannot take what it has for a whole answer. */
  reset(): void;
  readonly headSent: boolean;
}

export interface RelayLimits {
  bufferBytes: number;
  spoolBytes: number;
  idleMs: number;
  /** How long a full buffer waits for a client of ordinary speed before the file is used; one second when left out. */
  patienceMs?: number;
  /** Folder for the overflow file, which is unlinked as soon as it is open. */
  folder: string;
}

const ordinaryPatienceMs = 1000;
const pieceBytes = 262_144;

/** Thrown into a write when the client left or stopped reading. */
export class ClientGone extends Error {}

/**
 * Carries a body to a client of any speed: straight through while the client keeps up, then a bounded buffer in memory, then a bounded file,
 * and only then the writer waits. Memory stays below `bufferBytes` plus one chunk.
 */
export class Relay {
  readonly #body: ByteSink;
  readonly #limits: RelayLimits;
  readonly #queue: Buffer[] = [];
  #queued = 0;
  #file: FileHandle | undefined;
  #fileRead = 0;
  #fileWritten = 0;
  #spooling = false;
  #clogged = false;
  /** True from the first thing that had to wait until all of it was written. */
  #pumping = false;
  #pumped: Promise<void> | undefined;
  #gone: ClientGone | undefined;
  readonly #waiters = new Set<() => void>();

  constructor(body: ByteSink, limits: RelayLimits) {
    this.#body = body;
    this.#limits = limits;
    if (body.destroyed) this.#gone = new ClientGone('the client left');
    body.on('drain', this.#onDrain);
    body.on('close', this.#onClose);
    body.on('error', this.#onClose);
  }

  readonly #onDrain = (): void => {
    this.#clogged = false;
    this.#wake();
  };

  readonly #onClose = (): void => {
    if (!this.#body.writableFinished) this.#gone ??= new ClientGone('the client left');
    this.#wake();
  };

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
  }

  /** Waits until `ready()` or the client is gone; false when `ms` passed first. */
  #until(ready: () => boolean, ms: number): Promise<boolean> {
    if (ready() || this.#gone) return Promise.resolve(true);
    return new Promise((resolve) => {
      const check = () => {
        if (ready() || this.#gone) done(true);
      };
      const timer = after(ms, () => done(false));
      const done = (held: boolean) => {
        timer.cancel();
        this.#waiters.delete(check);
        resolve(held);
      };
      this.#waiters.add(check);
    });
  }

  /** Takes a chunk. Returns nothing when it was taken at once, else a promise to wait for before the next chunk. @throws ClientGone */
  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#gone) throw this.#gone;
    if (!this.#clogged && !this.#pumping) {
      if (!this.#body.write(chunk)) this.#clogged = true;
      return undefined;
    }
    if (this.#fileWritten === 0 && this.#queued + chunk.length <= this.#limits.bufferBytes) {
      this.#enqueue(chunk);
      return undefined;
    }
    return this.#overflow(chunk);
  }

  #enqueue(chunk: Buffer): void {
    this.#queue.push(chunk);
    this.#queued += chunk.length;
    this.#startPump();
  }

  async #overflow(chunk: Buffer): Promise<void> {
    const fits = () => this.#fileWritten === 0 && this.#queued + chunk.length <= Math.max(this.#limits.bufferBytes, chunk.length);
    const ordinary = this.#fileWritten === 0 && (await this.#until(fits, this.#limits.patienceMs ?? ordinaryPatienceMs));
    if (this.#gone) throw this.#gone;
    if (ordinary) return this.#enqueue(chunk);
    if (this.#fileWritten + chunk.length > this.#limits.spoolBytes) {
      await this.#until(fits, Number.POSITIVE_INFINITY);
      if (this.#gone) throw this.#gone;
      return this.#enqueue(chunk);
    }
    await this.#spool(chunk);
    this.#startPump();
  }

  async #spool(chunk: Buffer): Promise<void> {
    this.#spooling = true;
    try {
      this.#file ??= await openUnlinked(this.#limits.folder);
      await this.#file.write(chunk, 0, chunk.length, this.#fileWritten);
      this.#fileWritten += chunk.length;
    } finally {
      this.#spooling = false;
    }
  }

  #startPump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#pumped = this.#pump().catch((cause) => {
      this.#gone ??= new ClientGone('the overflow file failed', { cause });
      this.#stopPump();
    });
  }

  /** In the same turn as the pump found nothing more: what is written a moment later must find it stopped, or it would lie there. */
  #stopPump(): void {
    this.#pumping = false;
    this.#wake();
  }

  async #pump(): Promise<void> {
    for (;;) {
      if (this.#clogged && !(await this.#until(() => !this.#clogged, this.#limits.idleMs))) {
        this.#gone ??= new ClientGone(`the client read nothing for ${this.#limits.idleMs} ms`);
      }
      if (this.#gone) return this.#stopPump();
      const chunk = this.#queue.shift();
      if (chunk) this.#queued -= chunk.length;
      const next = chunk ?? (this.#fileRead === this.#fileWritten ? undefined : await this.#readBack(this.#file as FileHandle));
      if (!next) return this.#stopPump();
      if (!this.#body.write(next)) this.#clogged = true;
      this.#wake();
    }
  }

  async #readBack(file: FileHandle): Promise<Buffer> {
    const want = Math.min(pieceBytes, this.#fileWritten - this.#fileRead);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(want), 0, want, this.#fileRead);
    this.#fileRead += bytesRead;
    // While a write is under way its offset is taken; the file starts over the next time it runs empty.
    if (this.#fileRead === this.#fileWritten && !this.#spooling) {
      this.#fileRead = 0;
      this.#fileWritten = 0;
    }
    return buffer.subarray(0, bytesRead);
  }

  /** Ends the body once everything before it was sent. Resolves when the client's socket took the last byte. @throws ClientGone */
  async end(): Promise<void> {
    while (this.#pumping) await this.#pumped;
    if (this.#gone) throw this.#gone;
    this.#body.end();
    const finished = () => this.#body.writableFinished;
    this.#body.once('finish', this.#onDrain);
    if (!(await this.#until(finished, this.#limits.idleMs))) throw new ClientGone('the client did not take the end of the body');
    if (this.#gone && !finished()) throw this.#gone;
  }

  /** Lets go of the file and the listeners; the client's connection is the caller's business. */
  async close(): Promise<void> {
    if (this.#pumping) {
      this.#gone ??= new ClientGone('closed');
      this.#wake();
    }
    this.#body.off('drain', this.#onDrain);
    this.#body.off('close', this.#onClose);
    await this.#pumped;
    await this.#file?.close();
    this.#file = undefined;
  }
}

async function openUnlinked(folder: string): Promise<FileHandle> {
  const path = join(folder, `spool-${randomHex(12)}`);
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  return file;
}
