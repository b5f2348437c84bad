import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseQuery } from '../../signing/index.ts';
import type { Level } from './operation.ts';
import { matchOperation, operations, presentSelectors } from './operations.ts';
import { knownOperation, selectors } from './subresources.ts';

function match(level: Level, method: string, rawQuery: string, headers: Record<string, string> = {}): string {
  const present = presentSelectors({ method, rawQuery, query: parseQuery(rawQuery) });
  const found = matchOperation(level, method, present, headers);
  return 'fault' in found ? `${found.fault.code} ${found.name}` : found.name;
}

describe('matchOperation', () => {
  const name = { 'x-oss-access-point-name': 'ap' };
  const fcName = { 'x-oss-access-point-for-object-process-name': 'fc' };
  for (const [expected, level, method, query, headers] of [
    ['ListBuckets', 'service', 'GET', 'prefix=a&max-keys=2'],
    ['WriteGetObjectResponse', 'service', 'POST', 'x-oss-write-get-object-response'],
    ['WriteGetObjectResponse', 'service', 'POST', 'x-oss-write-get-object-response='],
    ['PutBucket', 'bucket', 'PUT', ''],
    ['DeleteBucket', 'bucket', 'DELETE', ''],
    ['GetBucketInfo', 'bucket', 'GET', 'bucketInfo'],
    ['GetBucketInfo', 'bucket', 'GET', 'bucketInfo='],
    ['GetBucketLocation', 'bucket', 'GET', 'location'],
    ['GetBucketAcl', 'bucket', 'GET', 'acl'],
    ['ListObjects', 'bucket', 'GET', 'prefix=a&delimiter=/'],
    ['ListObjects', 'bucket', 'GET', 'list-type=2&continuation-token=x'],
    ['DeleteMultipleObjects', 'bucket', 'POST', 'delete&encoding-type=url'],
    ['PutObject', 'object', 'PUT', ''],
    ['GetObject', 'object', 'GET', 'versionId=null&x-oss-process=image/resize&w=100'],
    ['HeadObject', 'object', 'HEAD', ''],
    ['GetObjectMeta', 'object', 'HEAD', 'objectMeta'],
    ['GetObjectMeta', 'object', 'GET', 'objectMeta'],
    ['DeleteObject', 'object', 'DELETE', 'versionId=x'],
    ['CreateAccessPoint', 'bucket', 'PUT', 'accessPoint'],
    ['GetAccessPoint', 'bucket', 'GET', 'accessPoint', name],
    ['ListAccessPoints', 'bucket', 'GET', 'accessPoint=&max-keys=10'],
    ['ListAccessPoints', 'service', 'GET', 'accessPoint'],
    ['DeleteAccessPoint', 'bucket', 'DELETE', 'accessPoint', name],
    ['CreateAccessPointForObjectProcess', 'bucket', 'PUT', 'accessPointForObjectProcess', fcName],
    ['GetAccessPointForObjectProcess', 'bucket', 'GET', 'accessPointForObjectProcess', fcName],
    ['MissingArgument GetAccessPointForObjectProcess', 'bucket', 'GET', 'accessPointForObjectProcess'],
    ['ListAccessPointsForObjectProcess', 'service', 'GET', 'accessPointForObjectProcess'],
    ['DeleteAccessPointForObjectProcess', 'bucket', 'DELETE', 'accessPointForObjectProcess', fcName],
    ['PutAccessPointConfigForObjectProcess', 'bucket', 'PUT', 'accessPointConfigForObjectProcess', fcName],
    ['GetAccessPointConfigForObjectProcess', 'bucket', 'GET', 'accessPointConfigForObjectProcess', fcName],
    ['NotImplemented PutBucketLifecycle', 'bucket', 'PUT', 'lifecycle'],
    ['NotImplemented GetBucketCors', 'bucket', 'GET', 'cors'],
    ['NotImplemented PutBucketAcl', 'bucket', 'PUT', 'acl'],
    ['NotImplemented GetObjectACL', 'object', 'GET', 'acl'],
    ['NotImplemented PutAccessPointPolicyForObjectProcess', 'bucket', 'PUT', 'accessPointPolicyForObjectProcess'],
    ['NotImplemented InitiateMultipartUpload', 'object', 'POST', 'uploads'],
    ['NotImplemented UploadPart', 'object', 'PUT', 'partNumber=1&uploadId=x'],
    ['NotImplemented UploadPartCopy', 'object', 'PUT', 'partNumber=1&uploadId=x', { 'x-oss-copy-source': '/a/b' }],
    ['NotImplemented CopyObject', 'object', 'PUT', '', { 'x-oss-copy-source': '/a/b' }],
    ['NotImplemented AppendObject', 'object', 'POST', 'append&position=0'],
    ['NotImplemented ProcessObject', 'object', 'POST', 'x-oss-process'],
    ['NotImplemented PostObject', 'bucket', 'POST', ''],
    ['NotImplemented OptionObject', 'object', 'OPTIONS', ''],
    ['MethodNotAllowed Unknown', 'service', 'PUT', ''],
    ['MethodNotAllowed Unknown', 'object', 'PATCH', ''],
    ['MethodNotAllowed Unknown', 'object', 'GET', 'lifecycle'],
    ['MethodNotAllowed Unknown', 'bucket', 'POST', 'x-oss-write-get-object-response'],
    ['InvalidArgument Conflicting', 'bucket', 'GET', 'acl&policy'],
    ['GetBucketAcl', 'bucket', 'GET', 'acl&acl='],
  ] as const) {
    test(`${level} ${method} ?${query} -> ${expected}`, () => assert.equal(match(level, method, query, headers), expected));
  }
});

test('every row of the table has a name that the closed list knows, and every selector selects', () => {
  for (const { selector, level, method, name } of operations) {
    if (selector === undefined) continue;
    assert.ok(selectors.includes(selector), selector);
    const known = knownOperation(level, method, selector);
    assert.ok(known === name || name === 'ListAccessPoints', `${name} is ${known} in the list`);
  }
});

test('a parameter that OSS does not know belongs to the function', () => {
  for (const query of ['w=100', 'lifecyle', 'ACL', 'list-type=2', 'foo&bar=1', 'partNumber=1']) {
    assert.deepEqual(presentSelectors({ method: 'GET', rawQuery: query, query: parseQuery(query) }), [], query);
  }
});
