import type { Bucket } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { child, childrenOf, childText, writeXml, type XmlNode } from '../../kit/index.ts';
import type { Call } from './call.ts';
import { type HeaderList, invalid } from './headers.ts';
import { requireXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';
import { changeNamed, requireHead, versionHeaders } from './versions.ts';

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
  const { bucket } = call;
  const tags = tagsIn(await requireXml(call, ['Tagging']), objectTags);
  sendEmpty(call.ctx, 200, await putTags(call, bucket, tags));
}

function putTags(call: Call, bucket: Bucket, tags: Tags): Promise<HeaderList> {
  return changeNamed(call, bucket, (version) => call.rooms.store.setObjectTags(bucket.name, call.key, tags, version));
}

/** GetObjectTagging: an empty set for an object without tags. */
export function getObjectTagging(call: Call): void {
  const { bucket } = call;
  const head = requireHead(call, bucket);
  sendXml(call.ctx, writeTagging(head.tags), versionHeaders(bucket, head.version));
}

/** DeleteObjectTagging: 204 whether or not there were any. */
export async function deleteObjectTagging(call: Call): Promise<void> {
  sendEmpty(call.ctx, 204, await putTags(call, call.bucket, {}));
}
