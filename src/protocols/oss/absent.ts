import { Fault, type FaultCode } from '../../faults/index.ts';
import { writeXml, type XmlValue } from '../../kit/index.ts';
import type { Call } from './call.ts';
import type { Operation } from './operation.ts';
import { sendEmpty, sendXml } from './respond.ts';

/** What reading a setting says that no bucket can have: the vendor's fault for it, or the document of what holds instead. */
type Absent = FaultCode | readonly [root: string, content: XmlValue];

const unlimited = Object.fromEntries(
  ['Upload', 'Download'].flatMap((way) => ['Total', 'Intranet', 'Extranet'].map((net) => [`${net}${way}Bandwidth`, -1])),
);
const unlimitedQps = Object.fromEntries(['Total', 'Intranet', 'Extranet'].map((net) => [`${net}Qps`, -1]));
const noPage = { Prefix: '', Marker: '', MaxKeys: 100, IsTruncated: false };

/** Settings that Sluice does not carry out, so that none is ever there (Alibaba OSS API reference, the Get operation of each). */
const absent: readonly (readonly [name: string, selector: string, says: Absent, deletes?: true])[] = [
  ['GetBucketReplication', 'replication', 'NoSuchReplicationConfiguration'],
  ['GetBucketReplicationLocation', 'replicationLocation', ['ReplicationLocation', {}]],
  ['GetBucketReplicationProgress', 'replicationProgress', 'NoSuchReplicationConfiguration'],
  ['GetBucketInventory', 'inventory', 'NoSuchInventory', true],
  ['GetBucketWorm', 'worm', 'NoSuchWORMConfiguration'],
  ['GetBucketTransferAcceleration', 'transferAcceleration', 'NoSuchTransferAccelerationConfiguration'],
  ['GetBucketLogging', 'logging', ['BucketLoggingStatus', {}], true],
  ['GetUserDefinedLogFieldsConfig', 'userDefinedLogFieldsConfig', 'NoSuchUserDefinedLogFieldsConfig', true],
  ['GetBucketRequestPayment', 'requestPayment', ['RequestPaymentConfiguration', { Payer: 'BucketOwner' }]],
  ['GetBucketAccessMonitor', 'accessmonitor', ['AccessMonitorConfiguration', { Status: 'Disabled' }]],
  ['GetBucketResourceGroup', 'resourceGroup', ['BucketResourceGroupConfiguration', { ResourceGroupId: 'rg-default-id' }]],
  ['GetBucketHttpsConfig', 'httpsConfig', ['HttpsConfiguration', { TLS: { Enable: false } }]],
  ['GetBucketQoSInfo', 'qosInfo', ['QoSConfiguration', { ...unlimited, ...unlimitedQps }]],
  ['GetBucketStorageCapacity', 'qos', ['BucketUserQos', { StorageCapacity: -1 }]],
  ['GetBucketDataRedundancyTransition', 'redundancyTransition', ['ListBucketDataRedundancyTransition', { IsTruncated: false }]],
  ['GetMetaQuery', 'metaQuery', 'MetaQueryNotExist'],
  ['ListLiveChannel', 'live', ['ListLiveChannelResult', noPage]],
];

function read(says: Absent): (call: Call) => void {
  return (call) => {
    const { name } = call.bucket;
    if (typeof says === 'string') throw new Fault(says, undefined, { extra: { BucketName: name } });
    sendXml(call.ctx, writeXml(...says));
  };
}

/** ListCname: a bucket has the domains of the server and no others; and so no tokens for them. */
function listCname(call: Call): void {
  const { bucket } = call;
  if (call.param('comp') === 'token') throw new Fault('NoSuchCnameInRecord', undefined, { extra: { BucketName: bucket.name } });
  sendXml(call.ctx, writeXml('ListCnameResult', { Bucket: bucket.name, Owner: bucket.owner }));
}

/** DescribeRegions: the one that the server answers for. */
function describeRegions(call: Call): void {
  const { region, endpoints } = call.rooms;
  const id = `oss-${region}`;
  const asked = call.param('regions');
  if (asked !== undefined && asked !== '' && asked !== id) throw new Fault('NoSuchRegion', `This server answers for ${id} only.`);
  const shown = endpoints ?? { public: `${id}.aliyuncs.com`, internal: `${id}-internal.aliyuncs.com` };
  const info = { Region: id, InternetEndpoint: shown.public, InternalEndpoint: shown.internal, AccelerateEndpoint: shown.public };
  sendXml(call.ctx, writeXml('RegionInfoList', { RegionInfo: [info] }));
}

/** Rows for reading and deleting such settings; putting them is refused as NotImplemented, by name. */
export const absentSettings: readonly Operation[] = [
  {
    name: 'DescribeRegions',
    level: 'service',
    method: 'GET',
    selector: 'regions',
    action: 'oss:DescribeRegions',
    resource: 'service',
    run: describeRegions,
  },
  { name: 'ListCname', level: 'bucket', method: 'GET', selector: 'cname', action: 'oss:ListCname', resource: 'bucket', run: listCname },
  ...absent.flatMap(([name, selector, says, deletes]) => {
    const row = (named: string, method: 'GET' | 'DELETE', run: (call: Call) => void): Operation => ({
      ...{ name: named, level: 'bucket', method, selector, action: `oss:${named}`, resource: 'bucket', run },
    });
    const remove = (call: Call) => {
      // A bucket that does not exist has nothing to be deleted, either.
      if (call.bucket) sendEmpty(call.ctx, 204);
    };
    const rows = [row(name, 'GET', read(says))];
    if (deletes) rows.push(row(name.replace('Get', 'Delete'), 'DELETE', remove));
    return rows;
  }),
];
