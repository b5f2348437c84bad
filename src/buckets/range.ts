/** Byte positions, both inclusive. */
export interface ByteRange {
  start: number;
  end: number;
}

const form = /^\s*bytes=(\d*)-(\d*)\s*$/i;

/**
 * Reads a Range header (RFC 9110 section 14.1.2) for a body of `size` bytes: `bytes=a-b`, `bytes=a-` or `bytes=-n`, cut to the body.
 * `ignored` for several ranges, other units and malformed ones; `unsatisfiable` when no byte of the body is inside; undefined without header.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | 'ignored' | undefined {
  if (header === undefined) return undefined;
  const match = form.exec(header);
  const [first, last] = [match?.[1] ?? '', match?.[2] ?? ''];
  if (!match || (first === '' && last === '')) return 'ignored';
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? Number.POSITIVE_INFINITY : Number(last);
  if (end < start) return 'ignored';
  return start >= size ? 'unsatisfiable' : { start, end: Math.min(end, size - 1) };
}
