import type { TriggerInfo } from '../../../functions/index.ts';
import { type Answer, type Call, isoTime } from '../call.ts';
import { readJson } from '../json.ts';
import { ifMatch, listAsked } from './services.ts';

/** 2016-08-15 writes the configuration as an object, the later versions as its JSON text. */
function configOf({ api }: Call, config: string): unknown {
  if (api !== '2016-08-15') return config;
  return config === '' ? {} : JSON.parse(config);
}

function render(call: Call, { revision: _revision, createdTime, lastModifiedTime, triggerConfig, ...rest }: TriggerInfo): object {
  const config = configOf(call, triggerConfig);
  return { ...rest, triggerConfig: config, createdTime: isoTime(createdTime), lastModifiedTime: isoTime(lastModifiedTime) };
}

function answer(call: Call, info: TriggerInfo): Answer {
  return { status: 200, headers: { ETag: info.revision }, body: render(call, info) };
}

async function inputOf(call: Call): Promise<unknown> {
  const value = await readJson(call);
  if (value === null || typeof value !== 'object' || !('triggerConfig' in value)) return value;
  const { triggerConfig } = value;
  return triggerConfig !== null && typeof triggerConfig === 'object' ? { ...value, triggerConfig: JSON.stringify(triggerConfig) } : value;
}

/** CreateTrigger: kept as a record; no event source is watched. */
export async function createTrigger(call: Call): Promise<Answer> {
  return answer(call, await call.rooms.functions.triggers.create(call.name, await inputOf(call)));
}

/** UpdateTrigger. */
export async function updateTrigger(call: Call): Promise<Answer> {
  const input = await inputOf(call);
  return answer(call, await call.rooms.functions.triggers.update(call.name, call.params.trigger ?? '', input, ifMatch(call)));
}

/** GetTrigger. */
export async function getTrigger(call: Call): Promise<Answer> {
  return answer(call, call.rooms.functions.triggers.get(call.name, call.params.trigger ?? ''));
}

/** ListTriggers. */
export async function listTriggers(call: Call): Promise<Answer> {
  const { triggers, nextToken } = call.rooms.functions.triggers.list(call.name, listAsked(call));
  return { status: 200, body: { triggers: triggers.map((info) => render(call, info)), nextToken } };
}

/** DeleteTrigger. */
export async function deleteTrigger(call: Call): Promise<Answer> {
  await call.rooms.functions.triggers.remove(call.name, call.params.trigger ?? '', ifMatch(call));
  return { status: 204 };
}
