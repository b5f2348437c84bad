import { Fault } from '../../faults/index.ts';
import type { Dialect, RequestContext } from '../../http/index.ts';
import type { Metrics } from '../../telemetry/index.ts';
import { createApiDialect, isApiPath } from './api.ts';
import type { ApiRooms } from './call.ts';

/** One part of the server: works, or what is wrong with it. */
export interface PartState {
  ok: boolean;
  /** The server takes requests without it too. */
  optional?: boolean;
  note?: string;
}

export interface AdminOptions {
  metrics: Pick<Metrics, 'registry'>;
  /** Stores, listeners and runtimes as they are now; the server is ready when all are. Called at each /health/ready. */
  parts: () => Record<string, PartState>;
  draining: () => boolean;
  /** Answers other machines too. */
  open?: boolean;
  /** What the API below /admin/v1 works on; without it there is none. */
  api?: ApiRooms;
}

type Route = (ctx: RequestContext) => Promise<void>;

const loopback = /^(127\.|::1$|::ffff:127\.)/;

function send(ctx: RequestContext, status: number, type: string, text: string): void {
  const body = Buffer.from(text);
  ctx.res.writeHead(status, { 'Content-Type': type, 'Content-Length': String(body.length), 'Cache-Control': 'no-store' });
  ctx.res.end(ctx.method === 'HEAD' ? undefined : body);
}

function sendJson(ctx: RequestContext, status: number, value: object): void {
  send(ctx, status, 'application/json', `${JSON.stringify(value)}\n`);
}

function checkAsked(ctx: RequestContext, open: boolean | undefined): void {
  if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
    throw new Fault('MethodNotAllowed', 'This path takes GET and HEAD.', { headers: { Allow: 'GET, HEAD' } });
  }
  if (!open && !loopback.test(ctx.remoteAddress)) throw new Fault('AccessDenied', 'Health and metrics are answered to this machine alone.');
}

/** The routes by path. */
export function createAdminRoutes({ metrics, parts, draining, open }: AdminOptions): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    [
      '/health/live',
      async (ctx) => {
        ctx.operation = 'HealthLive';
        checkAsked(ctx, open);
        sendJson(ctx, 200, { status: 'live' });
      },
    ],
    [
      '/health/ready',
      async (ctx) => {
        ctx.operation = 'HealthReady';
        checkAsked(ctx, open);
        const now = parts();
        const works = Object.values(now).every((part) => part.ok || part.optional === true);
        const status = draining() ? 'draining' : works ? 'ready' : 'not ready';
        sendJson(ctx, status === 'ready' ? 200 : 503, { status, parts: now });
      },
    ],
    [
      '/metrics',
      async (ctx) => {
        ctx.operation = 'Metrics';
        checkAsked(ctx, open);
        send(ctx, 200, metrics.registry.contentType, await metrics.registry.metrics());
      },
    ],
  ]);
}

/** Answers the operator's paths and the admin API, and hands everything else to `next`, which also renders the errors of the former. */
export function createAdminDialect(next: Dialect, options: AdminOptions): Dialect {
  const routes = createAdminRoutes(options);
  const api = options.api && createApiDialect({ draining: options.draining, ...options.api });
  const dialectOf = (ctx: RequestContext): Dialect => (api && isApiPath(ctx.path) ? api : next);
  return {
    name: next.name,
    handle: (ctx) => {
      const route = routes.get(ctx.path);
      return route ? route(ctx) : dialectOf(ctx).handle(ctx);
    },
    fault: (ctx, fault) => dialectOf(ctx).fault(ctx, fault),
  };
}
