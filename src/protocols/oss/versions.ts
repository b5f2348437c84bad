import { Fault } from '../../faults/index.ts';
import type { Call } from './call.ts';

/** Refuses to speak of another version of an object than the only one. @throws Fault NotImplemented */
export function refuseVersion(call: Call, version: string | undefined = call.param('versionId'), named = 'versionId'): void {
  if (version === undefined || version === '' || version === 'null') return;
  throw new Fault('NotImplemented', `Sluice keeps no versions yet: ${named} may only be "null" (${call.operation.name}).`);
}
