import { type FoundObject, type ObjectHead, withEncryption } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { httpDate } from '../../kit/index.ts';
import { readObjectAcl } from './acl.ts';
import type { Call } from './call.ts';
import { authorizeSource } from './guard.ts';
import { etagHeader, invalid } from './headers.ts';
import { forbidsOverwrite, readDescription, readStorageClass, refuseHeaders } from './object-headers.ts';
import { sendEmpty } from './respond.ts';
import { readTagHeader } from './tagging.ts';
import { requireHead, versionHeaders } from './versions.ts';

const targetHeader = 'x-oss-symlink-target';

/** PutSymlink: the target need not be there yet. */
export async function putSymlink(call: Call): Promise<void> {
  const { bucket } = call;
  refuseHeaders(call);
  const description = readDescription(call);
  const head = await call.rooms.store.link({
    ...{ bucket: bucket.name, key: call.key, target: readTarget(call), ...description, tags: readTagHeader(call) },
    // It has no bytes of its own.
    headers: withEncryption(description.headers, undefined),
    ...{
      acl: readObjectAcl(call),
      storageClass: readStorageClass(call.header('x-oss-storage-class')),
      forbidOverwrite: forbidsOverwrite(call),
    },
  });
  sendEmpty(call.ctx, 200, ['ETag', etagHeader(head.etag), ...versionHeaders(bucket, head.version)]);
}

function readTarget(call: Call): string {
  const value = call.header(targetHeader);
  if (!value) throw new Fault('MissingArgument', `The header ${targetHeader} is required.`, { extra: { ArgumentName: targetHeader } });
  try {
    return decodeURIComponent(value);
  } catch {
    throw invalid(targetHeader, value, `The ${targetHeader} must be a percent-encoded key.`);
  }
}

/** GetSymlink: where it leads. */
export function getSymlink(call: Call): void {
  const { bucket } = call;
  const head = requireHead(call, bucket);
  if (head.target === undefined) throw new Fault('NotSymlink', undefined, { extra: { Key: call.key } });
  const shown = ['ETag', etagHeader(head.etag), 'Last-Modified', httpDate(head.modifiedAt), ...versionHeaders(bucket, head.version)];
  sendEmpty(call.ctx, 200, [...shown, targetHeader, encodeURIComponent(head.target)]);
}

/**
 * What a read of a symlink gives: the bytes of its target, described as the symlink is (Alibaba OSS API reference, "PutSymlink"). The caller
 * must be allowed to read the target, too.
 * @throws Fault AccessDenied, SymlinkTargetNotExist, InvalidTargetType
 */
export function follow(call: Call, link: ObjectHead): FoundObject {
  const key = link.target ?? '';
  authorizeSource(call, { name: call.name, key, resolved: call.resolved });
  const found = call.rooms.store.get(link.bucket, key);
  if (!found) throw new Fault('SymlinkTargetNotExist', undefined, { extra: { Key: call.key } });
  const { head } = found;
  if (head.target !== undefined) throw new Fault('InvalidTargetType', undefined, { extra: { Key: call.key } });
  // What is said of the bytes is said of the target's.
  const { size, etag, crc64, blob, storageClass } = head;
  const modifiedAt = Math.max(link.modifiedAt, head.modifiedAt);
  return { head: { ...link, size, etag, crc64, blob, storageClass, modifiedAt }, small: found.small, open: (range) => found.open(range) };
}
