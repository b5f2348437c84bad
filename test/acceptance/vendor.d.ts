/** ali-oss ships no types for the parts that these tests use. */
declare module 'ali-oss' {
  interface Reply {
    res: { status: number; headers: Record<string, string> };
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
    put(key: string, body: Buffer, options: object): Promise<Reply>;
    get(key: string, options: object): Promise<Reply & { content: Buffer }>;
    head(key: string): Promise<Reply>;
    getObjectMeta(key: string): Promise<Reply>;
    list(query: object, options: object): Promise<Listing>;
    listV2(query: object, options: object): Promise<Listing>;
    delete(key: string): Promise<Reply>;
    deleteMulti(keys: string[]): Promise<Reply & { deleted?: { Key: string }[] }>;
    signatureUrl(key: string, options: object): string;
    signatureUrlV4(method: string, expires: number, request: object, key: string): Promise<string>;
  }
}
