import { BlockList, isIP } from 'node:net';
import type { AccessPoint, Resolved } from '../../accesspoints/index.ts';
import type { Bucket } from '../../buckets/index.ts';
import type { RequestContext } from '../../identity/index.ts';
import type { AclAnswer, Side } from './access.ts';
import type { OssRooms } from './call.ts';
import type { Permission } from './operation.ts';

/** What the evaluation reads of the rooms. */
export type SideRooms = Pick<OssRooms, 'region' | 'store'> & { readonly identity: Pick<OssRooms['identity'], 'accountId'> };

/** What each canned ACL gives to everybody, at object level (Alibaba OSS API reference, "PutBucketAcl", "PutObjectACL"). No ACL opens an ACL. */
const opens: Readonly<Record<string, readonly Permission[]>> = {
  private: [],
  'public-read': ['READ'],
  'public-read-write': ['READ', 'WRITE'],
};

/** ARN of a resource of the account's OSS. */
export function ossArn({ region, identity }: SideRooms, rest: string): string {
  return `acs:oss:${region}:${identity.accountId}:${rest}`;
}

/** The supporting access point behind an Object FC alias, or the access point itself. */
export function pointOf(resolved: Resolved | undefined): AccessPoint | undefined {
  if (resolved === undefined || resolved.kind === 'bucket') return undefined;
  return resolved.kind === 'object-fc' ? resolved.supporting : resolved.accessPoint;
}

/** The bucket that a name leads to in the end. */
export function bucketBehind({ store }: SideRooms, resolved: Resolved | undefined): Bucket | undefined {
  if (resolved?.kind === 'bucket') return resolved.bucket;
  const point = pointOf(resolved);
  return point && store.bucket(point.bucket);
}

/** The names that a request goes through, outermost first. A name that nothing stands behind is taken for a bucket's. */
export function sidesOf(rooms: SideRooms, resolved: Resolved | undefined, name: string, key: string | undefined): Side[] {
  const sides: Side[] = [];
  const inPoint = (arn: string) => (key === undefined ? arn : `${arn}/object/${key}`);
  if (resolved?.kind === 'object-fc') {
    const { arn, policies } = resolved.objectFc;
    sides.push({ kind: 'object-fc', resource: inPoint(arn), policies });
  }
  const point = pointOf(resolved);
  if (point) sides.push({ kind: 'access-point', resource: inPoint(point.arn), policies: point.policies });
  const bucket = point?.bucket ?? name;
  const policies = bucketBehind(rooms, resolved)?.policies ?? [];
  sides.push({ kind: 'bucket', resource: ossArn(rooms, key === undefined ? bucket : `${bucket}/${key}`), policies });
  return sides;
}

/** Whether any of the names has a policy; if none has, nothing can deny the account. */
export function hasPolicies(rooms: SideRooms, resolved: Resolved | undefined): boolean {
  if (resolved === undefined) return false;
  if (resolved.kind === 'bucket') return resolved.bucket.policies.length > 0;
  if (resolved.kind === 'object-fc' && resolved.objectFc.policies.length > 0) return true;
  return (pointOf(resolved)?.policies.length ?? 0) > 0 || (bucketBehind(rooms, resolved)?.policies.length ?? 0) > 0;
}

/** Whether public access is blocked on the way: for the account, the bucket, or an access point. */
export function isBlocked(rooms: SideRooms, resolved: Resolved | undefined): boolean {
  if (rooms.store.blockPublicAccess || bucketBehind(rooms, resolved)?.blockPublicAccess) return true;
  if (resolved?.kind === 'object-fc' && resolved.objectFc.blockPublicAccess) return true;
  return pointOf(resolved)?.blockPublicAccess ?? false;
}

/** What the ACL of the object, or else of the bucket, says about one permission; undefined where no ACL speaks. */
export function askAcl(
  rooms: SideRooms,
  resolved: Resolved | undefined,
  key: string | undefined,
  permission: Permission | undefined,
  version?: string,
): AclAnswer | undefined {
  const bucket = bucketBehind(rooms, resolved);
  if (!bucket || permission === undefined) return undefined;
  const own = key === undefined ? undefined : rooms.store.head(bucket.name, key, version)?.acl;
  const answer = (acl: string) => opens[acl]?.includes(permission) ?? false;
  if (own !== undefined && own !== 'default') return { source: 'object-acl', opens: answer(own) };
  return { source: 'bucket-acl', opens: answer(bucket.acl) };
}

/** Condition keys that tell through which point a request comes; known to be absent when it comes by the bucket's name. */
export function pointKeys(resolved: Resolved | undefined): RequestContext {
  const point = pointOf(resolved);
  return {
    'oss:DataAccessPointArn': point?.arn,
    'oss:DataAccessPointAccount': point?.accountId,
    'oss:AccessPointNetworkOrigin': point?.networkOrigin,
    'sluice:ObjectFcAccessPointArn': resolved?.kind === 'object-fc' ? resolved.objectFc.arn : undefined,
    // There are no VPCs here, so no request comes from one.
    'acs:SourceVpc': undefined,
  };
}

const privateNetworks = new BlockList();
for (const [net, bits] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
] as const) {
  privateNetworks.addSubnet(net, bits, 'ipv4');
}
for (const [net, bits] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  privateNetworks.addSubnet(net, bits, 'ipv6');
}

/** Whether an access point takes requests from that address: one of network origin vpc takes those from private networks only. */
export function takesFrom(resolved: Resolved | undefined, address: string): boolean {
  if (pointOf(resolved)?.networkOrigin !== 'vpc') return true;
  const plain = address.replace(/^::ffff:/, '');
  const family = isIP(plain);
  return family !== 0 && privateNetworks.check(plain, family === 4 ? 'ipv4' : 'ipv6');
}
