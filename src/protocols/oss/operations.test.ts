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
    ['PutBucketLifecycle', 'bucket', 'PUT', 'lifecycle'],
    ['GetBucketCors', 'bucket', 'GET', 'cors'],
    ['GetBucketLifecycle', 'bucket', 'GET', 'lifecycle'],
    ['PutBucketVersioning', 'bucket', 'PUT', 'versioning'],
    ['ListObjectVersions', 'bucket', 'GET', 'versions&prefix=a'],
    ['PutBucketAcl', 'bucket', 'PUT', 'acl'],
    ['GetObjectACL', 'object', 'GET', 'acl'],
    ['PutObjectACL', 'object', 'PUT', 'acl'],
    ['GetBucketPolicy', 'bucket', 'GET', 'policy'],
    ['GetBucketPolicyStatus', 'bucket', 'GET', 'policyStatus'],
    ['DeletePublicAccessBlock', 'service', 'DELETE', 'publicAccessBlock'],
    ['PutBucketPublicAccessBlock', 'bucket', 'PUT', 'publicAccessBlock'],
    ['PutAccessPointPublicAccessBlock', 'bucket', 'PUT', 'publicAccessBlock&x-oss-access-point-name=ap'],
    ['GetAccessPointPublicAccessBlock', 'bucket', 'GET', 'x-oss-access-point-name=ap&publicAccessBlock='],
    ['PutAccessPointPolicy', 'bucket', 'PUT', 'accessPointPolicy', name],
    ['PutAccessPointPolicyForObjectProcess', 'bucket', 'PUT', 'accessPointPolicyForObjectProcess', fcName],
    ['InitiateMultipartUpload', 'object', 'POST', 'uploads'],
    ['UploadPart', 'object', 'PUT', 'partNumber=1&uploadId=x'],
    ['UploadPartCopy', 'object', 'PUT', 'partNumber=1&uploadId=x', { 'x-oss-copy-source': '/a/b' }],
    ['CompleteMultipartUpload', 'object', 'POST', 'uploadId=x'],
    ['AbortMultipartUpload', 'object', 'DELETE', 'uploadId=x'],
    ['ListParts', 'object', 'GET', 'uploadId=x&max-parts=2'],
    ['ListMultipartUploads', 'bucket', 'GET', 'uploads&prefix=a'],
    ['CopyObject', 'object', 'PUT', '', { 'x-oss-copy-source': '/a/b' }],
    ['GetObjectTagging', 'object', 'GET', 'tagging'],
    ['PutObjectTagging', 'object', 'PUT', 'tagging', { 'x-oss-copy-source': '/a/b' }],
    ['AppendObject', 'object', 'POST', 'append&position=0'],
    ['ProcessObject', 'object', 'POST', 'x-oss-process'],
    ['NotImplemented AsyncProcessObject', 'object', 'POST', 'x-oss-async-process'],
    ['PostObject', 'bucket', 'POST', ''],
    ['NotImplemented OptionObject', 'object', 'OPTIONS', ''],
    ['MethodNotAllowed Unknown', 'service', 'PUT', ''],
    ['MethodNotAllowed Unknown', 'object', 'PATCH', ''],
    ['GetObject', 'object', 'GET', 'lifecycle'],
    ['GetObject', 'object', 'GET', 'policy=1&style=big&x-oss-access-point-name=a'],
    ['HeadObject', 'object', 'HEAD', 'policy=1'],
    ['GetObjectACL', 'object', 'GET', 'policy=1&acl'],
    ['MethodNotAllowed Unknown', 'object', 'PUT', 'lifecycle'],
    ['MethodNotAllowed Unknown', 'object', 'DELETE', 'policy'],
    ['MethodNotAllowed Unknown', 'bucket', 'POST', 'x-oss-write-get-object-response'],
    ['InvalidArgument Conflicting', 'bucket', 'GET', 'acl&policy'],
    ['GetBucketAcl', 'bucket', 'GET', 'acl&acl='],
  ] as const) {
    test(`${level} ${method} ?${query} -> ${expected}`, () => assert.equal(match(level, method, query, headers), expected));
  }
});

test('every row of the table has a name that the closed list knows, and every selector selects', () => {
  for (const { selector, level, method, name, parameter } of operations) {
    if (selector === undefined || parameter !== undefined) continue;
    assert.ok(selectors.includes(selector), selector);
    const known = knownOperation(level, method, selector);
    assert.ok(known === name || ['ListAccessPoints', 'UploadPartCopy', 'ListStyle'].includes(name), `${name} is ${known} in the list`);
  }
});

test('every row asks for its own action on what its level stands for', () => {
  /** RAM actions that are not called like their operation (Alibaba OSS user guide, "RAM policy", actions). */
  const called: Record<string, string> = {
    HeadObject: 'GetObject',
    GetObjectMeta: 'GetObject',
    DeleteMultipleObjects: 'DeleteObject',
    GetObjectACL: 'GetObjectAcl',
    PutObjectACL: 'PutObjectAcl',
    CopyObject: 'PutObject',
    PostObject: 'PutObject',
    AppendObject: 'PutObject',
    PutSymlink: 'PutObject',
    GetSymlink: 'GetObject',
    PutBucketTags: 'PutBucketTagging',
    GetBucketTags: 'GetBucketTagging',
    DeleteBucketTags: 'DeleteBucketTagging',
    InitiateMultipartUpload: 'PutObject',
    UploadPart: 'PutObject',
    UploadPartCopy: 'PutObject',
    CompleteMultipartUpload: 'PutObject',
    ProcessObject: 'PostProcessTask',
  };
  const kinds: Record<Level, string[]> = {
    service: ['service'],
    bucket: ['bucket', 'keys', 'access-point', 'object-fc'],
    object: ['object'],
  };
  for (const { name, level, action, resource, acl, anonymous, ownersAlways, throughObjectFc, run, also = [] } of operations) {
    assert.equal(throughObjectFc, /^(GetObject|HeadObject|GetObjectMeta)$/.test(name) || undefined, name);
    assert.equal(action, `oss:${called[name] ?? name}`, name);
    // A form names its object in its body.
    const named = kinds[level].includes(resource) || (name === 'PostObject' && resource === 'object');
    assert.ok(named || name === 'WriteGetObjectResponse', `${name}: ${resource}`);
    const policy = name.includes('AccessPoint') && !name.startsWith('ListAccessPoints') && name !== 'CreateAccessPoint';
    const kind = name.includes('ForObjectProcess') ? 'object-fc' : 'access-point';
    if (policy && level === 'bucket') assert.equal(resource, kind, name);
    // Everybody may be given objects and their list, and nothing that changes who may.
    assert.equal(anonymous, acl === 'READ' || acl === 'WRITE' || name === 'ListObjects' || undefined, name);
    assert.equal(ownersAlways, /^(Put|Get|Delete)BucketPolicy$/.test(name) || undefined, name);
    for (const more of also)
      assert.match(
        more.action,
        more.header ? /^oss:Put(BucketAcl|ObjectAcl|ObjectTagging)$/ : /^oss:(Get|Put|Delete|Restore)ObjectVersion(Acl|Tagging)?$/,
      );
    assert.equal(typeof run, 'function');
  }
});

test('a parameter that OSS does not know belongs to the function', () => {
  for (const query of ['w=100', 'lifecyle', 'ACL', 'list-type=2', 'foo&bar=1', 'partNumber=1']) {
    assert.deepEqual(presentSelectors({ method: 'GET', rawQuery: query, query: parseQuery(query) }), [], query);
  }
});
