import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { inHours } from './care/config.ts';
import { DamageNotes, Scrubber } from './care/index.ts';
import { bucket, fileOf, fillStore, type Served, serveFolder, testFolder } from './data.fixture.ts';
import { createMetrics, type Metrics } from './telemetry/index.ts';

describe('the scrubber', () => {
  let base: ReturnType<typeof testFolder>;
  let served: Served;
  let lines: { key: string; kind: string; found: string }[];
  let metrics: Metrics;
  beforeEach(async () => {
    base = testFolder();
    served = await serveFolder(join(base.path, 'data'));
    await fillStore(served.store, randomBytes);
    lines = [];
    metrics = createMetrics();
  });
  afterEach(async () => {
    await served.close();
    base.remove();
  });
  const scrubber = (bytesPerSecond = 2 ** 40, hours = '0-24') => {
    const log = { error: (fields: unknown) => void lines.push(fields as (typeof lines)[number]) };
    const { metadata, blobs } = served;
    const damage = new DamageNotes(log as never, metrics);
    const settings = { bytesPerSecond, hours, everyDays: 7 };
    return new Scrubber({ metadata, blobs, settings, damage, metrics, onError: (error) => assert.fail(String(error)) });
  };
  const counted = async (name: 'scrubbed' | 'damaged') => (await metrics[name].get()).values.reduce((sum, { value }) => sum + value, 0);
  const progress = () =>
    JSON.parse(served.metadata.get<{ value: string }>(`select value from settings where name = 'scrub'`)?.value ?? '{}');

  it('reads everything and names what is damaged, in the log and the metrics', async () => {
    const bytes = readFileSync(fileOf(served, 'large'));
    bytes[300_000] = (bytes[300_000] as number) ^ 1;
    writeFileSync(fileOf(served, 'large'), bytes);
    rmSync(fileOf(served, 'sealed'));
    const one = scrubber();
    await one.round();
    await one.close();
    assert.deepEqual(
      lines.map(({ key, kind, found }) => [key, kind, found]),
      [
        ['large', 'wrong-checksum', 'scrub'],
        ['sealed', 'missing-blob', 'scrub'],
      ],
    );
    assert.deepEqual([await counted('scrubbed'), await counted('damaged')], [13, 2]);
    assert.equal(progress().cursor, undefined);
    assert.ok(progress().startedAt > 0);
  });

  it('goes on after a restart where it was broken off', async () => {
    const small = async function* () {
      yield Buffer.from('x');
    };
    for (let i = 0; i < 150; i++) {
      await served.store.put({
        bucket,
        key: `many/${String(i).padStart(3, '0')}`,
        source: small(),
        contentType: '',
        headers: {},
        meta: {},
      });
    }
    // A page of 64 and some; then it is stopped in the middle.
    const first = scrubber();
    const stopped = first.round().catch((error: Error) => assert.equal(error.name, 'AbortError'));
    while ((await counted('scrubbed')) < 70) await new Promise((resolve) => setImmediate(resolve));
    await first.close();
    await stopped;
    const half = await counted('scrubbed');
    assert.ok(progress().cursor.length > 1);
    const { startedAt } = progress();
    const second = scrubber();
    await second.round();
    await second.close();
    const all = await counted('scrubbed');
    assert.ok(all >= 163 && all < 163 + 70, `${half} before, ${all} in all`);
    assert.equal(progress().startedAt, startedAt);
  });

  it('reads no more bytes a second than it may', async () => {
    const begun = performance.now();
    const one = scrubber(4_000_000);
    await one.round();
    await one.close();
    // Some 2 MB of objects, and 64 KiB for the opening of each of 13 blobs.
    assert.ok(performance.now() - begun > 500);
  });

  it('works in its hours only', async () => {
    const hour = new Date().getUTCHours();
    const one = scrubber(2 ** 40, `${(hour + 2) % 24}-${(hour + 3) % 24}`);
    await one.round();
    await one.close();
    assert.equal(await counted('scrubbed'), 0);
    assert.deepEqual(
      ['1-5', '22-4', '0-24', '7-7'].map((span) => [0, 1, 4, 5, 12, 22, 23].filter((each) => inHours(span, each))),
      [
        [1, 4],
        [0, 1, 22, 23],
        [0, 1, 4, 5, 12, 22, 23],
        [0, 1, 4, 5, 12, 22, 23],
      ],
    );
  });
});
