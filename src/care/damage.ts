import { DamagedBlob, LockedBlob, type MissingBlob } from '../blobs/index.ts';
import type { Logger, Metrics } from '../telemetry/index.ts';
import type { ProblemKind } from './examine.ts';
import { holderOf, type Records } from './references.ts';

/** Who found damage: a request that read, or the scrubber. */
export type Finder = 'read' | 'scrub';

interface Damage {
  readonly kind: ProblemKind;
  readonly detail: string;
  readonly blob: string;
  readonly bucket: string;
  readonly key: string;
  readonly id?: string | undefined;
}

/** Says in the log and in the metrics what is damaged, by the name of the object. */
export class DamageNotes {
  readonly #log: Pick<Logger, 'error'>;
  readonly #metrics: Pick<Metrics, 'damaged'>;

  constructor(log: Pick<Logger, 'error'>, metrics: Pick<Metrics, 'damaged'>) {
    this.#log = log;
    this.#metrics = metrics;
  }

  note(found: Finder, { kind, detail, blob, bucket, key, id }: Damage): void {
    this.#metrics.damaged.inc({ found });
    this.#log.error({ kind, bucket, key, ...(id ? { version: id } : {}), blob, detail, found }, 'a stored object is damaged');
  }

  /** A read met this; what nobody names any more is no damage. */
  read(records: Records, error: MissingBlob | DamagedBlob | LockedBlob): void {
    const holder = holderOf(records, error.blob);
    if (!holder) return;
    const kind = error instanceof LockedBlob ? 'locked-blob' : error instanceof DamagedBlob ? 'wrong-checksum' : 'missing-blob';
    const { bucket, key, id } = holder;
    this.note('read', { kind, detail: error.message, blob: error.blob, bucket, key, id });
  }
}
