import type { Metadata } from '../../metadata/index.ts';
import type { ObjectPage, ObjectPageRequest } from '../store.ts';
import { headOf, type ObjectRow, selectObjects } from './rows.ts';

const maxRows = 1000;
const rowsAfterSkip = 8;

/** Where to read on: from that key, or after it. */
interface Bound {
  key: string;
  inclusive: boolean;
}

/**
 * The smallest text that comes after every text with that prefix in UTF-8 byte order (which is the order of code points);
 * undefined when there is none.
 */
export function successor(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) as number);
  for (let point = points.pop(); point !== undefined; point = points.pop()) {
    if (point === 0x10ffff) continue;
    // Surrogates are no characters: the one after U+D7FF is U+E000.
    points.push(point === 0xd7ff ? 0xe000 : point + 1);
    return String.fromCodePoint(...points);
  }
  return undefined;
}

export function byteOrder(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The part of a key up to the first delimiter after the prefix, if it has one there. */
export function commonPrefix(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '') return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}

function firstBound({ prefix, delimiter, after }: ObjectPageRequest): Bound | undefined {
  if (after === '' || byteOrder(after, prefix) < 0) return { key: prefix, inclusive: true };
  if (after.startsWith(prefix) && commonPrefix(after, prefix, delimiter) === after) return beyond(after);
  return { key: after, inclusive: false };
}

function beyond(prefix: string): Bound | undefined {
  const key = successor(prefix);
  return key === undefined ? undefined : { key, inclusive: true };
}

/** Reads one page. Keys below a common prefix are skipped by seeking past it. */
export function listObjects(metadata: Metadata, request: ObjectPageRequest): ObjectPage {
  const { bucket, prefix, delimiter, maxKeys } = request;
  const page: ObjectPage = { objects: [], prefixes: [], truncated: false };
  const end = successor(prefix);
  let from = maxKeys > 0 ? firstBound(request) : undefined;
  let room = maxKeys;
  let limit = delimiter === '' ? maxRows : rowsAfterSkip * 4;
  while (from) {
    // One row more than there is room for tells whether the page is truncated.
    limit = Math.min(limit, room + 1, maxRows);
    const rows = readRows(metadata, bucket, from, end, limit);
    from = rows.length === limit ? { key: (rows.at(-1) as ObjectRow).key, inclusive: false } : undefined;
    limit *= 4;
    for (const row of rows) {
      if (room === 0) return { ...page, truncated: true };
      room -= 1;
      const common = commonPrefix(row.key, prefix, delimiter);
      page.next = common ?? row.key;
      if (common === undefined) {
        page.objects.push(headOf(row));
        continue;
      }
      page.prefixes.push(common);
      from = beyond(common);
      limit = rowsAfterSkip;
      break;
    }
  }
  return page;
}

function readRows(metadata: Metadata, bucket: string, from: Bound, end: string | undefined, limit: number): ObjectRow[] {
  const sql = selectObjects(from.inclusive ? 'including' : 'after', end !== undefined);
  return metadata.all<ObjectRow>(sql, end === undefined ? [bucket, from.key, limit] : [bucket, from.key, end, limit]);
}
