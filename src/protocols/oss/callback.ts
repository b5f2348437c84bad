import type { ObjectHead } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { after, OutgoingError } from '../../kit/index.ts';
import type { Call } from './call.ts';
import { type CallbackFacts, fillTemplate } from './callback-body.ts';
import { callbackHeaders } from './callback-headers.ts';
import { imageOf } from './callback-image.ts';
import { encryptionHeaders } from './encryption.ts';
import { contentMd5, etagHeader, invalid } from './headers.ts';
import { sendText } from './respond.ts';
import { versionHeaders } from './versions.ts';

/** What a write asks to be told to an application (Alibaba OSS API reference, "Callback"). */
export interface Callback {
  /** Asked in turn until one answers 200. */
  readonly urls: readonly string[];
  readonly host: string | undefined;
  readonly body: string;
  readonly contentType: 'application/json' | 'application/x-www-form-urlencoded';
  /** Custom variables by their whole names, `x:name`. */
  readonly variables: ReadonlyMap<string, string>;
}

/** Most addresses of one callback (Alibaba OSS error 0007-00000005), and most characters of its parameters (0007-00000101). */
const mostUrls = 5;
const mostCharacters = 5 * 1024;
/** How long an application may take, all in all, and how much it may answer (Alibaba OSS API reference, "Callback"; HTTP status code 203). */
const deadlineMs = 5_000;
const answerBytes = 1024 * 1024;
const bodyTypes = ['application/x-www-form-urlencoded', 'application/json'] as const;

/**
 * The callback that a write asks for, in headers, parameters of a signed URL, or the fields of a form. All of it is checked before anything is stored.
 * @throws Fault InvalidArgument, AccessDenied (the server may not make requests there)
 */
export function readCallback(call: Call, fields?: ReadonlyMap<string, string>): Callback | undefined {
  // A policy knows the fields of a form by these names alone.
  const encoded = fields ? fields.get('callback') : (call.header('x-oss-callback') ?? call.param('callback'));
  if (!encoded) return undefined;
  const custom = fields ? fields.get('callback-var') : (call.header('x-oss-callback-var') ?? call.param('callback-var'));
  const document = decode(encoded, 'callback');
  const { callbackUrl, callbackHost, callbackBody, callbackBodyType } = document;
  const urls = readUrls(callbackUrl);
  // As OSS has it: nothing to call is no callback.
  if (urls.length === 0) return undefined;
  if (typeof callbackBody !== 'string' || callbackBody === '')
    throw invalid('callback', '', 'The callbackBody must be a string that is not empty.');
  const contentType = bodyTypes.find((type) => type === (callbackBodyType ?? bodyTypes[0]));
  if (!contentType) throw invalid('callback', '', `The callbackBodyType must be ${bodyTypes.join(' or ')}.`);
  if (callbackHost !== undefined && (typeof callbackHost !== 'string' || !/^[\x21-\x7e]{0,255}$/.test(callbackHost)))
    throw invalid('callback', '', 'The callbackHost must be the name of a host.');
  for (const url of urls) checkUrl(call, url);
  const variables = new Map(custom ? Object.entries(decode(custom, 'callback-var')).map(([name, value]) => [name, String(value)]) : []);
  for (const [name, value] of fields ?? []) if (name.startsWith('x:')) variables.set(name, value);
  return { urls, host: callbackHost || undefined, body: callbackBody, contentType, variables };
}

/** Base64, plain or for URLs, of a JSON object; in a URL written by hand a raw plus stands for itself. @throws Fault InvalidArgument */
function decode(text: string, named: string): Record<string, unknown> {
  if (text.length > mostCharacters) throw invalid(named, '', `The ${named} may have at most ${mostCharacters} characters.`);
  try {
    const value: unknown = JSON.parse(Buffer.from(text.replaceAll(' ', '+'), 'base64').toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new Fault('InvalidArgument', `The ${named} must be a JSON object in base64.`, { cause, extra: { ArgumentName: named } });
  }
  throw invalid(named, '', `The ${named} must be a JSON object in base64.`);
}

function readUrls(value: unknown): string[] {
  if (value !== undefined && typeof value !== 'string') throw invalid('callback', '', 'The callbackUrl must be a string.');
  const urls = (value ?? '')
    .split(';')
    .map((url) => url.trim())
    .filter((url) => url !== '');
  if (urls.length > mostUrls) throw invalid('callback', '', `The callbackUrl may name at most ${mostUrls} URLs.`);
  return urls.map((url) => {
    const parsed = URL.parse(/^https?:\/\//i.test(url) ? url : `http://${url}`);
    if (!parsed) throw invalid('callback', url, 'The callbackUrl is no URL.');
    return parsed.href;
  });
}

/** @throws Fault AccessDenied that says which setting allows it */
function checkUrl({ rooms }: Call, url: string): void {
  try {
    if (!rooms.callbacks) throw new OutgoingError('denied', 'This server makes no requests.');
    rooms.callbacks.check(url);
  } catch (cause) {
    throw new Fault('AccessDenied', `The callback cannot be made, so nothing was stored. ${(cause as Error).message}`, { cause });
  }
}

/**
 * Tells the application of an object that is stored, and gives the client the application's answer. A client that leaves does not end it.
 * @throws Fault CallbackFailed, the object stays
 */
export async function notify(call: Call, callback: Callback, head: ObjectHead): Promise<void> {
  const { contentType } = callback;
  const image = callback.body.includes('imageInfo.') ? await imageOf(call, head) : undefined;
  const body = Buffer.from(fillTemplate(callback.body, contentType, { ...factsOf(call, callback, head), image }));
  const abort = new AbortController();
  const timer = after(deadlineMs, () => abort.abort(new OutgoingError('late', 'Cost too long time.')));
  try {
    const text = await ask(call, callback, body, abort.signal);
    // No Content-MD5: it would be that of the object, and the body is another.
    const shown = ['ETag', etagHeader(head.etag), 'x-oss-hash-crc64ecma', head.crc64];
    sendText(call.ctx, text, 'application/json', shown.concat(encryptionHeaders(head.headers), versionHeaders(call.bucket, head.version)));
  } finally {
    timer.cancel();
  }
}

/** The answer of the first address that gives a good one. @throws Fault CallbackFailed, for the last */
async function ask(call: Call, callback: Callback, body: Buffer, signal: AbortSignal): Promise<string> {
  let problem = '';
  for (const url of callback.urls) {
    try {
      const headers = callbackHeaders(call, callback, url, body);
      const request = {
        url,
        method: 'POST',
        headers,
        body,
        headersMs: deadlineMs,
        bodyMs: deadlineMs,
        maxBytes: answerBytes,
        signal,
      } as const;
      // Checked when it was read.
      const answer = await call.rooms.callbacks?.request(request);
      problem = answer === undefined ? 'This server makes no requests.' : problemOf(answer);
      if (answer && problem === '') return answer.body.toString('utf8');
    } catch (error) {
      if (!(error instanceof OutgoingError)) throw error;
      problem = `Error status : -1. ${error.message}`;
    }
    if (signal.aborted) break;
  }
  throw new Fault('CallbackFailed', problem);
}

/** What is wrong with an answer; '' for nothing (Alibaba OSS user guide, "HTTP status code 203"). */
function problemOf({ status, body }: { status: number; body: Buffer }): string {
  if (status !== 200) return `Error status : ${status}. The callbackUrl must answer 200.`;
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return '';
  } catch {
    return 'Response body is not valid json format.';
  }
}

function factsOf({ ctx, operation, bucket }: Call, { variables }: Callback, head: ObjectHead): Omit<CallbackFacts, 'image'> {
  return {
    bucket: bucket.name,
    object: head.key,
    etag: etagHeader(head.etag).slice(1, -1),
    size: head.size,
    mimeType: head.contentType,
    crc64: head.crc64,
    // The ETag of what was written in parts is no MD5.
    contentMd5: head.type === 'Normal' ? contentMd5(head.etag) : '',
    vpcId: '',
    clientIp: ctx.remoteAddress.replace(/^::ffff:/, ''),
    reqId: ctx.id,
    operation: operation.name,
    variables,
  };
}
