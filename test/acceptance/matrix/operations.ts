/** The rows of the matrix: what each driver does under this name is told by what has to come of it. */
import { createHash } from 'node:crypto';

/** What every driver writes first. */
export const text = 'The quick brown fox\n';
export const key = 'a b/ü+%.txt';
/** What is behind the aliases. */
export const original = 'behind an alias\n';

const etag = (body: string) => createHash('md5').update(body).digest('hex').toUpperCase();

/** What the test knows and the drivers get by their environment. */
export interface Setting {
  bucket: string;
  accessPoint: string;
  objectFc: string;
  policy: object;
  accessPointPolicy: object;
  objectFcPolicy: object;
}

/** What a driver must report of an operation; a URL is fetched and a form is sent instead. */
type Expected =
  | Record<string, unknown>
  | ((setting: Setting) => Record<string, unknown>)
  | 'a URL to get'
  | 'a URL to put'
  | 'fields of a form';

const parts = '0123456789'.repeat(30720);
const gone = (code: string) => ({ code });

/** In the order in which drivers carry them out. An empty object means that success is all that the operation tells; a later row reads what it did. */
export const operations: Record<string, Record<string, Expected>> = {
  Buckets: {
    PutBucket: {},
    ListBuckets: { found: true },
    GetBucketInfo: ({ bucket }) => ({ name: bucket, acl: 'private' }),
    GetBucketLocation: { location: 'oss-cn-qingdao' },
    PutBucketAcl: {},
    GetBucketAcl: { acl: 'public-read' },
  },
  Objects: {
    PutObject: { etag: etag(text) },
    GetBucketStat: { objects: 1 },
    GetObject: { body: text, type: 'text/x-fox', author: 'alice' },
    'GetObject, a range': { body: 'quick' },
    'GetObject, conditions': { same: 304, other: 412 },
    HeadObject: { size: text.length, type: 'text/x-fox', author: 'alice' },
    GetObjectMeta: { size: text.length, etag: etag(text) },
    PutObjectAcl: {},
    GetObjectAcl: { acl: 'private' },
    PutObjectTagging: {},
    GetObjectTagging: { tags: { color: 'red' } },
    DeleteObjectTagging: { tags: {} },
    CopyObject: { body: text, author: 'bob' },
    AppendObject: { position: 12, body: 'hello, world' },
    PutSymlink: {},
    GetSymlink: { target: 'log' },
    ListObjects: { keys: ['list/1', 'list/2'], prefixes: ['list/sub/'] },
    ListObjectsV2: { keys: ['list/1', 'list/2'], prefixes: ['list/sub/'] },
    DeleteObject: { after: 404 },
    DeleteMultipleObjects: { keys: ['list/1', 'list/2', 'list/sub/3'] },
    RestoreObject: { before: 'InvalidObjectState', body: 'frozen' },
    'PutObject, encrypted': { algorithm: 'AES256' },
    'PutObject, a callback': { answer: { heard: 'object=told' } },
    'PostObject form, V1': 'fields of a form',
    'PostObject form, V4': 'fields of a form',
  },
  Versions: {
    PutBucketVersioning: {},
    GetBucketVersioning: { status: 'Enabled' },
    'GetObject of a version': { old: 'one', now: 'two' },
    'DeleteObject, a delete marker': { marker: true },
    ListObjectVersions: { versions: 2, markers: 1 },
    'DeleteObject of a version': { body: 'two' },
  },
  'Uploads in parts': {
    InitiateMultipartUpload: { given: true },
    UploadPart: { etag: etag('a'.repeat(102_400)) },
    UploadPartCopy: { etag: etag('quick') },
    ListParts: { sizes: [102_400, 5] },
    ListMultipartUploads: { keys: ['parts'] },
    CompleteMultipartUpload: { parts: '2', size: 102_405 },
    AbortMultipartUpload: { left: 0 },
    "the client's uploader": { size: parts.length, type: 'Multipart' },
    "the client's downloader": { md5: etag(parts).toLowerCase() },
  },
  'Endpoints, signatures and sessions': {
    'GetObject at http://localhost': { body: text },
    'presigned GET, V1': 'a URL to get',
    'presigned GET, V4': 'a URL to get',
    'presigned PUT, V1': 'a URL to put',
    'presigned PUT, V4': 'a URL to put',
    'STS token': { body: text },
  },
  'Settings of buckets': {
    PutBucketTags: {},
    GetBucketTags: { tags: { team: 'a' } },
    DeleteBucketTags: { tags: {} },
    PutBucketPolicy: {},
    GetBucketPolicy: ({ policy }) => ({ policy }),
    GetBucketPolicyStatus: { public: false },
    DeleteBucketPolicy: gone('NoSuchBucketPolicy'),
    PutBucketCors: {},
    GetBucketCors: { origins: ['http://a.example'] },
    OptionObject: { origin: 'http://a.example' },
    DeleteBucketCors: gone('NoSuchCORSConfiguration'),
    PutBucketLifecycle: {},
    GetBucketLifecycle: { rule: 'tidy', prefix: 'tmp/', days: 30 },
    DeleteBucketLifecycle: gone('NoSuchLifecycle'),
    PutBucketEncryption: {},
    GetBucketEncryption: { algorithm: 'AES256' },
    DeleteBucketEncryption: gone('NoSuchServerSideEncryptionRule'),
    PutBucketWebsite: {},
    GetBucketWebsite: { index: 'index.html' },
    DeleteBucketWebsite: gone('NoSuchWebsiteConfiguration'),
    PutBucketReferer: {},
    GetBucketReferer: { referers: ['http://a.example'], empty: true },
    PutBucketPublicAccessBlock: {},
    GetBucketPublicAccessBlock: { blocked: true },
    DeleteBucketPublicAccessBlock: { blocked: false },
    PutPublicAccessBlock: {},
    GetPublicAccessBlock: { blocked: false },
    DeletePublicAccessBlock: {},
  },
  'Access points': {
    CreateAccessPoint: { kind: 'ossalias' },
    GetAccessPoint: ({ accessPoint, bucket }) => ({ name: accessPoint, bucket }),
    ListAccessPoints: { found: true },
    'GetObject by the alias of an access point': { body: original },
    PutAccessPointPolicy: {},
    GetAccessPointPolicy: ({ accessPointPolicy }) => ({ policy: accessPointPolicy }),
    DeleteAccessPointPolicy: gone('NoSuchAccessPointPolicy'),
    PutAccessPointPublicAccessBlock: {},
    GetAccessPointPublicAccessBlock: { blocked: true },
    DeleteAccessPointPublicAccessBlock: {},
    CreateAccessPointForObjectProcess: { kind: 'opapalias' },
    GetAccessPointForObjectProcess: ({ objectFc }) => ({ name: objectFc, accessPoint: true }),
    ListAccessPointsForObjectProcess: { found: true },
    PutAccessPointConfigForObjectProcess: {},
    GetAccessPointConfigForObjectProcess: { features: ['GetObject-Range'], function: true },
    PutAccessPointPolicyForObjectProcess: {},
    GetAccessPointPolicyForObjectProcess: ({ objectFcPolicy }) => ({ policy: objectFcPolicy }),
    DeleteAccessPointPolicyForObjectProcess: gone('NoSuchAccessPointPolicy'),
    DeleteAccessPointForObjectProcess: gone('NoSuchAccessPointForObjectProcess'),
    DeleteAccessPoint: gone('NoSuchAccessPoint'),
    'transformed GetObject': { body: original.toUpperCase() },
    'transformed GetObject, a parameter': { body: 'a b/ü' },
  },
  Pictures: {
    'GetObject, x-oss-process': { info: [40, 20] },
    PutStyle: {},
    GetStyle: { content: 'image/resize,w_10' },
    ListStyle: { names: ['tiny'] },
    DeleteStyle: gone('NoSuchStyle'),
    ProcessObject: { info: [10, 5] },
  },
  'At the end': { DescribeRegions: { found: true }, DeleteBucket: gone('NoSuchBucket') },
};

/** Every row by name. */
export const rows: Record<string, Expected> = Object.assign({}, ...Object.values(operations));
