import type { FoundObject, ObjectHead } from './store.ts';

/** What a bucket does with objects that are replaced or deleted; a bucket whose versioning was never enabled has none of these. */
export type Versioning = 'Enabled' | 'Suspended';

/** Id of the one version of a key that has no id of its own: written before versioning was enabled, or while it is suspended. */
export const nullVersion = 'null';

/** What stands at a version id: an object, or the marker of a deletion. */
export type FoundVersion = FoundObject | DeleteMarker;

/** Says that an object was deleted at this point of its history. */
export interface DeleteMarker {
  readonly marker: true;
  readonly key: string;
  readonly version: string;
  /** Epoch milliseconds. */
  readonly modifiedAt: number;
}

/** What to delete: the object, or one version of it for good. */
export interface Deletion {
  readonly key: string;
  readonly version?: string | undefined;
}

/** What became of a deletion. */
export interface Deleted extends Deletion {
  /** Id of the delete marker that was made, or, where a version was named, that was removed. */
  readonly marker?: string;
}

export interface VersionPageRequest {
  bucket: string;
  prefix: string;
  /** As in ObjectPageRequest. */
  delimiter: string;
  /** Exclusive start, by key and then by version; '' for none. Without a version all versions of that key lie before the page. */
  afterKey: string;
  afterVersion: string;
  /** Most versions and prefixes together. */
  maxKeys: number;
}

/** One version in a list; a delete marker has no `object`. */
export interface ListedVersion {
  readonly key: string;
  readonly version: string;
  /** True for the newest version of its key. */
  readonly latest: boolean;
  /** Epoch milliseconds. */
  readonly modifiedAt: number;
  readonly object?: ObjectHead;
}

export interface VersionPage {
  versions: ListedVersion[];
  prefixes: string[];
  truncated: boolean;
  /** The last key or prefix returned, and where the page ended within its versions: an opaque `afterVersion`. */
  nextKey?: string;
  nextVersion?: string;
}

/** Tells an object from a delete marker. */
export function isMarker(found: FoundVersion): found is DeleteMarker {
  return 'marker' in found;
}
