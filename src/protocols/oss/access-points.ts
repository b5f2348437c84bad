import type { AccessPoint } from '../../accesspoints/index.ts';
import { Fault } from '../../faults/index.ts';
import { childText, writeXml, type XmlValue } from '../../kit/index.ts';
import type { Call } from './call.ts';
import { invalid, xmlDate } from './headers.ts';
import { readMaxKeys } from './listing.ts';
import { requireXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';

/** Header that names an access point. */
export const nameHeader = 'x-oss-access-point-name';

/** The name of the access point in a header. @throws Fault MissingArgument */
export function requireHeader(call: Call, name: string): string {
  const value = call.header(name);
  if (!value) throw new Fault('MissingArgument', `The header ${name} is required.`, { extra: { ArgumentName: name } });
  return value;
}

/** The value of a query parameter. @throws Fault MissingArgument */
export function requireParam(call: Call, name: string): string {
  const value = call.param(name);
  if (!value) throw new Fault('MissingArgument', `The query parameter ${name} is required.`, { extra: { ArgumentName: name } });
  return value;
}

/** CreateAccessPoint. */
export async function createAccessPoint(call: Call): Promise<void> {
  const bucket = call.bucket.name;
  const root = await requireXml(call, ['CreateAccessPointConfiguration']);
  const networkOrigin = childText(root, 'NetworkOrigin')?.trim() ?? 'internet';
  if (networkOrigin !== 'internet' && networkOrigin !== 'vpc') {
    throw invalid('NetworkOrigin', networkOrigin, 'The NetworkOrigin must be internet or vpc.');
  }
  const point = await call.rooms.accesspoints.create(bucket, {
    name: childText(root, 'AccessPointName')?.trim() ?? '',
    networkOrigin,
    vpcId: childText(root, 'VpcConfiguration', 'VpcId')?.trim(),
  });
  sendXml(call.ctx, writeXml('CreateAccessPointResult', { AccessPointArn: point.arn, Alias: point.alias }));
}

/** There for points on the internet, too: Java v1 cannot read an answer without it. */
function vpc(point: AccessPoint): XmlValue {
  return { VpcId: point.vpcId ?? '' };
}

/** GetAccessPoint. */
export function getAccessPoint(call: Call): void {
  const point = call.rooms.accesspoints.get(call.bucket.name, requireHeader(call, nameHeader));
  sendXml(
    call.ctx,
    writeXml('GetAccessPointResult', {
      AccessPointName: point.name,
      Bucket: point.bucket,
      AccountId: point.accountId,
      NetworkOrigin: point.networkOrigin,
      VpcConfiguration: vpc(point),
      AccessPointArn: point.arn,
      CreationDate: xmlDate(point.createdAt),
      Alias: point.alias,
      Status: point.status,
      Endpoints: endpointsOf(call, point.name, 'oss-accesspoint'),
      PublicAccessBlockConfiguration: { BlockPublicAccess: point.blockPublicAccess },
    }),
  );
}

/** The two host names of an access point, as the vendor builds them. */
export function endpointsOf(call: Call, name: string, kind: 'oss-accesspoint' | 'oss-object-process'): XmlValue {
  const { identity, region } = call.rooms;
  const host = `${name}-${identity.accountId}.oss-${region}`;
  return { PublicEndpoint: `${host}.${kind}.aliyuncs.com`, InternalEndpoint: `${host}-internal.${kind}.aliyuncs.com` };
}

/** ListAccessPoints, of the account or of one bucket. */
export function listAccessPoints(call: Call): void {
  const bucket = call.name === '' ? undefined : call.bucket.name;
  const maxKeys = readMaxKeys(call, bucket === undefined ? 1_000 : 100);
  const page = call.rooms.accesspoints.list({ bucket, maxKeys, token: call.param('continuation-token') || undefined });
  const points = page.accessPoints.map((point) => ({
    Bucket: point.bucket,
    AccessPointName: point.name,
    Alias: point.alias,
    NetworkOrigin: point.networkOrigin,
    VpcConfiguration: vpc(point),
    Status: point.status,
  }));
  sendXml(
    call.ctx,
    writeXml('ListAccessPointsResult', {
      IsTruncated: page.truncated,
      NextContinuationToken: page.nextToken,
      AccountId: call.rooms.identity.accountId,
      MaxKeys: maxKeys,
      AccessPoints: { AccessPoint: points },
    }),
  );
}

/** DeleteAccessPoint. */
export async function deleteAccessPoint(call: Call): Promise<void> {
  await call.rooms.accesspoints.remove(call.bucket.name, requireHeader(call, nameHeader));
  sendEmpty(call.ctx, 204);
}
