import type { Level } from './operation.ts';
import { operations } from './operations.ts';
import { knownOperations } from './subresources.ts';

/** An operation of OSS, for the documentation. */
export interface ListedOperation {
  readonly name: string;
  readonly level: Level;
  readonly method: string;
  /** What selects it: a query parameter, and perhaps a header or second parameter. */
  readonly selectedBy: readonly string[];
  readonly throughAccessPoint: boolean;
  /** Actions that a policy must allow; empty when it is not carried out. */
  readonly actions: readonly string[];
}

/** All operations that are known, those that are carried out first as the table has them. */
export function listOperations(): { carriedOut: ListedOperation[]; refused: ListedOperation[] } {
  const carriedOut: ListedOperation[] = operations.map(
    ({ name, level, method, selector, parameter, header, action, source, throughAccessPoint }) => ({
      ...{ name, level, method, throughAccessPoint: throughAccessPoint ?? false },
      selectedBy: [selector && `?${selector}`, parameter && `&${parameter}`, header].filter((each) => each !== undefined),
      actions: source === undefined ? [action] : [action, 'oss:GetObject'],
    }),
  );
  // The one that needs no signature, so that it has no row.
  carriedOut.push({ name: 'OptionObject', level: 'object', method: 'OPTIONS', selectedBy: [], throughAccessPoint: true, actions: [] });
  const done = new Set(carriedOut.map(({ level, method, selectedBy }) => `${level} ${method} ${selectedBy[0] ?? ''}`));
  const refused = knownOperations()
    .filter(({ level, method, selector }) => !done.has(`${level} ${method} ?${selector}`))
    .map(({ name, level, method, selector }) => ({
      name,
      level,
      method,
      selectedBy: [`?${selector}`],
      throughAccessPoint: false,
      actions: [],
    }));
  return { carriedOut, refused };
}
