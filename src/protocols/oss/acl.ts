import { Fault } from '../../faults/index.ts';
import { writeXml, type XmlValue } from '../../kit/index.ts';
import type { Call } from './call.ts';
import { type HeaderList, invalid } from './headers.ts';
import { sendEmpty, sendXml } from './respond.ts';
import { isBlocked } from './sides.ts';
import { changeNamed, requireHead, versionHeaders } from './versions.ts';

/** The canned ACLs of buckets; objects have `default` besides. */
const bucketAcls: readonly string[] = ['private', 'public-read', 'public-read-write'];
const objectAcls: readonly string[] = ['default', ...bucketAcls];

/** The ACL that a request gives a bucket. @throws Fault InvalidArgument, AccessDenied for a public one while public access is blocked */
export function readBucketAcl(call: Call): string | undefined {
  return readAcl(call, 'x-oss-acl', bucketAcls, 'Put public bucket acl is not allowed: public access is blocked.');
}

/** The ACL that a request gives an object. @throws Fault InvalidArgument, AccessDenied for a public one while public access is blocked */
export function readObjectAcl(call: Call): string | undefined {
  return readAcl(call, 'x-oss-object-acl', objectAcls, 'Put public object acl is not allowed: public access is blocked.');
}

function readAcl(call: Call, header: string, known: readonly string[], blocked: string): string | undefined {
  const value = call.header(header);
  if (value === undefined) return undefined;
  if (!known.includes(value)) throw invalid(header, value, `The ${header} must be one of ${known.join(', ')}.`);
  if (value.startsWith('public') && isBlocked(call.rooms, call.resolved)) throw new Fault('AccessDenied', blocked);
  return value;
}

function required(acl: string | undefined, header: string): string {
  if (acl === undefined) throw new Fault('MissingArgument', `The header ${header} is required.`, { extra: { ArgumentName: header } });
  return acl;
}

function sendAcl(call: Call, owner: string, acl: string, headers?: HeaderList): void {
  const shown: XmlValue = { Owner: { ID: owner, DisplayName: owner }, AccessControlList: { Grant: acl } };
  sendXml(call.ctx, writeXml('AccessControlPolicy', shown), headers);
}

/** PutBucketAcl. */
export async function putBucketAcl(call: Call): Promise<void> {
  const { name } = call.bucket;
  await call.rooms.store.setBucketAcl(name, required(readBucketAcl(call), 'x-oss-acl'));
  sendEmpty(call.ctx);
}

/** GetBucketAcl. */
export function getBucketAcl(call: Call): void {
  const { bucket } = call;
  sendAcl(call, bucket.owner, bucket.acl);
}

/** PutObjectACL: changes the ACL and nothing else of the object. */
export async function putObjectAcl(call: Call): Promise<void> {
  const { bucket } = call;
  const acl = required(readObjectAcl(call), 'x-oss-object-acl');
  const headers = await changeNamed(call, bucket, (version) => call.rooms.store.setObjectAcl(bucket.name, call.key, acl, version));
  sendEmpty(call.ctx, 200, headers);
}

/** GetObjectACL. */
export function getObjectAcl(call: Call): void {
  const { bucket } = call;
  const head = requireHead(call, bucket);
  sendAcl(call, bucket.owner, head.acl, versionHeaders(bucket, head.version));
}
