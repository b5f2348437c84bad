import { Fault } from '../faults/index.ts';
import { readAcs3Claim, verifyAcs3 } from './acs3.ts';
import { claimedPayloadHash } from './claim.ts';
import { header, type SignedRequest } from './request.ts';

/** Finds the secret of a key; for a key that may not be used, a secret that fits nothing and the fault to throw in the end. */
export type FindKey<K> = (accessKeyId: string, securityToken: string | undefined) => K;

/** What FindKey answers at least. */
export interface FoundKey {
  readonly secret: string;
  readonly fault?: unknown;
}

/** A verified ACS3 request. */
export interface Acs3Caller<K> {
  readonly key: Exclude<K, { fault: Fault }>;
  readonly accessKeyId: string;
  readonly nonce: string;
  /** The request's own date, epoch milliseconds. */
  readonly date: number;
  /** What the body must hash to, lower-case hex; the caller checks it as the body comes. */
  readonly bodySha256: string;
}

/**
 * Who signed an ACS3 request, found out before its body is read. An unknown key costs the same work as a wrong secret.
 * @param now epoch milliseconds
 * @returns undefined for a request without an ACS3 signature
 * @throws Fault for a malformed claim, a bad signature or date; the fault of the key when it may not be used
 */
export function acs3Caller<K extends FoundKey>(request: SignedRequest, find: FindKey<K>, now: number): Acs3Caller<K> | undefined {
  const claim = readAcs3Claim(request);
  if (!claim) return undefined;
  const bodySha256 = claimedPayloadHash(claim, request);
  if (bodySha256 === undefined) throw new Fault('InvalidArgument', 'x-acs-content-sha256 must be the SHA-256 of the body in hex.');
  const key = find(claim.accessKeyId, claim.securityToken);
  verifyAs(key, () => verifyAcs3(claim, request, key.secret, bodySha256, now));
  return {
    key: key as Exclude<K, { fault: Fault }>,
    accessKeyId: claim.accessKeyId,
    nonce: claim.nonce,
    date: Date.parse(header(request, 'x-acs-date') ?? ''),
    bodySha256,
  };
}

/** Verifies with a found key, and then refuses one that may not be used whatever came out. @throws what `verify` throws; the key's fault */
export function verifyAs(key: FoundKey, verify: () => void): void {
  if (key.fault === undefined) {
    verify();
    return;
  }
  try {
    verify();
  } catch {
    // The result does not matter: the key itself is refused.
  }
  throw key.fault;
}
