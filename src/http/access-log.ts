import type { RequestTally, Telemetry } from '../telemetry/index.ts';
import type { OwnContext } from './own-context.ts';

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

/** Makes the function that writes one log line and counts one request. */
export function accessLog(listener: string, telemetry: Telemetry): (ctx: OwnContext, complete: boolean) => void {
  const { metrics } = telemetry;
  // Queries are masked below and nothing else here is secret; pino's own redaction would double the cost of a line.
  const log = telemetry.log.child({ listener }, { redact: [] });
  const tallies = new Map<string, RequestTally>();
  const tallyOf = (operation: string): RequestTally => {
    let tally = tallies.get(operation);
    if (!tally) {
      tally = metrics.requests.of(listener, operation);
      tallies.set(operation, tally);
    }
    return tally;
  };
  return (ctx, complete) => {
    const ms = ctx.elapsedExactly();
    const operation = ctx.operation || 'unknown';
    const status = ctx.res.headersSent ? ctx.res.statusCode : 499;
    tallyOf(operation).add(status, ms / 1000);
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
