/** One row of the error table. `ec` is the vendor's error-cause code where known, else one of ours (prefix 0099). */
interface FaultRow {
  status: number;
  ec: string;
  message: string;
}

const rows = {
  // Authentication and authorisation
  AccessDenied: { status: 403, ec: '0003-00000001', message: 'You have no right to access this object.' },
  InvalidAccessKeyId: { status: 403, ec: '0002-00000902', message: 'The OSS Access Key Id you provided does not exist in our records.' },
  SignatureDoesNotMatch: {
    status: 403,
    ec: '0002-00000040',
    message: 'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
  },
  RequestTimeTooSkewed: {
    status: 403,
    ec: '0002-00000504',
    message: 'The difference between the request time and the current time is too large.',
  },
  InvalidSecurityToken: { status: 403, ec: '0002-00000101', message: 'The security token you provided is invalid.' },
  SecurityTokenExpired: { status: 403, ec: '0002-00000102', message: 'The security token you provided has expired.' },
  UserDisable: { status: 403, ec: '0003-00000801', message: 'The access key is disabled.' },
  'EntityNotExist.Role': { status: 404, ec: '0099-00000101', message: 'The specified role does not exist.' },
  SignatureNonceUsed: { status: 400, ec: '0099-00000202', message: 'The nonce of this signature was used before. Sign the request again.' },
  AuthorizationHeaderMalformed: { status: 400, ec: '0002-00000201', message: 'The authorization data is malformed.' },

  // Requests
  InvalidArgument: { status: 400, ec: '0017-00000002', message: 'An argument is invalid.' },
  MissingArgument: { status: 400, ec: '0017-00000001', message: 'A required argument is missing.' },
  InvalidRequest: { status: 400, ec: '0016-00000001', message: 'The request is invalid.' },
  InvalidDigest: { status: 400, ec: '0016-00000101', message: 'The Content-MD5 you specified is not valid.' },
  InvalidURI: { status: 400, ec: '0016-00000102', message: 'The URI could not be parsed.' },
  MalformedXML: { status: 400, ec: '0042-00000205', message: 'The XML you provided is not well-formed or does not fit the schema.' },
  MalformedJSON: { status: 400, ec: '0099-00000103', message: 'The JSON you provided is not well-formed.' },
  EntityTooLarge: { status: 400, ec: '0016-00000104', message: 'The request body is larger than the limit.' },
  RequestHeaderTooLarge: { status: 400, ec: '0016-00000105', message: 'The request headers are larger than the limit.' },
  MissingContentLength: { status: 411, ec: '0016-00000106', message: 'You must provide the Content-Length HTTP header.' },
  IncompleteBody: {
    status: 400,
    ec: '0016-00000107',
    message: 'The request body ended before the number of bytes given in Content-Length.',
  },
  RequestTimeout: { status: 400, ec: '0016-00000108', message: 'The client sent nothing for too long.' },
  MethodNotAllowed: { status: 405, ec: '0016-00000701', message: 'The specified method is not allowed against this resource.' },
  OperationNotSupported: { status: 400, ec: '0016-00000702', message: 'The operation is not supported for this resource.' },
  NotImplemented: { status: 400, ec: '0016-00000703', message: 'Sluice does not carry out this operation.' },
  MisdirectedRequest: { status: 421, ec: '0099-00000104', message: 'This listener does not answer for that Host name.' },
  PreconditionFailed: { status: 412, ec: '0026-00000101', message: 'At least one of the pre-conditions you specified did not hold.' },
  InvalidRange: { status: 416, ec: '0026-00000102', message: 'The requested range cannot be satisfied.' },
  ServiceUnavailable: { status: 503, ec: '0099-00000105', message: 'The server is shutting down or overloaded. Try again.' },
  InternalError: { status: 500, ec: '0099-00000100', message: 'We encountered an internal error. Please try again.' },

  // Buckets and objects
  NoSuchBucket: { status: 404, ec: '0015-00000101', message: 'The specified bucket does not exist.' },
  BucketAlreadyExists: { status: 409, ec: '0015-00000104', message: 'The requested bucket name is not available. Choose another name.' },
  BucketNotEmpty: { status: 409, ec: '0015-00000301', message: 'The bucket you tried to delete is not empty.' },
  InvalidBucketName: { status: 400, ec: '0015-00000001', message: 'The specified bucket is not valid.' },
  TooManyBuckets: { status: 400, ec: '0015-00000105', message: 'You have attempted to create more buckets than allowed.' },
  NoSuchKey: { status: 404, ec: '0026-00000001', message: 'The specified key does not exist.' },
  InvalidObjectName: { status: 400, ec: '0026-00000002', message: 'The specified object name is not valid.' },
  FileAlreadyExists: {
    status: 409,
    ec: '0026-00000003',
    message: 'The object you specified already exists and x-oss-forbid-overwrite is set.',
  },

  // Access points
  NoSuchAccessPoint: { status: 404, ec: '0015-00000601', message: 'The specified access point does not exist.' },
  AccessPointAlreadyExists: { status: 409, ec: '0015-00000602', message: 'The access point already exists.' },
  AccessPointInUse: { status: 409, ec: '0099-00000603', message: 'The access point still supports an Object FC access point.' },
  TooManyAccessPoints: { status: 400, ec: '0099-00000604', message: 'The limit on access points is reached.' },
  NoSuchAccessPointForObjectProcess: {
    status: 404,
    ec: '0015-00000611',
    message: 'The specified access point for object process does not exist.',
  },
  AccessPointForObjectProcessAlreadyExists: {
    status: 409,
    ec: '0099-00000612',
    message: 'The access point for object process already exists.',
  },
  TooManyAccessPointsForObjectProcess: {
    status: 400,
    ec: '0099-00000613',
    message: 'The limit on access points for object process is reached.',
  },
  NoSuchAccessPointPolicy: { status: 404, ec: '0099-00000605', message: 'The access point has no policy.' },

  // Transforms (no vendor codes are published)
  FunctionAccessDenied: {
    status: 403,
    ec: '0099-00000701',
    message: 'FunctionAssumeRoleArn does not allow fc:InvokeFunction on the function.',
  },
  FunctionInvocationError: { status: 500, ec: '0099-00000702', message: 'The function failed before it called WriteGetObjectResponse.' },
  FunctionResponseMissing: { status: 500, ec: '0099-00000703', message: 'The function returned without calling WriteGetObjectResponse.' },
  FunctionTimeout: { status: 504, ec: '0099-00000704', message: 'The function did not answer in time.' },
  FunctionThrottled: { status: 503, ec: '0099-00000705', message: 'Too many requests are in flight for this function. Try again.' },
  RecursiveInvocation: {
    status: 400,
    ec: '0099-00000706',
    message: 'A function may not read through the Object FC access point that it serves, nor nest deeper than three.',
  },

  // Function Compute
  FunctionNotFound: { status: 404, ec: '0099-00000801', message: 'The function does not exist.' },
  FunctionAlreadyExists: { status: 409, ec: '0099-00000802', message: 'The function already exists.' },
  VersionNotFound: { status: 404, ec: '0099-00000803', message: 'The version does not exist.' },
  ResourceThrottled: { status: 429, ec: '0099-00000804', message: 'The limit on running instances is reached and the queue is full.' },
  ResourceExhausted: { status: 429, ec: '0099-00000805', message: 'No instance became free in time.' },
  FunctionNotStarted: { status: 502, ec: '0099-00000806', message: 'The function instance could not be started.' },
  InvalidCodePackage: { status: 400, ec: '0099-00000807', message: 'The code package is not a valid ZIP.' },
  PathNotSupported: { status: 404, ec: '0099-00000808', message: 'There is no such path in this API.' },
} satisfies Record<string, FaultRow>;

export type FaultCode = keyof typeof rows;

/** Every error that a client can meet. Codes and ECs are the vendor's where they are public (OSS API reference, "Error responses"). */
export const faultTable: Readonly<Record<FaultCode, FaultRow>> = rows;
