import { Fault } from '../../faults/index.ts';
import { checkPolicy, type PolicyDocument } from '../../identity/index.ts';
import { writeXml } from '../../kit/index.ts';
import { nameHeader, requireHeader } from './access-points.ts';
import type { Call } from './call.ts';
import { objectFcHeader } from './object-fc.ts';
import { readDocument } from './request-body.ts';
import { sendEmpty, sendText, sendXml } from './respond.ts';
import { isBlocked } from './sides.ts';
import { isPublicPolicy } from './statements.ts';

/** Most bytes of a policy (Alibaba OSS error code 0030-00000001). */
const policyBytes = 16 * 1024;

/**
 * The policy in the body of a request, as it came, once it is found to be one.
 * @throws Fault InvalidPolicyDocument, InvalidDigest; AccessDenied for a public one while public access is blocked
 */
async function readPolicy(call: Call, blocked: () => boolean): Promise<string> {
  const body = await readDocument(call, policyBytes, () => notValid(`it may have at most ${policyBytes} bytes`));
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw notValid('it is not UTF-8');
  }
  let document: PolicyDocument;
  try {
    document = checkPolicy(text, 'resource');
  } catch (cause) {
    if (cause instanceof Fault && cause.code === 'InvalidArgument') throw new Fault('InvalidPolicyDocument', cause.message, { cause });
    throw cause;
  }
  refuseDoubleStars(document);
  if (isPublicPolicy(document) && blocked()) {
    throw new Fault('AccessDenied', 'Put public policy is not allowed: public access is blocked.');
  }
  return text;
}

function notValid(why: string): Fault {
  return new Fault('InvalidPolicyDocument', `The policy is not valid: ${why}.`);
}

/** Alibaba OSS error code 0030-00000007: stars in a row, which come from documents with masked names. */
function refuseDoubleStars({ Statement }: PolicyDocument): void {
  for (const [i, { Resource = [], NotResource = [], Condition = {} }] of Statement.entries()) {
    const conditions = Object.values(Condition).flatMap((keys) => Object.values(keys).flat());
    const found = [Resource, NotResource, conditions].flat(2).find((value) => value.includes('**'));
    if (found !== undefined)
      throw notValid(`statement ${i + 1}: "${found.slice(0, 200)}" has stars in a row; one star stands for anything`);
  }
}

/** PutBucketPolicy: kept byte for byte. */
export async function putBucketPolicy(call: Call): Promise<void> {
  const { name } = call.bucket;
  await call.rooms.store.setBucketPolicy(name, await readPolicy(call, () => isBlocked(call.rooms, call.resolved)));
  sendEmpty(call.ctx);
}

/** GetBucketPolicy: as it was put. */
export function getBucketPolicy(call: Call): void {
  const { policy, name } = call.bucket;
  if (policy === undefined) throw new Fault('NoSuchBucketPolicy', undefined, { extra: { BucketName: name } });
  sendText(call.ctx, policy, 'application/json');
}

/** DeleteBucketPolicy: 204 whether or not there was one. */
export async function deleteBucketPolicy(call: Call): Promise<void> {
  await call.rooms.store.setBucketPolicy(call.bucket.name, undefined);
  sendEmpty(call.ctx, 204);
}

/** GetBucketPolicyStatus: whether the policy grants something to everybody. */
export function getBucketPolicyStatus(call: Call): void {
  const isPublic = call.bucket.policies.some(({ document }) => isPublicPolicy(document));
  sendXml(call.ctx, writeXml('PolicyStatus', { IsPublic: isPublic }));
}

/** PutAccessPointPolicy: kept byte for byte. */
export async function putAccessPointPolicy(call: Call): Promise<void> {
  const { rooms, bucket } = call;
  const point = rooms.accesspoints.get(bucket.name, requireHeader(call, nameHeader));
  const policy = await readPolicy(call, () => isBlocked(rooms, { kind: 'access-point', accessPoint: point }));
  await rooms.accesspoints.setPolicy(bucket.name, point.name, policy);
  sendEmpty(call.ctx);
}

/** GetAccessPointPolicy: as it was put. */
export function getAccessPointPolicy(call: Call): void {
  sendPolicy(call, call.rooms.accesspoints.get(call.bucket.name, requireHeader(call, nameHeader)));
}

/** DeleteAccessPointPolicy: 204 whether or not there was one. */
export async function deleteAccessPointPolicy(call: Call): Promise<void> {
  await call.rooms.accesspoints.setPolicy(call.bucket.name, requireHeader(call, nameHeader), undefined);
  sendEmpty(call.ctx, 204);
}

/** PutAccessPointPolicyForObjectProcess: kept byte for byte. */
export async function putObjectFcPolicy(call: Call): Promise<void> {
  const { rooms, bucket } = call;
  const objectFc = rooms.accesspoints.getObjectFc(bucket.name, requireHeader(call, objectFcHeader));
  const supporting = rooms.accesspoints.get(bucket.name, objectFc.accessPointName);
  const policy = await readPolicy(call, () => isBlocked(rooms, { kind: 'object-fc', objectFc, supporting }));
  await rooms.accesspoints.setObjectFcPolicy(bucket.name, objectFc.name, policy);
  sendEmpty(call.ctx);
}

/** GetAccessPointPolicyForObjectProcess: as it was put. */
export function getObjectFcPolicy(call: Call): void {
  sendPolicy(call, call.rooms.accesspoints.getObjectFc(call.bucket.name, requireHeader(call, objectFcHeader)));
}

/** DeleteAccessPointPolicyForObjectProcess: 204 whether or not there was one. */
export async function deleteObjectFcPolicy(call: Call): Promise<void> {
  await call.rooms.accesspoints.setObjectFcPolicy(call.bucket.name, requireHeader(call, objectFcHeader), undefined);
  sendEmpty(call.ctx, 204);
}

function sendPolicy(call: Call, { name, policy }: { name: string; policy?: string }): void {
  if (policy === undefined) throw new Fault('NoSuchAccessPointPolicy', undefined, { extra: { AccessPointName: name } });
  sendText(call.ctx, policy, 'application/json');
}
