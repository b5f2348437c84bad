import type { Audit } from '../telemetry/index.ts';
import type { OwnContext } from './own-context.ts';

/** Statuses of requests that were refused for who made them. */
const denials = new Set([401, 403]);

/** Writes a line for a request that changed something, or was denied. */
export function auditRequest(audit: Pick<Audit, 'write'>, ctx: OwnContext): void {
  const { audited, res } = ctx;
  const status = res.headersSent ? res.statusCode : 499;
  const denied = denials.has(status);
  if (!denied && !audited.changes) return;
  const code = ctx.note.code;
  audit.write({
    at: ctx.startedAt,
    requestId: ctx.id,
    listener: ctx.listener,
    operation: ctx.operation || 'unknown',
    actor: audited.actor ?? 'unknown',
    accessKeyId: audited.accessKeyId,
    resource: audited.resource,
    remote: ctx.remoteAddress,
    outcome: denied ? 'denied' : status < 400 ? 'done' : 'failed',
    status,
    code: typeof code === 'string' ? code : undefined,
  });
}
