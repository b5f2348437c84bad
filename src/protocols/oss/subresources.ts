import type { Level } from './operation.ts';

/**
 * Every operation of OSS that a query parameter selects, whether Sluice carries it out or not (Alibaba OSS API reference, "List of operations
 * by function"; Alibaba OSS SDKs). A parameter that is not here is no business of the store: it belongs to the function.
 */
const table = `
service GET  regions DescribeRegions
service GET  resourcePool ListResourcePools
service GET  accessPoint ListAccessPoints
service GET  accessPointForObjectProcess ListAccessPointsForObjectProcess
service POST x-oss-write-get-object-response WriteGetObjectResponse
service GET,PUT,DELETE publicAccessBlock PublicAccessBlock*
bucket  GET,PUT acl BucketAcl*
bucket  GET  bucketInfo GetBucketInfo
bucket  GET  location GetBucketLocation
bucket  GET  stat GetBucketStat
bucket  POST delete DeleteMultipleObjects
bucket  GET  versions ListObjectVersions
bucket  GET,PUT versioning BucketVersioning*
bucket  GET  uploads ListMultipartUploads
bucket  GET,PUT,DELETE lifecycle BucketLifecycle*
bucket  GET,PUT transferAcceleration BucketTransferAcceleration*
bucket  GET  replication GetBucketReplication
bucket  POST replication PutBucketReplication
bucket  GET  replicationLocation GetBucketReplicationLocation
bucket  GET  replicationProgress GetBucketReplicationProgress
bucket  PUT  rtc PutBucketRTC
bucket  GET,PUT,DELETE policy BucketPolicy*
bucket  GET  policyStatus GetBucketPolicyStatus
bucket  GET,PUT,DELETE inventory BucketInventory*
bucket  GET,PUT,DELETE logging BucketLogging*
bucket  GET,PUT,DELETE userDefinedLogFieldsConfig UserDefinedLogFieldsConfig*
bucket  GET,PUT,DELETE website BucketWebsite*
bucket  GET,PUT referer BucketReferer*
bucket  GET,PUT,DELETE tagging BucketTags*
bucket  GET,PUT,DELETE encryption BucketEncryption*
bucket  GET,PUT requestPayment BucketRequestPayment*
bucket  GET,PUT,DELETE cors BucketCors*
bucket  GET  worm GetBucketWorm
bucket  POST worm InitiateBucketWorm
bucket  DELETE worm AbortBucketWorm
bucket  POST wormId CompleteBucketWorm
bucket  POST wormExtend ExtendBucketWorm
bucket  GET,POST metaQuery MetaQuery*
bucket  GET,PUT accessmonitor BucketAccessMonitor*
bucket  GET,PUT resourceGroup BucketResourceGroup*
bucket  GET  cname ListCname
bucket  PUT,POST cname BucketCname*
bucket  GET,PUT,DELETE style Style*
bucket  GET,PUT httpsConfig BucketHttpsConfig*
bucket  GET,PUT,DELETE redundancyTransition BucketDataRedundancyTransition*
bucket  GET,PUT bucketArchiveDirectRead BucketArchiveDirectRead*
bucket  GET,PUT qosInfo BucketQoSInfo*
bucket  GET,PUT qos BucketStorageCapacity*
bucket  GET,POST asyncFetch AsyncFetchTask*
bucket  GET,PUT,DELETE publicAccessBlock BucketPublicAccessBlock*
bucket  GET  accessPoint GetAccessPoint
bucket  PUT  accessPoint CreateAccessPoint
bucket  DELETE accessPoint DeleteAccessPoint
bucket  GET,PUT,DELETE accessPointPolicy AccessPointPolicy*
bucket  GET  accessPointForObjectProcess GetAccessPointForObjectProcess
bucket  PUT  accessPointForObjectProcess CreateAccessPointForObjectProcess
bucket  DELETE accessPointForObjectProcess DeleteAccessPointForObjectProcess
bucket  GET,PUT accessPointConfigForObjectProcess AccessPointConfigForObjectProcess*
bucket  GET,PUT,DELETE accessPointPolicyForObjectProcess AccessPointPolicyForObjectProcess*
bucket  GET  live ListLiveChannel
object  GET,PUT acl ObjectACL*
object  HEAD,GET objectMeta GetObjectMeta
object  GET,PUT,DELETE tagging ObjectTagging*
object  GET,PUT symlink Symlink*
object  POST restore RestoreObject
object  POST cleanRestoredObject CleanRestoredObject
object  POST append AppendObject
object  POST seal SealAppendObject
object  POST uploads InitiateMultipartUpload
object  GET  uploadId ListParts
object  PUT  uploadId UploadPart
object  POST uploadId CompleteMultipartUpload
object  DELETE uploadId AbortMultipartUpload
object  POST x-oss-process ProcessObject
object  POST x-oss-async-process AsyncProcessObject
object  PUT,DELETE live LiveChannel*
object  GET  vod GetVodPlaylist
object  POST vod PostVodPlaylist
`;

const verbs: Record<string, string> = { GET: 'Get', HEAD: 'Get', PUT: 'Put', DELETE: 'Delete', POST: 'Post' };

/** Operation names by level, method and selecting parameter. */
const names = new Map<string, string>();
const selecting = new Set<string>();
const atObjects = new Set<string>();
for (const line of table.trim().split('\n')) {
  const [level = '', methods = '', selector = '', name = ''] = line.split(/\s+/);
  selecting.add(selector);
  if (level === 'object') atObjects.add(selector);
  for (const method of methods.split(',')) {
    names.set(`${level} ${method} ${selector}`, name.endsWith('*') ? `${verbs[method]}${name.slice(0, -1)}` : name);
  }
}
/** With GET these do not select: x-oss-process shapes the answer of GetObject. */
const onlyWithPost = new Set(['x-oss-process', 'x-oss-async-process']);

/** Tells operations of one subresource apart: with it `?publicAccessBlock` is that of an access point. */
export const pointParameter = 'x-oss-access-point-name';
/** Query parameter that names a style: with it `?style` is that one, without it all of the bucket. */
export const styleParameter = 'styleName';

/** True when this query parameter selects an operation of OSS, at any level; a signature must cover it. */
export function selects(name: string, method: string): boolean {
  return name === pointParameter || name === styleParameter || (selecting.has(name) && (method === 'POST' || !onlyWithPost.has(name)));
}

/** True when it selects one at this level. In a read of an object every other parameter is the function's, whatever it means for buckets. */
export function selectsAt(level: Level, method: string, name: string): boolean {
  return level === 'object' && (method === 'GET' || method === 'HEAD') ? atObjects.has(name) : selecting.has(name);
}

/** The vendor's name of the operation, or undefined when there is none for this level and method. */
export function knownOperation(level: Level, method: string, selector: string): string | undefined {
  return names.get(`${level} ${method} ${selector}`);
}

/** Every operation that a parameter selects. */
export function knownOperations(): { name: string; level: Level; method: string; selector: string }[] {
  return [...names].map(([key, name]) => {
    const [level, method = '', selector = ''] = key.split(' ');
    return { name, level: level as Level, method, selector };
  });
}

/** All selecting parameters. */
export const selectors: readonly string[] = [...selecting];
