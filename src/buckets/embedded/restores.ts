import { Fault } from '../../faults/index.ts';
import { now } from '../../kit/index.ts';
import type { Metadata, Step } from '../../metadata/index.ts';
import type { Restore, RestoreRequest, Restores } from '../restores.ts';
import type { ObjectHead } from '../store.ts';

/** Rows by the content that they are of; those whose time is over go when another one is written. */
export class EmbeddedRestores implements Restores {
  readonly #metadata: Metadata;

  constructor(metadata: Metadata) {
    this.#metadata = metadata;
  }

  find({ blob }: ObjectHead): Restore | undefined {
    const row = this.#metadata.get<{ ready_at: number; until: number }>('select ready_at, until from restores where blob = ?', [blob]);
    return row && row.until > now() ? { readyAt: row.ready_at, until: row.until } : undefined;
  }

  async restore(head: ObjectHead, { lastsMs, takesMs }: RestoreRequest): Promise<'begun' | 'prolonged'> {
    const time = now();
    const known = this.find(head);
    if (known && known.readyAt > time) throw new Fault('RestoreAlreadyInProgress', undefined, { extra: { Key: head.key } });
    const readyAt = known?.readyAt ?? time + takesMs;
    const put =
      'insert into restores (blob, ready_at, until) values (?, ?, ?) on conflict (blob) do update set ready_at = excluded.ready_at, until = excluded.until';
    await this.#metadata.write([over(time), { sql: put, params: [head.blob, readyAt, Math.max(readyAt, time) + lastsMs] }]);
    return known ? 'prolonged' : 'begun';
  }

  async end(head: ObjectHead): Promise<void> {
    const known = this.find(head);
    if (!known) throw new Fault('ArchiveRestoreFileStale', undefined, { extra: { Key: head.key } });
    if (known.readyAt > now()) throw new Fault('ArchiveRestoreNotFinished', undefined, { extra: { Key: head.key } });
    await this.#metadata.write([{ sql: 'delete from restores where blob = ?', params: [head.blob] }]);
  }
}

function over(time: number): Step {
  return { sql: 'delete from restores where until <= ?', params: [time] };
}
