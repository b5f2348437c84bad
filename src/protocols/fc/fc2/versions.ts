import type { ServiceAlias, VersionInfo } from '../../../functions/index.ts';
import { type Answer, type Call, isoTime, param } from '../call.ts';
import { readJson } from '../json.ts';
import { ifMatch, listAsked } from './services.ts';

function renderVersion({ createdTime, lastModifiedTime, ...rest }: VersionInfo): object {
  return { ...rest, createdTime: isoTime(createdTime), lastModifiedTime: isoTime(lastModifiedTime) };
}

function renderAlias({ revision: _revision, createdTime, lastModifiedTime, ...rest }: ServiceAlias): object {
  return { ...rest, createdTime: isoTime(createdTime), lastModifiedTime: isoTime(lastModifiedTime) };
}

function answer(alias: ServiceAlias): Answer {
  return { status: 200, headers: { ETag: alias.revision }, body: renderAlias(alias) };
}

function versionsOf(call: Call) {
  return call.rooms.functions.services.versions;
}

/** PublishServiceVersion: the service and all its functions as they are. */
export async function publishServiceVersion(call: Call): Promise<Answer> {
  const input = await readJson(call);
  return { status: 200, body: renderVersion(await versionsOf(call).publish(call.service, input, ifMatch(call))) };
}

/** ListServiceVersions. */
export async function listServiceVersions(call: Call): Promise<Answer> {
  const direction = param(call, 'direction')?.toUpperCase() || 'BACKWARD';
  const { versions, nextToken } = versionsOf(call).list(call.service, { ...listAsked(call), direction });
  return { status: 200, body: { versions: versions.map(renderVersion), nextToken, direction } };
}

/** DeleteServiceVersion. */
export async function deleteServiceVersion(call: Call): Promise<Answer> {
  await versionsOf(call).remove(call.service, call.params.version ?? '');
  return { status: 204 };
}

/** CreateAlias. */
export async function createAlias(call: Call): Promise<Answer> {
  return answer(await versionsOf(call).createAlias(call.service, await readJson(call)));
}

/** UpdateAlias. */
export async function updateAlias(call: Call): Promise<Answer> {
  const input = await readJson(call);
  return answer(await versionsOf(call).updateAlias(call.service, call.params.alias ?? '', input, ifMatch(call)));
}

/** GetAlias. */
export async function getAlias(call: Call): Promise<Answer> {
  return answer(versionsOf(call).alias(call.service, call.params.alias ?? ''));
}

/** ListAliases. */
export async function listAliases(call: Call): Promise<Answer> {
  const { aliases, nextToken } = versionsOf(call).aliases(call.service, listAsked(call));
  return { status: 200, body: { aliases: aliases.map(renderAlias), nextToken } };
}

/** DeleteAlias. */
export async function deleteAlias(call: Call): Promise<Answer> {
  await versionsOf(call).removeAlias(call.service, call.params.alias ?? '', ifMatch(call));
  return { status: 204 };
}
