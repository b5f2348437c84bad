import { passthrough } from '../../accesspoints/index.ts';
import { Fault } from '../../faults/index.ts';
import { type Call, noSuchBucket } from './call.ts';
import { admitAnonymous, authorize, checkSession } from './guard.ts';
import { checkReferer } from './referer.ts';

/**
 * Everything that is checked once it is known who calls, in this order: load, reach of the name, permission, referer, and that there is a bucket.
 * @param signed false for a caller who is nobody
 * @throws Fault SlowDown, AccessDenied, InvalidRequest, NoSuchBucket
 */
export function admit(call: Call, signed: boolean): void {
  if (!signed) admitAnonymous(call);
  call.ctx.charge(signed ? call.accessKeyId : 'anonymous');
  checkSession(call);
  checkReach(call);
  authorize(call);
  checkReferer(call, signed);
  const { resolved, operation, name } = call;
  if (resolved === undefined && operation.level !== 'service' && operation.name !== 'PutBucket') throw noSuchBucket(name);
}

/** Refuses what an alias does not offer. @throws Fault AccessDenied */
function checkReach({ resolved, operation, name }: Call): void {
  if (resolved === undefined || resolved.kind === 'bucket') return;
  if (resolved.kind === 'access-point') {
    if (operation.throughAccessPoint) return;
    throw new Fault('AccessDenied', `${operation.name} is not available through the access point alias ${name}. Use the bucket's name.`);
  }
  if (operation.throughObjectFc) return;
  const open = resolved.objectFc.allowedFeatures.includes(passthrough);
  if (open && operation.throughAccessPoint) return;
  if (open) throw new Fault('AccessDenied', `${operation.name} is not available through an alias, ${name}. Use the bucket's name.`);
  throw new Fault(
    'AccessDenied',
    `An Object FC access point serves GetObject, HeadObject and GetObjectMeta only, so that the original cannot leak; ${operation.name} through ${name} is refused.`,
  );
}
