import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import type { Invocation, InvocationResult } from '../invocation.ts';
import { readBmp, writeBmp } from './image/bmp.ts';
import { exifFields } from './image/exif.ts';
import { formatOf, jpegQuality } from './image/format.ts';
import { cropping, placed, resizing } from './image/geometry.ts';
import type { Gravity, Plan, Resize } from './image/plan.ts';
import { Refusal } from './image/refusal.ts';
import { Images } from './images.ts';
import { packageTree, ship } from './shipped.ts';

const side = fc.integer({ min: 1, max: 3000 });
const size = fc.record({ width: side, height: side });
const gravity = fc.constantFrom<Gravity>('nw', 'north', 'ne', 'west', 'center', 'east', 'sw', 'south', 'se');
const resize = (more: Partial<Resize>): Resize => ({ kind: 'resize', mode: 'lfit', enlarge: true, color: 'FFFFFF', ...more });

test('a fitted picture lies within its rectangle and touches it; a covering one covers it', () => {
  fc.assert(
    fc.property(size, size, (source, box) => {
      const fitted = resizing(resize(box), source)?.scaled ?? source;
      assert.ok(fitted.width <= box.width && fitted.height <= box.height);
      assert.ok(fitted.width === box.width || fitted.height === box.height);
      // A thin picture may cover a rectangle only by being larger than any may be.
      const ratio = Math.max(box.width / source.width, box.height / source.height);
      if (source.width * ratio > 4000 || source.height * ratio > 4000) return;
      const covering = resizing(resize({ ...box, mode: 'mfit' }), source)?.scaled ?? source;
      assert.ok(covering.width >= box.width && covering.height >= box.height);
      assert.deepEqual(resizing(resize({ ...box, mode: 'fill' }), source)?.cut, { ...box });
      assert.deepEqual(resizing(resize({ ...box, mode: 'pad' }), source)?.padded, { ...box });
    }),
  );
});

test('without limit_0 nothing grows', () => {
  fc.assert(
    fc.property(size, size, fc.constantFrom<Resize['mode']>('lfit', 'mfit', 'fixed'), (source, box, mode) => {
      const scaled = resizing(resize({ ...box, mode, enlarge: false }), source)?.scaled ?? source;
      assert.ok(scaled.width <= source.width && scaled.height <= source.height);
    }),
  );
});

test('a crop lies within its picture, or is refused', () => {
  const crop = fc.record({
    width: fc.option(side, { nil: undefined }),
    height: fc.option(side, { nil: undefined }),
    gravity,
    x: side,
    y: side,
  });
  fc.assert(
    fc.property(size, crop, (source, asked) => {
      try {
        const box = cropping({ kind: 'crop', ...asked }, source);
        assert.ok(box.left >= 0 && box.top >= 0 && box.width >= 1 && box.height >= 1);
        assert.ok(box.left + box.width <= source.width && box.top + box.height <= source.height);
      } catch (error) {
        assert.ok(error instanceof Refusal && error.code === 'BadRequest', String(error));
      }
    }),
  );
  assert.deepEqual(placed('se', { width: 100, height: 50 }, { width: 10, height: 10 }), { left: 90, top: 40 });
});

test('a bitmap is read as it was written', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 20 }),
      fc.uint8Array({ minLength: 1200, maxLength: 1200 }),
      (width, height, noise) => {
        const pixels = Buffer.from(noise.subarray(0, width * height * 3));
        const read = readBmp(writeBmp(pixels, { width, height }));
        for (let i = 0; i < width * height; i++)
          assert.deepEqual([...read.subarray(i * 4, i * 4 + 4)], [...pixels.subarray(i * 3, i * 3 + 3), 255]);
      },
    ),
  );
});

test('bytes of no picture end in a refusal or in nothing, never otherwise', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      const bytes = Buffer.from(noise);
      formatOf(bytes);
      jpegQuality(Buffer.concat([Buffer.from([0xff, 0xd8]), bytes]));
      exifFields(Buffer.concat([Buffer.from('II*\0\x08\0\0\0', 'latin1'), bytes]));
      assert.throws(() => readBmp(Buffer.concat([Buffer.from('BM'), bytes])), Refusal);
    }),
  );
});

test('the quality of a JPEG is seen in its tables', async () => {
  const noise = sharp(Buffer.from(Uint8Array.from({ length: 48 * 48 * 3 }, (_, i) => (i * 7919) % 256)), {
    raw: { width: 48, height: 48, channels: 3 },
  });
  for (const quality of [20, 50, 75, 90]) {
    const found = jpegQuality(await noise.clone().jpeg({ quality, mozjpeg: false }).toBuffer());
    assert.ok(found !== undefined && Math.abs(found - quality) <= 2, `${quality}: ${found}`);
  }
});

test('code and packages are given out in a folder that every user can read', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-shipped-'));
  t.after(() => rm(folder, { recursive: true }));
  const make = async (path: string, text: string, mode = 0o600) => {
    await mkdir(join(folder, path, '..'), { recursive: true, mode: 0o700 });
    await writeFile(join(folder, path), text, { mode });
  };
  await make('code/index.ts', 'export {};');
  await make('code/index.test.ts', '');
  await make('code/node_modules/one/package.json', '{"dependencies":{"two":"1"},"optionalDependencies":{"none":"1"}}', 0o644);
  await make('code/node_modules/one/node_modules/two/package.json', '{}');
  await make('code/node_modules/two/package.json', '{"dependencies":{"three":"1"}}');
  const packages = packageTree('one', join(folder, 'code'));
  assert.deepEqual([...packages.keys()], ['one', 'two']);
  const into = join(folder, 'into');
  await ship(join(folder, 'code'), packages, into);
  for (const path of ['index.ts', 'package.json', 'node_modules/one/package.json', 'node_modules/two/package.json']) {
    assert.equal((await stat(join(into, path))).mode & 0o444, 0o444, path);
  }
  assert.equal((await stat(join(into, 'node_modules', 'two'))).mode & 0o755, 0o755);
  assert.equal(await readFile(join(into, 'node_modules/two/package.json'), 'utf8'), '{}', 'the nearest one');
  await assert.rejects(stat(join(into, 'index.test.ts')));
  assert.equal(packageTree('none', folder).size, 0);
});

test('ends that a picture brings about are faults by name', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-images-'));
  t.after(() => rm(folder, { recursive: true }));
  const plan: Plan = { wanted: 'picture', bytes: 1, orient: false, steps: [], output: { progressive: false } };
  const ended = (kind: 'timeout' | 'out-of-memory' | 'exited' | 'raised', payload = '{}'): InvocationResult => ({
    ...{ payload: Buffer.from(payload), instanceId: 'i', durationMs: 1, maxMemoryMb: 1, coldStart: false },
    failure: { kind, errorType: '', message: kind },
  });
  const render = (invoke: (call: Invocation) => Promise<InvocationResult>) =>
    new Images({ invoke: (_fn, call) => invoke(call), folder, user: async () => undefined }).render({
      ...{ requestId: 'r', plan, share: 's', signal: new AbortController().signal, take: async () => {} },
      inputs: [() => Readable.from(['x'])],
    });
  const rows: [InvocationResult, string][] = [
    [ended('timeout'), 'ImageTooLarge'],
    [ended('out-of-memory'), 'ImageTooLarge'],
    [ended('exited'), 'BadRequest'],
    [ended('raised'), 'InternalError'],
    [ended('raised', '{"errorType":"ImportModuleError"}'), 'NotImplemented'],
  ];
  for (const [result, code] of rows)
    await assert.rejects(
      render(async () => result),
      { code },
    );
  const refused = {
    status: 400,
    headers: { 'content-type': 'application/json' },
    body: Readable.from([Buffer.from('{"code":"WatermarkError","message":"no"}')]),
  };
  const answering = async (call: Invocation) => {
    await call.answer?.(refused);
    const { failure: _, ...fine } = ended('raised');
    return fine;
  };
  await assert.rejects(render(answering), { code: 'WatermarkError', message: 'no' });
  const broken = new Readable({ read: () => {} });
  await assert.rejects(
    new Images({
      invoke: async (_fn, call) => {
        call.inputs?.[0]?.();
        broken.destroy(new Error('the disk'));
        await new Promise((resolve) => broken.once('close', resolve));
        return ended('raised');
      },
      ...{ folder, user: async () => undefined },
    }).render({ requestId: 'r', plan, share: 's', signal: new AbortController().signal, take: async () => {}, inputs: [() => broken] }),
    /the disk/,
  );
});
