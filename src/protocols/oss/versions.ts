import { type Bucket, type DeleteMarker, type FoundObject, isMarker, nullVersion, type ObjectHead } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import type { Call } from './call.ts';
import { type HeaderList, invalid } from './headers.ts';

const versionForm = /^[A-Za-z0-9._-]{1,1024}$/;

/** Checks a version id as a request names it. @throws Fault InvalidArgument */
export function checkVersion({ versioning }: Pick<Bucket, 'versioning'>, version: string, named = 'versionId'): string {
  if (!versionForm.test(version)) throw invalid(named, version, `Invalid version id specified: ${named} is letters and digits.`);
  if (versioning !== undefined || version === nullVersion) return version;
  throw invalid(named, version, `Versioning was never enabled for the bucket, so ${named} may only be "${nullVersion}".`);
}

/** The version that a request asks for by versionId; undefined for the current one. @throws Fault InvalidArgument */
export function readVersion(call: Call, bucket: Bucket): string | undefined {
  const version = call.param('versionId');
  return version === undefined ? undefined : checkVersion(bucket, version);
}

/** Which version an answer is about; nothing in a bucket whose versioning was never enabled. */
export function versionHeaders({ versioning }: Pick<Bucket, 'versioning'>, version: string): HeaderList {
  return versioning === undefined ? [] : ['x-oss-version-id', version];
}

function markerHeaders({ version }: Pick<DeleteMarker, 'version'>): Record<string, string> {
  return { 'x-oss-delete-marker': 'true', 'x-oss-version-id': version };
}

/** The fault for an object that is not there, which tells of a delete marker in its place. */
export function noSuchKey(call: Call, { name, versioning }: Bucket): Fault {
  const { key } = call;
  const marker = versioning === undefined ? undefined : call.rooms.store.deleteMarker(name, key);
  return new Fault('NoSuchKey', undefined, { extra: { Key: key }, ...(marker && { headers: markerHeaders(marker) }) });
}

/** Finds the version that a request names. @throws Fault NoSuchVersion, MethodNotAllowed for a delete marker */
export function findVersion(call: Call, bucket: Bucket, version: string): FoundObject {
  const { key } = call;
  const extra = { Key: key, VersionId: version };
  const found = call.rooms.store.version(bucket.name, key, version);
  if (!found) throw new Fault('NoSuchVersion', undefined, { extra });
  if (!isMarker(found)) return found;
  throw new Fault('MethodNotAllowed', 'The version is a delete marker, which can only be deleted.', {
    extra: { ...extra, Method: call.ctx.method, ResourceType: 'DeleteMarker' },
    headers: { ...markerHeaders(found), Allow: 'DELETE' },
  });
}

/** The head of the object that a request asks for, or of the version. @throws Fault InvalidArgument, NoSuchKey, NoSuchVersion, MethodNotAllowed */
export function requireHead(call: Call, bucket: Bucket): ObjectHead {
  const version = readVersion(call, bucket);
  if (version !== undefined) return findVersion(call, bucket, version).head;
  const head = call.rooms.store.head(bucket.name, call.key);
  if (!head) throw noSuchKey(call, bucket);
  return head;
}

/** Runs a change of the object or version that a request names. @throws Fault MethodNotAllowed for a delete marker, NoSuchKey, NoSuchVersion */
export async function changeNamed(call: Call, bucket: Bucket, change: (version: string | undefined) => Promise<void>): Promise<HeaderList> {
  const { version } = requireHead(call, bucket);
  await change(readVersion(call, bucket));
  return versionHeaders(bucket, version);
}
