import { BlobKeyError, type Blobs, openFsBlobs } from './blobs/index.ts';
import { DamageNotes, openBlobKeys, Scrubber } from './care/index.ts';
import type { Settings } from './config.ts';
import type { DataFolder } from './data-folder.ts';
import { StartError } from './doors.ts';
import { type Metadata, MetadataError, openMetadata } from './metadata/index.ts';
import type { Opened } from './opened.ts';
import type { Telemetry } from './telemetry/index.ts';

interface StorageParts {
  settings: Settings;
  folder: DataFolder;
  telemetry: Telemetry;
  metadata: Metadata;
  opened: Opened;
}

/** Opens the metadata database. @throws StartError for one that cannot be used, such as that of a newer version */
export async function openRecords(file: string, { durability }: Pick<Settings, 'durability'>): Promise<Metadata> {
  try {
    return await openMetadata({ file, durability });
  } catch (error) {
    throw error instanceof MetadataError ? new StartError(error.message, { cause: error }) : error;
  }
}

/** Opens the bytes of objects, with the keys that they are encrypted with, and sets the scrubber to work on them. @throws StartError */
export async function openStorage({ settings, folder, telemetry, metadata, opened }: StorageParts): Promise<Blobs> {
  const { log, metrics } = telemetry;
  const keys = await openBlobKeys(settings.encryption.keyFile ?? folder.encryption, metadata).catch((error: unknown) => {
    throw error instanceof BlobKeyError ? new StartError(error.message, { cause: error }) : error;
  });
  const damage = new DamageNotes(log, metrics);
  const blobs = opened.add(
    await openFsBlobs({
      folder: folder.blobs,
      durability: settings.durability,
      keys,
      bare: folder.format === 1,
      onDamage: (error) => damage.read(metadata, error),
    }),
    (it) => it.close(),
  );
  const onError = (err: unknown) => log.error({ err }, 'the scrubber could not work; it tries again');
  opened.add(new Scrubber({ metadata, blobs, settings: settings.scrub, damage, metrics, onError }), (it) => it.close());
  return blobs;
}
