/**
 * Request signatures of Alibaba OSS (V1 and V4, header and query), of the API gateway (ACS3-HMAC-SHA256 and RPC) and of old Function Compute clients:
 * canonicalised, made and verified. It reads no clock, does no I/O, knows no keys and decides nothing about permissions: the time, the secret and
 * the request are handed in. The protocol dialects call it for what comes in, the CLI and the composition root for what goes out.
 */
export { type Acs3Claim, readAcs3Claim, signAcs3, verifyAcs3 } from './acs3.ts';
export { type Acs3Caller, acs3Caller, verifyAs } from './caller.ts';
export { type Claim, claimedPayloadHash, type OssClaim, readOssClaim, type Scheme } from './claim.ts';
export { type Fc1Claim, readFc1Claim, signFc1, verifyFc1 } from './fc1.ts';
export { checkFormTime, type FormClaim, readFormClaim, signForm, verifyForm } from './form.ts';
export type { ResourceCandidate } from './oss-resource.ts';
export { checkOssTime } from './oss-time.ts';
export { parseQuery, type QueryParam, type SignedRequest } from './request.ts';
export { type Rpc1Claim, readRpc1Claim, signRpc1, verifyRpc1 } from './rpc1.ts';
export { type OssPresigning, type OssSigning, presignOss, presignRead, signOssHeader } from './sign.ts';
export { verifyOss } from './verify.ts';
