import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';

/** As bin/sluice has them. */
const flags = readFileSync(new URL('../../bin/sluice', import.meta.url), 'utf8').match(/setFlagsFromString\('--[^']+'\);/g) ?? [];

/** Sizes that a program of its own prints, MiB. */
async function sizes(lines: string): Promise<number[]> {
  const script = `import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
    ${flags.join('\n')}
    setFlagsFromString('--expose-gc');
    const sizes = [];
    // Both halves, to the MiB: the space has a page more now and then, and each page a head.
    const note = () => {
      const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
      sizes.push(Math.round((2 * (young.space_used_size + young.space_available_size)) / 2 ** 20));
    };
    /** Requests of a kilobyte or so, each at work until so many others have come behind it. */
    const work = async (requests, atWork) => {
      const open = [];
      for (let i = 0; i < requests; i++) {
        open[i % atWork] = Array.from({ length: 30 }, () => ({ i }));
        if (i % 100 === 0) await new Promise(setImmediate);
      }
    };
    const { keepYoungGeneration } = await import(${JSON.stringify(import.meta.resolve('./young.ts'))});
    note();
    const end = keepYoungGeneration();
    ${lines}
    end();
    console.log(JSON.stringify(sizes));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  return JSON.parse(stdout) as number[];
}

test('the young generation gets its size and keeps it, whatever is allocated', async () => {
  const [before = 0, sized = 0, later = 0] = await sizes(`note();
    for (let i = 0, kept = []; i < 1e6; i++) { kept.push({ i }); if (kept.length === 5e4) kept = []; }
    note();`);
  assert.ok(before <= 4, `${before} MiB at first`);
  assert.ok(sized >= 8 && sized <= 16, `${sized} MiB`);
  assert.equal(later, sized);
});

test('what V8 takes back while there is no work comes back with the work, and no more than that', async () => {
  const [, , idle = 0, again = 0, later = 0] = await sizes(`note();
    const gc = (await import('node:vm')).runInNewContext('gc');
    gc({ type: 'major', flavor: 'last-resort' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    note();
    await work(1e5, 1000); note();
    await work(1e5, 1000); note();`);
  assert.ok(idle <= 4, `${idle} MiB while idle`);
  assert.ok(again >= 8 && again <= 16, `${again} MiB`);
  assert.equal(later, again);
});

test('it grows where much of the work outlives collections, to a limit, and V8 takes that back too', async () => {
  const [, before = 0, crowded = 0, still = 0, idle = 0, again = 0] = await sizes(`note();
    await work(4e5, 3e4); note();
    await work(2e5, 1e5); note();
    const gc = (await import('node:vm')).runInNewContext('gc');
    gc({ type: 'major', flavor: 'last-resort' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    note();
    await work(1e5, 1000); note();`);
  assert.ok(before >= 8 && before <= 16, `${before} MiB`);
  // What is kept for long may lie beside both halves for a moment; twice the size would be the next one.
  for (const size of [crowded, still]) assert.ok(size >= 64 && size < 128, `${size} MiB`);
  assert.ok(idle <= 4, `${idle} MiB while idle`);
  assert.ok(again >= 8 && again <= 16, `${again} MiB`);
});

test('that it may grow lets no more chunks of bodies wait to be collected while it does not', async () => {
  const [, collections = 0] = await sizes(`let collections = 0;
    const { PerformanceObserver } = await import('node:perf_hooks');
    const watch = new PerformanceObserver((list) => { collections += list.getEntries().length; });
    watch.observe({ entryTypes: ['gc'] });
    const flowing = [];
    for (let i = 0; i < 2e4; i++) {
      flowing[i % 16] = Buffer.allocUnsafeSlow(65_536);
      if (i % 16 === 0) await new Promise(setImmediate);
    }
    watch.disconnect();
    sizes.push(collections);`);
  // Of 1250 MiB. With the flags of the largest size there are 30 to 45.
  assert.ok(collections >= 55, `${collections} collections`);
});
