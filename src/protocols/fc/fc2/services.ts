import { Fault } from '../../../faults/index.ts';
import type { ServiceRecord } from '../../../functions/index.ts';
import { type Answer, type Call, header, isoTime, pageAsked, param } from '../call.ts';
import { checkRole } from '../functions.ts';
import { authorize } from '../guard.ts';
import { readJson } from '../json.ts';

/** What is asked of a list: limit, nextToken and prefix as in 3.0, and the key to begin with. */
export function listAsked(call: Call): ReturnType<typeof pageAsked> & { startKey?: string } {
  const startKey = param(call, 'startKey');
  return { ...pageAsked(call), ...(startKey ? { startKey } : {}) };
}

/** The revision that a change is meant for. */
export function ifMatch(call: Call): string | undefined {
  return header(call, 'if-match');
}

/** Published versions never change. @throws Fault InvalidArgument */
export function latestOnly({ qualifier }: Call): void {
  if (qualifier && qualifier !== 'LATEST')
    throw new Fault('InvalidArgument', 'qualifier: only LATEST can be changed; leave the qualifier out');
}

function render({ kept, logConfig, revision: _revision, createdTime, lastModifiedTime, ...rest }: ServiceRecord): object {
  const none = { logConfig: {}, vpcConfig: {}, nasConfig: {}, tracingConfig: {} };
  return {
    ...rest,
    ...none,
    ...kept,
    logConfig: logConfig ?? {},
    createdTime: isoTime(createdTime),
    lastModifiedTime: isoTime(lastModifiedTime),
  };
}

function answer(record: ServiceRecord): Answer {
  return { status: 200, headers: { ETag: record.revision }, body: render(record) };
}

/** CreateService. */
export async function createService(call: Call): Promise<Answer> {
  const { rooms, principal, operation } = call;
  const value = await readJson(call);
  const name = value !== null && typeof value === 'object' && 'serviceName' in value ? value.serviceName : undefined;
  authorize(rooms, principal, { ...operation, resource: 'service' }, typeof name === 'string' ? name : '*');
  checkRole(call, value, undefined);
  return answer(await rooms.functions.services.create(value));
}

/** UpdateService. */
export async function updateService(call: Call): Promise<Answer> {
  latestOnly(call);
  const { services } = call.rooms.functions;
  const value = await readJson(call);
  checkRole(call, value, services.get(call.service).role);
  return answer(await services.update(call.service, value, ifMatch(call)));
}

/** GetService. */
export async function getService(call: Call): Promise<Answer> {
  return answer(call.rooms.functions.services.get(call.service, call.qualifier));
}

/** ListServices; `tag_KEY=VALUE` selects those with a tag. */
export async function listServices(call: Call): Promise<Answer> {
  const tagged = call.ctx.query.filter(({ name }) => name.startsWith('tag_'));
  const tags = Object.fromEntries(tagged.map(({ name, value }) => [name.slice('tag_'.length), value]));
  const { services, nextToken } = call.rooms.functions.services.list({ ...listAsked(call), tags });
  return { status: 200, body: { services: services.map(render), nextToken } };
}

/** DeleteService. */
export async function deleteService(call: Call): Promise<Answer> {
  latestOnly(call);
  await call.rooms.functions.services.remove(call.service, ifMatch(call));
  return { status: 204 };
}

/** The service that a request about tags names by its ARN. @throws Fault InvalidArgument, ServiceNotFound, AccessDenied */
function tagged(call: Call, arn: unknown): string {
  const { region, identity, functions } = call.rooms;
  const [, place, account, name = ''] =
    (typeof arn === 'string' && /^acs:fc:([^:]{0,64}):(\d{0,20}):services\/([\w-]{1,128})$/.exec(arn)) || [];
  if (!name) throw new Fault('InvalidArgument', 'resourceArn: must be the ARN of a service, acs:fc:REGION:ACCOUNT:services/NAME');
  authorize(call.rooms, call.principal, { ...call.operation, resource: 'service' }, name);
  if ((place && place !== region) || (account && account !== identity.accountId)) {
    throw new Fault(
      'ServiceNotFound',
      `The service is in region ${place}, account ${account}; this server is ${region}, ${identity.accountId}.`,
    );
  }
  functions.services.get(name);
  return name;
}

function arnOf({ rooms }: Call, name: string): string {
  return `acs:fc:${rooms.region}:${rooms.identity.accountId}:services/${name}`;
}

interface TagInput {
  resourceArn?: unknown;
  tags?: unknown;
  tagKeys?: unknown;
  all?: unknown;
}

/** TagResource. */
export async function tagResource(call: Call): Promise<Answer> {
  const { resourceArn, tags } = ((await readJson(call)) ?? {}) as TagInput;
  await call.rooms.functions.services.tag(tagged(call, resourceArn), tags);
  return { status: 200, body: {} };
}

/** UntagResource. */
export async function untagResource(call: Call): Promise<Answer> {
  const { resourceArn, tagKeys, all } = ((await readJson(call)) ?? {}) as TagInput;
  const name = tagged(call, resourceArn);
  const keys = Array.isArray(tagKeys) ? tagKeys.filter((key) => typeof key === 'string') : [];
  if (all !== true && keys.length === 0) throw new Fault('InvalidArgument', 'tagKeys: name the tags to remove, or all');
  await call.rooms.functions.services.untag(name, all === true ? undefined : keys);
  return { status: 200, body: {} };
}

/** GetResourceTags. */
export async function getResourceTags(call: Call): Promise<Answer> {
  const name = tagged(call, param(call, 'resourceArn'));
  return { status: 200, body: { resourceArn: arnOf(call, name), tags: call.rooms.functions.services.tags(name) } };
}

/** ListTaggedResources: services that have tags. */
export async function listTaggedResources(call: Call): Promise<Answer> {
  const { services } = call.rooms.functions;
  const { services: page, nextToken } = services.list(pageAsked(call));
  const resources = page.map(({ serviceName }) => ({ resourceArn: arnOf(call, serviceName), tags: services.tags(serviceName) }));
  return { status: 200, body: { resources: resources.filter(({ tags }) => Object.keys(tags).length > 0), nextToken } };
}
