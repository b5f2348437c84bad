import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

test('the young generation gets its size and keeps it, whatever is allocated', async () => {
  const script = `import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
    setFlagsFromString('--semi-space-growth-factor=1');
    setFlagsFromString('--scavenger-max-new-space-capacity-mb=4');
    const youngGeneration = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size;
    const { sizeYoungGeneration } = await import(${JSON.stringify(import.meta.resolve('./young.ts'))});
    const sizes = [youngGeneration()];
    sizeYoungGeneration();
    sizes.push(youngGeneration());
    for (let i = 0, kept = []; i < 2e6; i++) { kept.push({ i }); if (kept.length === 2e5) kept = []; }
    console.log(JSON.stringify([...sizes, youngGeneration()].map((bytes) => bytes / 2 ** 20)));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  const [before = 0, sized = 0, later = 0] = JSON.parse(stdout) as number[];
  assert.ok(before <= 4, `${before} MiB at first`);
  assert.ok(sized >= 8 && sized <= 16, `${sized} MiB`);
  assert.equal(later, sized);
});
