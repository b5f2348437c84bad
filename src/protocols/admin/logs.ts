import { Fault } from '../../faults/index.ts';
import { type Answer, type Call, param } from './call.ts';

/** ListFunctionLogs: the lines that a function printed lately, behind the number `after`, of one request where `request` names it. */
export function listFunctionLogs(call: Call): Answer {
  const after = param(call, 'after') ?? '0';
  if (!/^\d{1,16}$/.test(after)) throw new Fault('InvalidArgument', 'after must be the number of a line.');
  const page = call.rooms.output?.since(call.names[0] ?? '', Number(after), param(call, 'request'));
  return page ?? { lines: [], newest: 0, more: false };
}
