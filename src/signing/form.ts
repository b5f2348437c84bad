import { Fault } from '../faults/index.ts';
import { sameSignature, utf8Bytes } from './bytes.ts';
import { credentialForm, readCredential } from './claim.ts';
import { checkSkew, readBasic } from './oss-time.ts';
import { signature1 } from './oss1.ts';
import { type Scope, signature4, signer4 } from './oss4.ts';

/** What a form says about who signed its policy; nothing in it is true before it is verified. */
export type FormClaim = {
  readonly accessKeyId: string;
  readonly securityToken: string | undefined;
  readonly signature: string;
  /** In base64, as it was signed. */
  readonly policy: string;
} & ({ readonly scheme: 'OSS1' } | ({ readonly scheme: 'OSS4'; readonly time: string } & Scope));

const algorithm4 = 'OSS4-HMAC-SHA256';
/** As long as a signed URL of V4 may be valid, milliseconds. */
const longestMs = 604_800_000;
/** Nothing that decoding would pass over, or that the signature would not see as it is. */
const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Reads who claims to have signed the policy of a form (Alibaba OSS API reference, "PostObject"; V4: "Include a V4 signature in a form").
 * @param field the value of a field by its name in lower case
 * @returns undefined for a form without policy and signature: nobody signed it
 * @throws Fault InvalidArgument when something is missing or malformed
 */
export function readFormClaim(field: (name: string) => string | undefined): FormClaim | undefined {
  const policy = field('policy');
  const securityToken = field('x-oss-security-token') || undefined;
  const [id, signature1] = [field('ossaccesskeyid'), field('signature')];
  const [version, credential, signature4] = [field('x-oss-signature-version'), field('x-oss-credential'), field('x-oss-signature')];
  if (policy && !base64.test(policy)) throw new Fault('InvalidArgument', 'The field policy must be in base64.');
  const is1 = id !== undefined || signature1 !== undefined;
  const is4 = version !== undefined || credential !== undefined || signature4 !== undefined;
  if (policy === undefined && !is1 && !is4) return undefined;
  if (is1 && is4) throw new Fault('InvalidArgument', 'The form holds a V1 and a V4 signature. Keep one.');
  if (!is4) {
    if (!policy || !id || !signature1)
      throw new Fault('InvalidArgument', 'A signed form needs all of the fields policy, OSSAccessKeyId and Signature.');
    return { scheme: 'OSS1', accessKeyId: id, securityToken, signature: signature1, policy };
  }
  const time = field('x-oss-date');
  if (version !== algorithm4) throw new Fault('InvalidArgument', `The field x-oss-signature-version must be ${algorithm4}.`);
  if (!policy || !time || !signature4)
    throw new Fault('InvalidArgument', 'A signed form needs all of the fields policy, x-oss-credential, x-oss-date and x-oss-signature.');
  const scope = readCredential(credential ?? '');
  if (!scope) throw new Fault('InvalidArgument', `The field x-oss-credential must read ${credentialForm}.`);
  return { scheme: 'OSS4', securityToken, signature: signature4.toLowerCase(), policy, time, ...scope };
}

/**
 * Refuses a V4 form that is dated in the future, or longer ago than a signature may be valid; how long a form is valid is said by its policy.
 * @throws Fault InvalidArgument, RequestTimeTooSkewed, AccessDenied
 */
export function checkFormTime(claim: FormClaim, now: number): void {
  if (claim.scheme === 'OSS1') return;
  const time = readBasic(claim.time);
  if (time === undefined) throw new Fault('InvalidArgument', 'The field x-oss-date must read yyyymmddThhmmssZ.');
  if (claim.date !== claim.time.slice(0, 8))
    throw new Fault('InvalidArgument', `The credential's date ${claim.date} is not the day of x-oss-date ${claim.time}.`);
  if (time > now) checkSkew(time, now);
  if (now - time > longestMs)
    throw new Fault('AccessDenied', 'Invalid according to Policy: Policy expired. It was signed more than 7 days ago.');
}

/** Verifies the signature of a form's policy. @throws Fault SignatureDoesNotMatch */
export function verifyForm(claim: FormClaim, secret: string): void {
  const right = signForm(claim, secret);
  if (sameSignature(claim.signature, right)) return;
  throw new Fault('SignatureDoesNotMatch', undefined, {
    extra: { OSSAccessKeyId: claim.accessKeyId, SignatureProvided: claim.signature, StringToSign: claim.policy },
  });
}

/** The signature of a policy in base64: base64 (V1) or hex (V4). */
export function signForm(
  claim: { readonly policy: string } & ({ readonly scheme: 'OSS1' } | ({ readonly scheme: 'OSS4' } & Scope)),
  secret: string,
): string {
  if (claim.scheme === 'OSS1') return signature1(secret, utf8Bytes(claim.policy));
  return signature4(signer4(secret, claim), utf8Bytes(claim.policy));
}
