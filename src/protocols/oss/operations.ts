import { Fault } from '../../faults/index.ts';
import type { RequestContext } from '../../http/index.ts';
import { createAccessPoint, deleteAccessPoint, getAccessPoint, listAccessPoints, nameHeader } from './access-points.ts';
import { deleteBucket, getBucketAcl, getBucketInfo, getBucketLocation, listBuckets, putBucket } from './buckets.ts';
import { listObjects } from './listing.ts';
import {
  createObjectFc,
  deleteObjectFc,
  getObjectFc,
  getObjectFcConfig,
  listObjectFc,
  objectFcHeader,
  putObjectFcConfig,
} from './object-fc.ts';
import { getObject, getObjectMeta, headObject } from './objects-read.ts';
import { deleteMultipleObjects, deleteObject, putObject } from './objects-write.ts';
import type { Level, Operation } from './operation.ts';
import { knownOperation, selects } from './subresources.ts';
import { answerSelector, writeGetObjectResponse } from './write-get-object-response.ts';

const point = { selector: 'accessPoint' } as const;
const objectFc = { selector: 'accessPointForObjectProcess' } as const;
const config = { selector: 'accessPointConfigForObjectProcess' } as const;
const through = { throughAccessPoint: true } as const;

/** Every operation that the server carries out. Router, guard, log and metrics read it; nothing else says what exists. */
export const operations: readonly Operation[] = [
  { name: 'ListBuckets', level: 'service', method: 'GET', action: 'oss:ListBuckets', resource: 'service', run: listBuckets },
  {
    ...{ name: 'WriteGetObjectResponse', level: 'service', method: 'POST', selector: answerSelector },
    ...{ action: 'oss:WriteGetObjectResponse', resource: 'any', run: writeGetObjectResponse },
  },

  { name: 'PutBucket', level: 'bucket', method: 'PUT', action: 'oss:PutBucket', resource: 'bucket', run: putBucket },
  { name: 'DeleteBucket', level: 'bucket', method: 'DELETE', action: 'oss:DeleteBucket', resource: 'bucket', run: deleteBucket },
  {
    ...{ name: 'GetBucketInfo', level: 'bucket', method: 'GET', selector: 'bucketInfo' },
    ...{ action: 'oss:GetBucketInfo', resource: 'bucket', run: getBucketInfo },
  },
  {
    ...{ name: 'GetBucketLocation', level: 'bucket', method: 'GET', selector: 'location' },
    ...{ action: 'oss:GetBucketLocation', resource: 'bucket', run: getBucketLocation },
  },
  {
    ...{ name: 'GetBucketAcl', level: 'bucket', method: 'GET', selector: 'acl' },
    ...{ action: 'oss:GetBucketAcl', resource: 'bucket', run: getBucketAcl },
  },
  {
    ...{ name: 'ListObjects', level: 'bucket', method: 'GET', ...through },
    ...{ action: 'oss:ListObjects', resource: 'bucket', run: listObjects },
  },
  {
    ...{ name: 'DeleteMultipleObjects', level: 'bucket', method: 'POST', selector: 'delete', ...through },
    ...{ action: 'oss:DeleteObject', resource: 'keys', run: deleteMultipleObjects },
  },

  { name: 'PutObject', level: 'object', method: 'PUT', ...through, action: 'oss:PutObject', resource: 'object', run: putObject },
  { name: 'GetObject', level: 'object', method: 'GET', ...through, action: 'oss:GetObject', resource: 'object', run: getObject },
  { name: 'HeadObject', level: 'object', method: 'HEAD', ...through, action: 'oss:GetObject', resource: 'object', run: headObject },
  {
    ...{ name: 'GetObjectMeta', level: 'object', method: 'HEAD', selector: 'objectMeta', ...through },
    ...{ action: 'oss:GetObject', resource: 'object', run: getObjectMeta },
  },
  {
    ...{ name: 'GetObjectMeta', level: 'object', method: 'GET', selector: 'objectMeta', ...through },
    ...{ action: 'oss:GetObject', resource: 'object', run: getObjectMeta },
  },
  {
    name: 'DeleteObject',
    level: 'object',
    method: 'DELETE',
    ...through,
    action: 'oss:DeleteObject',
    resource: 'object',
    run: deleteObject,
  },

  {
    ...{ name: 'CreateAccessPoint', level: 'bucket', method: 'PUT', ...point },
    ...{ action: 'oss:CreateAccessPoint', resource: 'bucket', run: createAccessPoint },
  },
  {
    ...{ name: 'GetAccessPoint', level: 'bucket', method: 'GET', ...point, header: nameHeader },
    ...{ action: 'oss:GetAccessPoint', resource: 'access-point', run: getAccessPoint },
  },
  {
    ...{ name: 'ListAccessPoints', level: 'bucket', method: 'GET', ...point },
    ...{ action: 'oss:ListAccessPoints', resource: 'bucket', run: listAccessPoints },
  },
  {
    ...{ name: 'ListAccessPoints', level: 'service', method: 'GET', ...point },
    ...{ action: 'oss:ListAccessPoints', resource: 'service', run: listAccessPoints },
  },
  {
    ...{ name: 'DeleteAccessPoint', level: 'bucket', method: 'DELETE', ...point },
    ...{ action: 'oss:DeleteAccessPoint', resource: 'access-point', run: deleteAccessPoint },
  },

  {
    ...{ name: 'CreateAccessPointForObjectProcess', level: 'bucket', method: 'PUT', ...objectFc },
    ...{ action: 'oss:CreateAccessPointForObjectProcess', resource: 'object-fc', run: createObjectFc },
  },
  {
    ...{ name: 'GetAccessPointForObjectProcess', level: 'bucket', method: 'GET', ...objectFc, header: objectFcHeader },
    ...{ action: 'oss:GetAccessPointForObjectProcess', resource: 'object-fc', run: getObjectFc },
  },
  {
    ...{ name: 'ListAccessPointsForObjectProcess', level: 'service', method: 'GET', ...objectFc },
    ...{ action: 'oss:ListAccessPointsForObjectProcess', resource: 'service', run: listObjectFc },
  },
  {
    ...{ name: 'DeleteAccessPointForObjectProcess', level: 'bucket', method: 'DELETE', ...objectFc },
    ...{ action: 'oss:DeleteAccessPointForObjectProcess', resource: 'object-fc', run: deleteObjectFc },
  },
  {
    ...{ name: 'PutAccessPointConfigForObjectProcess', level: 'bucket', method: 'PUT', ...config },
    ...{ action: 'oss:PutAccessPointConfigForObjectProcess', resource: 'object-fc', run: putObjectFcConfig },
  },
  {
    ...{ name: 'GetAccessPointConfigForObjectProcess', level: 'bucket', method: 'GET', ...config },
    ...{ action: 'oss:GetAccessPointConfigForObjectProcess', resource: 'object-fc', run: getObjectFcConfig },
  },
];

/** Rows by level, method and selector. */
type Rows = Map<string | undefined, Operation[]>;
const byMatch: Record<Level, Map<string, Rows>> = { service: new Map(), bucket: new Map(), object: new Map() };
for (const operation of operations) {
  const { level, method, selector } = operation;
  const bySelector: Rows = byMatch[level].get(method) ?? new Map();
  const rows = bySelector.get(selector) ?? [];
  // Rows that a header selects are asked first.
  if (operation.header === undefined) rows.push(operation);
  else rows.unshift(operation);
  bySelector.set(selector, rows);
  byMatch[level].set(method, bySelector);
}

/** Operations that no query parameter selects and that are not carried out. */
const plainNames: Record<string, string> = {
  'bucket POST': 'PostObject',
  'bucket OPTIONS': 'OptionObject',
  'object OPTIONS': 'OptionObject',
  'service OPTIONS': 'OptionObject',
};

/** What a request asks for: a row of the table, or the name and the fault of what is not carried out. */
export type Match = Operation | { readonly name: string; readonly fault: Fault };

const noSelectors: readonly string[] = [];

/** The query parameters of a request that select an operation, each once. */
export function presentSelectors(ctx: Pick<RequestContext, 'method' | 'query' | 'rawQuery'>): readonly string[] {
  if (ctx.rawQuery === '') return noSelectors;
  let present: string[] | undefined;
  for (const { name } of ctx.query) {
    if (!selects(name, ctx.method) || present?.includes(name)) continue;
    present ??= [];
    present.push(name);
  }
  return present ?? noSelectors;
}

/** Finds the operation. Pure; `headers` only says which are present. */
export function matchOperation(level: Level, method: string, selectors: readonly string[], headers: Record<string, unknown>): Match {
  if (selectors.length > 1) {
    const fault = new Fault('InvalidArgument', `The query parameters ${selectors.join(' and ')} select different operations. Send one.`);
    return { name: 'Conflicting', fault };
  }
  const selector = selectors[0];
  if (level === 'object' && method === 'PUT' && headers['x-oss-copy-source'] !== undefined) {
    if (selector === undefined) return notImplemented('CopyObject');
    if (selector === 'uploadId') return notImplemented('UploadPartCopy');
  }
  const rows = byMatch[level].get(method)?.get(selector);
  if (rows) {
    for (const row of rows) if (row.header === undefined || headers[row.header] !== undefined) return row;
    const header = rows[0]?.header ?? '';
    return { name: rows[0]?.name ?? '', fault: new Fault('MissingArgument', `The header ${header} is required.`) };
  }
  const name = selector === undefined ? plainNames[`${level} ${method}`] : knownOperation(level, method, selector);
  if (name !== undefined) return notImplemented(name);
  const what = selector === undefined ? method : `${method} with ?${selector}`;
  return { name: 'Unknown', fault: new Fault('MethodNotAllowed', `OSS has no operation ${what} on this ${level}.`) };
}

function notImplemented(name: string): Match {
  return { name, fault: new Fault('NotImplemented', `Sluice does not carry out ${name}.`, { extra: { Operation: name } }) };
}
