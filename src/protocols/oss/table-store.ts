import { appendObject } from './append.ts';
import { cleanRestoredObject, restoreObject } from './archive.ts';
import { sourceHeader, uploadPartCopy } from './copy.ts';
import {
  abortMultipartUpload,
  completeMultipartUpload,
  initiateMultipartUpload,
  listMultipartUploads,
  listParts,
  uploadPart,
} from './multipart.ts';
import type { Operation } from './operation.ts';
import { processObject } from './process-object.ts';
import { getSymlink, putSymlink } from './symlink.ts';
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from './tagging.ts';

const tagging = { selector: 'tagging' } as const;
const symlink = { selector: 'symlink' } as const;
const uploadId = { selector: 'uploadId' } as const;
/** What works through the alias of an access point. */
export const through = { throughAccessPoint: true } as const;
/** What is selected by naming another object, which is read. */
export const source = { header: sourceHeader, source: sourceHeader } as const;
/** Headers of writes that ask for more. */
export const aclHeader = { header: 'x-oss-object-acl', action: 'oss:PutObjectAcl' } as const;
export const tagHeader = { header: 'x-oss-tagging', action: 'oss:PutObjectTagging' } as const;
/** What naming a version asks for besides. */
export const ofVersion = (action: string) => ({ also: [{ parameter: 'versionId', action }] });

/** Rows of the operation table: objects beyond writing them whole and reading them. */
export const storeOperations: readonly Operation[] = [
  {
    ...{ name: 'PutObjectTagging', level: 'object', method: 'PUT', ...tagging, ...through, ...ofVersion('oss:PutObjectVersionTagging') },
    ...{ action: 'oss:PutObjectTagging', resource: 'object', run: putObjectTagging },
  },
  {
    ...{ name: 'GetObjectTagging', level: 'object', method: 'GET', ...tagging, ...through, ...ofVersion('oss:GetObjectVersionTagging') },
    ...{ action: 'oss:GetObjectTagging', resource: 'object', run: getObjectTagging },
  },
  {
    ...{
      name: 'DeleteObjectTagging',
      level: 'object',
      method: 'DELETE',
      ...tagging,
      ...through,
      ...ofVersion('oss:DeleteObjectVersionTagging'),
    },
    ...{ action: 'oss:DeleteObjectTagging', resource: 'object', run: deleteObjectTagging },
  },

  {
    ...{ name: 'PutSymlink', level: 'object', method: 'PUT', ...symlink, ...through, also: [aclHeader, tagHeader] },
    ...{ action: 'oss:PutObject', resource: 'object', run: putSymlink },
  },
  {
    ...{ name: 'GetSymlink', level: 'object', method: 'GET', ...symlink, ...through, ...ofVersion('oss:GetObjectVersion') },
    ...{ action: 'oss:GetObject', resource: 'object', run: getSymlink },
  },
  {
    ...{ name: 'ProcessObject', level: 'object', method: 'POST', selector: 'x-oss-process' },
    ...{ action: 'oss:PostProcessTask', resource: 'object', run: processObject },
  },
  {
    ...{ name: 'RestoreObject', level: 'object', method: 'POST', selector: 'restore', ...through },
    ...ofVersion('oss:RestoreObjectVersion'),
    ...{ action: 'oss:RestoreObject', resource: 'object', run: restoreObject },
  },
  {
    ...{ name: 'CleanRestoredObject', level: 'object', method: 'POST', selector: 'cleanRestoredObject', ...through },
    ...{ action: 'oss:CleanRestoredObject', resource: 'object', run: cleanRestoredObject },
  },
  {
    ...{ name: 'AppendObject', level: 'object', method: 'POST', selector: 'append', ...through, also: [aclHeader, tagHeader] },
    ...{ action: 'oss:PutObject', resource: 'object', run: appendObject },
  },
  {
    ...{ name: 'InitiateMultipartUpload', level: 'object', method: 'POST', selector: 'uploads', ...through, also: [aclHeader, tagHeader] },
    ...{ action: 'oss:PutObject', resource: 'object', run: initiateMultipartUpload },
  },
  {
    ...{ name: 'UploadPart', level: 'object', method: 'PUT', ...uploadId, ...through },
    ...{ action: 'oss:PutObject', resource: 'object', run: uploadPart },
  },
  {
    ...{ name: 'UploadPartCopy', level: 'object', method: 'PUT', ...uploadId, ...source, ...through },
    ...{ action: 'oss:PutObject', resource: 'object', run: uploadPartCopy },
  },
  {
    ...{ name: 'CompleteMultipartUpload', level: 'object', method: 'POST', ...uploadId, ...through, also: [aclHeader] },
    ...{ action: 'oss:PutObject', resource: 'object', run: completeMultipartUpload },
  },
  {
    ...{ name: 'AbortMultipartUpload', level: 'object', method: 'DELETE', ...uploadId, ...through },
    ...{ action: 'oss:AbortMultipartUpload', resource: 'object', run: abortMultipartUpload },
  },
  {
    ...{ name: 'ListParts', level: 'object', method: 'GET', ...uploadId, ...through },
    ...{ action: 'oss:ListParts', resource: 'object', run: listParts },
  },
  {
    ...{ name: 'ListMultipartUploads', level: 'bucket', method: 'GET', selector: 'uploads', ...through },
    ...{ action: 'oss:ListMultipartUploads', resource: 'bucket', run: listMultipartUploads },
  },
];
