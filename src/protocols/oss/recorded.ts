import type { Fault } from '../../faults/index.ts';
import type { RequestContext, SettledAnswer } from '../../http/index.ts';
import type { Session } from '../../identity/index.ts';
import type { Transforms } from '../../transforms/index.ts';
import type { Call } from './call.ts';

/** Writes what a function asks for into the record of the request that it serves, once the answer is out. */
export function recordRead(call: Call, session: Session): void {
  const { ctx, operation, rooms, resource } = call;
  const record = rooms.transforms.recordOf(session);
  if (!record) return;
  const { id: requestId, startedAt: at } = ctx;
  const { range } = ctx.headers;
  const tell = (settled: SettledAnswer) => record.read({ requestId, at, operation: operation.name, resource, range, ...settled });
  // Not as one statement: V8 puts a function that is written behind an assignment to a property into the old generation.
  ctx.onSettled = tell;
}

/** Writes down a WriteGetObjectResponse that the guard refused. */
export function recordRefusal(ctx: RequestContext, transforms: Pick<Transforms, 'refused'>, fault: Fault): void {
  const { id: requestId, rawHeaders, headers } = ctx;
  const one = (name: string) => (typeof headers[name] === 'string' ? headers[name] : undefined);
  transforms.refused(one('x-oss-request-token'), { requestId, rawHeaders, status: one('x-oss-fwd-status') }, fault);
}
