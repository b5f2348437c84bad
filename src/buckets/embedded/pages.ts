import { byteOrder, commonPrefix, successor } from './listing.ts';

const maxRows = 1000;
const rowsAfterSkip = 8;

/** What has a place in a list: a key, and an id that orders those of one key. */
export interface Placed {
  readonly key: string;
  readonly id: string;
}

/** Where to read on: at that key, or beyond that id of it. */
export interface Bound {
  readonly key: string;
  readonly id?: string;
}

export interface PageRequest {
  prefix: string;
  /** Keys that have it after the prefix are rolled up; '' for none. */
  delimiter: string;
  /** Exclusive start; '' for none. Without an id everything of that key lies before the page. */
  afterKey: string;
  afterId: string;
  most: number;
}

export interface Page<T> {
  rows: T[];
  prefixes: string[];
  truncated: boolean;
  /** The last key or prefix returned, and the id when it was no prefix. */
  nextKey?: string;
  nextId?: string;
}

/** Comes after every id. */
const lastId = '~';

function firstBound({ prefix, delimiter, afterKey, afterId }: PageRequest): Bound | undefined {
  if (afterKey === '' || byteOrder(afterKey, prefix) < 0) return { key: prefix };
  if (afterKey.startsWith(prefix) && commonPrefix(afterKey, prefix, delimiter) === afterKey) return beyond(afterKey);
  return { key: afterKey, id: afterId === '' ? lastId : afterId };
}

function beyond(prefix: string): Bound | undefined {
  const key = successor(prefix);
  return key === undefined ? undefined : { key };
}

/**
 * Reads one page, by key and then by id. Keys below a common prefix are skipped by seeking past it.
 * @param read rows from a bound to an exclusive end, in order; as many as the limit says, if there are
 */
export function readPage<T extends Placed>(
  request: PageRequest,
  read: (from: Bound, end: string | undefined, limit: number) => T[],
): Page<T> {
  const { prefix, delimiter, most } = request;
  const page: Page<T> = { rows: [], prefixes: [], truncated: false };
  const end = successor(prefix);
  let from = most > 0 ? firstBound(request) : undefined;
  let room = most;
  let limit = delimiter === '' ? maxRows : rowsAfterSkip * 4;
  while (from) {
    // One row more than there is room for tells whether the page is truncated.
    limit = Math.min(limit, room + 1, maxRows);
    const rows = read(from, end, limit);
    const last = rows.at(-1);
    from = last && rows.length === limit ? { key: last.key, id: last.id } : undefined;
    limit *= 4;
    for (const row of rows) {
      if (room === 0) return { ...page, truncated: true };
      room -= 1;
      const common = commonPrefix(row.key, prefix, delimiter);
      page.nextKey = common ?? row.key;
      if (common === undefined) {
        page.nextId = row.id;
        page.rows.push(row);
        continue;
      }
      delete page.nextId;
      page.prefixes.push(common);
      from = beyond(common);
      limit = rowsAfterSkip;
      break;
    }
  }
  return page;
}
