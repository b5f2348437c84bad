import type { Command } from 'commander';
import { childrenOf, childText } from '../kit/index.ts';
import { asks } from './action.ts';
import { printLine, printTable } from './output.ts';
import { placeOf } from './place.ts';
import type { Store } from './store.ts';

/** An upload in parts that is neither complete nor aborted. */
interface Unfinished {
  readonly key: string;
  readonly uploadId: string;
  readonly begun: string;
}

async function listUploads(store: Store, bucket: string, prefix: string): Promise<Unfinished[]> {
  const all: Unfinished[] = [];
  let after: { 'key-marker'?: string; 'upload-id-marker'?: string } | undefined = {};
  do {
    const query: Record<string, string | undefined> = { uploads: '', 'encoding-type': 'url', prefix: prefix || undefined, ...after };
    const root = await store.xml({ method: 'GET', bucket, query });
    for (const node of childrenOf(root, 'Upload')) {
      const [key = '', uploadId = '', begun = ''] = ['Key', 'UploadId', 'Initiated'].map((name) => childText(node, name));
      all.push({ key: decodeURIComponent(key), uploadId, begun });
    }
    const more = childText(root, 'IsTruncated') === 'true';
    const key = decodeURIComponent(childText(root, 'NextKeyMarker') ?? '');
    after = more ? { 'key-marker': key, 'upload-id-marker': childText(root, 'NextUploadIdMarker') ?? '' } : undefined;
  } while (after !== undefined);
  return all;
}

/** Adds `uploads`: what interrupted uploads in parts left on the server. */
export function uploadsVerb(noun: Command): void {
  asks<{ uploads: Unfinished[]; aborted: number }>(
    noun
      .command('uploads <where>')
      .description('list unfinished uploads in parts of BUCKET or BUCKET/PREFIX, which take up space')
      .option('--abort', 'throw them away'),
    async ({ store, options }, where = '') => {
      const { bucket, key } = placeOf(where);
      const uploads = await listUploads(store, bucket, key);
      if (options.abort !== true) return { uploads, aborted: 0 };
      for (const each of uploads) await store.text({ method: 'DELETE', bucket, key: each.key, query: { uploadId: each.uploadId } });
      return { uploads, aborted: uploads.length };
    },
    ({ uploads, aborted }) => {
      if (aborted > 0) return printLine(`${aborted} ${aborted === 1 ? 'upload is' : 'uploads are'} thrown away.`);
      printTable(
        ['key', 'begun', 'upload id'],
        uploads.map(({ key, begun, uploadId }) => [key, begun, uploadId]),
      );
    },
  );
}
