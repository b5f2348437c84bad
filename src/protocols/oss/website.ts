import type { FoundObject, WebsiteSettings } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import type { RequestContext } from '../../http/index.ts';
import { child, childText, writeXml, type XmlNode } from '../../kit/index.ts';
import { isArchived } from './archive.ts';
import type { Call, OssRooms } from './call.ts';
import { replacedHeaders } from './downloads.ts';
import { authorizeSource } from './guard.ts';
import { commonHeaders, invalid, wholeHeaders } from './headers.ts';
import { requireXml } from './request-body.ts';
import type { Candidate } from './resolution.ts';
import { sendEmpty, sendStream, sendXml } from './respond.ts';

/** What becomes of a folder's name without a slash, by the numbers of <Type>. */
const folderTypes = ['redirect', 'missing', 'index'] as const;

/** PutBucketWebsite: index and error pages. @throws Fault MalformedXML, InvalidArgument, NotImplemented (routing rules) */
export async function putBucketWebsite(call: Call): Promise<void> {
  const { name } = call.bucket;
  const root = await requireXml(call, ['WebsiteConfiguration']);
  // Go v1 sends an empty list.
  const routing = child(root, 'RoutingRules');
  if (routing && child(routing, 'RoutingRule'))
    throw new Fault('NotImplemented', 'Sluice does not carry out the RoutingRules of PutBucketWebsite: redirects and mirrors.', {
      extra: { Operation: 'PutBucketWebsite' },
    });
  const index = child(root, 'IndexDocument');
  const error = child(root, 'ErrorDocument');
  if (!index && !error) throw new Fault('MalformedXML', 'A <WebsiteConfiguration> needs an <IndexDocument> or an <ErrorDocument>.');
  await call.rooms.store.setBucketSetting(name, 'website', { ...readIndex(index), ...(error && { error: readError(error) }) });
  sendEmpty(call.ctx);
}

function readIndex(node: XmlNode | undefined): Pick<WebsiteSettings, 'index' | 'subfolders' | 'folder'> {
  if (!node) return { subfolders: false, folder: 'missing' };
  const suffix = childText(node, 'Suffix') ?? '';
  if (suffix === '' || suffix.includes('/'))
    throw invalid('Suffix', suffix, 'The Suffix of an IndexDocument must be a name without a slash.');
  const subfolders = (childText(node, 'SupportSubDir') ?? 'false').trim().toLowerCase();
  if (subfolders !== 'true' && subfolders !== 'false')
    throw invalid('SupportSubDir', subfolders, 'The SupportSubDir must be true or false.');
  const type = (childText(node, 'Type') ?? '0').trim();
  const folder = /^\d$/.test(type) ? folderTypes[Number(type)] : undefined;
  if (!folder) throw invalid('Type', type, 'The Type must be 0, 1 or 2.');
  return { index: suffix, subfolders: subfolders === 'true', folder };
}

function readError(node: XmlNode): { key: string; status: 200 | 404 } {
  const key = childText(node, 'Key') ?? '';
  if (key === '') throw invalid('Key', key, 'The Key of an ErrorDocument must not be empty.');
  const status = (childText(node, 'HttpStatus') ?? '404').trim();
  if (status !== '404' && status !== '200') throw invalid('HttpStatus', status, 'The HttpStatus must be 404 or 200.');
  return { key, status: status === '200' ? 200 : 404 };
}

/** GetBucketWebsite. */
export function getBucketWebsite(call: Call): void {
  const { name, settings } = call.bucket;
  const { website } = settings;
  if (!website) throw new Fault('NoSuchWebsiteConfiguration', undefined, { extra: { BucketName: name } });
  const { index, subfolders, folder, error } = website;
  const xml = writeXml('WebsiteConfiguration', {
    IndexDocument: index === undefined ? undefined : { Suffix: index, SupportSubDir: subfolders, Type: folderTypes.indexOf(folder) },
    ErrorDocument: error && { Key: error.key, HttpStatus: error.status },
  });
  sendXml(call.ctx, xml);
}

/** DeleteBucketWebsite: 204 whether or not there was one. */
export async function deleteBucketWebsite(call: Call): Promise<void> {
  await call.rooms.store.setBucketSetting(call.bucket.name, 'website', undefined);
  sendEmpty(call.ctx, 204);
}

/**
 * What a request means: an unsigned read of the root or of a folder of a website means the index page. It is then asked for like any other object,
 * permission included.
 */
export function asPage(ctx: RequestContext, rooms: OssRooms, candidates: readonly Candidate[]): readonly Candidate[] {
  const [only, second] = candidates;
  if (only?.bucket === undefined || second || ctx.rawQuery !== '' || !(only.key === undefined || only.key.endsWith('/'))) return candidates;
  if ((ctx.method !== 'GET' && ctx.method !== 'HEAD') || ctx.headers.authorization !== undefined) return candidates;
  const resolved = only.resolved ?? rooms.accesspoints.resolve(only.bucket);
  const website = resolved?.kind === 'bucket' ? resolved.bucket.settings.website : undefined;
  if (website?.index === undefined) return candidates;
  return [{ ...only, key: `${website.subfolders ? (only.key ?? '') : ''}${website.index}` }];
}

type Run = (call: Call) => Promise<void> | undefined;

/** A read that is answered with a page of the bucket's website where the object is not there. */
export function withPages(read: Run): Run {
  return (call) => {
    try {
      return read(call);
    } catch (error) {
      if (error instanceof Fault && error.code === 'NoSuchKey') return sendMissing(call, error);
      throw error;
    }
  };
}

/**
 * Answers an unsigned read of what is not there as the bucket's website says, with the index page of a folder or with its error page.
 * @throws Fault the given one, where there is neither
 */
function sendMissing(call: Call, fault: Fault): Promise<void> | undefined {
  const { principal, resolved, key, ctx } = call;
  const website = principal.kind === 'Anonymous' && resolved?.kind === 'bucket' ? resolved.bucket.settings.website : undefined;
  if (!website || ctx.rawQuery !== '') throw fault;
  const { index, subfolders, folder, error } = website;
  if (index !== undefined && subfolders && folder !== 'missing' && !key.endsWith('/')) {
    const page = findPage(call, `${key}/${index}`);
    if (page && folder === 'index') return sendPage(call, page, 200);
    if (page) return void sendEmpty(ctx, 302, ['Location', `${ctx.path}/`]);
  }
  const page = error && findPage(call, error.key);
  if (!page) throw fault;
  return sendPage(call, page, error.status);
}

/** A page that the caller may read. */
function findPage(call: Call, key: string): FoundObject | undefined {
  const { name, resolved, rooms, bucket } = call;
  try {
    authorizeSource(call, { name, key, resolved });
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
  const found = rooms.store.get(bucket.name, key);
  return found && found.head.target === undefined && !isArchived(found.head) ? found : undefined;
}

function sendPage(call: Call, page: FoundObject, status: number): Promise<void> | undefined {
  const { ctx } = call;
  const { head, small } = page;
  const list = commonHeaders(ctx).concat(wholeHeaders(head, replacedHeaders(call, head)));
  const source = small || ctx.method === 'HEAD' ? undefined : page.open();
  ctx.res.writeHead(status, list);
  if (source) return sendStream(ctx, source);
  ctx.res.end(ctx.method === 'HEAD' ? undefined : small);
  return undefined;
}
