import { type TriggerInfo, withQualifier } from '../../functions/index.ts';
import { type Answer, type Call, isoTime, pageAsked } from './call.ts';
import { readJson } from './json.ts';

function render(call: Call, info: TriggerInfo): object {
  const { createdTime, lastModifiedTime, revision: _revision, ...rest } = info;
  const targetArn = withQualifier(call.rooms.functions.get(call.name)?.functionArn ?? '', info.qualifier || 'LATEST');
  return { ...rest, targetArn, status: '', createdTime: isoTime(createdTime), lastModifiedTime: isoTime(lastModifiedTime) };
}

/** CreateTrigger: kept as a record; no event source is watched. */
export async function createTrigger(call: Call): Promise<Answer> {
  return { status: 200, body: render(call, await call.rooms.functions.triggers.create(call.name, await readJson(call))) };
}

/** UpdateTrigger. */
export async function updateTrigger(call: Call): Promise<Answer> {
  const input = await readJson(call);
  return { status: 200, body: render(call, await call.rooms.functions.triggers.update(call.name, call.params.trigger ?? '', input)) };
}

/** GetTrigger. */
export async function getTrigger(call: Call): Promise<Answer> {
  return { status: 200, body: render(call, call.rooms.functions.triggers.get(call.name, call.params.trigger ?? '')) };
}

/** ListTriggers. */
export async function listTriggers(call: Call): Promise<Answer> {
  const { triggers, nextToken } = call.rooms.functions.triggers.list(call.name, pageAsked(call));
  return { status: 200, body: { triggers: triggers.map((info) => render(call, info)), nextToken } };
}

/** DeleteTrigger. */
export async function deleteTrigger(call: Call): Promise<Answer> {
  await call.rooms.functions.triggers.remove(call.name, call.params.trigger ?? '');
  return { status: 204 };
}
