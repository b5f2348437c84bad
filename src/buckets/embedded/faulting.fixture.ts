import type { Readable } from 'node:stream';
import type { Blobs, BlobWriter } from '../../blobs/index.ts';
import { sleep } from '../../kit/index.ts';

/** A call of a driver that can be made to fail. */
export type FaultyCall = 'create' | 'write' | 'commit' | 'read' | 'readSmall' | 'copy' | 'remove';

/** What happens to a call: nothing, or an error with a system code; `short` stores half of what is written before it fails. */
export type Verdict = undefined | { readonly code: string; readonly short?: boolean };

export interface FaultPlan {
  /** Asked before each call. */
  readonly judge: (call: FaultyCall) => Verdict;
  /** Bytes that fit on the disk; more fail with ENOSPC. */
  readonly room?: number;
  /** Milliseconds that each write takes. */
  readonly slowMs?: number;
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: a fault of the test`), { code });
}

/** A driver that does what another does, but for faults that a test plans: errors, short writes, a full disk, a slow one. */
export class FaultingBlobs implements Blobs {
  plan: FaultPlan;
  readonly #inner: Blobs;
  #used = 0;

  constructor(inner: Blobs, plan: FaultPlan) {
    this.#inner = inner;
    this.plan = plan;
  }

  #meet(call: FaultyCall): void {
    const verdict = this.plan.judge(call);
    if (verdict) throw systemError(verdict.code);
  }

  async create(options?: Parameters<Blobs['create']>[0]): Promise<BlobWriter> {
    this.#meet('create');
    const writer = await this.#inner.create(options);
    let own = 0;
    const fail = async (code: string): Promise<never> => {
      // After a failure the blob is gone, as the port says.
      await writer.abort();
      this.#used -= own;
      throw systemError(code);
    };
    return {
      id: writer.id,
      write: async (chunk) => {
        if (this.plan.slowMs) await sleep(this.plan.slowMs);
        const verdict = this.plan.judge('write');
        if (verdict?.short) await writer.write(chunk.subarray(0, chunk.length >> 1));
        if (verdict) return fail(verdict.code);
        own += chunk.length;
        this.#used += chunk.length;
        if (this.#used > (this.plan.room ?? Number.POSITIVE_INFINITY)) return fail('ENOSPC');
        await writer.write(chunk);
      },
      commit: async () => {
        const verdict = this.plan.judge('commit');
        if (verdict) return fail(verdict.code);
        await writer.commit();
      },
      abort: () => writer.abort(),
    };
  }

  readSmall(id: string, size: number): Buffer {
    this.#meet('readSmall');
    return this.#inner.readSmall(id, size);
  }

  read(...call: Parameters<Blobs['read']>): Readable {
    const verdict = this.plan.judge('read');
    const stream = this.#inner.read(...call) as Readable;
    // It breaks after the first piece, as a disk does.
    if (verdict) stream.once('data', () => stream.destroy(systemError(verdict.code))).pause();
    return stream;
  }

  async copy(...call: Parameters<Blobs['copy']>): Promise<string> {
    this.#meet('copy');
    return this.#inner.copy(...call);
  }

  async remove(id: string): Promise<void> {
    this.#meet('remove');
    await this.#inner.remove(id);
  }

  sweep(...call: Parameters<Blobs['sweep']>): Promise<number> {
    return this.#inner.sweep(...call);
  }

  facts(id: string): ReturnType<Blobs['facts']> {
    return this.#inner.facts(id);
  }

  list(): AsyncIterable<string> {
    return this.#inner.list();
  }

  removable(): boolean {
    return this.#inner.removable();
  }

  damaged(...call: Parameters<Blobs['damaged']>): void {
    this.#inner.damaged(...call);
  }

  writers(): number {
    return this.#inner.writers();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
