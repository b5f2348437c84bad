import { z } from 'zod';
import { Fault } from '../../faults/index.ts';
import { type Answer, type Call, param } from './call.ts';
import { readJson } from './json.ts';

const tagSchema = z.object({ Key: z.string().min(1).max(128), Value: z.string().max(256).nullish() });
/** Tags as inputs hold them. */
export const tagsSchema = z.array(tagSchema).max(20);
const inputSchema = z.object({
  ResourceId: z.array(z.string().max(512)).min(1).max(50),
  ResourceType: z.string().nullish(),
  Tag: tagsSchema.min(1),
});
const texts = z.array(z.string().max(512)).max(50);
const filterSchema = z.array(z.object({ Key: z.string().max(128), Value: z.string().max(256).nullish() })).max(20);

/** @throws Fault InvalidArgument that names the field */
export function checked<T>(schema: z.ZodType<T>, value: unknown, field: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new Fault('InvalidArgument', `${[field, ...(issue?.path ?? [])].filter(Boolean).join('.')}: ${issue?.message}`);
}

/** A list in the query: JSON, as the SDKs of 3.0 write it, or a single text. */
function listParam<T>(call: Call, name: string, schema: z.ZodType<T>): T | undefined {
  const text = param(call, name);
  if (!text) return undefined;
  if (!text.startsWith('[')) return checked(schema, [text], name);
  try {
    return checked(schema, JSON.parse(text), name);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault('InvalidArgument', `${name}: is not JSON`, { cause });
  }
}

function checkType(type: string | null | undefined): void {
  if (type && !/^(ALIYUN::FC::)?FUNCTION$/i.test(type)) throw new Fault('InvalidArgument', 'ResourceType: must be function');
}

/** TagResources. */
export async function tagResources(call: Call): Promise<Answer> {
  const { ResourceId, ResourceType, Tag } = checked(inputSchema, await readJson(call), '');
  checkType(ResourceType);
  await call.rooms.functions.tags.put(ResourceId, Object.fromEntries(Tag.map(({ Key, Value }) => [Key, Value ?? ''])));
  return { status: 200 };
}

/** UntagResources. */
export async function untagResources(call: Call): Promise<Answer> {
  checkType(param(call, 'ResourceType'));
  const keys = listParam(call, 'TagKey', texts);
  const all = param(call, 'All') === 'true';
  if (!all && !keys?.length) throw new Fault('InvalidArgument', 'TagKey: name the tags to remove, or All=true');
  await call.rooms.functions.tags.remove(listParam(call, 'ResourceId', texts) ?? [], keys?.length ? keys : undefined);
  return { status: 200 };
}

/** ListTagResources. */
export async function listTagResources(call: Call): Promise<Answer> {
  checkType(param(call, 'ResourceType'));
  const limit = Number(param(call, 'Limit') || 50);
  const from = Number(param(call, 'NextToken') || 0);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) throw new Fault('InvalidArgument', 'Limit: must be 1 to 100');
  if (!Number.isInteger(from) || from < 0) throw new Fault('InvalidArgument', 'NextToken: must be the NextToken of the page before');
  const filter = listParam(call, 'Tag', filterSchema)?.map(({ Key, Value }) => ({ key: Key, value: Value ?? undefined }));
  const all = call.rooms.functions.tags.list(listParam(call, 'ResourceId', texts), filter);
  const tags = all.slice(from, from + limit).map(({ resourceArn, key, value }) => ({
    ResourceId: resourceArn,
    ResourceType: 'ALIYUN::FC::FUNCTION',
    TagKey: key,
    TagValue: value,
  }));
  const next = from + limit < all.length ? String(from + limit) : undefined;
  return { status: 200, body: { RequestId: call.ctx.id, NextToken: next, TagResources: tags } };
}
