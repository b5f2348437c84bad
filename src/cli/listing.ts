import { childrenOf, childText } from '../kit/index.ts';
import type { Store } from './store.ts';

/** One object of a listing. */
export interface Listed {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly modified: string;
  readonly storageClass: string;
}

export interface ListedPage {
  readonly objects: Listed[];
  /** Beginnings that several keys share, up to the delimiter. */
  readonly prefixes: string[];
}

/** Objects of a bucket by key, a page at a time. @param delimiter '' lists every key */
export async function* listPages(store: Store, bucket: string, prefix: string, delimiter = ''): AsyncGenerator<ListedPage> {
  let token: string | undefined;
  do {
    const query = { 'list-type': '2', 'encoding-type': 'url', 'max-keys': '1000', prefix: prefix || undefined };
    const root = await store.xml({
      ...{ method: 'GET', bucket },
      query: { ...query, delimiter: delimiter || undefined, 'continuation-token': token },
    });
    const text = (value: string | undefined) => decodeURIComponent(value ?? '');
    const objects = childrenOf(root, 'Contents').map((node) => ({
      key: text(childText(node, 'Key')),
      size: Number(childText(node, 'Size')),
      etag: (childText(node, 'ETag') ?? '').replaceAll('"', ''),
      modified: childText(node, 'LastModified') ?? '',
      storageClass: childText(node, 'StorageClass') ?? '',
    }));
    yield { objects, prefixes: childrenOf(root, 'CommonPrefixes').map((node) => text(childText(node, 'Prefix'))) };
    token = childText(root, 'IsTruncated') === 'true' ? childText(root, 'NextContinuationToken') : undefined;
  } while (token);
}

/** All of them. */
export async function listAll(store: Store, bucket: string, prefix: string): Promise<Listed[]> {
  const all: Listed[] = [];
  for await (const { objects } of listPages(store, bucket, prefix)) all.push(...objects);
  return all;
}
