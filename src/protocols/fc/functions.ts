import { Fault } from '../../faults/index.ts';
import { readBody } from './body.ts';
import { type Answer, type Call, param } from './call.ts';
import { codeOf } from './code-input.ts';
import { authorize } from './guard.ts';
import { parseJson } from './json.ts';
import { renderFunction } from './render.ts';

/** CreateFunction. */
export async function createFunction(call: Call): Promise<Answer> {
  const parsed = parseJson(await readBody(call));
  const { value } = parsed;
  const name = value !== null && typeof value === 'object' && 'functionName' in value ? value.functionName : undefined;
  // Only a text can be part of a resource; anything else is refused with the other fields below.
  authorize(call.rooms, call.principal, call.operation, typeof name === 'string' ? name : '*');
  const code = codeOf(call, parsed);
  if (!code) throw new Fault('InvalidArgument', 'code: give zipFile (base64), or ossBucketName and ossObjectName');
  return { status: 200, body: renderFunction(await call.rooms.functions.create(value, code)) };
}

/** UpdateFunction. */
export async function updateFunction(call: Call): Promise<Answer> {
  const parsed = parseJson(await readBody(call));
  const code = codeOf(call, parsed);
  return { status: 200, body: renderFunction(await call.rooms.functions.update(call.name, parsed.value, code)) };
}

/** GetFunction. */
export async function getFunction(call: Call): Promise<Answer> {
  const { functions } = call.rooms;
  const record = functions.get(call.name);
  if (!record) throw new Fault('FunctionNotFound', `There is no function ${call.name.slice(0, 200)}.`);
  const qualifier = param(call, 'qualifier');
  if (qualifier && qualifier !== 'LATEST') {
    throw new Fault('VersionNotFound', `The function ${call.name} has no version or alias ${qualifier.slice(0, 64)}; use LATEST.`);
  }
  return { status: 200, body: renderFunction(record) };
}

/** Filters of ListFunctions that would silently return too much if they were ignored. */
const filters = ['description', 'functionName', 'gpuType', 'resourceGroupId', 'runtime', 'tags'];

/** ListFunctions. */
export async function listFunctions(call: Call): Promise<Answer> {
  const filter = filters.find((name) => param(call, name));
  if (filter) throw new Fault('NotImplemented', `ListFunctions does not carry out the filter ${filter}; use prefix.`);
  // Functions of the 2.0 API are not kept apart from those of 3.0; there are none.
  if (param(call, 'fcVersion') === 'v2') return { status: 200, body: { functions: [] } };
  const limit = param(call, 'limit');
  if (limit && !/^\d{1,4}$/.test(limit)) throw new Fault('InvalidArgument', 'limit: must be 1 to 100');
  const page = call.rooms.functions.list({
    prefix: param(call, 'prefix'),
    limit: limit ? Number(limit) : undefined,
    nextToken: param(call, 'nextToken'),
  });
  return { status: 200, body: { functions: page.functions.map(renderFunction), nextToken: page.nextToken } };
}

/** DeleteFunction. */
export async function deleteFunction(call: Call): Promise<Answer> {
  await call.rooms.functions.remove(call.name);
  return { status: 204 };
}
