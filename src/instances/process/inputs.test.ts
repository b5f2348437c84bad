import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { type AnswerTaker, FrameError } from '../../kit/index.ts';
import { Inputs } from './inputs.ts';
import { frame } from './wire.ts';

interface Sent {
  type: number;
  head: Record<string, unknown>;
  bytes: number;
}

function open(...sources: Readable[]): { inputs: Inputs; sent: Sent[]; bytes: () => number } {
  const sent: Sent[] = [];
  const send = (type: number, head: object, body?: Buffer) => sent.push({ type, head: { ...head }, bytes: body?.length ?? 0 });
  const inputs = new Inputs({ inputs: sources.map((source) => () => source) }, send);
  return { inputs, sent, bytes: () => sent.reduce((sum, { bytes }) => sum + bytes, 0) };
}

const turns = async () => {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
};

test('an input is sent no further ahead than one chunk beyond what the host wants', async () => {
  const chunk = Buffer.alloc(1000);
  const source = Readable.from(Array.from({ length: 10 }, () => chunk));
  const { inputs, sent, bytes } = open(source);
  inputs.wanted({ input: 0, bytes: 1500 });
  await turns();
  assert.equal(bytes(), 2000);
  inputs.wanted({ input: 0, bytes: 100 });
  await turns();
  assert.equal(bytes(), 2000, 'what was sent beyond counts');
  inputs.wanted({ input: 0, bytes: 100_000 });
  await once(source, 'end');
  await turns();
  assert.equal(bytes(), 10_000);
  assert.deepEqual(sent.at(-1), { type: frame.inputEnd, head: { input: 0 }, bytes: 0 });
});

test('an input that breaks off is told, and one that there is not is no question of our host', async () => {
  const source = new Readable({ read: () => {} });
  const { inputs, sent } = open(source);
  inputs.wanted({ input: 0, bytes: 10 });
  source.destroy(new Error('the disk'));
  await turns();
  assert.equal(sent.at(-1)?.type, frame.inputEnd);
  assert.match(String(sent.at(-1)?.head.message), /could not be read/);
  assert.throws(() => inputs.wanted({ input: 1, bytes: 10 }), FrameError);
  assert.throws(() => inputs.wanted({ input: 0, bytes: -1 }), FrameError);
});

test('the end of the invocation lets go of what was opened', async () => {
  const source = new Readable({ read: () => {} });
  const { inputs } = open(source);
  inputs.wanted({ input: 0, bytes: 10 });
  inputs.close();
  assert.ok(source.destroyed);
});

/** Reads of an original whose answers the test gives by hand. */
function openOriginal() {
  const sent: (Sent & { written: ((error?: Error | null) => void) | undefined })[] = [];
  const asked: { headers: Record<string, string>; taker: AnswerTaker; abandoned: number; drained: number }[] = [];
  const inputs = new Inputs(
    {
      original: (headers, taker) => {
        const one = { headers, taker, abandoned: 0, drained: 0 };
        asked.push(one);
        return { abandon: () => void one.abandoned++, drained: () => void one.drained++ };
      },
    },
    (type, head, body, written) => sent.push({ type, head: { ...head }, bytes: body?.length ?? 0, written }),
  );
  const first = () => asked[0] as (typeof asked)[number];
  return { inputs, sent, asked, first };
}

test('a read of the original is its answer: whole in one frame, or a head and parts as the host wants them', () => {
  const { inputs, sent, asked, first } = openOriginal();
  inputs.read({ input: 7, bytes: 100, headers: { Range: 'bytes=0-1' } });
  assert.deepEqual(first().headers, { range: 'bytes=0-1' });
  first().taker.head(206, ['A', 'b'], Buffer.from('xy'));
  assert.deepEqual(sent[0]?.head, { input: 7, status: 206, headers: ['A', 'b'], whole: true });
  inputs.read({ input: 7, bytes: 100 });
  const { taker } = asked[1] as (typeof asked)[number];
  taker.head(200, []);
  const done: number[] = [];
  assert.equal(
    taker.write(Buffer.alloc(60), () => done.push(60)),
    true,
  );
  assert.equal(
    taker.write(Buffer.alloc(60), () => done.push(61)),
    false,
    'more than the host has room for',
  );
  sent[2]?.written?.();
  sent[3]?.written?.();
  assert.deepEqual(done, [], 'nothing is asked for while the host wants nothing');
  inputs.wanted({ input: 7, bytes: 30 });
  assert.deepEqual([done, asked[1]?.drained], [[60, 61], 1]);
  taker.end();
  assert.deepEqual([sent.at(-1)?.type, sent.at(-1)?.head], [frame.inputEnd, { input: 7 }]);
  inputs.wanted({ input: 7, bytes: 30 });
  inputs.close();
  assert.deepEqual([asked[0]?.abandoned, asked[1]?.abandoned], [0, 0], 'what is over is not given up');
});

test('a read that breaks off says so; one that is dropped, or whose invocation ends, is given up', () => {
  const { inputs, sent, asked } = openOriginal();
  for (const input of [0, 1, 2]) inputs.read({ input, bytes: 1 });
  asked[0]?.taker.head(200, []);
  asked[0]?.taker.broken();
  assert.match(String(sent.at(-1)?.head.message), /broke off/);
  inputs.dropped({ input: 1 });
  inputs.dropped({ input: 99 });
  inputs.close();
  assert.deepEqual(
    asked.map(({ abandoned }) => abandoned),
    [0, 1, 1],
  );
});

test('a host is held to what it may ask', () => {
  const { inputs, sent } = openOriginal();
  const reads: Record<string, unknown>[] = [
    { input: -1, bytes: 1 },
    { input: 1.5, bytes: 1 },
    { bytes: 1 },
    { input: 0 },
    { input: 0, bytes: 1, headers: { a: 1 } },
    { input: 1, bytes: 1, headers: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`a${i}`, ''])) },
  ];
  for (const head of reads) assert.throws(() => inputs.read(head), FrameError, JSON.stringify(head));
  const without = open();
  assert.throws(() => without.inputs.read({ input: 0, bytes: 1 }), FrameError);
  const { inputs: many, asked, sent: told } = openOriginal();
  for (let input = 0; input < 257; input++) many.read({ input, bytes: 1e12 });
  assert.equal(asked.length, 256);
  assert.match(String(told.at(-1)?.head.message), /More than 256 reads/);
  assert.throws(() => many.read({ input: 5, bytes: 1 }), FrameError, 'a number that is taken');
  let parts = 0;
  while (asked[0]?.taker.write(Buffer.alloc(64 * 1024), () => {})) parts++;
  assert.ok(parts <= 16, 'no more than 1 MiB ahead, whatever it says that it can take');
  assert.equal(sent.length, 0);
});
