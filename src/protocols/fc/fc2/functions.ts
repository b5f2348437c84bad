import { Fault } from '../../../faults/index.ts';
import { type FunctionRecord, nameIn } from '../../../functions/index.ts';
import { readBody } from '../body.ts';
import { type Answer, type Call, header } from '../call.ts';
import { codeOf, forgetCode } from '../code-input.ts';
import { authorize } from '../guard.ts';
import { type ParsedJson, parseJson } from '../json.ts';
import { ifMatch, latestOnly, listAsked } from './services.ts';
import { inputOf, renderFunction2 } from './translation.ts';

function answer(record: FunctionRecord): Answer {
  return { status: 200, headers: { ETag: record.revision }, body: renderFunction2(record) };
}

/** The input in the form of 3.0; X-Fc-Code-Checksum counts as the checksum of the code. */
function translated(call: Call, { value, long }: ParsedJson, before: FunctionRecord | undefined): ParsedJson {
  const input = inputOf(value, before);
  const checksum = header(call, 'x-fc-code-checksum');
  const code = input !== null && typeof input === 'object' && 'code' in input ? input.code : undefined;
  const checked = checksum && code && typeof code === 'object' ? { ...(input as object), code: { checksum, ...code } } : input;
  return { value: checked, ...(long ? { long } : {}) };
}

/** CreateFunction in a service. */
export async function createFunction(call: Call): Promise<Answer> {
  const { rooms, principal, operation, service } = call;
  const parsed = translated(call, parseJson(await readBody(call)), undefined);
  const name = (parsed.value as { functionName?: unknown } | null)?.functionName;
  authorize(rooms, principal, { ...operation, resource: 'function' }, nameIn(service, typeof name === 'string' ? name : '*'));
  latestOnly(call);
  const record = await rooms.functions.services.createFunction(service, parsed.value, codeOf(call, parsed));
  await forgetCode(call, parsed);
  return answer(record);
}

/** UpdateFunction. */
export async function updateFunction(call: Call): Promise<Answer> {
  latestOnly(call);
  const { functions } = call.rooms;
  const parsed = translated(call, parseJson(await readBody(call)), existing(call));
  const record = await functions.update(call.name, parsed.value, codeOf(call, parsed), ifMatch(call));
  await forgetCode(call, parsed);
  return answer(record);
}

/** GetFunction, of a version or alias of its service too. */
export async function getFunction(call: Call): Promise<Answer> {
  return answer(existing(call, call.qualifier));
}

/** ListFunctions of a service, or of a version or alias of it. */
export async function listFunctions(call: Call): Promise<Answer> {
  const qualifier = call.qualifier ? { qualifier: call.qualifier } : {};
  const { functions, nextToken } = call.rooms.functions.services.functions(call.service, { ...listAsked(call), ...qualifier });
  return { status: 200, body: { functions: functions.map(renderFunction2), nextToken } };
}

/** DeleteFunction: in the versions of its service too. */
export async function deleteFunction(call: Call): Promise<Answer> {
  latestOnly(call);
  await call.rooms.functions.remove(call.name, ifMatch(call));
  return { status: 204 };
}

function existing(call: Call, qualifier?: string): FunctionRecord {
  const record = call.rooms.functions.get(call.name, qualifier);
  if (record) return record;
  throw new Fault(
    'FunctionNotFound',
    `The service ${call.service.slice(0, 128)} has no function ${(call.params.function ?? '').slice(0, 64)}.`,
  );
}
