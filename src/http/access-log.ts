import type { Telemetry } from '../telemetry/index.ts';
import type { DoorContext } from './context.ts';

const secretName = /signature|token|credential|secret|accesskey|password/i;

function maskParam(param: string): string {
  const equals = param.indexOf('=');
  if (equals < 0) return param;
  let name = param.slice(0, equals);
  try {
    name = decodeURIComponent(name);
  } catch {
    // An undecodable name is judged as it was sent.
  }
  return secretName.test(name) ? `${param.slice(0, equals)}=***` : param;
}

/** A raw query with the values of signatures, tokens and credentials masked. */
export function maskQuery(rawQuery: string): string {
  return rawQuery === '' ? '' : rawQuery.split('&').map(maskParam).join('&');
}

interface Counters {
  count: { inc(): void };
  seconds: { observe(value: number): void };
}

/** Makes the function that writes one log line and counts one request. */
export function accessLog(listener: string, telemetry: Telemetry): (ctx: DoorContext, complete: boolean) => void {
  const { metrics } = telemetry;
  // Queries are masked below and nothing else here is secret; pino's own redaction would double the cost of a line.
  const log = telemetry.log.child({ listener }, { redact: [] });
  // Looking a labelled child up costs more than counting in it.
  const known = new Map<string, Counters>();
  const counters = (operation: string, status: number): Counters => {
    const statusClass = `${Math.floor(status / 100)}xx`;
    const name = `${operation} ${statusClass}`;
    let found = known.get(name);
    if (!found) {
      found = {
        count: metrics.requests.labels({ listener, operation, status: statusClass }),
        seconds: metrics.requestSeconds.labels({ listener, operation }),
      };
      known.set(name, found);
    }
    return found;
  };
  return (ctx, complete) => {
    const ms = ctx.elapsedExactly();
    const operation = ctx.operation || 'unknown';
    const status = ctx.res.headersSent ? ctx.res.statusCode : 499;
    const { count, seconds } = counters(operation, status);
    count.inc();
    seconds.observe(ms / 1000);
    if (!log.isLevelEnabled('info')) return;
    log.info(
      {
        id: ctx.id,
        method: ctx.method,
        path: ctx.path,
        query: maskQuery(ctx.rawQuery) || undefined,
        operation,
        status,
        bytes: ctx.bytesSent(),
        ms: Math.round(ms * 1000) / 1000,
        remote: ctx.remoteAddress,
        complete: complete ? undefined : false,
        ...ctx.note,
      },
      'request',
    );
  };
}
