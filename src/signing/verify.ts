import { Fault } from '../faults/index.ts';
import { readable, sameSignature } from './bytes.ts';
import type { Oss1Claim, Oss4Claim, OssClaim } from './claim.ts';
import { encodedResource, type ResourceCandidate } from './oss-resource.ts';
import { dateLine, head1, type SignedNames, signature1, string1, subresources1 } from './oss1.ts';
import { canonical4, queries4, signature4, signer4, string4, tail4 } from './oss4.ts';
import type { SignedRequest } from './request.ts';

/**
 * Verifies an OSS signature against each meaning that the request may have, in every spelling that clients use.
 *
 * `selectors` names the query parameters that select the operation; a signature that does not cover them is refused. V1 covers only listed names: the
 * caller must take no decision from a parameter that is neither a selector nor documented as signed, and must not name one that no client
 * signs (`list-type`). `allowUnsignedSelector` excepts x-oss-write-get-object-response in a header signature, for old Go clients.
 * For an unknown key the caller passes a dummy secret, so that the same work is done.
 *
 * @param candidates at least one, or nothing is accepted; each costs a hash or two
 * @returns the index of the candidate that the client signed
 * @throws Fault SignatureDoesNotMatch, with the string that we would have signed for the first candidate
 */
export function verifyOss(
  claim: OssClaim,
  request: SignedRequest,
  secret: string,
  candidates: readonly ResourceCandidate[],
  options: Omit<SignedNames, 'place'>,
): number {
  const found =
    claim.scheme === 'OSS1' ? verify1(claim, request, secret, candidates, options) : verify4(claim, request, secret, candidates);
  if (typeof found === 'number') return found;
  throw new Fault('SignatureDoesNotMatch', undefined, {
    extra: { OSSAccessKeyId: claim.accessKeyId, SignatureProvided: readable(claim.signature), ...found },
  });
}

type Shown = Record<string, string>;

function verify1(
  claim: Oss1Claim,
  request: SignedRequest,
  secret: string,
  candidates: readonly ResourceCandidate[],
  options: Omit<SignedNames, 'place'>,
): number | Shown {
  const { place } = claim;
  const { selectors, allowUnsignedSelector } = options;
  const head = head1(request, place === 'query' ? (claim.expires ?? '') : dateLine(request));
  let first: string | undefined;
  for (const suffix of subresources1(request.query, { place, selectors, allowUnsignedSelector })) {
    for (let index = 0; index < candidates.length; index += 1) {
      const string = string1(head, candidates[index] as ResourceCandidate, suffix);
      first ??= string;
      if (sameSignature(claim.signature, signature1(secret, string))) return index;
    }
  }
  return { StringToSign: readable(first ?? '') };
}

function verify4(claim: Oss4Claim, request: SignedRequest, secret: string, candidates: readonly ResourceCandidate[]): number | Shown {
  const time = claim.place === 'query' ? (claim.time ?? '') : dateLine(request);
  const tail = tail4(request, claim.additionalHeaders);
  const signature = claim.signature.toLowerCase();
  const signer = signer4(secret, claim);
  let shown: Shown | undefined;
  for (const query of queries4(request.query)) {
    for (let index = 0; index < candidates.length; index += 1) {
      const canonical = canonical4(request.method, encodedResource(candidates[index] as ResourceCandidate), query, tail);
      const string = string4(time, signer, canonical);
      if (sameSignature(signature, signature4(signer, string))) return index;
      shown ??= { StringToSign: readable(string), CanonicalRequest: readable(canonical) };
    }
  }
  return shown ?? { StringToSign: '' };
}
