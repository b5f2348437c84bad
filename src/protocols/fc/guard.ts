import { Fault } from '../../faults/index.ts';
import type { RequestContext } from '../../http/index.ts';
import type { Principal } from '../../identity/index.ts';
import { claimedPayloadHash, readAcs3Claim, verifyAcs3 } from '../../signing/index.ts';
import type { FcRooms } from './call.ts';
import type { Nonces } from './nonces.ts';
import type { Operation } from './operation.ts';

/** Who signed a request, and the body hash that is part of the signature. */
export interface Caller {
  principal: Principal;
  bodySha256: string;
}

/**
 * Verifies the signature of a request before its body is read. An unknown key costs the same work as a wrong secret.
 * @throws Fault AccessDenied without one, and for a bad key, signature, date or repeated nonce the fault that names it
 */
export function authenticate(ctx: RequestContext, rooms: FcRooms, nonces: Nonces): Caller {
  const claim = readAcs3Claim(ctx);
  if (!claim) {
    throw new Fault('AccessDenied', 'The request is not signed. Use ACS3-HMAC-SHA256, as the SDKs for Function Compute 3.0 do.');
  }
  const bodySha256 = claimedPayloadHash(claim, ctx);
  if (bodySha256 === undefined) throw new Fault('InvalidArgument', 'x-acs-content-sha256 must be the SHA-256 of the body in hex.');
  const credential = rooms.identity.credential(claim.accessKeyId, claim.securityToken);
  if ('fault' in credential) {
    try {
      verifyAcs3(claim, ctx, credential.secret, bodySha256, ctx.startedAt);
    } catch {
      // The result does not matter: the key itself is refused.
    }
    throw credential.fault;
  }
  verifyAcs3(claim, ctx, credential.secret, bodySha256, ctx.startedAt);
  nonces.accept(claim.accessKeyId, claim.nonce, Date.parse(String(ctx.headers['x-acs-date'])), ctx.startedAt);
  return { principal: credential.principal, bodySha256 };
}

/** Checks the operation's action on one function, or on all with '*'. @throws Fault AccessDenied */
export function authorize(rooms: FcRooms, principal: Principal, operation: Operation, name: string): void {
  const resource = `acs:fc:${rooms.region}:${rooms.identity.accountId}:functions/${name}`;
  rooms.identity.authorize({ principal, action: operation.action, resource });
}
