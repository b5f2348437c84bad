import type { SqlValue } from './port.ts';

const counted = new Map<string, number>();
const maxCounted = 2000;

// What may hold a question mark that is no parameter: strings, quoted names, comments.
const opaque = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\//g;

/** Number of `?` parameters in a statement. Throws TypeError for numbered or named ones, which are not portable. */
export function countParameters(sql: string): number {
  const known = counted.get(sql);
  if (known !== undefined) return known;
  const bare = sql.replace(opaque, ' ');
  if (/\?\d|[:@$][A-Za-z_]/.test(bare)) throw new TypeError(`Use plain ? parameters in: ${sql}`);
  const count = bare.split('?').length - 1;
  if (counted.size >= maxCounted) counted.clear();
  counted.set(sql, count);
  return count;
}

/** Throws TypeError unless there are as many parameters as `?` and each is a SqlValue. SQLite itself takes too few of them in silence. */
export function checkParameters(sql: string, params: readonly SqlValue[]): void {
  const count = countParameters(sql);
  if (params.length !== count) throw new TypeError(`The statement has ${count} parameters, ${params.length} were given: ${sql}`);
  for (let i = 0; i < count; i++) {
    const value: unknown = params[i];
    if (typeof value === 'string' || value === null) continue;
    if (typeof value === 'number') {
      if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))) continue;
    } else if (value instanceof Uint8Array) continue;
    throw new TypeError(`Parameter ${i + 1} is ${describe(value)}; strings, finite numbers, null and bytes can be stored: ${sql}`);
  }
}

function describe(value: unknown): string {
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'object') return `an object (${value?.constructor?.name ?? 'without class'})`;
  return `of type ${typeof value}`;
}
