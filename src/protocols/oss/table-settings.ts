import { absentSettings } from './absent.ts';
import { deleteBucketTags, getBucketStat, getBucketTags, putBucketTags } from './bucket-settings.ts';
import { deleteBucketCors, getBucketCors, putBucketCors } from './cors.ts';
import type { Operation } from './operation.ts';
import { getBucketReferer, putBucketReferer } from './referer.ts';

const tagging = { selector: 'tagging' } as const;
const cors = { selector: 'cors' } as const;
const referer = { selector: 'referer' } as const;

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
    ...{ name: 'GetBucketStat', level: 'bucket', method: 'GET', selector: 'stat' },
    ...{ action: 'oss:GetBucketStat', resource: 'bucket', run: getBucketStat },
  },
  ...absentSettings,
];
