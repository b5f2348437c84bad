import type { Resolved } from '../../accesspoints/index.ts';
import type { RequestContext } from '../../http/index.ts';
import type { ClientSink } from '../../transforms/index.ts';
import type { Call } from './call.ts';
import { forcedDownload, isHandedAround } from './downloads.ts';
import { commonHeaders, readOverrides } from './headers.ts';

/** Parameters that sign a URL; a function never sees them. */
const authParams = new Set([
  'OSSAccessKeyId',
  'Signature',
  'security-token',
  'x-oss-signature',
  'x-oss-signature-version',
  'x-oss-credential',
  'x-oss-date',
  'x-oss-expires',
  'x-oss-additional-headers',
  'x-oss-security-token',
]);
const secretHeaders = new Set(['authorization', 'proxy-authorization', 'cookie', 'x-oss-security-token']);

/** Hands a read through an Object FC access point to the transforms room. @throws Fault as Transforms.getObject */
export function transformObject(call: Call, resolved: Extract<Resolved, { kind: 'object-fc' }>, headOnly: boolean): Promise<void> {
  const { ctx } = call;
  return call.rooms.transforms.getObject({
    objectFc: resolved.objectFc,
    supporting: resolved.supporting,
    key: call.key,
    versionId: call.param('versionId'),
    headOnly,
    principal: call.principal,
    requestId: ctx.id,
    receivedAt: ctx.startedAt,
    source: () => call.rooms.store.head(resolved.objectFc.bucket, call.key, call.param('versionId')),
    url: userUrl(ctx, call.presigned),
    headers: userHeaders(ctx.rawHeaders, resolved.objectFc.transformations[0]?.customForwardHeaders),
    sink: new WaitingClient(ctx, readOverrides(ctx), headOnly, isHandedAround(call)),
    signal: ctx.signal,
  });
}

/** The client's URL without what signs it; everything else byte for byte. */
export function userUrl(ctx: Pick<RequestContext, 'host' | 'path' | 'rawQuery'>, presigned: boolean): string {
  const kept = ctx.rawQuery.split('&').filter((param) => !signs(param, presigned));
  const query = kept.join('&');
  return `http://${ctx.host}${ctx.path}${query === '' ? '' : `?${query}`}`;
}

function signs(param: string, presigned: boolean): boolean {
  const equals = param.indexOf('=');
  const raw = equals < 0 ? param : param.slice(0, equals);
  let name: string;
  try {
    name = decodeURIComponent(raw);
  } catch {
    return true;
  }
  // `Expires` signs only a V1 URL; elsewhere it may be the function's.
  return authParams.has(name) || authParams.has(name.toLowerCase()) || (presigned && name === 'Expires');
}

/** The client's headers in wire order, without credentials; cookies only where the access point names them. */
export function userHeaders(rawHeaders: readonly string[], named: readonly string[] = []): [string, string][] {
  const list: [string, string][] = [];
  const withCookies = named.some((name) => name.toLowerCase() === 'cookie');
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    const lower = name.toLowerCase();
    if (!secretHeaders.has(lower) || (withCookies && lower === 'cookie')) list.push([name, rawHeaders[i + 1] as string]);
  }
  return list;
}

/**
 * The waiting client as the transforms room writes to it. A class, because V8 keeps the getter of an object literal, and with it the request, until the next full
 * collection.
 */
class WaitingClient implements ClientSink {
  readonly body: RequestContext['res'];
  readonly #ctx: RequestContext;
  readonly #asked: Map<string, string> | undefined;
  readonly #headOnly: boolean;
  readonly #guarded: boolean;

  constructor(ctx: RequestContext, asked: Map<string, string> | undefined, headOnly: boolean, guarded: boolean) {
    this.body = ctx.res;
    this.#ctx = ctx;
    this.#asked = asked;
    this.#headOnly = headOnly;
    this.#guarded = guarded;
  }

  head(status: number, headers: readonly (readonly [string, string])[]): void {
    const list = commonHeaders(this.#ctx);
    const bodiless = this.#headOnly && this.#ctx.method !== 'HEAD';
    const replaced = this.#guarded ? withDownload(this.#asked, headers) : this.#asked;
    // Content-Length must stay last: node re-encodes a Content-Disposition that follows it.
    if (replaced) for (const [name, value] of replaced) list.push(name, value);
    for (const [name, value] of headers) {
      if (replaced?.has(name) || (bodiless && name.toLowerCase() === 'content-length')) continue;
      list.push(name, value);
    }
    if (bodiless) list.push('Content-Length', '0');
    this.body.writeHead(status, list);
  }

  reset(): void {
    this.#ctx.reset();
  }

  get headSent(): boolean {
    return this.body.headersSent;
  }
}

/** The replaced headers, and those that keep a browser from running what the function made. */
function withDownload(
  asked: Map<string, string> | undefined,
  headers: readonly (readonly [string, string])[],
): Map<string, string> | undefined {
  const sent = (name: string) => asked?.get(name) ?? headers.find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1];
  const forced = forcedDownload(sent('Content-Type') ?? '', sent('Content-Disposition'));
  return forced ? new Map([...(asked ?? []), ...forced]) : asked;
}
