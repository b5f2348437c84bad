import { type Encryption, isSealed } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { child, childText, writeXml } from '../../kit/index.ts';
import type { Call } from './call.ts';
import type { HeaderList } from './headers.ts';
import { requireXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';

const header = 'x-oss-server-side-encryption';
const nothing: Readonly<HeaderList> = [];
const named: Readonly<HeaderList> = [header, 'AES256'];

/** @throws Fault NotImplemented for keys of a key management service, InvalidEncryptionAlgorithmError */
function readAlgorithm(call: Call, value: string): Encryption {
  if (value === 'AES256') return value;
  if (value === 'KMS' || value === 'SM4') {
    throw new Fault('NotImplemented', `Sluice does not carry out encryption with ${value} (${call.operation.name}); it does with AES256.`);
  }
  throw new Fault('InvalidEncryptionAlgorithmError');
}

/** How what is written is to be encrypted on the disk: as the request says, else as the bucket does. @throws Fault */
export function readEncryption(call: Call): Encryption | undefined {
  const value = call.header(header);
  return value === undefined || value === '' ? call.bucket.settings.encryption : readAlgorithm(call, value);
}

/** What the answer to a write says of the encryption of what has these headers. */
export function encryptionHeaders(headers: Readonly<Record<string, string>>): Readonly<HeaderList> {
  return isSealed(headers) ? named : nothing;
}

/** PutBucketEncryption: what objects are encrypted with that do not say so themselves. */
export async function putBucketEncryption(call: Call): Promise<void> {
  const rule = child(await requireXml(call, ['ServerSideEncryptionRule']), 'ApplyServerSideEncryptionByDefault');
  const algorithm = rule && childText(rule, 'SSEAlgorithm')?.trim();
  if (!algorithm)
    throw new Fault('MalformedXML', 'A <ServerSideEncryptionRule> holds an <ApplyServerSideEncryptionByDefault> with an <SSEAlgorithm>.');
  const encryption = readAlgorithm(call, algorithm);
  if (childText(rule, 'KMSMasterKeyID')?.trim() || childText(rule, 'KMSDataEncryption')?.trim()) {
    throw new Fault('InvalidArgument', 'KMSMasterKeyID and KMSDataEncryption go with the algorithm KMS, which Sluice does not carry out.');
  }
  await call.rooms.store.setBucketSetting(call.bucket.name, 'encryption', encryption);
  sendEmpty(call.ctx);
}

/** GetBucketEncryption. */
export function getBucketEncryption(call: Call): void {
  const { name, settings } = call.bucket;
  if (!settings.encryption) throw new Fault('NoSuchServerSideEncryptionRule', undefined, { extra: { BucketName: name } });
  const rule = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: settings.encryption } };
  sendXml(call.ctx, writeXml('ServerSideEncryptionRule', rule));
}

/** DeleteBucketEncryption: objects that are encrypted stay so. */
export async function deleteBucketEncryption(call: Call): Promise<void> {
  await call.rooms.store.setBucketSetting(call.bucket.name, 'encryption', undefined);
  sendEmpty(call.ctx, 204);
}
