import { Command } from 'commander';
import { child, childrenOf, childText, writeXml } from '../kit/index.ts';
import { asks } from './action.ts';
import { printFields, printLine, printTable } from './output.ts';
import { placeOf } from './place.ts';
import { policyVerbs } from './policy-verbs.ts';
import type { Store } from './store.ts';

interface Bucket {
  name: string;
  created?: string;
  region?: string;
  storageClass?: string;
  acl?: string;
  owner?: string;
  publicAccessBlocked?: string;
}

/** A bucket's name, also where a slash or oss:// was written with it. @throws CliFailure */
function nameOf(text: string): string {
  return placeOf(text).bucket;
}

async function get(store: Store, bucket: string): Promise<Bucket> {
  const root = await store.xml({ method: 'GET', bucket, query: { bucketInfo: '' } });
  const node = child(root, 'Bucket') ?? root;
  const text = (...path: string[]) => childText(node, ...path);
  const found = {
    ...{ created: text('CreationDate'), region: text('Region'), storageClass: text('StorageClass') },
    ...{ acl: text('AccessControlList', 'Grant'), owner: text('Owner', 'ID'), publicAccessBlocked: text('BlockPublicAccess') },
  };
  return { name: text('Name') ?? bucket, ...defined(found) };
}

function defined(values: Record<string, string | undefined>): Partial<Bucket> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

async function list(store: Store, prefix: string | undefined): Promise<Bucket[]> {
  const all: Bucket[] = [];
  let marker: string | undefined;
  do {
    const root = await store.xml({ method: 'GET', query: { prefix, marker, 'max-keys': '1000' } });
    const nodes = child(root, 'Buckets');
    for (const node of nodes ? childrenOf(nodes, 'Bucket') : []) {
      const [created, region, storageClass] = ['CreationDate', 'Region', 'StorageClass'].map((name) => childText(node, name));
      all.push({ name: childText(node, 'Name') ?? '', ...defined({ created, region, storageClass }) });
    }
    marker = childText(root, 'IsTruncated') === 'true' ? childText(root, 'NextMarker') : undefined;
  } while (marker);
  return all;
}

/** `sluice bucket`: buckets. */
export function bucketNoun(): Command {
  const noun = new Command('bucket').description('buckets, their ACLs and policies').exitOverride();
  asks<Bucket>(
    noun
      .command('create <bucket>')
      .description('make a bucket; one of your own may be made again')
      .option('--acl <acl>', 'private, public-read or public-read-write')
      .option('--storage-class <class>', 'of its objects: Standard, IA, Archive, ColdArchive or DeepColdArchive'),
    async ({ store, options }, word = '') => {
      const bucket = nameOf(word);
      const { acl, storageClass } = options as Record<string, string | undefined>;
      const body = storageClass ? { body: writeXml('CreateBucketConfiguration', { StorageClass: storageClass }) } : {};
      await store.text({ method: 'PUT', bucket, headers: { 'x-oss-acl': acl }, ...body });
      return get(store, bucket);
    },
    ({ name }) => printLine(`The bucket ${name} is there.`),
  );
  asks<Bucket>(
    noun.command('get <bucket>').description('show a bucket'),
    ({ store }, bucket = '') => get(store, nameOf(bucket)),
    (bucket) =>
      printFields([
        ...([
          ['name', bucket.name],
          ['created', bucket.created],
          ['region', bucket.region],
          ['owner', bucket.owner],
        ] as const),
        ...([
          ['storage class', bucket.storageClass],
          ['acl', bucket.acl],
        ] as const),
        ['public access blocked', bucket.publicAccessBlocked],
      ]),
  );
  asks<Bucket[]>(
    noun.command('list').description('list buckets').option('--prefix <text>', 'only names that begin so'),
    ({ store, options }) => list(store, options.prefix as string | undefined),
    (buckets) =>
      printTable(
        ['name', 'created', 'region', 'storage class'],
        buckets.map((bucket) => [bucket.name, bucket.created, bucket.region, bucket.storageClass]),
      ),
  );
  asks<unknown>(
    noun.command('delete <bucket>').description('delete a bucket that is empty and has no access points'),
    async ({ store }, bucket = '') => {
      await store.text({ method: 'DELETE', bucket: nameOf(bucket) });
    },
    () => printLine('The bucket is deleted.'),
  );
  asks<{ acl: string }>(
    noun.command('acl <bucket> [acl]').description('show the ACL of a bucket, or set it: private, public-read or public-read-write'),
    async ({ store }, word = '', acl) => {
      const bucket = nameOf(word);
      if (acl !== undefined) {
        await store.text({ method: 'PUT', bucket, query: { acl: '' }, headers: { 'x-oss-acl': acl } });
        return { acl };
      }
      const root = await store.xml({ method: 'GET', bucket, query: { acl: '' } });
      return { acl: childText(root, 'AccessControlList', 'Grant') ?? '' };
    },
    ({ acl }) => printLine(acl),
  );
  policyVerbs(noun, 'a bucket', '<bucket>', (bucket = '') => ({ bucket: nameOf(bucket), query: { policy: '' } }));
  return noun;
}
