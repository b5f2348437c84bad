import { Command } from 'commander';
import { child, childrenOf, childText, writeXml, type XmlNode } from '../kit/index.ts';
import { asks } from './action.ts';
import { printFields, printLine, printTable } from './output.ts';
import { policyVerbs } from './policy-verbs.ts';
import type { Store } from './store.ts';

/** An access point as it is shown. */
export interface AccessPoint {
  readonly name: string;
  readonly bucket: string;
  readonly alias: string;
  readonly arn?: string;
  readonly status?: string;
  readonly networkOrigin?: string;
  readonly created?: string;
  readonly publicAccessBlocked?: string;
}

const query = { accessPoint: '' };
const header = 'x-oss-access-point-name';

function read(node: XmlNode): AccessPoint {
  const fields = {
    ...{ arn: childText(node, 'AccessPointArn'), status: childText(node, 'Status'), networkOrigin: childText(node, 'NetworkOrigin') },
    ...{
      created: childText(node, 'CreationDate'),
      publicAccessBlocked: childText(node, 'PublicAccessBlockConfiguration', 'BlockPublicAccess'),
    },
  };
  const [name = '', bucket = '', alias = ''] = ['AccessPointName', 'Bucket', 'Alias'].map((field) => childText(node, field));
  return { name, bucket, alias, ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) };
}

/** GetAccessPoint. @throws CliFailure NoSuchAccessPoint */
export async function getAccessPoint(store: Store, bucket: string, name: string): Promise<AccessPoint> {
  return read(await store.xml({ method: 'GET', bucket, query, headers: { [header]: name } }));
}

/** CreateAccessPoint. */
export async function createAccessPoint(store: Store, bucket: string, name: string): Promise<AccessPoint> {
  const body = writeXml('CreateAccessPointConfiguration', { AccessPointName: name, NetworkOrigin: 'internet' });
  await store.text({ method: 'PUT', bucket, query, headers: { 'content-type': 'application/xml' }, body });
  return getAccessPoint(store, bucket, name);
}

async function list(store: Store, bucket: string | undefined): Promise<AccessPoint[]> {
  const all: AccessPoint[] = [];
  let token: string | undefined;
  do {
    const root = await store.xml({
      ...{ method: 'GET', query: { ...query, 'max-keys': '100', 'continuation-token': token } },
      ...(bucket === undefined ? {} : { bucket }),
    });
    const points = child(root, 'AccessPoints');
    all.push(...(points ? childrenOf(points, 'AccessPoint').map(read) : []));
    token = childText(root, 'IsTruncated') === 'true' ? childText(root, 'NextContinuationToken') : undefined;
  } while (token);
  return all;
}

function show(point: AccessPoint): void {
  printFields([
    ...([
      ['name', point.name],
      ['bucket', point.bucket],
      ['alias', point.alias],
      ['arn', point.arn],
    ] as const),
    ...([
      ['status', point.status],
      ['network', point.networkOrigin],
      ['created', point.created],
    ] as const),
    ['public access blocked', point.publicAccessBlocked],
  ]);
}

/** `sluice access-point`: access points. */
export function accessPointNoun(): Command {
  const noun = new Command('access-point').description('access points of buckets').exitOverride();
  asks<AccessPoint>(
    noun.command('create <bucket> <name>').description('make an access point'),
    ({ store }, bucket = '', name = '') => createAccessPoint(store, bucket, name),
    show,
  );
  asks<AccessPoint>(
    noun.command('get <bucket> <name>').description('show an access point'),
    ({ store }, bucket = '', name = '') => getAccessPoint(store, bucket, name),
    show,
  );
  asks<AccessPoint[]>(
    noun.command('list [bucket]').description('list the access points of a bucket, or all'),
    ({ store }, bucket) => list(store, bucket),
    (points) =>
      printTable(
        ['name', 'bucket', 'status', 'alias'],
        points.map((point) => [point.name, point.bucket, point.status, point.alias]),
      ),
  );
  asks<unknown>(
    noun.command('delete <bucket> <name>').description('delete an access point that no Object FC access point uses'),
    async ({ store }, bucket = '', name = '') => {
      await store.text({ method: 'DELETE', bucket, query, headers: { [header]: name } });
    },
    () => printLine('The access point is deleted.'),
  );
  policyVerbs(noun, 'an access point', '<bucket> <name>', (bucket = '', name = '') => ({
    ...{ bucket, query: { accessPointPolicy: '' }, headers: { [header]: name } },
  }));
  return noun;
}
