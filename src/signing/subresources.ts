/**
 * Query parameters that signature V1 covers, as the vendor documents them and its SDKs list them (Alibaba OSS API reference, "Include signatures
 * in the Authorization header"; oss2 auth.py; aliyun-oss-go-sdk conn.go; aliyun-oss-java-sdk SignParameters).
 */
export const documented: ReadonlySet<string> = new Set(
  `acl uploads location cors logging website referer lifecycle delete append tagging objectMeta uploadId partNumber security-token position
  response-content-type response-content-language response-expires response-cache-control response-content-disposition response-content-encoding
  img style styleName replication replicationProgress replicationLocation cname bucketInfo comp qos qosInfo live status vod startTime endTime
  symlink x-oss-process x-oss-async-process x-oss-traffic-limit x-oss-request-payer restore callback callback-var policy stat encryption versions
  versioning versionId requestPayment sequential inventory inventoryId continuation-token asyncFetch worm wormId wormExtend transferAcceleration
  regionList metaQuery resourceGroup rtc x-oss-ac-source-ip x-oss-ac-subnet-mask x-oss-ac-vpc-id x-oss-ac-forward-allow
  x-oss-write-get-object-response accessPoint accessPointPolicy publicAccessBlock x-oss-access-point-name bucketArchiveDirectRead httpsConfig
  redundancyTransition x-oss-target-redundancy-type x-oss-redundancy-transition-taskid x-oss-enable-md5 x-oss-enable-sha1 x-oss-enable-sha256
  x-oss-hash-ctx x-oss-md5-ctx withHashContext cloudboxes`.split(/\s+/),
);

/** Operations of Object FC access points, which newer SDKs sign although the documented list lacks them. */
export const objectFc: ReadonlySet<string> = new Set([
  'accessPointForObjectProcess',
  'accessPointConfigForObjectProcess',
  'accessPointPolicyForObjectProcess',
]);

/** Documented names that SDKs older than them neither know nor sign. */
export const newer: ReadonlySet<string> = new Set([
  'x-oss-write-get-object-response',
  'accessPoint',
  'accessPointPolicy',
  'publicAccessBlock',
  'x-oss-access-point-name',
  'bucketArchiveDirectRead',
  'httpsConfig',
  'redundancyTransition',
  'x-oss-target-redundancy-type',
  'x-oss-redundancy-transition-taskid',
]);

/** What no client signs with V1. It selects DescribeRegions, which tells the region's name and no more, so a header signature may do without it. */
export const regions = 'regions';

/** The one operation that a header signature may leave out: aliyun-oss-go-sdk v1 does not know its parameter. */
export const writeGetObjectResponse = 'x-oss-write-get-object-response';
