import { Fault } from '../../faults/index.ts';
import type { Dialect, RequestContext } from '../../http/index.ts';
import { Nonces } from '../../identity/index.ts';
import { operationOf, type StsRooms } from './operations.ts';
import { type Format, renderAnswer, renderError, vendorFault } from './render.ts';
import { readCall } from './request.ts';

export type { StsRooms } from './operations.ts';

/** Answers STS at `/` and hands everything else to `next`. */
export function createStsDialect(next: Dialect, rooms: StsRooms): Dialect {
  const nonces = new Nonces();
  const formats = new WeakMap<RequestContext, Format>();
  return {
    name: next.name,
    handle: (ctx) => (isSts(ctx) ? handle(ctx, rooms, nonces, formats) : next.handle(ctx)),
    fault: (ctx, fault) => {
      if (!isSts(ctx)) return next.fault(ctx, fault);
      const shown = vendorFault(fault);
      const { type, text } = renderError(shown, ctx.id, ctx.host, formatOf(ctx, formats));
      return { status: shown.status, headers: { ...shown.headers, ...commonHeaders(ctx), 'Content-Type': type }, body: text };
    },
  };
}

/** A call of an API of this kind: a signed action, in the query, in a form, or in a header. */
function isSts({ path, method, headers, query }: RequestContext): boolean {
  if (path !== '/') return false;
  return method === 'POST' || headers['x-acs-action'] !== undefined || query.some(({ name }) => name === 'Action');
}

async function handle(ctx: RequestContext, rooms: StsRooms, nonces: Nonces, formats: WeakMap<RequestContext, Format>): Promise<void> {
  ctx.operation = 'Sts';
  if (ctx.method !== 'GET' && ctx.method !== 'POST') {
    throw new Fault('MethodNotAllowed', 'This path takes GET and POST.', { headers: { Allow: 'GET, POST' } });
  }
  const call = await readCall(ctx, rooms.identity, nonces, (params) => {
    const format = params.find(({ name }) => name === 'Format')?.value.toUpperCase();
    if (format === 'JSON' || format === 'XML') formats.set(ctx, format);
  });
  const operation = operationOf(call);
  ctx.operation = operation.name;
  ctx.audited.changes = operation.changes;
  const { type, text } = renderAnswer(operation.name, operation.run(call, ctx, rooms), formatOf(ctx, formats));
  const bytes = Buffer.from(text);
  ctx.res.writeHead(200, { ...commonHeaders(ctx), 'Content-Type': type, 'Content-Length': String(bytes.length) });
  ctx.res.end(bytes);
}

/** What was asked for; else JSON for ACS3, as its clients want it, and XML for RPC. */
function formatOf(ctx: RequestContext, formats: WeakMap<RequestContext, Format>): Format {
  return formats.get(ctx) ?? (ctx.headers['x-acs-action'] === undefined ? 'XML' : 'JSON');
}

function commonHeaders(ctx: RequestContext): Record<string, string> {
  return { 'x-acs-request-id': ctx.id, 'Cache-Control': 'no-store' };
}
