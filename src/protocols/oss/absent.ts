import { Fault, type FaultCode } from '../../faults/index.ts';
import { writeXml, type XmlValue } from '../../kit/index.ts';
import type { Call } from './call.ts';
import type { Operation } from './operation.ts';
import { sendEmpty, sendXml } from './respond.ts';

/** What reading a setting says that no bucket can have: the vendor's fault for it, or the document of what holds instead. */
type Absent = FaultCode | readonly [root: string, content: XmlValue];

/** Settings that Sluice does not carry out, so that none is ever there (Alibaba OSS API reference, the Get operation of each). */
const absent: readonly (readonly [name: string, selector: string, says: Absent, deletes?: true])[] = [
  ['BucketLifecycle', 'lifecycle', 'NoSuchLifecycle', true],
  ['BucketWebsite', 'website', 'NoSuchWebsiteConfiguration', true],
  ['BucketEncryption', 'encryption', 'NoSuchServerSideEncryptionRule', true],
  ['BucketReplication', 'replication', 'NoSuchReplicationConfiguration'],
  ['BucketInventory', 'inventory', 'NoSuchInventory', true],
  ['BucketWorm', 'worm', 'NoSuchWORMConfiguration'],
  ['BucketTransferAcceleration', 'transferAcceleration', 'NoSuchTransferAccelerationConfiguration'],
  ['BucketLogging', 'logging', ['BucketLoggingStatus', {}], true],
  ['BucketVersioning', 'versioning', ['VersioningConfiguration', {}]],
  ['BucketRequestPayment', 'requestPayment', ['RequestPaymentConfiguration', { Payer: 'BucketOwner' }]],
  ['BucketAccessMonitor', 'accessmonitor', ['AccessMonitorConfiguration', { Status: 'Disabled' }]],
  ['BucketHttpsConfig', 'httpsConfig', ['HttpsConfiguration', { TLS: { Enable: false } }]],
  ['BucketArchiveDirectRead', 'bucketArchiveDirectRead', ['ArchiveDirectReadConfiguration', { Enabled: false }]],
];

function read(says: Absent): (call: Call) => void {
  return (call) => {
    const { name } = call.bucket;
    if (typeof says === 'string') throw new Fault(says, undefined, { extra: { BucketName: name } });
    sendXml(call.ctx, writeXml(...says));
  };
}

/** Rows for reading and deleting such settings; putting them is refused as NotImplemented, by name. */
export const absentSettings: readonly Operation[] = absent.flatMap(([name, selector, says, deletes]) => {
  const row = (verb: 'Get' | 'Delete', method: 'GET' | 'DELETE', run: (call: Call) => void): Operation => ({
    ...{ name: `${verb}${name}`, level: 'bucket', method, selector, action: `oss:${verb}${name}`, resource: 'bucket', run },
  });
  const rows = [row('Get', 'GET', read(says))];
  if (deletes) {
    const run = (call: Call) => {
      // A bucket that does not exist has nothing to be deleted, either.
      if (call.bucket) sendEmpty(call.ctx, 204);
    };
    rows.push(row('Delete', 'DELETE', run));
  }
  return rows;
});
