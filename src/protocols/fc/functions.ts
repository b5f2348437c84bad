import { Fault } from '../../faults/index.ts';
import type { FunctionRecord } from '../../functions/index.ts';
import { readBody } from './body.ts';
import { type Answer, type Call, pageAsked, param } from './call.ts';
import { codeOf, forgetCode } from './code-input.ts';
import { authorize } from './guard.ts';
import { parseJson } from './json.ts';
import { renderFunction } from './render.ts';
import { checked, tagsSchema } from './tags.ts';

/** CreateFunction. */
export async function createFunction(call: Call): Promise<Answer> {
  const parsed = parseJson(await readBody(call));
  const { value } = parsed;
  const name = value !== null && typeof value === 'object' && 'functionName' in value ? value.functionName : undefined;
  // Only a text can be part of a resource; anything else is refused with the other fields below.
  authorize(call.rooms, call.principal, { ...call.operation, resource: 'function' }, typeof name === 'string' ? name : '*');
  checkRole(call, value, undefined);
  const tags = tagsOf(value);
  const record = await call.rooms.functions.create(value, codeOf(call, parsed));
  if (tags) await call.rooms.functions.tags.put([record.functionName], tags);
  await forgetCode(call, parsed);
  return { status: 200, body: shown(call, record) };
}

/** Whoever gives a function a role may do through it what the role may: that needs a right of its own. @throws Fault AccessDenied */
export function checkRole({ rooms, principal }: Call, value: unknown, current: string | undefined): void {
  const role = value !== null && typeof value === 'object' && 'role' in value ? value.role : undefined;
  if (typeof role !== 'string' || role === '' || role === current) return;
  rooms.identity.authorize({ principal, action: 'ram:PassRole', resource: role, context: { 'acs:Service': 'fc.aliyuncs.com' } });
}

/** The tags of a CreateFunctionInput. @throws Fault InvalidArgument */
function tagsOf(value: unknown): Record<string, string> | undefined {
  const given = value !== null && typeof value === 'object' && 'tags' in value ? value.tags : undefined;
  if (given === undefined || given === null) return undefined;
  const tags = checked(tagsSchema, given, 'tags');
  return tags.length > 0 ? Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value ?? ''])) : undefined;
}

/** UpdateFunction. */
export async function updateFunction(call: Call): Promise<Answer> {
  const parsed = parseJson(await readBody(call));
  const code = codeOf(call, parsed);
  checkRole(call, parsed.value, call.rooms.functions.get(call.name)?.role);
  const record = await call.rooms.functions.update(call.name, parsed.value, code);
  await forgetCode(call, parsed);
  return { status: 200, body: shown(call, record) };
}

/** GetFunction. */
export async function getFunction(call: Call): Promise<Answer> {
  const record = call.rooms.functions.get(call.name, call.qualifier);
  if (!record) throw new Fault('FunctionNotFound', `There is no function ${call.name.slice(0, 200)}.`);
  return { status: 200, body: shown(call, record) };
}

function shown({ rooms }: Call, record: FunctionRecord): object {
  const { functions } = rooms;
  const name = record.functionName;
  return renderFunction(record, functions.configurations.restriction(name), functions.tags.list([name]));
}

/** Filters of ListFunctions that would silently return too much if they were ignored. */
const filters = ['description', 'functionName', 'gpuType', 'resourceGroupId', 'runtime', 'tags'];

/** ListFunctions. */
export async function listFunctions(call: Call): Promise<Answer> {
  const filter = filters.find((name) => param(call, name));
  if (filter) throw new Fault('NotImplemented', `ListFunctions does not carry out the filter ${filter}; use prefix.`);
  const version = param(call, 'fcVersion');
  if (version && version !== 'v2' && version !== 'v3')
    throw new Fault('InvalidArgument', 'fcVersion: must be v2 (functions of services) or v3');
  const page = call.rooms.functions.list({ ...pageAsked(call), ...(version ? { ofServices: version === 'v2' } : {}) });
  return { status: 200, body: { functions: page.functions.map((record) => shown(call, record)), nextToken: page.nextToken } };
}

/** DeleteFunction. */
export async function deleteFunction(call: Call): Promise<Answer> {
  await call.rooms.functions.remove(call.name);
  return { status: 204 };
}
