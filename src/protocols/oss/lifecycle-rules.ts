import type { LifecycleRule, LifecycleTime } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { child, childrenOf, childText, randomHex, type XmlNode, type XmlValue } from '../../kit/index.ts';
import { invalid, xmlDate } from './headers.ts';

/** Limits of a configuration (Alibaba OSS API reference, "PutBucketLifecycle"). */
const mostRules = 1_000;
const idBytes = 255;
const prefixBytes = 1_023;
const storageClasses: readonly string[] = ['IA', 'Archive', 'ColdArchive', 'DeepColdArchive'];
const dateForm = /^\d{4}-\d{2}-\d{2}T00:00:00(\.000)?Z$/;

function textOf(node: XmlNode, name: string): string | undefined {
  return childText(node, name)?.trim() || undefined;
}

function readCount(node: XmlNode, name: string, least = 1): number | undefined {
  const text = textOf(node, name);
  if (text === undefined) return undefined;
  const count = /^\d{1,15}$/.test(text) ? Number(text) : -1;
  if (count < least) throw invalid(name, text, `The ${name} of a lifecycle rule must be a whole number of at least ${least}.`);
  return count;
}

function readDate(node: XmlNode, name: string): number | undefined {
  const text = textOf(node, name);
  if (text === undefined) return undefined;
  const ms = dateForm.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms))
    throw invalid(name, text, `The ${name} of a lifecycle rule must be a midnight in UTC, such as 2030-01-31T00:00:00.000Z.`);
  return ms;
}

/** Exactly one of the ways to say when. */
function readTime(node: XmlNode, withDate: boolean): LifecycleTime | undefined {
  const days = readCount(node, 'Days');
  const createdBefore = readDate(node, 'CreatedBeforeDate');
  const date = withDate ? readDate(node, 'Date') : undefined;
  const given = [days, createdBefore, date].filter((each) => each !== undefined);
  if (given.length > 1) throw malformed(`<${node.name}> says when in one way only.`);
  if (days !== undefined) return { days };
  if (createdBefore !== undefined) return { createdBefore };
  return date === undefined ? undefined : { date };
}

function requireTime(node: XmlNode, withDate: boolean): LifecycleTime {
  const time = readTime(node, withDate);
  if (!time) throw malformed(`<${node.name}> needs <Days> or <CreatedBeforeDate>.`);
  return time;
}

function malformed(message: string): Fault {
  return new Fault('MalformedXML', message);
}

function readClass(node: XmlNode): string {
  const storageClass = textOf(node, 'StorageClass') ?? '';
  if (!storageClasses.includes(storageClass))
    throw invalid('StorageClass', storageClass, `A transition leads to one of ${storageClasses.join(', ')}.`);
  for (const name of ['IsAccessTime', 'ReturnToStdWhenVisit']) {
    if (textOf(node, name)?.toLowerCase() === 'true')
      throw new Fault('NotImplemented', `Sluice does not keep the times of access, which ${name} of a lifecycle rule needs.`);
  }
  return storageClass;
}

function readExclusion(node: XmlNode): LifecycleRule['except'][number] {
  const prefix = childText(node, 'Prefix') ?? '';
  const tag = child(node, 'Tag');
  if (prefix === '' && !tag) throw malformed('A <Not> needs a <Prefix> or a <Tag>.');
  return tag ? { prefix, tag: { key: childText(tag, 'Key') ?? '', value: childText(tag, 'Value') ?? '' } } : { prefix };
}

/** The elements that several SDKs leave empty when they have nothing to say. */
function meaningful(node: XmlNode | undefined): XmlNode | undefined {
  return node && node.children.length > 0 ? node : undefined;
}

function readExpiration(node: XmlNode | undefined): Pick<LifecycleRule, 'expiration' | 'expiredMarkers'> {
  if (!node) return { expiredMarkers: false };
  const markers = textOf(node, 'ExpiredObjectDeleteMarker')?.toLowerCase();
  const expiration = readTime(node, true);
  if (markers !== undefined && markers !== 'true' && markers !== 'false')
    throw invalid('ExpiredObjectDeleteMarker', markers, 'The ExpiredObjectDeleteMarker must be true or false.');
  if (markers !== undefined && expiration) throw malformed('An <Expiration> has <ExpiredObjectDeleteMarker> or says when, not both.');
  if (markers === undefined && !expiration)
    throw malformed('An <Expiration> needs <Days>, <CreatedBeforeDate>, <Date> or <ExpiredObjectDeleteMarker>.');
  return { expiredMarkers: markers === 'true', ...(expiration && { expiration }) };
}

function readRule(node: XmlNode): LifecycleRule {
  const id = textOf(node, 'ID') ?? randomHex(16);
  const prefix = childText(node, 'Prefix') ?? '';
  const status = textOf(node, 'Status') ?? '';
  if (Buffer.byteLength(id) > idBytes) throw invalid('ID', id, `The ID of a lifecycle rule has at most ${idBytes} bytes.`);
  if (Buffer.byteLength(prefix) > prefixBytes)
    throw invalid('Prefix', prefix, `The Prefix of a lifecycle rule has at most ${prefixBytes} bytes.`);
  if (status !== 'Enabled' && status !== 'Disabled') throw malformed('The <Status> of a <Rule> must be Enabled or Disabled.');
  const filter = child(node, 'Filter');
  const largerThan = filter && readCount(filter, 'ObjectSizeGreaterThan', 0);
  const smallerThan = filter && readCount(filter, 'ObjectSizeLessThan', 0);
  const noncurrent = meaningful(child(node, 'NoncurrentVersionExpiration'));
  const abort = meaningful(child(node, 'AbortMultipartUpload'));
  const rule: LifecycleRule = {
    ...{ id, prefix, enabled: status === 'Enabled', ...readExpiration(meaningful(child(node, 'Expiration'))) },
    tags: Object.fromEntries(childrenOf(node, 'Tag').map((tag) => [childText(tag, 'Key') ?? '', childText(tag, 'Value') ?? ''])),
    except: filter ? childrenOf(filter, 'Not').map(readExclusion) : [],
    ...(largerThan !== undefined && { largerThan }),
    ...(smallerThan !== undefined && { smallerThan }),
    transitions: childrenOf(node, 'Transition').map((each) => ({ when: requireTime(each, false), storageClass: readClass(each) })),
    ...(noncurrent && { noncurrentDays: requireDays(noncurrent) }),
    noncurrentTransitions: childrenOf(node, 'NoncurrentVersionTransition').map((each) => ({
      days: requireDays(each),
      storageClass: readClass(each),
    })),
    ...(abort && { abort: requireTime(abort, false) }),
  };
  if (rule.abort && Object.keys(rule.tags).length > 0)
    throw invalid('Tag', '', 'A lifecycle rule with tags cannot have an AbortMultipartUpload: uploads have none.');
  if (!hasAction(rule) && !childText(node, 'Expiration', 'ExpiredObjectDeleteMarker'))
    throw malformed('Every <Rule> needs something to do.');
  return rule;
}

function requireDays(node: XmlNode): number {
  const days = readCount(node, 'NoncurrentDays');
  if (days === undefined) throw malformed(`<${node.name}> needs <NoncurrentDays>.`);
  return days;
}

function hasAction({ expiration, expiredMarkers, transitions, noncurrentDays, noncurrentTransitions, abort }: LifecycleRule): boolean {
  return Boolean(expiration || expiredMarkers || noncurrentDays || abort) || transitions.length > 0 || noncurrentTransitions.length > 0;
}

/**
 * The rules of a <LifecycleConfiguration>.
 * @param mayOverlap whether several rules may do the same to one object
 * @throws Fault MalformedXML, InvalidArgument, NotImplemented (by time of access)
 */
export function readRules(root: XmlNode, mayOverlap: boolean): LifecycleRule[] {
  const nodes = childrenOf(root, 'Rule');
  if (nodes.length === 0 || nodes.length > mostRules)
    throw malformed(`A <LifecycleConfiguration> holds 1 to ${mostRules} <Rule> elements, not ${nodes.length}.`);
  const rules = nodes.map(readRule);
  const ids = new Set<string>();
  for (const { id } of rules) {
    if (ids.has(id)) throw invalid('ID', id, `Two lifecycle rules have the ID ${id}.`);
    ids.add(id);
  }
  if (!mayOverlap) refuseOverlaps(rules);
  return rules;
}

/** What two rules for the same objects may not both do. */
function actionsOf({ expiration, expiredMarkers, transitions, noncurrentDays, noncurrentTransitions, abort }: LifecycleRule): string[] {
  return [
    ...(expiration || expiredMarkers ? ['Expiration'] : []),
    ...(noncurrentDays === undefined ? [] : ['NoncurrentVersionExpiration']),
    ...(abort ? ['AbortMultipartUpload'] : []),
    ...transitions.map(({ storageClass }) => `Transition to ${storageClass}`),
    ...noncurrentTransitions.map(({ storageClass }) => `NoncurrentVersionTransition to ${storageClass}`),
  ];
}

function refuseOverlaps(rules: readonly LifecycleRule[]): void {
  /** By prefix, with the tags: the rules that were met, by what they do. */
  const met: { rule: LifecycleRule; actions: readonly string[]; tags: string }[] = [];
  for (const rule of rules) {
    const actions = actionsOf(rule);
    const tags = JSON.stringify(Object.entries(rule.tags).sort());
    const other = met.find(
      (each) =>
        each.tags === tags &&
        (each.rule.prefix.startsWith(rule.prefix) || rule.prefix.startsWith(each.rule.prefix)) &&
        each.actions.some((action) => actions.includes(action)),
    );
    if (other) {
      const both = `${other.rule.id} and ${rule.id}`;
      throw invalid(
        'Prefix',
        rule.prefix,
        `The lifecycle rules ${both} do the same to overlapping prefixes. Send x-oss-allow-same-action-overlap: true to allow it.`,
      );
    }
    met.push({ rule, actions, tags });
  }
}

function writeTime(when: LifecycleTime): Record<string, XmlValue> {
  if ('days' in when) return { Days: when.days };
  return 'date' in when ? { Date: xmlDate(when.date) } : { CreatedBeforeDate: xmlDate(when.createdBefore) };
}

/** One rule as GetBucketLifecycle tells it. */
export function writeRule(rule: LifecycleRule): XmlValue {
  const { except, largerThan, smallerThan, expiration, expiredMarkers } = rule;
  const filtered = except.length > 0 || largerThan !== undefined || smallerThan !== undefined;
  return {
    ...{ ID: rule.id, Prefix: rule.prefix, Status: rule.enabled ? 'Enabled' : 'Disabled' },
    Tag: Object.entries(rule.tags).map(([Key, Value]) => ({ Key, Value })),
    Filter: filtered
      ? {
          ...{ ObjectSizeGreaterThan: largerThan, ObjectSizeLessThan: smallerThan },
          Not: except.map(({ prefix, tag }) => ({ Prefix: prefix, Tag: tag && { Key: tag.key, Value: tag.value } })),
        }
      : undefined,
    Expiration: expiration ? writeTime(expiration) : expiredMarkers ? { ExpiredObjectDeleteMarker: true } : undefined,
    Transition: rule.transitions.map(({ when, storageClass }) => ({ ...writeTime(when), StorageClass: storageClass })),
    NoncurrentVersionExpiration: rule.noncurrentDays === undefined ? undefined : { NoncurrentDays: rule.noncurrentDays },
    NoncurrentVersionTransition: rule.noncurrentTransitions.map(({ days, storageClass }) => ({
      NoncurrentDays: days,
      StorageClass: storageClass,
    })),
    AbortMultipartUpload: rule.abort && writeTime(rule.abort),
  };
}
