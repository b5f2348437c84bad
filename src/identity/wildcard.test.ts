import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileWildcard, type Meter } from './wildcard.ts';

/** The definition itself: slow, and plainly right. */
function oracle(pattern: string, text: string): boolean {
  const p = Array.from(pattern);
  const t = Array.from(text);
  let row = [true, ...t.map(() => false)];
  for (const c of p) {
    const next: boolean[] = [c === '*' && (row[0] as boolean)];
    for (let i = 1; i <= t.length; i++) {
      next[i] = c === '*' ? (row[i] as boolean) || (next[i - 1] as boolean) : (row[i - 1] as boolean) && (c === '?' || c === t[i - 1]);
    }
    row = next;
  }
  return row[t.length] as boolean;
}

test('agrees with the definition on small alphabets', () => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '😀'), maxLength: 12 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '😀'), maxLength: 14 });
  fc.assert(
    fc.property(pattern, text, (p, t) => {
      assert.equal(compileWildcard(p)(t), oracle(p, t));
      assert.equal(compileWildcard(p, { steps: 0 })(t), oracle(p, t), 'without the short cuts');
    }),
    { numRuns: 3_000 },
  );
});

test('agrees with the definition on texts made from the pattern, with chunks beyond one word', () => {
  const piece = fc.string({ unit: fc.constantFrom('a', 'b', '?'), minLength: 30, maxLength: 70 });
  const fill = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 80 });
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 3, maxLength: 4 }),
      fc.array(fill, { minLength: 4, maxLength: 4 }),
      fc.boolean(),
      (pieces, fills, spoil) => {
        const pattern = pieces.join('*');
        const whole = pieces.map((one, i) => one.replaceAll('?', 'b') + (i < pieces.length - 1 ? fills[i] : '')).join('');
        const text = spoil ? `${whole.slice(0, -1)}c` : whole;
        assert.equal(compileWildcard(pattern)(text), oracle(pattern, text));
        if (!spoil) assert.equal(compileWildcard(pattern)(text), true);
      },
    ),
    { numRuns: 500 },
  );
});

test('every other character stands for itself', () => {
  assert.equal(compileWildcard('a.b')('axb'), false);
  assert.equal(compileWildcard('a[bc]*+?')('a[bc]zz+d'), true);
  assert.equal(compileWildcard('$(x)|*|y*')('$(x)|1|y'), true);
  assert.equal(compileWildcard('?.png')('😀.png'), true);
  assert.equal(compileWildcard('')(''), true);
  assert.equal(compileWildcard('')('a'), false);
});

test('steps grow with the length of the text, whatever the pattern', () => {
  const patterns = [
    `${'*a'.repeat(20)}*b`,
    `*${'a?'.repeat(15)}b*c`,
    `*${'a'.repeat(31)}b*`,
    `*${'a'.repeat(100)}b*${'a'.repeat(100)}c*`,
    `*?*?*?*b*?*`,
  ];
  for (const pattern of patterns) {
    const words = Math.ceil(Math.max(...pattern.split('*').map((chunk) => chunk.length)) / 32);
    const steps = [1_000, 2_000, 4_000, 8_000].map((length) => {
      const meter: Meter = { steps: 0 };
      assert.equal(compileWildcard(pattern, meter)('a'.repeat(length)), false);
      assert.ok(meter.steps > 0);
      assert.ok(meter.steps <= words * (length + pattern.length), `${pattern}: ${meter.steps} steps for ${length} characters`);
      return meter.steps;
    });
    assert.ok((steps[3] as number) <= 2.1 * (steps[2] as number) + 100, `${pattern}: ${steps}`);
  }
});
