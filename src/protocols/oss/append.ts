import { readObjectAcl } from './acl.ts';
import type { Call } from './call.ts';
import { encryptionHeaders } from './encryption.ts';
import { etagHeader, invalid } from './headers.ts';
import { readDescription, readStorageClass, refuseHeaders } from './object-headers.ts';
import { sendEmpty } from './respond.ts';
import { readTagHeader } from './tagging.ts';
import { readUpload } from './upload-body.ts';
import { versionHeaders } from './versions.ts';

function readPosition(call: Call): number {
  const value = call.param('position') ?? '';
  if (!/^\d{1,15}$/.test(value)) throw invalid('position', value, 'The position must be the number of bytes that the object has.');
  return Number(value);
}

/** AppendObject: adds the body to the end of an object made so, or makes one. */
export async function appendObject(call: Call): Promise<void> {
  const { bucket } = call;
  refuseHeaders(call);
  const head = await call.rooms.store.append({
    ...{ bucket: bucket.name, key: call.key, position: readPosition(call), ...readUpload(call), ...readDescription(call) },
    ...{ tags: readTagHeader(call), acl: readObjectAcl(call), storageClass: readStorageClass(call.header('x-oss-storage-class')) },
  });
  const next = [
    'x-oss-next-append-position',
    String(head.size),
    ...versionHeaders(bucket, head.version),
    ...encryptionHeaders(head.headers),
  ];
  sendEmpty(call.ctx, 200, ['ETag', etagHeader(head.etag), 'x-oss-hash-crc64ecma', head.crc64, ...next]);
}
