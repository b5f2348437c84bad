import type { ObjectFcAccessPoint, ObjectFcLimits, Transformation } from '../../accesspoints/index.ts';
import { Fault } from '../../faults/index.ts';
import { child, childrenOf, childText, writeXml, type XmlNode, type XmlValue } from '../../kit/index.ts';
import { endpointsOf, requireHeader } from './access-points.ts';
import type { Call } from './call.ts';
import { invalid } from './headers.ts';
import { readMaxKeys } from './listing.ts';
import { requireXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';

/** Header that names an Object FC access point. */
export const objectFcHeader = 'x-oss-access-point-for-object-process-name';

/** CreateAccessPointForObjectProcess. */
export async function createObjectFc(call: Call): Promise<void> {
  const bucket = call.bucket.name;
  const name = requireHeader(call, objectFcHeader);
  const root = await requireXml(call, ['CreateAccessPointForObjectProcessConfiguration']);
  const point = await call.rooms.accesspoints.createObjectFc(bucket, {
    name,
    accessPointName: childText(root, 'AccessPointName')?.trim() ?? '',
    allowAnonymous: readBoolean(root, 'AllowAnonymousAccessForObjectProcess') ?? false,
    ...readProcessing(root),
  });
  sendXml(
    call.ctx,
    writeXml('CreateAccessPointForObjectProcessResult', {
      AccessPointForObjectProcessArn: point.arn,
      AccessPointForObjectProcessAlias: point.alias,
    }),
  );
}

function texts(node: XmlNode | undefined, name: string): string[] {
  return node ? childrenOf(node, name).map(({ text }) => text.trim()) : [];
}

/** @throws Fault InvalidArgument */
function readBoolean(node: XmlNode, ...path: string[]): boolean | undefined {
  const value = childText(node, ...path)
    ?.trim()
    .toLowerCase();
  if (value === undefined || value === '') return undefined;
  if (value !== 'true' && value !== 'false') throw invalid(path.join('/'), value, `${path.join('/')} must be true or false.`);
  return value === 'true';
}

/** Reads ObjectProcessConfiguration, which may be absent; its elements come in any order, actions in any case. */
function readProcessing(root: XmlNode): { allowedFeatures: string[]; transformations: Transformation[]; limits?: ObjectFcLimits } {
  const config = child(root, 'ObjectProcessConfiguration');
  if (!config) return { allowedFeatures: [], transformations: [] };
  const list = child(config, 'TransformationConfigurations');
  const nodes = list ? childrenOf(list, 'TransformationConfiguration') : [];
  return {
    allowedFeatures: texts(child(config, 'AllowedFeatures'), 'AllowedFeature'),
    transformations: nodes.map(readTransformation),
    ...readLimits(child(config, 'Limits')),
  };
}

/** Elements of Limits, which is ours, by the names of the record. */
const limitElements = {
  inFlight: 'InFlight',
  requestsPerSecond: 'RequestsPerSecond',
  bytesPerSecond: 'BytesPerSecond',
  firstByteMs: 'FirstByteMs',
  idleMs: 'IdleMs',
} as const;

function readLimits(node: XmlNode | undefined): { limits?: ObjectFcLimits } {
  if (!node) return {};
  const limits: Record<string, number> = {};
  for (const [name, element] of Object.entries(limitElements)) {
    const value = childText(node, element)?.trim();
    if (value !== undefined && value !== '') limits[name] = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  }
  return { limits };
}

function showLimits(limits: ObjectFcLimits | undefined): XmlValue {
  if (!limits) return undefined;
  const shown: Record<string, XmlValue> = {};
  for (const [name, element] of Object.entries(limitElements)) shown[element] = limits[name as keyof ObjectFcLimits];
  return shown;
}

function readTransformation(node: XmlNode): Transformation {
  const content = child(node, 'ContentTransformation');
  const functionCompute = content && child(content, 'FunctionCompute');
  const functionArn = functionCompute && childText(functionCompute, 'FunctionArn')?.trim();
  const functionAssumeRoleArn = functionCompute && childText(functionCompute, 'FunctionAssumeRoleArn')?.trim();
  if (!functionArn || !functionAssumeRoleArn) {
    throw new Fault(
      'MalformedXML',
      'A <TransformationConfiguration> needs FunctionArn and FunctionAssumeRoleArn inside <FunctionCompute>.',
    );
  }
  const features = content && child(content, 'AdditionalFeatures');
  const payload = functionCompute && childText(functionCompute, 'FunctionPayload');
  return {
    actions: texts(child(node, 'Actions'), 'Action').map((action) => (action.toLowerCase() === 'getobject' ? 'GetObject' : action)),
    functionArn,
    functionAssumeRoleArn,
    customForwardHeaders: texts(features && child(features, 'CustomForwardHeaders'), 'CustomForwardHeader'),
    ...(payload !== undefined && { payload }),
  };
}

/** GetAccessPointForObjectProcess. */
export function getObjectFc(call: Call): void {
  const point = find(call);
  sendXml(
    call.ctx,
    writeXml('GetAccessPointForObjectProcessResult', {
      AccessPointNameForObjectProcess: point.name,
      AccessPointForObjectProcessAlias: point.alias,
      AccessPointName: point.accessPointName,
      AccountId: point.accountId,
      AccessPointForObjectProcessArn: point.arn,
      CreationDate: String(Math.floor(point.createdAt / 1000)),
      Status: point.status,
      Endpoints: endpointsOf(call, point.name, 'oss-object-process'),
      AllowAnonymousAccessForObjectProcess: point.allowAnonymous,
      PublicAccessBlockConfiguration: { BlockPublicAccess: point.blockPublicAccess },
    }),
  );
}

function find(call: Call): ObjectFcAccessPoint {
  return call.rooms.accesspoints.getObjectFc(call.bucket.name, requireHeader(call, objectFcHeader));
}

/** ListAccessPointsForObjectProcess, of the account. */
export function listObjectFc(call: Call): void {
  const maxKeys = readMaxKeys(call);
  const page = call.rooms.accesspoints.listObjectFc({ maxKeys, token: call.param('continuation-token') || undefined });
  const points = page.accessPoints.map((point) => ({
    AccessPointNameForObjectProcess: point.name,
    AccessPointForObjectProcessAlias: point.alias,
    AccessPointName: point.accessPointName,
    Status: point.status,
    AllowAnonymousAccessForObjectProcess: point.allowAnonymous,
  }));
  sendXml(
    call.ctx,
    writeXml('ListAccessPointsForObjectProcessResult', {
      IsTruncated: page.truncated,
      NextContinuationToken: page.nextToken,
      AccountId: call.rooms.identity.accountId,
      AccessPointsForObjectProcess: { AccessPointForObjectProcess: points },
    }),
  );
}

/** DeleteAccessPointForObjectProcess. */
export async function deleteObjectFc(call: Call): Promise<void> {
  await call.rooms.accesspoints.removeObjectFc(call.bucket.name, requireHeader(call, objectFcHeader));
  sendEmpty(call.ctx, 204);
}

/** PutAccessPointConfigForObjectProcess: replaces the configuration; what the document leaves out of the two switches stays. */
export async function putObjectFcConfig(call: Call): Promise<void> {
  const point = find(call);
  const root = await requireXml(call, ['PutAccessPointConfigForObjectProcessConfiguration']);
  await call.rooms.accesspoints.configureObjectFc(call.bucket.name, point.name, {
    ...readProcessing(root),
    allowAnonymous: readBoolean(root, 'AllowAnonymousAccessForObjectProcess') ?? point.allowAnonymous,
    blockPublicAccess: readBoolean(root, 'PublicAccessBlockConfiguration', 'BlockPublicAccess') ?? point.blockPublicAccess,
  });
  sendEmpty(call.ctx);
}

/** GetAccessPointConfigForObjectProcess. */
export function getObjectFcConfig(call: Call): void {
  const point = find(call);
  const xml = writeXml('GetAccessPointConfigForObjectProcessResult', {
    ObjectProcessConfiguration: {
      AllowedFeatures: point.allowedFeatures.length > 0 ? { AllowedFeature: [...point.allowedFeatures] } : '',
      TransformationConfigurations: { TransformationConfiguration: point.transformations.map(showTransformation) },
      Limits: showLimits(point.limits),
    },
    AllowAnonymousAccessForObjectProcess: point.allowAnonymous,
    PublicAccessBlockConfiguration: { BlockPublicAccess: point.blockPublicAccess },
  });
  sendXml(call.ctx, xml);
}

function showTransformation(transformation: Transformation): XmlValue {
  const { functionArn, functionAssumeRoleArn, customForwardHeaders, payload } = transformation;
  return {
    Actions: { Action: [...transformation.actions] },
    ContentTransformation: {
      FunctionCompute: { FunctionArn: functionArn, FunctionAssumeRoleArn: functionAssumeRoleArn, FunctionPayload: payload },
      AdditionalFeatures:
        customForwardHeaders.length > 0 ? { CustomForwardHeaders: { CustomForwardHeader: [...customForwardHeaders] } } : undefined,
    },
  };
}
