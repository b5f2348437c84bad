/** The tests' own PNG decoder against pictures that Pillow wrote. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { assertSolidPng, decodePng } from './png.ts';
import { python } from './toolchain.ts';

function drawn(script: string): Buffer {
  const program = `import sys, io; from PIL import Image; b = io.BytesIO(); ${script}; i.save(b, 'png'); sys.stdout.buffer.write(b.getvalue())`;
  return execFileSync(python.tools?.interpreter as string, ['-c', program], { env: { PYTHONPATH: python.tools?.packages } });
}

test('decodes every filter, and tells a single wrong pixel', { skip: python.skip }, () => {
  const gradient = decodePng(
    drawn("i = Image.merge('RGB', (Image.linear_gradient('L'), Image.radial_gradient('L'), Image.linear_gradient('L').rotate(90)))"),
  );
  assert.deepEqual([gradient.width, gradient.height], [256, 256]);
  assert.deepEqual([gradient.pixels[0], gradient.pixels[255 * 256 * 3]], [0, 255]);
  assertSolidPng(drawn("i = Image.new('RGB', (200, 200), (255, 0, 0))"), 200, 200, [255, 0, 0]);
  const spoilt = drawn("i = Image.new('RGB', (200, 200), (255, 0, 0)); i.putpixel((7, 9), (254, 0, 0))");
  assert.throws(() => assertSolidPng(spoilt, 200, 200, [255, 0, 0]), /pixel 1807 is \(254, 0, 0\)/);
});
