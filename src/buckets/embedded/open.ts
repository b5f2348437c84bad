import type { Store } from '../store.ts';
import { EmbeddedStore, type StoreOptions } from './store.ts';

/**
 * Opens the embedded store over a metadata database and a blob driver, which must belong together and to this process alone. Bytes that a crash
 * left behind are removed in the background, and what lifecycle rules say is done there.
 */
export function openBuckets(options: StoreOptions): Store {
  return new EmbeddedStore(options);
}
