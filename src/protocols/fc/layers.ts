import { Fault } from '../../faults/index.ts';
import type { LayerRecord } from '../../functions/index.ts';
import { readBody } from './body.ts';
import { type Answer, type Call, isoTime, pageAsked, param } from './call.ts';
import { codeOf, forgetCode } from './code-input.ts';
import { packageUrl } from './downloads.ts';
import { type ParsedJson, parseJson } from './json.ts';

function render(call: Call, record: LayerRecord, more: { withCode?: boolean } = {}): object {
  const { codeDigest: _digest, bytes: _bytes, createTime, ...rest } = record;
  const location = more.withCode ? packageUrl(call, { layer: record.layerName, version: record.version }) : undefined;
  return { ...rest, createTime: isoTime(createTime), ...(location ? { code: { location, repositoryType: 'url' } } : {}) };
}

function layer(call: Call): string {
  return call.params.layer ?? '';
}

function version(call: Call): number {
  const text = call.params.version ?? '';
  if (!/^\d{1,9}$/.test(text)) throw new Fault('InvalidArgument', 'version: must be the number of a version');
  return Number(text);
}

/** The SDKs of 2.0 write Code. */
function named(parsed: ParsedJson): ParsedJson {
  const { value } = parsed;
  return value !== null && typeof value === 'object' && 'Code' in value ? { ...parsed, value: { ...value, code: value.Code } } : parsed;
}

/** CreateLayerVersion. */
export async function createLayerVersion(call: Call): Promise<Answer> {
  const parsed = named(parseJson(await readBody(call)));
  const code = codeOf(call, parsed);
  if (!code) throw new Fault('InvalidArgument', 'code: give zipFile (base64), or ossBucketName and ossObjectName');
  const record = await call.rooms.functions.layers.create(layer(call), parsed.value, code);
  await forgetCode(call, parsed);
  return { status: 200, body: render(call, record) };
}

/** GetLayerVersion. */
export async function getLayerVersion(call: Call): Promise<Answer> {
  return { status: 200, body: render(call, call.rooms.functions.layers.get(layer(call), version(call)), { withCode: true }) };
}

/** GetLayerVersionByArn. */
export async function getLayerVersionByArn(call: Call): Promise<Answer> {
  return { status: 200, body: render(call, call.rooms.functions.layers.getByArn(call.params.arn ?? ''), { withCode: true }) };
}

/** ListLayers: the newest version of each. */
export async function listLayers(call: Call): Promise<Answer> {
  // Official and public layers of the vendor are not here.
  if (param(call, 'official') === 'true' || param(call, 'public') === 'true') return { status: 200, body: { layers: [] } };
  const { layers, nextToken } = call.rooms.functions.layers.list(pageAsked(call));
  return { status: 200, body: { layers: layers.map((record) => render(call, record)), nextToken } };
}

/** ListLayerVersions, newest first. */
export async function listLayerVersions(call: Call): Promise<Answer> {
  const start = param(call, 'startVersion');
  if (start && !/^\d{1,9}$/.test(start)) throw new Fault('InvalidArgument', 'startVersion: must be the number of a version');
  const { limit } = pageAsked(call);
  const asked = { ...(limit === undefined ? {} : { limit }), ...(start ? { startVersion: Number(start) } : {}) };
  const { layers, nextVersion } = call.rooms.functions.layers.versions(layer(call), asked);
  return { status: 200, body: { layers: layers.map((record) => render(call, record)), nextVersion } };
}

/** DeleteLayerVersion. */
export async function deleteLayerVersion(call: Call): Promise<Answer> {
  await call.rooms.functions.layers.remove(layer(call), version(call));
  return { status: 204 };
}

/** PutLayerACL: kept as a record; every layer serves its account alone. */
export async function putLayerAcl(call: Call): Promise<Answer> {
  const acl = param(call, 'acl') || (param(call, 'public') === 'true' ? '1' : '0');
  if (acl !== '0' && acl !== '1') throw new Fault('InvalidArgument', 'acl: must be 0 (private) or 1 (public)');
  await call.rooms.functions.layers.setAcl(layer(call), acl);
  return { status: 200 };
}
