import type { Bucket, CorsRule, CorsSettings } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import type { RequestContext } from '../../http/index.ts';
import { childrenOf, childText, writeXml, type XmlNode } from '../../kit/index.ts';
import type { Call } from './call.ts';
import { crossOrigin, type HeaderList, invalid } from './headers.ts';
import { requireXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';

/** Most rules of a bucket (Alibaba OSS API reference, "PutBucketCors"). */
const mostRules = 20;
const methods: readonly string[] = ['GET', 'PUT', 'DELETE', 'POST', 'HEAD'];

function textsOf(rule: XmlNode, name: string): string[] {
  return childrenOf(rule, name).map((node) => node.text.trim());
}

function readRule(rule: XmlNode): CorsRule {
  const origins = textsOf(rule, 'AllowedOrigin');
  const allowed = textsOf(rule, 'AllowedMethod').map((method) => method.toUpperCase());
  const headers = textsOf(rule, 'AllowedHeader').map((header) => header.toLowerCase());
  const exposed = textsOf(rule, 'ExposeHeader');
  const age = childText(rule, 'MaxAgeSeconds')?.trim();
  if (origins.length === 0 || allowed.length === 0)
    throw new Fault('MalformedXML', 'Every <CORSRule> needs an <AllowedOrigin> and an <AllowedMethod>.');
  const wrong = allowed.find((method) => !methods.includes(method));
  if (wrong !== undefined) throw invalid('AllowedMethod', wrong, `The AllowedMethod must be one of ${methods.join(', ')}.`);
  const stars = [...origins, ...headers].find((text) => text.split('*').length > 2);
  if (stars !== undefined) throw invalid('AllowedOrigin', stars, 'An AllowedOrigin or AllowedHeader may have one * at most.');
  const odd = [...origins, ...headers, ...exposed].find((text) => !/^[\x21-\x7e]+$/.test(text));
  if (odd !== undefined || exposed.includes('*'))
    throw invalid('CORSRule', odd ?? '*', 'Origins and headers are plain names; ExposeHeader has no *.');
  if (age !== undefined && !/^\d{1,9}$/.test(age))
    throw invalid('MaxAgeSeconds', age, 'The MaxAgeSeconds must be a number from 0 to 999999999.');
  return { origins, methods: allowed, headers, exposed, ...(age === undefined ? {} : { maxAgeSeconds: Number(age) }) };
}

/** PutBucketCors. */
export async function putBucketCors(call: Call): Promise<void> {
  const { name } = call.bucket;
  const root = await requireXml(call, ['CORSConfiguration']);
  const rules = childrenOf(root, 'CORSRule').map(readRule);
  if (rules.length === 0 || rules.length > mostRules)
    throw new Fault('MalformedXML', `A bucket has 1 to ${mostRules} <CORSRule> elements, not ${rules.length}.`);
  const responseVary = childText(root, 'ResponseVary')?.trim().toLowerCase() === 'true';
  await call.rooms.store.setBucketSetting(name, 'cors', { rules, responseVary });
  sendEmpty(call.ctx);
}

/** GetBucketCors. */
export function getBucketCors(call: Call): void {
  const { name, settings } = call.bucket;
  if (!settings.cors) throw new Fault('NoSuchCORSConfiguration', undefined, { extra: { BucketName: name } });
  const { rules, responseVary } = settings.cors;
  const xml = writeXml('CORSConfiguration', {
    CORSRule: rules.map((rule) => ({
      ...{ AllowedOrigin: [...rule.origins], AllowedMethod: [...rule.methods], AllowedHeader: [...rule.headers] },
      ...{ ExposeHeader: [...rule.exposed], MaxAgeSeconds: rule.maxAgeSeconds },
    })),
    ResponseVary: responseVary,
  });
  sendXml(call.ctx, xml);
}

/** DeleteBucketCors: 204 whether or not there were rules. */
export async function deleteBucketCors(call: Call): Promise<void> {
  await call.rooms.store.setBucketSetting(call.bucket.name, 'cors', undefined);
  sendEmpty(call.ctx, 204);
}

/** Whether a text is the pattern's, which has one star at most. */
function fits(pattern: string, text: string): boolean {
  const at = pattern.indexOf('*');
  if (at < 0) return pattern === text;
  return text.length >= pattern.length - 1 && text.startsWith(pattern.slice(0, at)) && text.endsWith(pattern.slice(at + 1));
}

/** The first rule that lets a page of that origin do that, as OSS takes it. */
function ruleFor({ rules }: CorsSettings, origin: string, method: string, headers: readonly string[]): CorsRule | undefined {
  return rules.find(
    (rule) =>
      rule.methods.includes(method) &&
      rule.origins.some((pattern) => fits(pattern, origin)) &&
      headers.every((header) => rule.headers.some((pattern) => fits(pattern, header))),
  );
}

function answerHeaders(cors: CorsSettings, rule: CorsRule, origin: string): HeaderList {
  const any = rule.origins.includes('*');
  const list = ['Access-Control-Allow-Origin', any ? '*' : origin, 'Access-Control-Allow-Methods', rule.methods.join(', ')];
  if (rule.exposed.length > 0) list.push('Access-Control-Expose-Headers', rule.exposed.join(', '));
  if (rule.maxAgeSeconds !== undefined) list.push('Access-Control-Max-Age', String(rule.maxAgeSeconds));
  if (!any || cors.responseVary) list.push('Vary', 'Origin');
  return list;
}

/** Lets pages of the origin that asks read this answer, whatever becomes of the request, if the bucket's rules do. */
export function admitOrigin(ctx: RequestContext, bucket: Bucket | undefined): void {
  const { origin } = ctx.headers;
  const cors = bucket?.settings.cors;
  if (origin === undefined || !cors) return;
  const rule = ruleFor(cors, origin, ctx.method, []);
  if (rule) crossOrigin.set(ctx, answerHeaders(cors, rule, origin));
  else if (cors.responseVary) crossOrigin.set(ctx, ['Vary', 'Origin']);
}

/**
 * OptionObject: what a browser asks before it lets a page send a request of another origin. It needs no signature.
 * @throws Fault AccessForbidden, InvalidArgument
 */
export function preflight(ctx: RequestContext, bucket: Bucket | undefined): void {
  const { origin } = ctx.headers;
  const method = ctx.headers['access-control-request-method'];
  if (origin === undefined || method === undefined) {
    throw new Fault('InvalidArgument', 'A preflight request needs the headers Origin and Access-Control-Request-Method.');
  }
  const asked = ctx.headers['access-control-request-headers'];
  const names = (asked ?? '').split(',').map((name) => name.trim().toLowerCase());
  const cors = bucket?.settings.cors;
  if (!cors) throw new Fault('AccessForbidden', 'CORSResponse: CORS is not enabled for this bucket.');
  const rule = ruleFor(
    cors,
    origin,
    method,
    names.filter((name) => name !== ''),
  );
  if (!rule) throw new Fault('AccessForbidden', 'CORSResponse: no CORS rule of the bucket allows this origin, method and these headers.');
  const list = answerHeaders(cors, rule, origin);
  if (asked !== undefined) list.push('Access-Control-Allow-Headers', asked);
  sendEmpty(ctx, 200, list);
}
