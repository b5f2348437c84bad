import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesText, widthOf } from './output.ts';
import { Progress, progressLine, timeText } from './progress.ts';

const MB = 1024 * 1024;

test('the line has a bar, bytes, rate and time left, and fits every terminal', () => {
  const line = { name: 'holiday.mp4', done: 45 * MB, total: 100 * MB, rate: 5 * MB };
  assert.equal(
    progressLine({ ...line, columns: 120 }),
    'holiday.mp4  [#############                 ]   45%  45.0 MB of 100 MB  5.0 MB/s  0:11 left',
  );
  for (let columns = 12; columns < 140; columns++) {
    const text = progressLine({ ...line, columns });
    assert.ok(widthOf(text) < columns, `${columns}: ${text}`);
  }
  assert.match(progressLine({ ...line, columns: 60 }), /^hol.*45% {2}45\.0 MB of 100 MB {2}5\.0 MB\/s {2}0:11 left$/);
  assert.match(progressLine({ ...line, columns: 40 }), /^ 45% {2}45\.0 MB of 100 MB/);
});

test('names of wide letters and of control characters keep to the line', () => {
  const text = progressLine({ name: `${'山'.repeat(60)}\x1b[2J`, done: 1, total: 2, columns: 80 });
  assert.ok(widthOf(text) < 80);
  assert.ok(!text.includes('\x1b'));
});

test('without a total there is no bar and no time left', () => {
  assert.equal(progressLine({ name: '-', done: 2048, rate: 1024, columns: 80 }), '-  2.0 KB  1.0 KB/s');
});

test('nothing is drawn where nobody sees it', () => {
  const written: string[] = [];
  const progress = new Progress('a', 10, { isTTY: false, write: (text) => written.push(text) });
  progress.add(10);
  assert.match(progress.end(), /^10 B in 0\.0 s/);
  assert.deepEqual(written, []);
});

test('times and bytes as people read them', () => {
  assert.deepEqual([0.2, 59.5, 61, 3661].map(timeText), ['0:01', '1:00', '1:01', '1:01:01']);
  assert.deepEqual([0, 999, 1000, 1536, 120 * MB, 5 * 1024 * MB].map(bytesText), ['0 B', '999 B', '1.0 KB', '1.5 KB', '120 MB', '5.0 GB']);
});
