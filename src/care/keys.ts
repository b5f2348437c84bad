import { BlobKeyError, type BlobKeys, makeBlobKeys, readBlobKeys } from '../blobs/index.ts';
import type { Metadata } from '../metadata/index.ts';
import type { Records } from './references.ts';

const setting = 'encryption-keys';

/** Ids of the keys that objects of this data may be encrypted with. */
function recorded(records: Records): string[] {
  const row = records.get<{ value: string }>('select value from settings where name = ?', [setting]);
  return row ? (JSON.parse(row.value) as string[]) : [];
}

/** @throws BlobKeyError that names what is missing */
function require(keys: BlobKeys | undefined, file: string, ids: readonly string[]): void {
  const lost = ids.filter((id) => keys?.find(id) === undefined);
  if (lost.length === 0) return;
  const what = keys ? `does not hold the encryption key ${lost.join(', ')}` : `is not there; it held the encryption key ${lost.join(', ')}`;
  throw new BlobKeyError(`The file ${file} ${what}, which objects here are encrypted with. Restore it from a backup.`);
}

/**
 * The encryption keys of a server: those of the file, or one made at the very first start. From then on every key that was ever the current one
 * must be there.
 * @throws BlobKeyError
 */
export async function openBlobKeys(file: string, metadata: Metadata): Promise<BlobKeys> {
  const ids = recorded(metadata);
  const found = readBlobKeys(file);
  require(found, file, ids);
  const keys = found ?? makeBlobKeys(file);
  const { id } = keys.current;
  if (!ids.includes(id)) {
    const sql = 'insert into settings (name, value) values (?, ?) on conflict (name) do update set value = excluded.value';
    await metadata.write([{ sql, params: [setting, JSON.stringify([...ids, id])] }]);
  }
  return keys;
}

/** As openBlobKeys() for those who only read: nothing is made. @throws BlobKeyError */
export function findBlobKeys(file: string, records: Records): BlobKeys | undefined {
  const keys = readBlobKeys(file);
  require(keys, file, recorded(records));
  return keys;
}
