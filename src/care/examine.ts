import { type Blobs, DamagedBlob, LockedBlob, MissingBlob } from '../blobs/index.ts';
import { Crc64, combineCrc64 } from '../kit/index.ts';
import { type BlobRecord, type Holding, holdingNow, type Records } from './references.ts';

/** What can be wrong with data. */
export type ProblemKind =
  | 'missing-blob'
  | 'wrong-size'
  | 'wrong-checksum'
  | 'locked-blob'
  | 'not-encrypted'
  | 'missing-pieces'
  | 'orphan-blob'
  | 'dangling-record'
  | 'missing-package'
  | 'database';

export interface Problem {
  readonly kind: ProblemKind;
  /** For people. */
  readonly detail: string;
  readonly bucket?: string;
  readonly key?: string;
  /** Version of an older version, id of an upload. */
  readonly id?: string;
  readonly blob?: string;
}

/** Waits until so many bytes may be read. */
export type Pace = (bytes: number) => Promise<void>;

export interface ExamineOptions {
  /** Only looks whether files are there and have their sizes. */
  readonly quick: boolean;
  readonly pace?: Pace;
  /** Told of each blob that was looked at. */
  readonly looked?: (bytes: number) => void;
}

/** How a blob differs from its record; undefined when it does not. */
export async function examineBlob(
  blobs: Blobs,
  record: BlobRecord,
  sealed: boolean,
  { quick, pace, looked }: ExamineOptions,
): Promise<Pick<Problem, 'kind' | 'detail'> | undefined> {
  const { blob, size, crc64 } = record;
  try {
    await pace?.(0);
    const facts = await blobs.facts(blob);
    if (facts.size !== size) return { kind: 'wrong-size', detail: `it has ${facts.size} bytes instead of ${size}` };
    if (sealed && !facts.sealed) return { kind: 'not-encrypted', detail: 'its record says that it is encrypted' };
    if (quick) return undefined;
    const crc = new Crc64();
    if (size > 0) {
      for await (const piece of blobs.read(blob, { start: 0, end: size - 1 }) as AsyncIterable<Buffer>) {
        await pace?.(piece.length);
        crc.update(piece);
      }
    }
    const found = crc.value().toString();
    return found === crc64 ? undefined : { kind: 'wrong-checksum', detail: `its CRC-64 is ${found} instead of ${crc64}` };
  } catch (error) {
    if (error instanceof MissingBlob) return { kind: 'missing-blob', detail: 'its file is not there' };
    if (error instanceof DamagedBlob) return { kind: 'wrong-checksum', detail: error.message };
    if (error instanceof LockedBlob) return { kind: 'locked-blob', detail: error.message };
    throw error;
  } finally {
    looked?.(quick ? 0 : size);
  }
}

function combined(blobs: readonly BlobRecord[]): string {
  return blobs.reduce((sum, { crc64, size }) => combineCrc64(sum, BigInt(crc64), size), 0n).toString();
}

/** What is wrong with the records of a holding itself. */
function contradictions({ whole, blobs }: Holding): Pick<Problem, 'kind' | 'detail'>[] {
  if (!whole || whole.pieces <= 0) return [];
  if (blobs.length !== whole.pieces) {
    return [{ kind: 'missing-pieces', detail: `${blobs.length} of its ${whole.pieces} pieces are recorded` }];
  }
  const size = blobs.reduce((sum, piece) => sum + piece.size, 0);
  if (size !== whole.size) return [{ kind: 'wrong-size', detail: `its pieces have ${size} bytes, the object ${whole.size}` }];
  return combined(blobs) === whole.crc64 ? [] : [{ kind: 'wrong-checksum', detail: 'its pieces do not make the CRC-64 of the object' }];
}

/** Everything that is wrong with a holding. What changed while it was looked at is not wrong. */
export async function examine(records: Records, blobs: Blobs, holding: Holding, options: ExamineOptions): Promise<Problem[]> {
  const { bucket, key, id, owner } = holding;
  const at = { bucket, key, ...(id === '' ? {} : { id }) };
  const found: Problem[] = contradictions(holding).map((problem) => ({ ...problem, ...at, blob: owner }));
  for (const record of holding.blobs) {
    const problem = await examineBlob(blobs, record, holding.sealed, options);
    if (problem) found.push({ ...problem, ...at, blob: record.blob });
  }
  if (found.length === 0) return found;
  const now = holdingNow(records, holding);
  const stays = now?.owner === owner && now.blobs.length === holding.blobs.length;
  return stays ? found.filter(({ blob }) => blob === owner || now.blobs.some((record) => record.blob === blob)) : [];
}
