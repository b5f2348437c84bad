import { Fault } from '../../faults/index.ts';
import { child, childrenOf, childText, writeXml, type XmlNode } from '../../kit/index.ts';
import type { Call } from './call.ts';
import { invalid } from './headers.ts';
import { requireXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';
import { refuseVersion } from './versions.ts';

/** Tags by key (Alibaba OSS API reference, "PutObjectTagging"): keys of 1 to 128 characters, values of up to 256. */
export type Tags = Readonly<Record<string, string>>;

const tagHeader = 'x-oss-tagging';
const objectTags = 10;
const keyCharacters = 128;
const valueCharacters = 256;
/** Letters of any script, digits, spaces and + - = . _ : / and @. */
const tagForm = /^[\p{L}\p{M}\p{N}\p{Zs}+\-=._:/@]*$/u;

function tagsOf(pairs: readonly (readonly [string, string])[], most: number): Tags {
  if (pairs.length > most) throw new Fault('InvalidTag', `There may be at most ${most} tags; here are ${pairs.length}.`);
  const tags: Record<string, string> = Object.create(null);
  for (const [key, value] of pairs) {
    if (key === '' || key.length > keyCharacters || value.length > valueCharacters) {
      throw new Fault('InvalidTag', `A tag has a key of 1 to ${keyCharacters} characters and a value of at most ${valueCharacters}.`);
    }
    if (!tagForm.test(key) || !tagForm.test(value)) {
      throw new Fault('InvalidTag', 'The keys and values of tags hold letters, digits, spaces and + - = . _ : / @ only.');
    }
    if (key in tags) throw new Fault('InvalidTag', `The tag ${key} is there twice.`);
    tags[key] = value;
  }
  return tags;
}

/** The tags that a write gives its object in the header: `a=1&b=2`, percent-encoded. @throws Fault InvalidArgument, InvalidTag */
export function readTagHeader(call: Call): Tags | undefined {
  const value = call.header(tagHeader);
  if (value === undefined) return undefined;
  const pairs = value
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=');
      const [key, text] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
      return [decoded(key), decoded(text)] as const;
    });
  return tagsOf(pairs, objectTags);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw invalid(tagHeader, text, `The ${tagHeader} must be percent-encoded: a=1&b=2.`);
  }
}

/** The tags of a <Tagging> document. @throws Fault MalformedXML, InvalidTag */
export function tagsIn(root: XmlNode, most: number): Tags {
  const set = child(root, 'TagSet');
  if (!set) throw new Fault('MalformedXML', 'A <Tagging> document holds a <TagSet>.');
  return tagsOf(
    childrenOf(set, 'Tag').map((tag) => [childText(tag, 'Key') ?? '', childText(tag, 'Value') ?? ''] as const),
    most,
  );
}

/** The document that tells of tags. */
export function writeTagging(tags: Tags): string {
  return writeXml('Tagging', { TagSet: { Tag: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) } });
}

/** PutObjectTagging: these tags instead of those that were there. */
export async function putObjectTagging(call: Call): Promise<void> {
  const { name } = call.bucket;
  refuseVersion(call);
  const tags = tagsIn(await requireXml(call, ['Tagging']), objectTags);
  await call.rooms.store.setObjectTags(name, call.key, tags);
  sendEmpty(call.ctx);
}

/** GetObjectTagging: an empty set for an object without tags. */
export function getObjectTagging(call: Call): void {
  const { name } = call.bucket;
  refuseVersion(call);
  const head = call.rooms.store.head(name, call.key);
  if (!head) throw new Fault('NoSuchKey', undefined, { extra: { Key: call.key } });
  sendXml(call.ctx, writeTagging(head.tags));
}

/** DeleteObjectTagging: 204 whether or not there were any. */
export async function deleteObjectTagging(call: Call): Promise<void> {
  const { name } = call.bucket;
  refuseVersion(call);
  await call.rooms.store.setObjectTags(name, call.key, {});
  sendEmpty(call.ctx, 204);
}
