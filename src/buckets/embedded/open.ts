import type { Blobs } from '../../blobs/index.ts';
import type { Metadata } from '../../metadata/index.ts';
import type { Store } from '../store.ts';
import { EmbeddedStore } from './store.ts';

/**
 * Opens the embedded store over a metadata database and a blob driver, which must belong together and to this process alone. Bytes that a crash
 * left behind are removed in the background. `region` is that of buckets made without one. `onError` hears of background work that failed (it is tried again).
 */
export function openBuckets(options: { metadata: Metadata; blobs: Blobs; region: string; onError?: (error: unknown) => void }): Store {
  return new EmbeddedStore(options.metadata, options.blobs, options.region, options.onError ?? (() => {}));
}
