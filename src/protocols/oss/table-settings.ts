import { absentSettings } from './absent.ts';
import { getBucketArchiveDirectRead, putBucketArchiveDirectRead } from './archive.ts';
import { deleteBucketTags, getBucketStat, getBucketTags, putBucketTags } from './bucket-settings.ts';
import { deleteBucketCors, getBucketCors, putBucketCors } from './cors.ts';
import { deleteBucketEncryption, getBucketEncryption, putBucketEncryption } from './encryption.ts';
import { deleteBucketLifecycle, getBucketLifecycle, putBucketLifecycle } from './lifecycle.ts';
import type { Operation } from './operation.ts';
import { getBucketReferer, putBucketReferer } from './referer.ts';
import { deleteStyle, getStyle, listStyle, putStyle } from './styles.ts';
import { styleParameter } from './subresources.ts';
import { getBucketVersioning, listObjectVersions, putBucketVersioning } from './versioning.ts';
import { deleteBucketWebsite, getBucketWebsite, putBucketWebsite } from './website.ts';

const tagging = { selector: 'tagging' } as const;
const style = { selector: 'style' } as const;
const cors = { selector: 'cors' } as const;
const referer = { selector: 'referer' } as const;
const versioning = { selector: 'versioning' } as const;
const lifecycle = { selector: 'lifecycle' } as const;
const website = { selector: 'website' } as const;
const directRead = { selector: 'bucketArchiveDirectRead' } as const;
const encryption = { selector: 'encryption' } as const;

/** Rows of the operation table: what is set for a bucket, and what cannot be. */
export const settingOperations: readonly Operation[] = [
  {
    ...{ name: 'PutBucketTags', level: 'bucket', method: 'PUT', ...tagging },
    ...{ action: 'oss:PutBucketTagging', resource: 'bucket', run: putBucketTags },
  },
  {
    ...{ name: 'GetBucketTags', level: 'bucket', method: 'GET', ...tagging },
    ...{ action: 'oss:GetBucketTagging', resource: 'bucket', run: getBucketTags },
  },
  {
    ...{ name: 'DeleteBucketTags', level: 'bucket', method: 'DELETE', ...tagging },
    ...{ action: 'oss:DeleteBucketTagging', resource: 'bucket', run: deleteBucketTags },
  },
  {
    ...{ name: 'PutBucketCors', level: 'bucket', method: 'PUT', ...cors },
    ...{ action: 'oss:PutBucketCors', resource: 'bucket', run: putBucketCors },
  },
  {
    ...{ name: 'GetBucketCors', level: 'bucket', method: 'GET', ...cors },
    ...{ action: 'oss:GetBucketCors', resource: 'bucket', run: getBucketCors },
  },
  {
    ...{ name: 'DeleteBucketCors', level: 'bucket', method: 'DELETE', ...cors },
    ...{ action: 'oss:DeleteBucketCors', resource: 'bucket', run: deleteBucketCors },
  },
  {
    ...{ name: 'PutBucketReferer', level: 'bucket', method: 'PUT', ...referer },
    ...{ action: 'oss:PutBucketReferer', resource: 'bucket', run: putBucketReferer },
  },
  {
    ...{ name: 'GetBucketReferer', level: 'bucket', method: 'GET', ...referer },
    ...{ action: 'oss:GetBucketReferer', resource: 'bucket', run: getBucketReferer },
  },
  {
    ...{ name: 'PutBucketEncryption', level: 'bucket', method: 'PUT', ...encryption },
    ...{ action: 'oss:PutBucketEncryption', resource: 'bucket', run: putBucketEncryption },
  },
  {
    ...{ name: 'GetBucketEncryption', level: 'bucket', method: 'GET', ...encryption },
    ...{ action: 'oss:GetBucketEncryption', resource: 'bucket', run: getBucketEncryption },
  },
  {
    ...{ name: 'DeleteBucketEncryption', level: 'bucket', method: 'DELETE', ...encryption },
    ...{ action: 'oss:DeleteBucketEncryption', resource: 'bucket', run: deleteBucketEncryption },
  },
  {
    ...{ name: 'GetBucketStat', level: 'bucket', method: 'GET', selector: 'stat' },
    ...{ action: 'oss:GetBucketStat', resource: 'bucket', run: getBucketStat },
  },
  {
    ...{ name: 'PutBucketWebsite', level: 'bucket', method: 'PUT', ...website },
    ...{ action: 'oss:PutBucketWebsite', resource: 'bucket', run: putBucketWebsite },
  },
  {
    ...{ name: 'GetBucketWebsite', level: 'bucket', method: 'GET', ...website },
    ...{ action: 'oss:GetBucketWebsite', resource: 'bucket', run: getBucketWebsite },
  },
  {
    ...{ name: 'DeleteBucketWebsite', level: 'bucket', method: 'DELETE', ...website },
    ...{ action: 'oss:DeleteBucketWebsite', resource: 'bucket', run: deleteBucketWebsite },
  },
  {
    ...{ name: 'PutBucketArchiveDirectRead', level: 'bucket', method: 'PUT', ...directRead },
    ...{ action: 'oss:PutBucketArchiveDirectRead', resource: 'bucket', run: putBucketArchiveDirectRead },
  },
  {
    ...{ name: 'GetBucketArchiveDirectRead', level: 'bucket', method: 'GET', ...directRead },
    ...{ action: 'oss:GetBucketArchiveDirectRead', resource: 'bucket', run: getBucketArchiveDirectRead },
  },
  {
    ...{ name: 'PutBucketVersioning', level: 'bucket', method: 'PUT', ...versioning },
    ...{ action: 'oss:PutBucketVersioning', resource: 'bucket', run: putBucketVersioning },
  },
  {
    ...{ name: 'GetBucketVersioning', level: 'bucket', method: 'GET', ...versioning },
    ...{ action: 'oss:GetBucketVersioning', resource: 'bucket', run: getBucketVersioning },
  },
  {
    ...{ name: 'ListObjectVersions', level: 'bucket', method: 'GET', selector: 'versions', throughAccessPoint: true },
    ...{ action: 'oss:ListObjectVersions', resource: 'bucket', run: listObjectVersions },
  },
  {
    ...{ name: 'PutBucketLifecycle', level: 'bucket', method: 'PUT', ...lifecycle },
    ...{ action: 'oss:PutBucketLifecycle', resource: 'bucket', run: putBucketLifecycle },
  },
  {
    ...{ name: 'GetBucketLifecycle', level: 'bucket', method: 'GET', ...lifecycle },
    ...{ action: 'oss:GetBucketLifecycle', resource: 'bucket', run: getBucketLifecycle },
  },
  {
    ...{ name: 'DeleteBucketLifecycle', level: 'bucket', method: 'DELETE', ...lifecycle },
    ...{ action: 'oss:DeleteBucketLifecycle', resource: 'bucket', run: deleteBucketLifecycle },
  },
  {
    ...{ name: 'PutStyle', level: 'bucket', method: 'PUT', ...style },
    ...{ action: 'oss:PutStyle', resource: 'bucket', run: putStyle },
  },
  {
    ...{ name: 'GetStyle', level: 'bucket', method: 'GET', ...style, parameter: styleParameter },
    ...{ action: 'oss:GetStyle', resource: 'bucket', run: getStyle },
  },
  {
    ...{ name: 'ListStyle', level: 'bucket', method: 'GET', ...style },
    ...{ action: 'oss:ListStyle', resource: 'bucket', run: listStyle },
  },
  {
    ...{ name: 'DeleteStyle', level: 'bucket', method: 'DELETE', ...style },
    ...{ action: 'oss:DeleteStyle', resource: 'bucket', run: deleteStyle },
  },
  ...absentSettings,
];
