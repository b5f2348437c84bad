import { Fault } from '../../faults/index.ts';
import type { RequestContext } from '../../http/index.ts';
import type { Level, Operation } from './operation.ts';
import { knownOperation, selects, selectsAt } from './subresources.ts';
import { operations } from './table.ts';

export { operations } from './table.ts';

/** Rows by level, method and selector. */
type Rows = Map<string | undefined, Operation[]>;
const byMatch: Record<Level, Map<string, Rows>> = { service: new Map(), bucket: new Map(), object: new Map() };
for (const operation of operations) {
  const { level, method, selector } = operation;
  const bySelector: Rows = byMatch[level].get(method) ?? new Map();
  const rows = bySelector.get(selector) ?? [];
  // Rows that a header or second parameter selects are asked first.
  if (operation.header === undefined && operation.parameter === undefined) rows.push(operation);
  else rows.unshift(operation);
  bySelector.set(selector, rows);
  byMatch[level].set(method, bySelector);
}

/** Operations that no query parameter selects and that are not carried out. */
const plainNames: Record<string, string> = {
  'bucket OPTIONS': 'OptionObject',
  'object OPTIONS': 'OptionObject',
  'service OPTIONS': 'OptionObject',
};

/** What a request asks for: a row of the table, or the name and the fault of what is not carried out. */
export type Match = Operation | { readonly name: string; readonly fault: Fault };

const noSelectors: readonly string[] = [];

/** The query parameters of a request that select an operation, each once. */
export function presentSelectors(ctx: Pick<RequestContext, 'method' | 'query' | 'rawQuery'>): readonly string[] {
  if (ctx.rawQuery === '') return noSelectors;
  let present: string[] | undefined;
  for (const { name } of ctx.query) {
    if (!selects(name, ctx.method) || present?.includes(name)) continue;
    present ??= [];
    present.push(name);
  }
  return present ?? noSelectors;
}

/** Finds the operation. Pure; `headers` only says which are present. */
export function matchOperation(level: Level, method: string, present: readonly string[], headers: Record<string, unknown>): Match {
  const selectors = present.length === 0 ? present : present.filter((name) => selectsAt(level, method, name));
  if (selectors.length > 1) {
    const fault = new Fault('InvalidArgument', `The query parameters ${selectors.join(' and ')} select different operations. Send one.`);
    return { name: 'Conflicting', fault };
  }
  const selector = selectors[0];
  const rows = byMatch[level].get(method)?.get(selector);
  if (rows) {
    for (const row of rows) {
      if (row.header !== undefined && headers[row.header] === undefined) continue;
      if (row.parameter === undefined || present.includes(row.parameter)) return row;
    }
    const header = rows[0]?.header ?? '';
    return { name: rows[0]?.name ?? '', fault: new Fault('MissingArgument', `The header ${header} is required.`) };
  }
  const name = selector === undefined ? plainNames[`${level} ${method}`] : knownOperation(level, method, selector);
  if (name !== undefined) return notImplemented(name);
  const what = selector === undefined ? method : `${method} with ?${selector}`;
  return { name: 'Unknown', fault: new Fault('MethodNotAllowed', `OSS has no operation ${what} on this ${level}.`) };
}

function notImplemented(name: string): Match {
  return { name, fault: new Fault('NotImplemented', `Sluice does not carry out ${name}.`, { extra: { Operation: name } }) };
}
