import { Fault } from '../../../faults/index.ts';
import { type Configuration, namesOf } from '../../../functions/index.ts';
import { type Answer, type Call, isoTime, pageAsked, param } from '../call.ts';
import { running } from '../configurations.ts';
import { readJson } from '../json.ts';

/** How 2.0 names what a provision configuration is of. */
function resourceOf({ rooms }: Call, name: string, qualifier: string): string {
  const own = namesOf(name);
  return `${rooms.identity.accountId}#${own.service}#${qualifier}#${own.name}`;
}

function page<T>(call: Call, all: readonly T[], field: string, render: (one: T) => object): Answer {
  const { limit = 20, nextToken = '0' } = pageAsked(call);
  const from = Number(nextToken);
  if (limit < 1 || limit > 100) throw new Fault('InvalidArgument', 'limit: must be 1 to 100');
  if (!Number.isInteger(from) || from < 0) throw new Fault('InvalidArgument', 'nextToken: must be the nextToken of the page before');
  const next = from + limit < all.length ? String(from + limit) : undefined;
  return { status: 200, body: { [field]: all.slice(from, from + limit).map(render), nextToken: next } };
}

function renderProvision(call: Call, { functionName, qualifier, value }: Configuration): object {
  const current = running(call, functionName, qualifier);
  return { ...value, defaultTarget: undefined, resource: resourceOf(call, functionName, qualifier), current, currentError: '' };
}

/** GetProvisionConfig: a target of 0 where nobody has set one. */
export async function getProvisionConfig(call: Call): Promise<Answer> {
  const qualifier = call.qualifier || 'LATEST';
  const found = call.rooms.functions.configurations.get('provision', call.name, qualifier);
  const none = { resource: resourceOf(call, call.name, qualifier), target: 0, current: 0, currentError: '' };
  return { status: 200, body: found ? renderProvision(call, found) : none };
}

/** PutProvisionConfig; a target of 0 removes it. */
export async function putProvisionConfig(call: Call): Promise<Answer> {
  const input = await readJson(call);
  return {
    status: 200,
    body: renderProvision(call, await call.rooms.functions.configurations.put('provision', call.name, call.qualifier, input)),
  };
}

/** ListProvisionConfigs, of all services or of one, and of a qualifier. */
export async function listProvisionConfigs(call: Call): Promise<Answer> {
  const service = param(call, 'serviceName');
  const all = call.rooms.functions.configurations.list('provision').filter(({ functionName, qualifier }) => {
    const own = namesOf(functionName);
    return own.service && (!service || own.service === service) && (!call.qualifier || qualifier === call.qualifier);
  });
  return page(call, all, 'provisionConfigs', (one) => renderProvision(call, one));
}

/** Sluice limits a function as a whole, by its reserved concurrency. @throws Fault NotImplemented */
function wholeOnly({ qualifier }: Call): void {
  if (qualifier && qualifier !== 'LATEST') {
    throw new Fault('NotImplemented', 'Sluice limits the instances of a function as a whole; leave the qualifier out.');
  }
}

function renderOnDemand({ functionName, value }: Configuration): object {
  const { service, name } = namesOf(functionName);
  return { resource: `services/${service}.LATEST/functions/${name}`, maximumInstanceCount: value.reservedConcurrency };
}

/** GetFunctionOnDemandConfig. */
export async function getOnDemandConfig(call: Call): Promise<Answer> {
  const found = call.rooms.functions.configurations.get('concurrency', call.name);
  if (!found || (call.qualifier && call.qualifier !== 'LATEST')) throw new Fault('OnDemandConfigNotFound');
  return { status: 200, body: renderOnDemand(found) };
}

/** PutFunctionOnDemandConfig: the greatest number of instances of the function. */
export async function putOnDemandConfig(call: Call): Promise<Answer> {
  wholeOnly(call);
  const { maximumInstanceCount } = ((await readJson(call)) ?? {}) as { maximumInstanceCount?: unknown };
  if (!Number.isInteger(maximumInstanceCount)) throw new Fault('InvalidArgument', 'maximumInstanceCount: must be a number');
  const { configurations } = call.rooms.functions;
  return {
    status: 200,
    body: renderOnDemand(await configurations.put('concurrency', call.name, undefined, { reservedConcurrency: maximumInstanceCount })),
  };
}

/** DeleteFunctionOnDemandConfig. */
export async function deleteOnDemandConfig(call: Call): Promise<Answer> {
  wholeOnly(call);
  await call.rooms.functions.configurations.remove('concurrency', call.name);
  return { status: 204 };
}

/** ListOnDemandConfigs. */
export async function listOnDemandConfigs(call: Call): Promise<Answer> {
  const all = call.rooms.functions.configurations.list('concurrency').filter(({ functionName }) => namesOf(functionName).service);
  return page(call, all, 'configs', renderOnDemand);
}

function renderAsync({ functionName, qualifier, value, createdTime, lastModifiedTime }: Configuration): object {
  const { service, name } = namesOf(functionName);
  const { asyncTask, ...rest } = value;
  const times = { createdTime: isoTime(createdTime), lastModifiedTime: isoTime(lastModifiedTime) };
  return { ...rest, service, function: name, qualifier, statefulInvocation: asyncTask === true, ...times };
}

/** GetFunctionAsyncInvokeConfig. */
export async function getAsyncConfig(call: Call): Promise<Answer> {
  const found = call.rooms.functions.configurations.get('async', call.name, call.qualifier);
  if (!found) throw new Fault('AsyncConfigNotExists');
  return { status: 200, body: renderAsync(found) };
}

/** PutFunctionAsyncInvokeConfig; statefulInvocation is what 3.0 calls asyncTask. */
export async function putAsyncConfig(call: Call): Promise<Answer> {
  const value = await readJson(call);
  const given = value !== null && typeof value === 'object' ? value : {};
  const { statefulInvocation, ...rest } = given as Record<string, unknown>;
  const input = statefulInvocation === undefined ? rest : { ...rest, asyncTask: statefulInvocation };
  return { status: 200, body: renderAsync(await call.rooms.functions.configurations.put('async', call.name, call.qualifier, input)) };
}

/** DeleteFunctionAsyncInvokeConfig. */
export async function deleteAsyncConfig(call: Call): Promise<Answer> {
  await call.rooms.functions.configurations.remove('async', call.name, call.qualifier);
  return { status: 204 };
}

/** ListFunctionAsyncInvokeConfigs of one function. */
export async function listAsyncConfigs(call: Call): Promise<Answer> {
  return page(call, call.rooms.functions.configurations.list('async', call.name), 'configs', renderAsync);
}
