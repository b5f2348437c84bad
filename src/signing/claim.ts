import { Fault } from '../faults/index.ts';
import type { Acs3Claim } from './acs3.ts';
import type { Fc1Claim } from './fc1.ts';
import { header, type SignedRequest } from './request.ts';

export interface Oss1Claim {
  scheme: 'OSS1';
  place: 'header' | 'query';
  accessKeyId: string;
  securityToken?: string;
  signature: string;
  /** Query only: unix seconds as sent. */
  expires?: string;
}

export interface Oss4Claim {
  scheme: 'OSS4';
  place: 'header' | 'query';
  accessKeyId: string;
  securityToken?: string;
  signature: string;
  /** yyyymmdd, the first part of the scope. */
  date: string;
  /** May be empty: SDKs without a configured region send none. */
  region: string;
  product: string;
  /** Lower-case, sorted. */
  additionalHeaders: readonly string[];
  /** Query only: yyyymmddThhmmssZ as sent, and seconds of validity as sent. */
  time?: string;
  expires?: string;
}

export type OssClaim = Oss1Claim | Oss4Claim;
/** What a request says about who signed it; nothing in it is true before it is verified. */
export type Claim = OssClaim | Acs3Claim | Fc1Claim;
export type Scheme = Claim['scheme'];

const algorithm4 = 'OSS4-HMAC-SHA256';
const none: readonly string[] = [];

/**
 * Reads who claims to have signed an OSS request, from the Authorization header or the query.
 * @returns undefined for an anonymous request
 * @throws Fault AuthorizationHeaderMalformed, or InvalidArgument for a query signature that is incomplete, doubled, or sent along with a header
 */
export function readOssClaim(request: SignedRequest): OssClaim | undefined {
  const authorization = header(request, 'authorization');
  const inQuery = readQuery(request);
  if (authorization === undefined) return inQuery;
  if (inQuery) throw new Fault('InvalidArgument', 'The request is signed both in its Authorization header and in its query. Keep one.');
  const securityToken = header(request, 'x-oss-security-token') || undefined;
  // The V1 signers of the SDKs v2 for Python and Java leave out the prefix.
  if (authorization.startsWith('OSS '))
    return readHeader1(authorization, securityToken ?? (header(request, 'security-token') || undefined));
  if (authorization.startsWith(`${algorithm4} `)) return readHeader4(authorization, securityToken);
  throw malformed('The Authorization header must begin with "OSS " or "OSS4-HMAC-SHA256 ".');
}

/**
 * The SHA-256 of the body that the signature vouches for, lower-case hex; undefined when it vouches for none (UNSIGNED-PAYLOAD, V1).
 * The caller compares it with the body as it comes.
 */
export function claimedPayloadHash(claim: Claim, request: SignedRequest): string | undefined {
  const name = claim.scheme === 'OSS4' ? 'x-oss-content-sha256' : claim.scheme === 'ACS3' ? 'x-acs-content-sha256' : undefined;
  const value = name && header(request, name);
  return value && /^[0-9a-f]{64}$/i.test(value) ? value.toLowerCase() : undefined;
}

function malformed(message: string): Fault {
  return new Fault('AuthorizationHeaderMalformed', message);
}

function readHeader1(authorization: string, securityToken: string | undefined): Oss1Claim {
  const [, accessKeyId, signature] = /^OSS +([^:\s]+):(\S+)$/.exec(authorization) ?? [];
  if (!accessKeyId || !signature) throw malformed('The Authorization header must read "OSS AccessKeyId:Signature".');
  return { scheme: 'OSS1', place: 'header', accessKeyId, securityToken, signature };
}

/** What nearly every client sends, read in one step; the general reading in readHeader4 would give the same. */
const usual4 =
  /^OSS4-HMAC-SHA256 Credential=([^/,\s]+)\/(\d{8})\/([^/,\s]*)\/(oss|oss-cloudbox)\/aliyun_v4_request, ?Signature=([0-9a-f]+)$/;

function readHeader4(authorization: string, securityToken: string | undefined): Oss4Claim {
  const usual = usual4.exec(authorization) as [string, string, string, string, string, string] | null;
  if (usual) {
    const [, accessKeyId, date, region, product, signature] = usual;
    return { scheme: 'OSS4', place: 'header', securityToken, signature, additionalHeaders: none, accessKeyId, date, region, product };
  }
  const fields = new Map<string, string>();
  // Order and blanks differ between SDKs; no value can hold a comma.
  for (const part of authorization.slice(algorithm4.length).split(',')) {
    const field = part.trim();
    const at = field.indexOf('=');
    const name = field.slice(0, Math.max(at, 0));
    if (!['Credential', 'AdditionalHeaders', 'Signature'].includes(name) || fields.has(name)) {
      throw malformed('The Authorization header must hold Credential, Signature and at most AdditionalHeaders, each once.');
    }
    fields.set(name, field.slice(at + 1));
  }
  const scope = readCredential(fields.get('Credential') ?? '');
  const signature = fields.get('Signature');
  if (!scope || !signature) throw malformed(`The Authorization header needs Signature and Credential=${credentialForm}.`);
  return {
    scheme: 'OSS4',
    place: 'header',
    securityToken,
    signature,
    additionalHeaders: readNames(fields.get('AdditionalHeaders')),
    ...scope,
  };
}

/** How a V4 credential reads. */
export const credentialForm = 'AccessKeyId/yyyymmdd/region/product/aliyun_v4_request';

/** Reads a V4 credential: key, day, region, product and the closing word. */
export function readCredential(text: string): Pick<Oss4Claim, 'accessKeyId' | 'date' | 'region' | 'product'> | undefined {
  const [accessKeyId, date, region, product, terminator, ...more] = text.split('/');
  if (!accessKeyId || !date || region === undefined || more.length > 0 || terminator !== 'aliyun_v4_request') return undefined;
  if (!/^\d{8}$/.test(date) || (product !== 'oss' && product !== 'oss-cloudbox')) return undefined;
  return { accessKeyId, date, region, product };
}

function readNames(list: string | undefined): string[] {
  if (!list) return [];
  return list
    .split(';')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
    .sort();
}

const names1 = new Set(['OSSAccessKeyId', 'Signature', 'Expires', 'security-token']);
const base64Names = new Set(['Signature', 'security-token', 'x-oss-security-token']);
const names4 = new Set([
  'x-oss-signature-version',
  'x-oss-credential',
  'x-oss-date',
  'x-oss-expires',
  'x-oss-signature',
  'x-oss-additional-headers',
  'x-oss-security-token',
]);

function readQuery(request: SignedRequest): OssClaim | undefined {
  if (request.query.length === 0) return undefined;
  const found: Record<string, string> = {};
  let doubled = false;
  for (const { name, value } of request.query) {
    if (!names1.has(name) && !names4.has(name)) continue;
    if (found[name] !== undefined) doubled = true;
    // Base64 has pluses and no spaces: in a URL written by hand a raw plus stands for itself.
    found[name] = base64Names.has(name) ? value.replaceAll(' ', '+') : value;
  }
  const is1 = found.OSSAccessKeyId !== undefined || found.Signature !== undefined;
  const is4 =
    found['x-oss-signature-version'] !== undefined || found['x-oss-credential'] !== undefined || found['x-oss-signature'] !== undefined;
  if (!is1 && !is4) return undefined;
  if (is1 && is4) throw new Fault('InvalidArgument', 'The query holds a V1 and a V4 signature. Keep one.');
  if (doubled) throw new Fault('InvalidArgument', 'A signature parameter is in the query more than once.');
  const token = header(request, 'x-oss-security-token') || undefined;
  return is1 ? readQuery1(found, token) : readQuery4(found, token);
}

function readQuery1(found: Record<string, string>, token: string | undefined): Oss1Claim {
  const { OSSAccessKeyId: accessKeyId, Signature: signature, Expires: expires } = found;
  if (!accessKeyId || !signature || !expires) {
    throw new Fault('InvalidArgument', 'A signed URL needs all of OSSAccessKeyId, Expires and Signature.');
  }
  return { scheme: 'OSS1', place: 'query', accessKeyId, signature, expires, securityToken: found['security-token'] || token };
}

function readQuery4(found: Record<string, string>, token: string | undefined): Oss4Claim {
  const { 'x-oss-signature': signature, 'x-oss-date': time, 'x-oss-expires': expires } = found;
  if (found['x-oss-signature-version'] !== algorithm4) {
    throw new Fault('InvalidArgument', `x-oss-signature-version must be ${algorithm4}.`);
  }
  if (!signature || !time || !expires) {
    throw new Fault('InvalidArgument', 'A signed URL needs all of x-oss-credential, x-oss-date, x-oss-expires and x-oss-signature.');
  }
  const scope = readCredential(found['x-oss-credential'] ?? '');
  if (!scope) throw new Fault('InvalidArgument', `x-oss-credential must read ${credentialForm}.`);
  const securityToken = found['x-oss-security-token'] || token;
  const additionalHeaders = readNames(found['x-oss-additional-headers']);
  return { scheme: 'OSS4', place: 'query', securityToken, signature, additionalHeaders, time, expires, ...scope };
}
