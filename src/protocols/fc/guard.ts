import { Fault } from '../../faults/index.ts';
import { functionArn } from '../../functions/index.ts';
import type { RequestContext } from '../../http/index.ts';
import type { Nonces, Principal } from '../../identity/index.ts';
import { acs3Caller, readFc1Claim, verifyAs, verifyFc1 } from '../../signing/index.ts';
import type { FcRooms } from './call.ts';
import type { ApiVersion, Operation } from './operation.ts';

/** Who signed a request, and the body hash that is part of the signature, if one is. */
export interface Caller {
  principal: Principal;
  bodySha256: string | undefined;
}

/**
 * Verifies the signature of a request before its body is read: ACS3, or for the APIs of 2.0 that of the classic SDKs. An unknown key costs the
 * same work as a wrong secret.
 * @throws Fault AccessDenied without one, and for a bad key, signature, date or repeated nonce the fault that names it
 */
export function authenticate(ctx: RequestContext, api: ApiVersion, rooms: FcRooms, nonces: Nonces): Caller {
  const find = rooms.identity.credential.bind(rooms.identity);
  const caller = acs3Caller(ctx, find, ctx.startedAt);
  if (caller) {
    nonces.accept(caller.accessKeyId, caller.nonce, caller.date, ctx.startedAt);
    return { principal: caller.key.principal, bodySha256: caller.bodySha256 };
  }
  if (api === '2023-03-30') {
    throw new Fault('AccessDenied', 'The request is not signed. Use ACS3-HMAC-SHA256, as the SDKs for Function Compute 3.0 do.');
  }
  const claim = readFc1Claim(ctx);
  if (!claim) {
    throw new Fault(
      'AccessDenied',
      'The request is not signed. Use ACS3-HMAC-SHA256, or the signature of the classic Function Compute SDKs ("FC id:signature").',
    );
  }
  const key = find(claim.accessKeyId, claim.securityToken);
  verifyAs(key, () => verifyFc1(claim, ctx, key.secret, ctx.startedAt));
  return { principal: (key as Exclude<typeof key, { fault: Fault }>).principal, bodySha256: undefined };
}

/** Checks an action on one function, layer or service, or on all with '*'. @throws Fault AccessDenied */
export function authorize(
  rooms: FcRooms,
  principal: Principal,
  { action, resource: kind }: Pick<Operation, 'action' | 'resource'>,
  name: string,
): void {
  const { region, identity } = rooms;
  const plain = kind === 'layer' ? 'layers' : kind === 'service' || kind === 'services' ? 'services' : undefined;
  const resource = plain ? `acs:fc:${region}:${identity.accountId}:${plain}/${name}` : functionArn(region, identity.accountId, name);
  identity.authorize({ principal, action, resource });
}
