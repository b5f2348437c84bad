import { childText, writeXml } from '../../kit/index.ts';
import { requireParam } from './access-points.ts';
import type { Call } from './call.ts';
import { invalid } from './headers.ts';
import { requireXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';
import { pointParameter } from './subresources.ts';

/** Reads BlockPublicAccess; false when it is left out. oss2 writes it with a capital letter. @throws Fault MalformedXML, InvalidArgument */
async function readBlock(call: Call): Promise<boolean> {
  const root = await requireXml(call, ['PublicAccessBlockConfiguration']);
  const value = childText(root, 'BlockPublicAccess')?.trim().toLowerCase() ?? '';
  if (value !== 'true' && value !== 'false' && value !== '') {
    throw invalid('BlockPublicAccess', value, 'The BlockPublicAccess must be true or false.');
  }
  return value === 'true';
}

function sendBlock(call: Call, block: boolean): void {
  sendXml(call.ctx, writeXml('PublicAccessBlockConfiguration', { BlockPublicAccess: block }));
}

/** PutPublicAccessBlock: for everything in the account. */
export async function putPublicAccessBlock(call: Call): Promise<void> {
  await call.rooms.store.setPublicAccessBlock(await readBlock(call));
  sendEmpty(call.ctx);
}

/** GetPublicAccessBlock: false where nothing was ever put. */
export function getPublicAccessBlock(call: Call): void {
  sendBlock(call, call.rooms.store.blockPublicAccess);
}

/** DeletePublicAccessBlock. */
export async function deletePublicAccessBlock(call: Call): Promise<void> {
  await call.rooms.store.setPublicAccessBlock(false);
  sendEmpty(call.ctx, 204);
}

/** PutBucketPublicAccessBlock. */
export async function putBucketBlock(call: Call): Promise<void> {
  const { name } = call.bucket;
  await call.rooms.store.setBucketPublicAccessBlock(name, await readBlock(call));
  sendEmpty(call.ctx);
}

/** GetBucketPublicAccessBlock. */
export function getBucketBlock(call: Call): void {
  sendBlock(call, call.bucket.blockPublicAccess);
}

/** DeleteBucketPublicAccessBlock. */
export async function deleteBucketBlock(call: Call): Promise<void> {
  await call.rooms.store.setBucketPublicAccessBlock(call.bucket.name, false);
  sendEmpty(call.ctx, 204);
}

/** PutAccessPointPublicAccessBlock: the access point is named in the query. */
export async function putAccessPointBlock(call: Call): Promise<void> {
  const point = call.rooms.accesspoints.get(call.bucket.name, requireParam(call, pointParameter));
  await call.rooms.accesspoints.setPublicAccessBlock(point.bucket, point.name, await readBlock(call));
  sendEmpty(call.ctx);
}

/** GetAccessPointPublicAccessBlock. */
export function getAccessPointBlock(call: Call): void {
  sendBlock(call, call.rooms.accesspoints.get(call.bucket.name, requireParam(call, pointParameter)).blockPublicAccess);
}

/** DeleteAccessPointPublicAccessBlock. */
export async function deleteAccessPointBlock(call: Call): Promise<void> {
  await call.rooms.accesspoints.setPublicAccessBlock(call.bucket.name, requireParam(call, pointParameter), false);
  sendEmpty(call.ctx, 204);
}
