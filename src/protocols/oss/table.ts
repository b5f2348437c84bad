import { createAccessPoint, deleteAccessPoint, getAccessPoint, listAccessPoints, nameHeader } from './access-points.ts';
import { getBucketAcl, getObjectAcl, putBucketAcl, putObjectAcl } from './acl.ts';
import { deleteBucket, getBucketInfo, getBucketLocation, listBuckets, putBucket } from './buckets.ts';
import { copyObject } from './copy.ts';
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
import type { Operation } from './operation.ts';
import {
  deleteAccessPointPolicy,
  deleteBucketPolicy,
  deleteObjectFcPolicy,
  getAccessPointPolicy,
  getBucketPolicy,
  getBucketPolicyStatus,
  getObjectFcPolicy,
  putAccessPointPolicy,
  putBucketPolicy,
  putObjectFcPolicy,
} from './policies.ts';
import { postObject } from './post-object.ts';
import {
  deleteAccessPointBlock,
  deleteBucketBlock,
  deletePublicAccessBlock,
  getAccessPointBlock,
  getBucketBlock,
  getPublicAccessBlock,
  putAccessPointBlock,
  putBucketBlock,
  putPublicAccessBlock,
} from './public-access.ts';
import { pointParameter } from './subresources.ts';
import { settingOperations } from './table-settings.ts';
import { aclHeader, ofVersion, source, storeOperations, tagHeader, through } from './table-store.ts';
import { withPages } from './website.ts';
import { answerSelector, writeGetObjectResponse } from './write-get-object-response.ts';

const point = { selector: 'accessPoint' } as const;
const pointPolicy = { selector: 'accessPointPolicy' } as const;
const objectFc = { selector: 'accessPointForObjectProcess' } as const;
const config = { selector: 'accessPointConfigForObjectProcess' } as const;
const objectFcPolicy = { selector: 'accessPointPolicyForObjectProcess' } as const;
const acl = { selector: 'acl' } as const;
const policy = { selector: 'policy' } as const;
const block = { selector: 'publicAccessBlock' } as const;
const pointBlock = { ...block, parameter: pointParameter } as const;
/** What may be asked for through an Object FC access point: what its function can answer. */
const transformed = { throughObjectFc: true } as const;
/** What an ACL may open to everybody, and a policy to anonymous callers. */
const reading = { acl: 'READ', anonymous: true } as const;
const writing = { acl: 'WRITE', anonymous: true } as const;
const locked = { ownersAlways: true } as const;

/** Every operation that the server carries out. Router, guard, log and metrics read it; nothing else says what exists. */
export const operations: readonly Operation[] = [
  { name: 'ListBuckets', level: 'service', method: 'GET', action: 'oss:ListBuckets', resource: 'service', run: listBuckets },
  {
    ...{ name: 'WriteGetObjectResponse', level: 'service', method: 'POST', selector: answerSelector },
    ...{ action: 'oss:WriteGetObjectResponse', resource: 'any', run: writeGetObjectResponse },
  },
  {
    ...{ name: 'PutPublicAccessBlock', level: 'service', method: 'PUT', ...block },
    ...{ action: 'oss:PutPublicAccessBlock', resource: 'service', run: putPublicAccessBlock },
  },
  {
    ...{ name: 'GetPublicAccessBlock', level: 'service', method: 'GET', ...block },
    ...{ action: 'oss:GetPublicAccessBlock', resource: 'service', run: getPublicAccessBlock },
  },
  {
    ...{ name: 'DeletePublicAccessBlock', level: 'service', method: 'DELETE', ...block },
    ...{ action: 'oss:DeletePublicAccessBlock', resource: 'service', run: deletePublicAccessBlock },
  },

  {
    ...{ name: 'PutBucket', level: 'bucket', method: 'PUT', also: [{ header: 'x-oss-acl', action: 'oss:PutBucketAcl' }] },
    ...{ action: 'oss:PutBucket', resource: 'bucket', run: putBucket },
  },
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
    ...{ name: 'GetBucketAcl', level: 'bucket', method: 'GET', ...acl, acl: 'READ_ACP' },
    ...{ action: 'oss:GetBucketAcl', resource: 'bucket', run: getBucketAcl },
  },
  {
    ...{ name: 'PutBucketAcl', level: 'bucket', method: 'PUT', ...acl, acl: 'WRITE_ACP' },
    ...{ action: 'oss:PutBucketAcl', resource: 'bucket', run: putBucketAcl },
  },
  {
    ...{ name: 'PutBucketPolicy', level: 'bucket', method: 'PUT', ...policy, ...locked },
    ...{ action: 'oss:PutBucketPolicy', resource: 'bucket', run: putBucketPolicy },
  },
  {
    ...{ name: 'GetBucketPolicy', level: 'bucket', method: 'GET', ...policy, ...locked },
    ...{ action: 'oss:GetBucketPolicy', resource: 'bucket', run: getBucketPolicy },
  },
  {
    ...{ name: 'DeleteBucketPolicy', level: 'bucket', method: 'DELETE', ...policy, ...locked },
    ...{ action: 'oss:DeleteBucketPolicy', resource: 'bucket', run: deleteBucketPolicy },
  },
  {
    ...{ name: 'GetBucketPolicyStatus', level: 'bucket', method: 'GET', selector: 'policyStatus' },
    ...{ action: 'oss:GetBucketPolicyStatus', resource: 'bucket', run: getBucketPolicyStatus },
  },
  {
    ...{ name: 'PutBucketPublicAccessBlock', level: 'bucket', method: 'PUT', ...block },
    ...{ action: 'oss:PutBucketPublicAccessBlock', resource: 'bucket', run: putBucketBlock },
  },
  {
    ...{ name: 'GetBucketPublicAccessBlock', level: 'bucket', method: 'GET', ...block },
    ...{ action: 'oss:GetBucketPublicAccessBlock', resource: 'bucket', run: getBucketBlock },
  },
  {
    ...{ name: 'DeleteBucketPublicAccessBlock', level: 'bucket', method: 'DELETE', ...block },
    ...{ action: 'oss:DeleteBucketPublicAccessBlock', resource: 'bucket', run: deleteBucketBlock },
  },
  ...settingOperations,
  {
    // A policy may open the list to everybody; a public ACL opens objects only, to those who know their keys.
    ...{ name: 'ListObjects', level: 'bucket', method: 'GET', ...through, anonymous: true },
    ...{ action: 'oss:ListObjects', resource: 'bucket', run: listObjects },
  },
  {
    ...{ name: 'DeleteMultipleObjects', level: 'bucket', method: 'POST', selector: 'delete', ...through, ...writing },
    ...{ action: 'oss:DeleteObject', resource: 'keys', run: deleteMultipleObjects },
  },

  {
    ...{ name: 'PutObject', level: 'object', method: 'PUT', ...through, ...writing },
    ...{ also: [aclHeader, tagHeader] },
    ...{ action: 'oss:PutObject', resource: 'object', run: putObject },
  },
  {
    ...{ name: 'PostObject', level: 'bucket', method: 'POST', ...through, ...writing, signedInBody: true },
    ...{ also: [aclHeader, tagHeader] },
    ...{ action: 'oss:PutObject', resource: 'object', run: postObject },
  },
  {
    ...{ name: 'CopyObject', level: 'object', method: 'PUT', ...source, ...through, also: [aclHeader, tagHeader] },
    ...{ action: 'oss:PutObject', resource: 'object', run: copyObject },
  },
  {
    ...{ name: 'GetObject', level: 'object', method: 'GET', ...through, ...transformed, ...reading, ...ofVersion('oss:GetObjectVersion') },
    ...{ action: 'oss:GetObject', resource: 'object', run: withPages(getObject) },
  },
  {
    ...{
      name: 'HeadObject',
      level: 'object',
      method: 'HEAD',
      ...through,
      ...transformed,
      ...reading,
      ...ofVersion('oss:GetObjectVersion'),
    },
    ...{ action: 'oss:GetObject', resource: 'object', run: withPages(headObject) },
  },
  {
    ...{
      name: 'GetObjectMeta',
      level: 'object',
      method: 'HEAD',
      selector: 'objectMeta',
      ...through,
      ...transformed,
      ...reading,
      ...ofVersion('oss:GetObjectVersion'),
    },
    ...{ action: 'oss:GetObject', resource: 'object', run: getObjectMeta },
  },
  {
    ...{
      name: 'GetObjectMeta',
      level: 'object',
      method: 'GET',
      selector: 'objectMeta',
      ...through,
      ...transformed,
      ...reading,
      ...ofVersion('oss:GetObjectVersion'),
    },
    ...{ action: 'oss:GetObject', resource: 'object', run: getObjectMeta },
  },
  {
    ...{ name: 'DeleteObject', level: 'object', method: 'DELETE', ...through, ...writing, ...ofVersion('oss:DeleteObjectVersion') },
    ...{ action: 'oss:DeleteObject', resource: 'object', run: deleteObject },
  },
  {
    ...{ name: 'GetObjectACL', level: 'object', method: 'GET', ...acl, acl: 'READ_ACP', ...ofVersion('oss:GetObjectVersionAcl') },
    ...{ action: 'oss:GetObjectAcl', resource: 'object', run: getObjectAcl },
  },
  {
    ...{ name: 'PutObjectACL', level: 'object', method: 'PUT', ...acl, acl: 'WRITE_ACP', ...ofVersion('oss:PutObjectVersionAcl') },
    ...{ action: 'oss:PutObjectAcl', resource: 'object', run: putObjectAcl },
  },
  ...storeOperations,

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
    ...{ name: 'PutAccessPointPolicy', level: 'bucket', method: 'PUT', ...pointPolicy },
    ...{ action: 'oss:PutAccessPointPolicy', resource: 'access-point', run: putAccessPointPolicy },
  },
  {
    ...{ name: 'GetAccessPointPolicy', level: 'bucket', method: 'GET', ...pointPolicy },
    ...{ action: 'oss:GetAccessPointPolicy', resource: 'access-point', run: getAccessPointPolicy },
  },
  {
    ...{ name: 'DeleteAccessPointPolicy', level: 'bucket', method: 'DELETE', ...pointPolicy },
    ...{ action: 'oss:DeleteAccessPointPolicy', resource: 'access-point', run: deleteAccessPointPolicy },
  },
  {
    ...{ name: 'PutAccessPointPublicAccessBlock', level: 'bucket', method: 'PUT', ...pointBlock },
    ...{ action: 'oss:PutAccessPointPublicAccessBlock', resource: 'access-point', run: putAccessPointBlock },
  },
  {
    ...{ name: 'GetAccessPointPublicAccessBlock', level: 'bucket', method: 'GET', ...pointBlock },
    ...{ action: 'oss:GetAccessPointPublicAccessBlock', resource: 'access-point', run: getAccessPointBlock },
  },
  {
    ...{ name: 'DeleteAccessPointPublicAccessBlock', level: 'bucket', method: 'DELETE', ...pointBlock },
    ...{ action: 'oss:DeleteAccessPointPublicAccessBlock', resource: 'access-point', run: deleteAccessPointBlock },
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
  {
    ...{ name: 'PutAccessPointPolicyForObjectProcess', level: 'bucket', method: 'PUT', ...objectFcPolicy },
    ...{ action: 'oss:PutAccessPointPolicyForObjectProcess', resource: 'object-fc', run: putObjectFcPolicy },
  },
  {
    ...{ name: 'GetAccessPointPolicyForObjectProcess', level: 'bucket', method: 'GET', ...objectFcPolicy },
    ...{ action: 'oss:GetAccessPointPolicyForObjectProcess', resource: 'object-fc', run: getObjectFcPolicy },
  },
  {
    ...{ name: 'DeleteAccessPointPolicyForObjectProcess', level: 'bucket', method: 'DELETE', ...objectFcPolicy },
    ...{ action: 'oss:DeleteAccessPointPolicyForObjectProcess', resource: 'object-fc', run: deleteObjectFcPolicy },
  },
];
