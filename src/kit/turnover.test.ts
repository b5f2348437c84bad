import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Turnover } from './turnover.ts';

test('is a map in the order of arrival', () => {
  const map = new Turnover<string, { n: number }>();
  assert.deepEqual([map.size, map.first, map.get('a'), map.delete('a')], [0, undefined, undefined, false]);
  for (const [n, key] of ['a', 'b', 'c'].entries()) map.set(key, { n });
  map.set('a', { n: 9 });
  assert.deepEqual([...map.values()], [{ n: 9 }, { n: 1 }, { n: 2 }], 'a new value keeps the place');
  assert.equal(map.delete('a'), true);
  assert.deepEqual([map.size, map.has('a'), map.has('b'), map.first], [2, false, true, { n: 1 }]);
  for (const { n } of map.values()) map.delete(n === 1 ? 'b' : 'c');
  assert.equal(map.size, 0);
  map.set('d', { n: 4 });
  map.clear();
  assert.deepEqual([map.size, [...map.values()]], [0, []]);
});

test('what has left is garbage without a full collection', async () => {
  // Bytes that are left, behind one full collection at the beginning and small ones ever after.
  const script = `import { Turnover } from ${JSON.stringify(import.meta.resolve('./turnover.ts'))};
    const left = (map) => {
      const before = process.memoryUsage().heapUsed;
      for (let i = 0; i < 40_000; i++) {
        map.set('k' + i, { bytes: new Array(50).fill(i) });
        if (i >= 16) map.delete('k' + (i - 16));
        if (i === 1_000) gc();
        if (i % 500 === 499) gc({ type: 'minor' });
      }
      return process.memoryUsage().heapUsed - before;
    };
    console.log(JSON.stringify([left(new Turnover()), left(new Map())].map((bytes) => bytes / 2 ** 20)));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '--input-type=module', '-e', script]);
  const [ours = 0, ofMap = 0] = JSON.parse(stdout) as number[];
  assert.ok(ours < ofMap / 2, `${ours} MiB are left, and ${ofMap} MiB in a Map`);
});
