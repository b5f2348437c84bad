import type { Readable } from 'node:stream';
import { type Fault, renderOssError } from '../../faults/index.ts';
import type { RequestContext } from '../../http/index.ts';
import type { ByteSink } from '../../kit/index.ts';
import { commonHeaders, crossOrigin, type HeaderList } from './headers.ts';

/** An answer without a body. */
export function sendEmpty(ctx: RequestContext, status = 200, headers: HeaderList = []): void {
  const list = commonHeaders(ctx);
  if (status !== 204 && status !== 304) list.push('Content-Length', '0');
  ctx.res.writeHead(status, list.concat(headers));
  ctx.res.end();
}

/** A document, which answers every read of configuration and every listing. */
export function sendXml(ctx: RequestContext, xml: string, headers: HeaderList = []): void {
  sendText(ctx, xml, 'application/xml', headers);
}

/** A whole answer in text. */
export function sendText(ctx: RequestContext, text: string, contentType: string, headers: HeaderList = [], status = 200): void {
  const body = Buffer.from(text);
  const list = commonHeaders(ctx);
  list.push('Content-Type', contentType, 'Content-Length', String(body.length));
  ctx.res.writeHead(status, list.concat(headers));
  ctx.res.end(body);
}

/**
 * Sends a stream after the head, no faster than the client takes it. Resolves when the client has all, or left.
 * @throws what the source throws; the door then resets the connection
 */
export async function sendStream(ctx: RequestContext, source: Readable & { sendTo?(target: ByteSink): Promise<void> }): Promise<void> {
  const { res } = ctx;
  if (source.sendTo) {
    await source.sendTo(res);
    if (!res.destroyed) res.end();
    return;
  }
  return new Promise((resolve, reject) => {
    source.on('data', (chunk: Buffer) => {
      if (!res.write(chunk)) source.pause();
    });
    source.on('end', () => res.end());
    source.on('error', reject);
    res.on('drain', () => source.resume());
    res.on('close', () => {
      source.destroy();
      resolve();
    });
  });
}

/** Characters that a Host header may show in an error document. */
const shownHost = /^[a-z0-9.:[\]-]{1,255}$/;

/** A fault as OSS sends it; without a body, HEAD carries the document in x-oss-err. */
export function renderFault(ctx: RequestContext, fault: Fault): { status: number; headers: Record<string, string>; body: string } {
  const xml = renderOssError(fault, ctx.id, shownHost.test(ctx.host) ? ctx.host : 'sluice');
  const headers: Record<string, string> = {
    Server: 'AliyunOSS',
    'x-oss-request-id': ctx.id,
    'x-oss-server-time': String(ctx.elapsedMs()),
    'x-oss-ec': fault.ec,
    'X-Content-Type-Options': 'nosniff',
    ...fault.headers,
  };
  const more = crossOrigin.get(ctx) ?? [];
  for (let i = 0; i + 1 < more.length; i += 2) headers[more[i] as string] = more[i + 1] as string;
  if (ctx.method === 'HEAD')
    return { status: fault.status, headers: { ...headers, 'x-oss-err': Buffer.from(xml).toString('base64') }, body: '' };
  return { status: fault.status, headers: { ...headers, 'Content-Type': 'application/xml' }, body: xml };
}
