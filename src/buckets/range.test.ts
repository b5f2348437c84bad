import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseRange } from './range.ts';

describe('parseRange', () => {
  const table: [string | undefined, number, ReturnType<typeof parseRange>][] = [
    [undefined, 10, undefined],
    ['bytes=0-0', 10, { start: 0, end: 0 }],
    ['bytes=2-5', 10, { start: 2, end: 5 }],
    ['Bytes=2-5', 10, { start: 2, end: 5 }],
    [' bytes=2-5 ', 10, { start: 2, end: 5 }],
    ['bytes=2-', 10, { start: 2, end: 9 }],
    ['bytes=2-100', 10, { start: 2, end: 9 }],
    ['bytes=-3', 10, { start: 7, end: 9 }],
    ['bytes=-100', 10, { start: 0, end: 9 }],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=10-', 10, 'unsatisfiable'],
    ['bytes=10-20', 10, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=-1', 0, 'unsatisfiable'],
    [`bytes=${'9'.repeat(400)}-`, 10, 'unsatisfiable'],
    [`bytes=1-${'9'.repeat(400)}`, 10, { start: 1, end: 9 }],
    ['bytes=5-2', 10, 'ignored'],
    ['bytes=0-1,3-4', 10, 'ignored'],
    ['bytes=-', 10, 'ignored'],
    ['bytes=', 10, 'ignored'],
    ['', 10, 'ignored'],
    ['items=0-1', 10, 'ignored'],
    ['bytes=a-b', 10, 'ignored'],
    ['bytes=0-1x', 10, 'ignored'],
    ['bytes=+1-2', 10, 'ignored'],
    ['bytes 0-1', 10, 'ignored'],
  ];
  for (const [header, size, expected] of table) {
    it(`reads ${header?.slice(0, 30)} of ${size} bytes`, () => assert.deepEqual(parseRange(header, size), expected));
  }

  it('selects the same bytes as a walk over all positions', () => {
    const bound = fc.option(fc.nat(40), { nil: undefined });
    fc.assert(
      fc.property(bound, bound, fc.nat(30), (first, last, size) => {
        const positions = Array.from({ length: size }, (_, i) => i);
        const chosen = positions.filter((at) =>
          first === undefined ? last !== undefined && at >= size - last : at >= first && (last === undefined || at <= last),
        );
        const range = parseRange(`bytes=${first ?? ''}-${last ?? ''}`, size);
        const malformed = (first === undefined && last === undefined) || (first !== undefined && last !== undefined && last < first);
        if (malformed) assert.equal(range, 'ignored');
        else if (chosen.length === 0) assert.equal(range, 'unsatisfiable');
        else assert.deepEqual(range, { start: chosen[0], end: chosen.at(-1) });
      }),
      { numRuns: 1000 },
    );
  });

  it('never answers a range outside the body, whatever the header', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(1000), (text, size) => {
        const range = parseRange(`bytes=${text}`, size);
        if (typeof range === 'object') assert.ok(0 <= range.start && range.start <= range.end && range.end < size);
        else assert.ok(range === 'ignored' || range === 'unsatisfiable');
      }),
    );
  });
});
