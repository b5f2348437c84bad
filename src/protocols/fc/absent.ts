import { Fault } from '../../faults/index.ts';
import type { Answer, Call } from './call.ts';

/** Operations on what this server does not have: each answers as the vendor does for an account that has none, so that tools go on. */

/** DescribeRegions: the one that this server stands for. */
export async function describeRegions({ rooms }: Call): Promise<Answer> {
  return { status: 200, body: { Regions: { Region: [{ RegionId: rooms.region, LocalName: rooms.region }] } } };
}

/** ListVpcBindings. */
export async function listVpcBindings(call: Call): Promise<Answer> {
  if (!call.rooms.functions.get(call.name)) throw new Fault('FunctionNotFound', `There is no function ${call.name.slice(0, 200)}.`);
  return { status: 200, body: { vpcIds: [] } };
}

/** ListCustomDomains. */
export async function listCustomDomains(): Promise<Answer> {
  return { status: 200, body: { customDomains: [] } };
}

/** GetCustomDomain. */
export async function getCustomDomain({ params }: Call): Promise<Answer> {
  throw new Fault('DomainNameNotFound', `There is no custom domain ${(params.domain ?? '').slice(0, 200)}; Sluice serves none.`);
}
