import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Body } from './body.ts';
import { BadRequest, type Framing } from './head.ts';

interface Read {
  data: string;
  rest: string | undefined;
}

/** Feeds `pieces` to a body and reads it. */
async function read(framing: Exclude<Framing, { kind: 'none' }>, pieces: readonly string[]): Promise<Read> {
  const body = new Body(framing, { resume: () => {}, pause: () => {} }, 1 << 20);
  let rest: string | undefined;
  for (const piece of pieces) {
    if (rest !== undefined) rest += piece;
    else rest = body.receive(Buffer.from(piece, 'latin1'))?.toString('latin1');
  }
  let data = '';
  if (rest !== undefined) for await (const chunk of body) data += (chunk as Buffer).toString('latin1');
  return { data, rest };
}

const chunked = { kind: 'chunked' } as const;

test('a body of known length ends where it says', async () => {
  assert.deepEqual(await read({ kind: 'length', length: 5 }, ['ab', 'cdeGET']), { data: 'abcde', rest: 'GET' });
  assert.deepEqual(await read({ kind: 'length', length: 2 }, ['ab']), { data: 'ab', rest: '' });
});

test('a chunked body is decoded however it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ minLength: 1, maxLength: 40, unit: 'binary-ascii' }), { maxLength: 6 }),
      fc.array(fc.nat(200), { maxLength: 8 }),
      fc.boolean(),
      async (chunks, cuts, extras) => {
        const extension = extras ? ';a=b' : '';
        const trailer = extras ? 'X-T: 1\r\n' : '';
        const text = `${chunks.map((chunk) => `${chunk.length.toString(16)}${extension}\r\n${chunk}\r\n`).join('')}0\r\n${trailer}\r\nNEXT`;
        const places = [0, ...cuts.map((cut) => cut % text.length).sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((end, at) => text.slice(places[at], end));
        const whole = await read(
          chunked,
          pieces.filter((piece) => piece !== ''),
        );
        assert.deepEqual(whole, { data: chunks.join(''), rest: 'NEXT' });
      },
    ),
    { numRuns: 500 },
  );
});

for (const [name, text] of Object.entries({
  'a size that is no number': 'x\r\n',
  'a negative size': '-1\r\n',
  'a size with 0x': '0x3\r\nabc\r\n',
  'a blank before the size': ' 3\r\nabc\r\n',
  'a size beyond reason': 'fffffffffffffff\r\n',
  'a chunk longer than its size': '3\r\nabcd\r\n',
  'a NUL in an extension': '3;\0\r\nabc\r\n',
  'a bare LF behind the size': '3\nabc\r\n',
  'an endless size line': `1;${'x'.repeat(2_000)}`,
  'endless trailers': `0\r\n${'X: y\r\n'.repeat(3_000)}`,
})) {
  test(`refuses ${name}`, async () => {
    await assert.rejects(read(chunked, [text]), BadRequest);
  });
}

test('a slow reader holds the connection back, one that left does not', () => {
  const told: string[] = [];
  const source = { resume: () => void told.push('resume'), pause: () => void told.push('pause') };
  const body = new Body({ kind: 'length', length: 12 }, source, 4);
  const give = (text: string) => body.receive(Buffer.from(text));
  give('abc');
  assert.deepEqual([told, body.readableLength], [[], 3]);
  give('d');
  assert.deepEqual([told.splice(0), body.readableLength], [['pause'], 4]);
  const read: string[] = [];
  body.on('data', (chunk) => read.push(chunk.toString())).on('end', () => read.push('end'));
  body.resume();
  give('ef');
  assert.deepEqual([told.splice(0), read.join(' ')], [['resume'], 'abc d ef']);
  body.pause();
  give('ghijk');
  assert.deepEqual([told.splice(0), body.isLong], [['pause'], false]);
  body.destroy();
  assert.deepEqual([told.splice(0), body.complete, give('lNEXT')?.toString()], [['resume'], false, 'NEXT']);
  assert.deepEqual([told, read.join(' '), body.complete], [[], 'abc d ef', true]);
});
