/** ali-oss ships no types for the parts that these tests use. */
declare module 'ali-oss' {
  interface Reply {
    res: { status: number; headers: Record<string, string>; data?: unknown };
  }
  interface Listing extends Reply {
    objects?: { name: string }[];
    prefixes?: string[];
    isTruncated: boolean;
  }
  export default class OSS {
    constructor(options: Record<string, unknown>);
    useBucket(name: string): void;
    putBucket(name: string): Promise<Reply>;
    deleteBucket(name: string): Promise<Reply>;
    listBuckets(query: object): Promise<Reply & { buckets?: { name: string }[] }>;
    put(key: string, body: Buffer, options?: object): Promise<Reply & { data?: unknown }>;
    get(key: string, options?: object): Promise<Reply & { content: Buffer }>;
    head(key: string, options?: object): Promise<Reply>;
    getObjectMeta(key: string, options?: object): Promise<Reply & { status: number }>;
    list(query: object, options: object): Promise<Listing>;
    listV2(query: object, options?: object): Promise<Listing>;
    getBucketInfo(name: string): Promise<Reply & { bucket: { Name: string; AccessControlList: { Grant: string } } }>;
    getBucketLocation(name: string): Promise<Reply & { location: string }>;
    delete(key: string, options?: object): Promise<Reply>;
    initMultipartUpload(key: string, options?: object): Promise<Reply & { uploadId: string }>;
    uploadPart(key: string, uploadId: string, number: number, body: Buffer, start: number, end: number): Promise<Reply & { etag: string }>;
    uploadPartCopy(key: string, uploadId: string, number: number, range: string, source: object): Promise<Reply & { etag: string }>;
    listParts(
      key: string,
      uploadId: string,
      query: object,
    ): Promise<Reply & { isTruncated: string; parts: { PartNumber: string; Size: string }[] }>;
    listUploads(query: object): Promise<Reply & { uploads?: { name: string }[] }>;
    completeMultipartUpload(key: string, uploadId: string, parts: object[]): Promise<Reply & { etag: string }>;
    abortMultipartUpload(key: string, uploadId: string): Promise<Reply>;
    multipartUpload(key: string, body: Buffer | string, options: object): Promise<Reply & { etag?: string }>;
    copy(key: string, source: string, options: object): Promise<Reply & { data?: { etag: string } }>;
    append(key: string, body: Buffer, options: object): Promise<Reply & { nextAppendPosition: string }>;
    getObjectTagging(key: string, options?: object): Promise<Reply & { tag: Record<string, string> }>;
    putObjectTagging(key: string, tags: object, options?: object): Promise<Reply>;
    deleteObjectTagging(key: string): Promise<Reply>;
    putSymlink(key: string, target: string): Promise<Reply>;
    getSymlink(key: string): Promise<Reply & { targetName: string }>;
    getBucketStat(bucket: string): Promise<Reply & { stat: Record<string, string> }>;
    getBucketTags(bucket: string): Promise<Reply & { tag: Record<string, string> }>;
    putBucketTags(bucket: string, tags: object): Promise<Reply>;
    deleteBucketTags(bucket: string): Promise<Reply>;
    putBucketCORS(bucket: string, rules: object[]): Promise<Reply>;
    getBucketCORS(bucket: string): Promise<Reply & { rules: { allowedOrigin: string | string[] }[] }>;
    deleteBucketCORS(bucket: string): Promise<Reply>;
    putBucketReferer(bucket: string, allowEmpty: boolean, referers: string[]): Promise<Reply>;
    getBucketReferer(bucket: string): Promise<Reply & { referers: string[]; allowEmpty: unknown }>;
    getBucketLifecycle(bucket: string): Promise<Reply & { rules: { id: string; prefix: string; expiration: Record<string, string> }[] }>;
    putBucketLifecycle(bucket: string, rules: object[]): Promise<Reply>;
    deleteBucketLifecycle(bucket: string): Promise<Reply>;
    putBucketVersioning(bucket: string, status: string): Promise<Reply>;
    getBucketVersioning(bucket: string): Promise<Reply & { versionStatus?: string }>;
    getBucketVersions(query: object): Promise<Reply & { objects: { name: string; isLatest: boolean }[]; deleteMarker: { name: string }[] }>;
    putBucketWebsite(bucket: string, config: object): Promise<Reply>;
    deleteBucketWebsite(bucket: string): Promise<Reply>;
    getBucketWebsite(bucket: string): Promise<Reply & { index: string }>;
    putBucketEncryption(bucket: string, rule: object): Promise<Reply>;
    getBucketEncryption(bucket: string): Promise<Reply & { encryption: { SSEAlgorithm: string } }>;
    deleteBucketEncryption(bucket: string): Promise<Reply>;
    processObjectSave(source: string, target: string, process: string, bucket: string): Promise<Reply>;
    deleteMulti(
      keys: (string | { key: string; versionId?: string })[],
    ): Promise<Reply & { deleted?: { Key: string; DeleteMarker?: string }[] }>;
    putBucketACL(name: string, acl?: string): Promise<Reply>;
    getBucketACL(name: string): Promise<Reply & { acl: string }>;
    putACL(key: string, acl?: string, options?: object): Promise<Reply>;
    getACL(key: string, options?: object): Promise<Reply & { acl: string }>;
    putBucketPolicy(name: string, policy: object): Promise<Reply & { status: number }>;
    getBucketPolicy(name: string): Promise<Reply & { policy: object }>;
    deleteBucketPolicy(name: string): Promise<Reply & { status: number }>;
    restore(key: string, options?: object): Promise<Reply>;
    calculatePostSignature(policy: object): { OSSAccessKeyId: string; policy: string; Signature: string };
    signPostObjectPolicyV4(policy: object, date: Date): string;
    signatureUrl(key: string, options: object): string;
    signatureUrlV4(method: string, expires: number, request: object, key: string): Promise<string>;
  }
}
