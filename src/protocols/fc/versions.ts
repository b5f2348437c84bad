import type { AliasInfo, VersionInfo } from '../../functions/index.ts';
import { type Answer, type Call, isoTime, pageAsked, param } from './call.ts';
import { readJson } from './json.ts';

function renderVersion(info: VersionInfo): object {
  return { ...info, createdTime: isoTime(info.createdTime), lastModifiedTime: isoTime(info.lastModifiedTime) };
}

function renderAlias(info: AliasInfo): object {
  return { ...info, createdTime: isoTime(info.createdTime), lastModifiedTime: isoTime(info.lastModifiedTime) };
}

/** PublishFunctionVersion. */
export async function publishFunctionVersion(call: Call): Promise<Answer> {
  const input = await readJson(call);
  return { status: 200, body: renderVersion(await call.rooms.functions.versions.publish(call.name, input)) };
}

/** ListFunctionVersions. */
export async function listFunctionVersions(call: Call): Promise<Answer> {
  const direction = param(call, 'direction')?.toUpperCase() || 'BACKWARD';
  const { versions, nextToken } = call.rooms.functions.versions.list(call.name, { ...pageAsked(call), direction });
  return { status: 200, body: { direction, nextToken, versions: versions.map(renderVersion) } };
}

/** DeleteFunctionVersion. */
export async function deleteFunctionVersion(call: Call): Promise<Answer> {
  await call.rooms.functions.versions.remove(call.name, call.params.version ?? '');
  return { status: 204 };
}

/** CreateAlias. */
export async function createAlias(call: Call): Promise<Answer> {
  return { status: 200, body: renderAlias(await call.rooms.functions.aliases.create(call.name, await readJson(call))) };
}

/** UpdateAlias. */
export async function updateAlias(call: Call): Promise<Answer> {
  const input = await readJson(call);
  return { status: 200, body: renderAlias(await call.rooms.functions.aliases.update(call.name, call.params.alias ?? '', input)) };
}

/** GetAlias. */
export async function getAlias(call: Call): Promise<Answer> {
  return { status: 200, body: renderAlias(call.rooms.functions.aliases.get(call.name, call.params.alias ?? '')) };
}

/** ListAliases. */
export async function listAliases(call: Call): Promise<Answer> {
  const { aliases, nextToken } = call.rooms.functions.aliases.list(call.name, pageAsked(call));
  return { status: 200, body: { aliases: aliases.map(renderAlias), nextToken } };
}

/** DeleteAlias. */
export async function deleteAlias(call: Call): Promise<Answer> {
  await call.rooms.functions.aliases.remove(call.name, call.params.alias ?? '');
  return { status: 204 };
}
