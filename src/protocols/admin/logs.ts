import { Fault } from '../../faults/index.ts';
import { type Answer, type Call, param } from './call.ts';

/**
 * ListFunctionLogs: the lines that a function printed lately, behind the number `after`, of one request where `request` names it. Of a request that
 * is no longer among them, those that its record keeps.
 */
export async function listFunctionLogs(call: Call): Promise<Answer> {
  const after = param(call, 'after') ?? '0';
  if (!/^\d{1,16}$/.test(after)) throw new Fault('InvalidArgument', 'after must be the number of a line.');
  const request = param(call, 'request');
  const page = call.rooms.output?.since(call.names[0] ?? '', Number(after), request) ?? { lines: [], newest: 0, more: false };
  if (request === undefined || after !== '0' || page.lines.length > 0) return page;
  const detail = await call.rooms.records?.get(request);
  if (detail?.function !== call.names[0]) return page;
  return { ...page, lines: detail?.lines.map((text) => ({ number: 0, requestId: detail.id, text })) ?? [] };
}
