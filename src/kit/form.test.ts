import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { boundaryOf, FormError, FormReader, readParameters } from './form.ts';

const limits = { headBytes: 1024, totalBytes: 4096 };
const boundary = 'B0undary';

/** A source of these pieces that tells whether it was ended early. */
async function* sourceOf(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield piece;
}

interface Read {
  name: string;
  filename?: string;
  contentType?: string;
  value: string;
}

async function readAll(pieces: readonly Buffer[], named = boundary): Promise<Read[]> {
  const reader = new FormReader(sourceOf(pieces), named, limits);
  const parts: Read[] = [];
  for (let part = await reader.next(); part; part = await reader.next()) {
    const bytes: Buffer[] = [];
    for await (const piece of reader.body()) bytes.push(piece);
    parts.push({ ...part, value: Buffer.concat(bytes).toString('latin1') });
  }
  return parts;
}

const head = (name: string, more = '') => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`;
/** A file that holds everything that looks like a delimiter and is none. */
const tricky = `\r\n--${boundary.slice(0, -1)}\r\n\r--\n-\r\n-\r\r\n--B0\r\n--${boundary.toLowerCase()}--\r\n`;
const form = `${head('key')}a/ü.txt\r\n${head('empty')}\r\n${head('file', '; filename="x.bin"\r\nContent-Type: image/png')}${tricky}\r\n--${boundary}--\r\n`;
const bytes = Buffer.from(form, 'latin1');
const expected = [
  { name: 'key', value: 'a/ü.txt' },
  { name: 'empty', value: '' },
  { name: 'file', filename: 'x.bin', contentType: 'image/png', value: tricky },
];

describe('a form', () => {
  test('is read whole', async () => assert.deepEqual(await readAll([bytes]), expected));

  test('is read the same however it is split in two', async () => {
    for (let at = 0; at <= bytes.length; at++) {
      assert.deepEqual(await readAll([bytes.subarray(0, at), bytes.subarray(at)]), expected, `split at ${at}`);
    }
  });

  test('is read the same in pieces of every small size', async () => {
    for (let size = 1; size <= boundary.length + 6; size++) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
      assert.deepEqual(await readAll(pieces), expected, `pieces of ${size}`);
    }
  });

  test('is what was written, whatever the values and however it comes', async () => {
    // Values of few different bytes come close to the delimiter by chance.
    const near = fc
      .array(fc.constantFrom('\r', '\n', '-', '\r\n--', '\r\n--B', 'B0undar', 'a'), { maxLength: 40 })
      .map((pieces) => pieces.join(''));
    const value = near.filter((text) => !`\r\n${text}\r\n--`.includes(`\r\n--${boundary}`));
    const parts = fc.array(fc.record({ name: fc.constantFrom('key', 'file', 'ü'), value }, { noNullPrototype: true }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(parts, fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 10 }), async (written, sizes) => {
        const whole = Buffer.from(`${written.map((part) => `${head(part.name)}${part.value}\r\n`).join('')}--${boundary}--`);
        const pieces: Buffer[] = [];
        for (let at = 0, i = 0; at < whole.length; i++) {
          const size = (sizes[i % sizes.length] ?? 0) + 1;
          pieces.push(whole.subarray(at, at + size));
          at += size;
        }
        assert.deepEqual(await readAll(pieces), written);
      }),
      { numRuns: 300 },
    );
  });

  test('may have a preamble, blanks behind delimiters, an epilogue, and no parts', async () => {
    const padded = Buffer.from(`preamble\r\n${form.replaceAll(`--${boundary}\r\n`, `--${boundary} \t\r\n`)}epilogue`, 'latin1');
    assert.deepEqual(await readAll([padded]), expected);
    assert.deepEqual(await readAll([Buffer.from(`--${boundary}--`)]), []);
  });

  test('passes over parts that nobody reads', async () => {
    const reader = new FormReader(sourceOf([bytes]), boundary, limits);
    const names: string[] = [];
    for (let part = await reader.next(); part; part = await reader.next()) names.push(part.name);
    assert.deepEqual(names, ['key', 'empty', 'file']);
  });

  test('gives a large part as it comes, holding no more than a delimiter', async () => {
    let given = 0;
    async function* endless() {
      yield Buffer.from(head('file'));
      for (; given < 200; given++) yield Buffer.alloc(64 * 1024, '-');
      yield Buffer.from(`\r\n--${boundary}--`);
    }
    const reader = new FormReader(endless(), boundary, limits);
    await reader.next();
    let size = 0;
    for await (const piece of reader.body()) {
      size += piece.length;
      assert.ok(given * 64 * 1024 - size <= 128 * 1024, `${given} pieces given, ${size} bytes read`);
    }
    assert.deepEqual([size, await reader.next()], [200 * 64 * 1024, undefined]);
  });

  test('ends its source when it is given up', async () => {
    let ended = false;
    async function* source() {
      try {
        for (;;) yield Buffer.from(form);
      } finally {
        ended = true;
      }
    }
    const reader = new FormReader(source(), boundary, limits);
    await reader.next();
    await reader.close();
    assert.ok(ended);
  });
});

describe('a form is refused', () => {
  const refused = async (text: string, reason: FormError['reason']) =>
    assert.rejects(
      readAll([Buffer.from(text, 'latin1')]),
      (error) => error instanceof FormError && error.reason === reason,
      text.slice(0, 80),
    );

  test('when it ends too early, at every byte', async () => {
    const end = form.indexOf(`--${boundary}--`) + boundary.length + 4;
    for (let at = 0; at < end; at++) await refused(form.slice(0, at), 'malformed');
  });

  test('when parts have no name, or delimiters no line end', async () => {
    await refused(`--${boundary}\r\n\r\nvalue\r\n--${boundary}--`, 'malformed');
    await refused(`--${boundary}\r\nContent-Disposition: attachment; name="a"\r\n\r\nx\r\n--${boundary}--`, 'malformed');
    await refused(`--${boundary}x\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--${boundary}--`, 'malformed');
  });

  test('when heads, passed over values, or what is around the parts are too long', async () => {
    await refused(`${head('a'.repeat(2000))}x\r\n--${boundary}--`, 'too-long');
    await refused(`--${boundary}${' '.repeat(2000)}`, 'too-long');
    await refused(`${'p'.repeat(5000)}${form}`, 'too-long');
    await refused(`${form}${'e'.repeat(5000)}`, 'too-long');
    const reader = new FormReader(sourceOf([Buffer.from(`${head('a')}${'x'.repeat(5000)}\r\n--${boundary}--`)]), boundary, limits);
    await reader.next();
    await assert.rejects(reader.text(), { reason: 'too-long' });
    const latin = new FormReader(sourceOf([Buffer.from(`${head('a')}\xfc\r\n--${boundary}--`, 'latin1')]), boundary, limits);
    await latin.next();
    await assert.rejects(latin.text(), { reason: 'malformed' });
  });

  test('without a boundary', () => {
    assert.equal(
      boundaryOf('multipart/form-data; boundary=----WebKitFormBoundaryW0DET1iaBMeAOBg3'),
      '----WebKitFormBoundaryW0DET1iaBMeAOBg3',
    );
    assert.equal(boundaryOf('Multipart/Form-Data;charset=utf-8; Boundary="a b:c"'), 'a b:c');
    for (const type of [
      undefined,
      'text/plain; boundary=a',
      'multipart/form-data',
      'multipart/form-data; boundary=',
      'multipart/form-data; boundary="a "',
    ])
      assert.throws(() => boundaryOf(type), FormError, type);
    assert.throws(() => boundaryOf(`multipart/form-data; boundary=${'a'.repeat(71)}`), FormError);
  });
});

test('names of files come as browsers and tools write them', async () => {
  const named = async (parameter: string) => {
    const text = `--${boundary}\r\ncontent-disposition:form-data;name=file;${parameter}\r\n\r\n\r\n--${boundary}--`;
    return (await readAll([Buffer.from(text)]))[0]?.filename;
  };
  assert.equal(await named('filename="a b;c=\\"d\\".txt"'), 'a b;c="d".txt');
  assert.equal(await named('filename="C:\\pictures\\cat.png"'), 'C:\\pictures\\cat.png');
  assert.equal(await named('filename=plain.txt'), 'plain.txt');
  assert.equal(await named('filename="x"; filename*=utf-8\'\'%e7%8c%ab.png'), '猫.png');
  assert.equal(await named('filename="猫.png"'), '猫.png');
  assert.equal(await named('other=1'), undefined);
});

test('parameters cost no more time than their length', () => {
  const text = `a${';b="\\"'.repeat(20_000)}`;
  assert.ok(readParameters(text).parameters.size > 0);
});
