import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FunctionOutput } from './function-output.ts';

function texts(output: FunctionOutput, name: string, after = 0, request?: string): string[] {
  return output.since(name, after, request).lines.map(({ text }) => text);
}

test('lines of one function, of one request, and those behind a number', () => {
  const output = new FunctionOutput();
  assert.deepEqual(output.since('a', 0), { lines: [], newest: 0, more: false });
  output.add('a', 'R1', 'one');
  output.add('b', 'R2', 'two');
  output.add('a', '', 'three');
  output.add('a', 'R3', 'four');
  assert.deepEqual(texts(output, 'a'), ['one', 'three', 'four']);
  assert.deepEqual(texts(output, 'a', 1), ['three', 'four']);
  assert.deepEqual(texts(output, 'a', 3), ['four']);
  assert.deepEqual(texts(output, 'a', 4), []);
  assert.deepEqual(texts(output, 'a', Number.MAX_SAFE_INTEGER), []);
  assert.deepEqual(texts(output, 'a', 0, 'R3'), ['four']);
  assert.equal(output.since('b', 4).newest, 4);
});

test('many lines come a page at a time, and old ones are forgotten', () => {
  const output = new FunctionOutput();
  for (let i = 1; i <= 50_000; i++) output.add('a', '', String(i));
  const found: string[] = [];
  let after = 0;
  for (;;) {
    const page = output.since('a', after);
    found.push(...page.lines.map(({ text }) => text));
    after = page.newest;
    if (!page.more) break;
  }
  assert.equal(found.length, 20_000);
  assert.equal(found[0], '30001');
  assert.equal(found.at(-1), '50000');
});

test('long lines are forgotten by their bytes', () => {
  const output = new FunctionOutput();
  for (let i = 0; i < 100; i++) output.add('a', '', 'x'.repeat(1024 * 1024));
  assert.equal(output.since('a', 0).lines.length, 3);
});
