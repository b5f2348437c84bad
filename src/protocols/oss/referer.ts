import type { RefererSettings } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { child, childrenOf, childText, writeXml, type XmlNode } from '../../kit/index.ts';
import type { Call } from './call.ts';
import { invalid } from './headers.ts';
import { requireXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';
import { bucketBehind } from './sides.ts';

const usual: RefererSettings = { allowEmpty: true, ignoreQuery: true, allowed: [], refused: [] };

function readFlag(root: XmlNode, name: string, otherwise: boolean): boolean {
  const value = childText(root, name)?.trim().toLowerCase() ?? '';
  if (value !== 'true' && value !== 'false' && value !== '') throw invalid(name, value, `The ${name} must be true or false.`);
  return value === '' ? otherwise : value === 'true';
}

function listOf(root: XmlNode, name: string): string[] {
  const list = child(root, name);
  const texts = list ? childrenOf(list, 'Referer').map((node) => node.text.trim()) : [];
  return texts.filter((text) => text !== '');
}

/** PutBucketReferer. */
export async function putBucketReferer(call: Call): Promise<void> {
  const { name } = call.bucket;
  const root = await requireXml(call, ['RefererConfiguration']);
  if (readFlag(root, 'TruncatePath', false))
    throw new Fault('NotImplemented', 'Sluice does not carry out TruncatePath of PutBucketReferer.');
  await call.rooms.store.setBucketSetting(name, 'referer', {
    ...{ allowEmpty: readFlag(root, 'AllowEmptyReferer', true), ignoreQuery: readFlag(root, 'AllowTruncateQueryString', true) },
    ...{ allowed: listOf(root, 'RefererList'), refused: listOf(root, 'RefererBlacklist') },
  });
  sendEmpty(call.ctx);
}

/** GetBucketReferer: what holds where nothing was put, too. */
export function getBucketReferer(call: Call): void {
  const { allowEmpty, ignoreQuery, allowed, refused } = call.bucket.settings.referer ?? usual;
  const xml = writeXml('RefererConfiguration', {
    ...{ AllowEmptyReferer: allowEmpty, AllowTruncateQueryString: ignoreQuery, RefererList: { Referer: [...allowed] } },
    RefererBlacklist: refused.length > 0 ? { Referer: [...refused] } : undefined,
  });
  sendXml(call.ctx, xml);
}

/**
 * Whether a page is one of the pattern's: everything below it, as OSS takes it. In the pattern * stands for any characters and ? for one; in its
 * host they stand for no slash, and a host ends where it ends, so that no other host can be made to fit. A pattern without a scheme is for all.
 */
export function matchesReferer(pattern: string, text: string): boolean {
  const scheme = pattern.indexOf('://');
  const wanted = scheme < 0 ? `*://${pattern}` : pattern;
  const slash = wanted.indexOf('/', wanted.indexOf('://') + 3);
  if (slash >= 0) return globFits(`${wanted}*`, text, slash);
  return globFits(wanted, text, wanted.length) || ['/', ':'].some((end) => globFits(`${wanted}${end}*`, text, wanted.length));
}

/** Matches a glob whose wildcards before `host` stand for no slash. Goes back to the last star only. */
function globFits(wanted: string, text: string, host: number): boolean {
  let [p, t, star, mark] = [0, 0, -1, 0];
  while (t < text.length) {
    if (wanted[p] === '*') {
      star = p++;
      mark = t;
    } else if (p < wanted.length && (wanted[p] === text[t] || (wanted[p] === '?' && (p >= host || text[t] !== '/')))) {
      p += 1;
      t += 1;
    } else if (star >= 0 && (star >= host || text[mark] !== '/')) {
      p = star + 1;
      t = ++mark;
    } else return false;
  }
  while (wanted[p] === '*') p += 1;
  return p === wanted.length;
}

/**
 * Refuses requests for objects that come from other pages than the bucket lets link to it. Who signs the request itself is not asked, nor is a
 * function that reads its original.
 * @throws Fault AccessDenied
 */
export function checkReferer(call: Call, signed: boolean): void {
  if (call.operation.resource !== 'object' || (signed && !call.presigned) || call.principal.session?.exchange !== undefined) return;
  const settings = bucketBehind(call.rooms, call.resolved)?.settings.referer;
  if (!settings) return;
  const referer = call.ctx.headers.referer ?? '';
  if (allows(settings, settings.ignoreQuery ? referer.replace(/\?.*$/s, '') : referer)) return;
  call.ctx.note.denied = 'referer';
  throw new Fault('AccessDenied', 'You are denied by bucket referer policy.');
}

function allows({ allowEmpty, allowed, refused }: RefererSettings, referer: string): boolean {
  if (referer === '') return allowEmpty || allowed.length === 0;
  if (refused.some((pattern) => matchesReferer(pattern, referer))) return false;
  return allowed.length === 0 || allowed.some((pattern) => matchesReferer(pattern, referer));
}
